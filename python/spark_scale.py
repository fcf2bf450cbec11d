"""How Spark's rate grows with workers: generated Observations, streamed through ``fhirtab.spark.flatten``.

    python python/spark_scale.py [RESOURCES] [WORKERS ...]

Resources are made by the executors as they go, so nothing but rows of one batch is held. Printed are resources a second of
wall and of CPU time, what making them alone takes left out of the latter, and the largest memory of driver, JVM and workers
together. CPU time is that of all these processes, so other work on the machine changes it little.
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


TICKS = os.sysconf("SC_CLK_TCK")


def processes(root: int) -> dict[int, tuple[float, int]]:
    """CPU seconds, those of children that ended included, and resident bytes of a process and all below it."""
    known: dict[int, tuple[int, float, int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        # From the state on, which is the third field of proc(5).
        cpu = sum(map(int, fields[11:15])) / TICKS
        known[int(name)] = (int(fields[1]), cpu, int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))
    mine = {root}
    for _ in range(6):
        mine |= {pid for pid, (parent, _, _) in known.items() if parent in mine}
    return {pid: known[pid][1:] for pid in mine if pid in known}


def memory(root: int) -> int:
    return sum(bytes for _, bytes in processes(root).values())


def cpu(root: int) -> float:
    return sum(seconds for seconds, _ in processes(root).values())


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

    head = '{"resourceType":"Observation","id":"o'
    tail = (
        '","status":"final","category":[{"coding":[{"system":"http://loinc.org","code":"26436-6"}]}],'
        '"code":{"coding":[{"system":"http://loinc.org","code":"8310-5","display":"Body temperature"}]},'
        '"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2023-05-01T10:30:00+02:00",'
        '"valueQuantity":{"value":37.5,"unit":"Cel","system":"http://unitsofmeasure.org","code":"Cel"}}'
    )

    def made(count: int, parts: int):
        return session.range(0, count, numPartitions=parts).selectExpr(f"concat('{head}', id, '{tail}') as value")

    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(1):
            most[0] = max(most[0], memory(os.getpid()))

    threading.Thread(target=watch, daemon=True).start()

    def timed(work):
        wall, before = time.perf_counter(), cpu(os.getpid())
        given = work()
        return given, time.perf_counter() - wall, cpu(os.getpid()) - before

    pages = made(count, max(8, workers * 4))
    fhir.flatten(made(1000, workers), "observation", description).count()
    _, _, making = timed(lambda: pages.write.format("noop").mode("overwrite").save())
    rows = fhir.flatten(pages, "observation", description)
    asked = rows.selectExpr("count(*)", "count(id)", "sum(value)", "count(distinct at)")
    figures, wall, used = timed(asked.first)
    done.set()
    assert tuple(figures) == (count, count, count * 37.5, 1), figures
    print(json.dumps({
        "workers": workers,
        "resources": count,
        "rows": figures[0],
        "MB": round(count * len(head + tail) / 1e6),
        "seconds": round(wall, 1),
        "resources/s": round(count / wall),
        "CPU-s": round(used, 1),
        "CPU-s making them": round(making, 1),
        "resources/CPU-s without making": round(count / max(used - making, 0.1)),
        "cores used": round(used / wall, 2),
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
