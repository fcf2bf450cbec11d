"""Spark gives the multiset of rows of one process, on worker processes, and when one of them is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import fhirtab
import pytest
from conftest import PATIENTS, skipped

pyspark = pytest.importorskip("pyspark")
pyarrow = pytest.importorskip("pyarrow")


def java() -> bool:
    try:
        return subprocess.run(["java", "-version"], capture_output=True).returncode == 0
    except OSError:
        return False


if not java():
    skipped("Spark, since there is no Java")
    pytest.skip("no Java", allow_module_level=True)


def begin(master: str):
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).appName("fhirtab")
    for name, value in {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "1000",
        "spark.executor.memory": "512m",
        "spark.python.worker.reuse": "true",
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


@pytest.fixture(scope="module")
def session():
    running = begin("local[4]")
    yield running
    running.stop()


def multiset(rows) -> Counter:
    return Counter(tuple(row) for row in rows)


def one_process(given, table: str, **options) -> Counter:
    made = fhirtab.flatten(given, PATIENTS, types="spark", **options)[table]
    return Counter(tuple(row.values()) for row in pyarrow.table(made).to_pylist())


def test_partitions_do_not_matter(session, ndjson):
    from fhirtab import spark as fhir

    for parts in (1, 4, 13):
        pages = fhir.read_ndjson(session, str(ndjson)).repartition(parts)
        for table in ("patient", "observation"):
            rows = multiset(fhir.flatten(pages, table, PATIENTS).collect())
            assert rows == one_process(ndjson, table)
    assert sum(rows.values()) > 1_000


def test_bundles_bytes_options_and_views(session, bundle, ndjson, tmp_path):
    from fhirtab import spark as fhir

    (tmp_path / "1.json").write_bytes(bundle)
    pages = fhir.read_files(session, str(tmp_path), "*.json")
    rows = multiset(fhir.flatten(pages, "patient", PATIENTS, precision=True, decimals=(12, 3)).collect())
    assert rows == one_process(bundle, "patient", precision=True)
    lists = fhir.flatten(pages, "patient", PATIENTS, lists=True)
    assert dict(lists.dtypes)["family"] == "array<string>" and lists.count() == 1_000
    assert fhir.crack(pages, "patient", PATIENTS).count() == 1_000
    assert fhir.view(fhir.read_ndjson(session, str(ndjson)), "patient").count() == len(
        fhirtab.view(ndjson, "patient")["patient"]
    )


def test_what_cannot_be_read(session):
    from fhirtab import spark as fhir

    frame = session.createDataFrame([('{"resourceType":"Patient","id":"a"}',), ('{"resourceType":',)], ["value"])
    with pytest.raises(Exception, match="InputError"):
        fhir.flatten(frame, "patient", PATIENTS).collect()
    assert fhir.flatten(frame, "patient", PATIENTS, errors="collect").count() == 1
    assert fhir.flatten(frame, "rejected", PATIENTS, errors="collect").count() == 1


def test_worker_processes_and_one_killed(session, ndjson, tmp_path):
    """A cluster of four worker processes of its own; an executor is killed while it works."""
    session.stop()
    script = Path(tmp_path / "cluster.py")
    script.write_text(CLUSTER)
    home = Path(pyspark.__file__).parent
    environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, script, str(Path(__file__).parent), str(ndjson)],
        capture_output=True,
        timeout=300,
        env=environment,
        cwd=tmp_path,
    )
    output = done.stdout.decode()
    if "NO CLUSTER" in output:
        skipped("local-cluster of Spark, which does not start here")
        return
    assert done.returncode == 0 and "SAME ROWS" in output, output[-2000:] + done.stderr.decode()[-4000:]


CLUSTER = """
import os, signal, subprocess, sys, threading, time
sys.path.insert(0, sys.argv[1])
from test_spark import begin, multiset, one_process
from conftest import PATIENTS
from fhirtab import spark as fhir

try:
    session = begin("local-cluster[4,1,1024]")
    session.range(4).repartition(4).count()
except Exception as error:
    print("NO CLUSTER", error)
    sys.exit(0)

def executors():
    everything = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True).stdout
    mine, known = [], {os.getpid()}
    lines = [line.split(None, 2) for line in everything.splitlines()[1:]]
    for _ in range(4):
        for pid, parent, args in lines:
            if int(parent) in known and int(pid) not in known:
                known.add(int(pid))
                if "CoarseGrainedExecutorBackend" in args:
                    mine.append(int(pid))
    return sorted(set(mine))

pages = fhir.read_ndjson(session, sys.argv[2]).repartition(24)
assert multiset(fhir.flatten(pages, "patient", PATIENTS).collect()) == one_process(sys.argv[2], "patient")
running = executors()
print(len(running), "executors", flush=True)
assert len(running) == 4

def slowly(batches):
    import time
    for batch in batches:
        time.sleep(0.5)
        yield batch

def kill():
    time.sleep(2)
    os.kill(running[0], signal.SIGKILL)

killer = threading.Thread(target=kill)
killer.start()
slow = pages.mapInArrow(slowly, pages.schema)
rows = multiset(fhir.flatten(slow, "patient", PATIENTS).collect())
killer.join()
assert running[0] not in executors(), "the executor is gone"
assert rows == one_process(sys.argv[2], "patient")
print("SAME ROWS", flush=True)
session.stop()
"""
