"""How Spark's rate grows with workers: generated Observations, streamed through ``fhirtab.spark.flatten``.

    python python/spark_scale.py [RESOURCES] [WORKERS ...]

Resources are made by the executors as they go, so nothing but rows of one batch is held. Printed are resources a second, with
what making them alone takes left out, and the largest memory of driver, JVM and workers together.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

# The installed package, not the sources beside this file.
sys.path.pop(0)


def memory(root: int) -> int:
    """Resident bytes of a process and all below it."""
    text = subprocess.run(["ps", "-eo", "pid,ppid,rss"], capture_output=True, text=True).stdout
    rows = [tuple(map(int, line.split())) for line in text.splitlines()[1:]]
    mine = {root}
    for _ in range(5):
        mine |= {pid for pid, parent, _ in rows if parent in mine}
    return sum(rss for pid, _, rss in rows if pid in mine) * 1024


def one(count: int, workers: int) -> None:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    from fhirtab import spark as fhir

    session = (
        SparkSession.builder.master(f"local[{workers}]")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "1g")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "10000")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    description = {
        "Observation": {
            "id": "id",
            "subject": "subject/reference",
            "code": "code/coding/code",
            "at": ("effectiveDateTime", "datetime"),
            "value": ("valueQuantity/value", "decimal"),
        }
    }

    def make(batches):
        import pyarrow

        head = '{"resourceType":"Observation","id":"o'
        tail = (
            '","status":"final","category":[{"coding":[{"system":"http://loinc.org","code":"26436-6"}]}],'
            '"code":{"coding":[{"system":"http://loinc.org","code":"8310-5","display":"Body temperature"}]},'
            '"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2023-05-01T10:30:00+02:00",'
            '"valueQuantity":{"value":37.5,"unit":"Cel","system":"http://unitsofmeasure.org","code":"Cel"}}'
        )
        for batch in batches:
            yield pyarrow.record_batch({"value": [f"{head}{n}{tail}" for n in batch["id"].to_pylist()]})

    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(1):
            most[0] = max(most[0], memory(os.getpid()))

    threading.Thread(target=watch, daemon=True).start()
    pages = session.range(0, count, numPartitions=max(8, workers * 4)).mapInArrow(make, "value string")
    fhir.flatten(session.range(1000).mapInArrow(make, "value string"), "observation", description).count()
    begun = time.perf_counter()
    pages.write.format("noop").mode("overwrite").save()
    made = time.perf_counter() - begun
    begun = time.perf_counter()
    rows = fhir.flatten(pages, "observation", description)
    figures = rows.selectExpr("count(*)", "count(distinct id)", "sum(value)").first() if count <= 100_000 else rows.selectExpr("count(*)", "sum(value)").first()
    taken = time.perf_counter() - begun
    done.set()
    assert figures[0] == count, figures
    print(json.dumps({
        "workers": workers,
        "resources": count,
        "rows": figures[0],
        "seconds": round(taken, 1),
        "seconds making": round(made, 1),
        "resources/s": round(count / taken),
        "resources/s without making": round(count / max(taken - made, 0.1)),
        "memory MB": most[0] // 1_000_000,
    }), flush=True)
    session.stop()


def main() -> None:
    if "--one" in sys.argv:
        one(int(sys.argv[2]), int(sys.argv[3]))
        return
    count = sys.argv[1] if len(sys.argv) > 1 else "10000000"
    for workers in sys.argv[2:] or ["1", "2"]:
        subprocess.run([sys.executable, __file__, "--one", count, workers], stderr=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
