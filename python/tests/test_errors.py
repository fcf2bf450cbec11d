"""Errors say where and never what; the rest goes on if asked to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import fhirtab
import pytest
from conftest import PATIENTS

GOOD = b'{"resourceType":"Patient","id":"MARKER"}\n'
BAD = b'{"resourceType":"Patient","id":"MARKER","birthDate":}\n'


def test_place_and_no_value():
    with pytest.raises(fhirtab.InputError) as raised:
        fhirtab.flatten(GOOD + BAD + GOOD, PATIENTS)
    error = raised.value
    assert (error.line, error.byte) == (2, len(GOOD) + BAD.index(b"}"))
    assert "MARKER" not in str(error) and "line 2" in str(error)


def test_collect():
    tables = fhirtab.flatten([GOOD + BAD + GOOD, b"no FHIR", GOOD], PATIENTS, errors="collect")
    assert len(tables["patient"]) == 3
    assert len(tables.rejected) == 2
    assert b"MARKER" not in tables.rejected.csv()
    assert tables.summary["rejected"] >= 1


def test_rows_of_tables_are_named():
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"resource": [GOOD.decode(), None, BAD.decode(), GOOD.decode()]})
    with pytest.raises(fhirtab.InputError) as raised:
        fhirtab.flatten(table, PATIENTS)
    assert raised.value.input == "row 3"
    assert len(fhirtab.flatten(table, PATIENTS, errors="collect")["patient"]) == 2


def test_files():
    with pytest.raises(FileNotFoundError) as raised:
        fhirtab.flatten("/no/such/file.json", PATIENTS)
    assert raised.value.filename == "/no/such/file.json"
    with pytest.raises(FileNotFoundError):
        fhirtab.flatten("/no/such/*.json", PATIENTS)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"types": "parquet"}, fhirtab.OptionError),
        ({"mode": "sideways"}, fhirtab.OptionError),
        ({"zone": "Mars/Olympus"}, fhirtab.DescriptionError),
        ({"decimals": (39, 2)}, fhirtab.OptionError),
        ({"threads": 0}, fhirtab.OptionError),
        ({"batch_rows": -1}, fhirtab.OptionError),
        ({"errors": "ignore"}, fhirtab.OptionError),
        ({"description": {"Patient": {"id": ("id", "colour")}}}, fhirtab.OptionError),
        ({"description": {"Patient": "id"}}, fhirtab.OptionError),
        ({"description": {"Patient": {"x": "a[b"}}}, fhirtab.DescriptionError),
        ({"description": "/no/such/description.xlsx"}, fhirtab.DescriptionError),
    ],
)
def test_arguments(arguments, error):
    arguments.setdefault("description", PATIENTS)
    with pytest.raises(error) as raised:
        fhirtab.flatten(GOOD, **arguments)
    assert isinstance(raised.value, (ValueError, fhirtab.FhirtabError))


def test_views():
    with pytest.raises(fhirtab.ViewError) as raised:
        fhirtab.view(GOOD, {"resourceType": "ViewDefinition", "resource": "Patient", "select": [{"column": [{"name": "1", "path": "id"}]}]})
    assert raised.value.view is None or isinstance(raised.value.view, str)


def rows_of(table) -> list[bytes]:
    return table.csv(header=False).splitlines()


IDS = {
    "resourceType": "ViewDefinition",
    "name": "ids",
    "resource": "Patient",
    "select": [{"column": [{"name": "id", "path": "getResourceKey()"}]}],
}


def patients(first: int, count: int) -> bytes:
    return b"".join(b'{"resourceType":"Patient","id":"p%d"}\n' % n for n in range(first, first + count))


def test_views_go_on_behind_what_cannot_be_read(tmp_path):
    lines = patients(0, 3) + BAD + patients(3, 1) + BAD + patients(4, 2)
    with pytest.raises(fhirtab.InputError) as raised:
        fhirtab.view(lines, IDS)
    assert (raised.value.line, raised.value.byte) == (4, len(patients(0, 3)) + BAD.index(b"}"))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "1.ndjson").write_bytes(lines)
    os.symlink(folder / "nowhere", folder / "2.json")
    (folder / "3.json").write_bytes(b'{"resourceType":"Bundle","entry":[{"resource":' + patients(6, 1) + b"}")
    (folder / "4.ndjson").write_bytes(patients(7, 2))
    with pytest.raises(FileNotFoundError):
        fhirtab.view([folder / "4.ndjson", folder / "2.json"], IDS)
    views = fhirtab.view([folder, b"no FHIR", patients(9, 1)], IDS, errors="collect")
    assert rows_of(views["ids"]) == [b"p%d" % n for n in range(10)]
    places = [line.split(b",") for line in rows_of(views.rejected)]
    names = [os.path.basename(place[0]) for place in places]
    assert names == [b"1.ndjson", b"1.ndjson", b"2.json", b"3.json", b'""']
    assert [place[1] for place in places] == [b"4", b"6", b"", b"2", b"1"]
    assert int(places[1][3]) == len(patients(0, 4) + BAD) + BAD.index(b"}")
    assert b"MARKER" not in views.rejected.csv()
    # The same as flatten tells, but for the type of the resource.
    flat = fhirtab.flatten([folder, b"no FHIR", patients(9, 1)], {"Patient": {"id": "id"}}, errors="collect")
    told = [line.split(b",") for line in rows_of(flat.rejected)]
    assert [place[:4] + place[5:] for place in places] == [place[:4] + place[5:] for place in told]


def test_views_name_every_fault_of_large_inputs():
    many = patients(0, 40_000)
    lines = (many + BAD) * 3
    views = fhirtab.view(lines, IDS, errors="collect")
    assert len(views["ids"]) == 120_000
    told = [tuple(map(int, line.split(b",")[1:4:2])) for line in rows_of(views.rejected)]
    fault = len(many) + BAD.index(b"}")
    assert told == [((n + 1) * 40_001, n * len(many + BAD) + fault) for n in range(3)]
    assert views.summary["pages"] == 1
    assert fhirtab.view(lines.replace(b"\n", b"\r\n"), IDS, errors="collect")["ids"].csv() == views["ids"].csv()
    # One page that cannot be cut: the first place, and how many.
    entries = b",".join(b'{"resource":' + line + b"}" for line in many.splitlines())
    entry = b',{"resource":' + BAD + b"},"
    bundle = b'{"resourceType":"Bundle","entry":[' + entries + entry + entries + entry + entries + b"]}"
    views = fhirtab.view(bundle, IDS, errors="collect")
    assert len(views["ids"]) == 120_000
    (first, second) = [line.split(b",") for line in rows_of(views.rejected)]
    assert int(first[3]) == bundle.index(BAD) + BAD.index(b"}") and second[3] == b""


def test_views_over_rows_of_tables():
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"resource": [GOOD.decode(), None, BAD.decode(), (GOOD + BAD + GOOD + BAD).decode()]})
    with pytest.raises(fhirtab.InputError) as raised:
        fhirtab.view(table, IDS)
    assert raised.value.input == "row 3"
    views = fhirtab.view(table, IDS, errors="collect")
    assert len(views["ids"]) == 3
    assert [line.split(b",")[:2] for line in rows_of(views.rejected)] == [[b"row 3", b"1"], [b"row 4", b"2"], [b"row 4", b"4"]]


def test_views_that_a_resource_does_not_fit():
    two = b'{"resourceType":"Patient","id":"a","name":[{"family":"MARKER"},{"family":"MARKER"}]}'
    view = {**IDS, "select": [{"column": [{"name": "family", "path": "name.family"}]}]}
    for errors in ("raise", "collect"):
        with pytest.raises(fhirtab.ViewError) as raised:
            fhirtab.view(two, view, errors=errors)
        assert "MARKER" not in str(raised.value) and raised.value.resource == 1


def test_a_stream_that_breaks_off_below_a_view():
    class Ends:
        parts = [patients(0, 50_000), b'{"resourceType":"Pati']

        def read(self, size):
            if not self.parts:
                raise OSError(5, "the disk is gone")
            return self.parts.pop(0)

    with pytest.raises(OSError, match="the disk is gone"):
        fhirtab.view(Ends(), IDS, errors="collect")


def test_what_the_callers_code_raises():
    class Broken:
        def read(self, size):
            raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        fhirtab.flatten(Broken(), PATIENTS)

    def pages():
        yield GOOD
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        fhirtab.flatten(pages(), PATIENTS)

    def progress(done, total):
        raise StopAsyncIteration("enough")

    with pytest.raises(StopAsyncIteration):
        fhirtab.flatten(GOOD * 200_000, PATIENTS, progress=progress)


def test_progress(ndjson):
    told = []
    fhirtab.flatten([ndjson] * 40, PATIENTS, progress=lambda done, total: told.append((done, total)))
    size = os.path.getsize(ndjson)
    assert told and told[-1][0] <= 40 * size and all(total == 40 * size for _, total in told)
    assert told == sorted(told)


def test_the_lock_is_given_back():
    """Another thread goes on while pages are cracked."""
    counted, done = [0], threading.Event()

    def count():
        while not done.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    begun = time.perf_counter()
    fhirtab.flatten(GOOD * 400_000, PATIENTS, threads=1)
    taken = time.perf_counter() - begun
    done.set()
    thread.join()
    assert counted[0] > taken * 100, f"{counted[0]} turns in {taken:.2f} s"


def test_interrupt():
    code = """
import fhirtab, sys
print("ready", flush=True)
class Endless:
    def read(self, size):
        return b'{"resourceType":"Patient","id":"p"}\\n' * 1000
try:
    for _ in fhirtab.batches(Endless(), {"Patient": {"id": "id"}}) if sys.argv[1] == "batches" else [fhirtab.flatten(Endless(), {"Patient": {"id": "id"}})]:
        pass
except KeyboardInterrupt:
    sys.exit(7)
"""
    for way in ("flatten", "batches"):
        process = subprocess.Popen([sys.executable, "-c", code, way], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 7, way
