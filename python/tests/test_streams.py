"""Streams used as nobody should: an exception at most, never a crash."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading

import fhirtab
import pytest
from conftest import PATIENTS

pyarrow = pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def table(ndjson):
    return fhirtab.flatten(ndjson, PATIENTS, batch_rows=50)["patient"]


def test_half_a_stream(table):
    for _ in range(50):
        reader = pyarrow.RecordBatchReader.from_stream(table)
        batch = reader.read_next_batch()
        del reader
        assert batch.num_rows == 50


def test_a_capsule_twice(table):
    capsule = table.__arrow_c_stream__()
    pyarrow.RecordBatchReader._import_from_c_capsule(capsule).read_all()
    with pytest.raises(Exception):
        pyarrow.RecordBatchReader._import_from_c_capsule(capsule).read_all()


def test_a_capsule_never_used(table):
    for _ in range(100):
        table.__arrow_c_stream__()
        table.__arrow_c_schema__()


def test_batches_outlive_what_made_them(ndjson):
    read = pyarrow.table(fhirtab.flatten(ndjson, PATIENTS)["patient"])
    import gc

    gc.collect()
    read.validate(full=True)


def test_many_threads(table):
    failures = []

    def read():
        try:
            for _ in range(20):
                assert pyarrow.table(table).num_rows == len(table)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failures


def test_one_stream_on_another_thread(table):
    reader = pyarrow.RecordBatchReader.from_stream(table)
    reader.read_next_batch()
    rest = []
    thread = threading.Thread(target=lambda: rest.append(reader.read_all()))
    thread.start()
    thread.join()
    assert rest[0].num_rows == len(table) - 50


def test_runs_side_by_side(ndjson):
    given = []
    run = lambda: given.append(fhirtab.flatten(ndjson, PATIENTS)["patient"].csv())
    threads = [threading.Thread(target=run) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(given) == 6 and len(set(given)) == 1


def test_an_iterator_left_or_shared(ndjson):
    for _ in range(20):
        batches = fhirtab.batches([ndjson] * 10, PATIENTS, batch_rows=10)
        next(batches)
        del batches
    batches = fhirtab.batches([ndjson] * 4, PATIENTS)
    counts = []
    take = lambda: counts.append(sum(len(batch) for batch in batches))
    threads = [threading.Thread(target=take) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    one = sum(len(batch) for batch in fhirtab.batches(ndjson, PATIENTS))
    assert sum(counts) == 4 * one
    assert list(batches) == []


def test_wrong_streams_of_others():
    class Wrong:
        def __arrow_c_stream__(self, requested_schema=None):
            return 7

    class Raises:
        def __arrow_c_stream__(self, requested_schema=None):
            raise RuntimeError("closed")

    def broken():
        yield pyarrow.record_batch({"resource": ['{"resourceType":"Patient","id":"a"}']})
        raise OSError("the network is gone")

    schema = pyarrow.schema([("resource", pyarrow.string())])
    reader = pyarrow.RecordBatchReader.from_batches(schema, broken())
    for given in (Wrong(), Raises(), reader):
        with pytest.raises(Exception):
            fhirtab.flatten(given, PATIENTS)


@pytest.mark.parametrize(
    "code",
    [
        # What is left at the end of the interpreter is let go of then.
        "kept = table.__arrow_c_stream__()",
        "reader = pyarrow.RecordBatchReader.from_stream(table); reader.read_next_batch()",
        "batches = fhirtab.batches([page] * 1000, D); next(batches)",
        """
        import atexit
        atexit.register(lambda: print(pyarrow.table(table).num_rows))
        """,
        """
        class Late:
            def __del__(self):
                try:
                    table.__arrow_c_stream__()
                    fhirtab.flatten(page, D)
                except BaseException:
                    pass
        late = Late()
        late.circle = late
        """,
        """
        import threading
        def read():
            while True:
                pyarrow.table(table)
        threading.Thread(target=read, daemon=True).start()
        """,
        """
        import threading
        def run():
            while True:
                fhirtab.flatten(page, D)
        threading.Thread(target=run, daemon=True).start()
        import time; time.sleep(0.2)
        """,
    ],
)
def test_after_the_end_of_the_interpreter(code):
    whole = (
        "import pyarrow, fhirtab\n"
        "D = {'Patient': {'id': 'id'}}\n"
        "page = b'{\"resourceType\":\"Patient\",\"id\":\"a\"}\\n' * 20000\n"
        "table = fhirtab.flatten(page, D)['patient']\n" + textwrap.dedent(code)
    )
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
