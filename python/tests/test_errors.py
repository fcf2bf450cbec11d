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
