"""Side by side: the same table of Observations by fhirtab and by others, by CPU time, rows compared.

    python python/bench.py [RESOURCES] [INTERPRETER OF THE OTHERS]

Each program runs in a process of its own, import and reading included; user and system time are those of the process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile

DESCRIPTION = {
    "Observation": {
        "id": "id",
        "subject": "subject/reference",
        "code": "code/coding/code",
        "at": "effectiveDateTime",
        "value": ("valueQuantity/value", "decimal"),
        "unit": "valueQuantity/unit",
    }
}


def observation(n: int) -> dict:
    return {
        "resourceType": "Observation",
        "id": f"obs-{n:08}",
        "meta": {"versionId": "1", "lastUpdated": "2024-05-01T10:00:00Z", "profile": ["https://example.org/fhir/StructureDefinition/lab"]},
        "identifier": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "OBI"}]},
                        "system": "https://example.org/fhir/sid/test-lab-results", "value": f"{n}_lab"}],
        "status": "final",
        "category": [{"coding": [{"system": "http://loinc.org", "code": "26436-6"},
                                 {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": f"{n % 5000}-{n % 10}", "display": "Substance in serum or plasma"}],
                 "text": "Substance in serum"},
        "subject": {"reference": f"Patient/p{n % 10_000}"},
        "encounter": {"reference": f"Encounter/e{n % 30_000}"},
        "effectiveDateTime": f"2023-{n % 12 + 1:02}-{n % 28 + 1:02}T0{n % 10}:30:00+01:00",
        "issued": "2023-05-01T10:00:00+02:00",
        "valueQuantity": {"value": n % 10_000 / 8, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"},
        "referenceRange": [{"low": {"value": 1, "unit": "mg/dL"}, "high": {"value": 5.5, "unit": "mg/dL"}, "text": "1 - 5.5"}],
    }


FHIRTAB = f"""
import fhirtab
table = fhirtab.flatten(PATH, {DESCRIPTION!r}, threads=1)["observation"]
rows = __import__("pyarrow").table(table).to_pydict() if CHECK else len(table)
"""

POLARS = """
import polars as pl
coding = pl.Struct({"code": pl.String})
schema = {"id": pl.String, "subject": pl.Struct({"reference": pl.String}), "code": pl.Struct({"coding": pl.List(coding)}),
          "effectiveDateTime": pl.String, "valueQuantity": pl.Struct({"value": pl.Float64, "unit": pl.String})}
frame = pl.scan_ndjson(PATH, schema=schema).select(
    pl.col("id"), pl.col("subject").struct.field("reference").alias("subject"), pl.col("code").struct.field("coding"),
    pl.col("effectiveDateTime").alias("at"), pl.col("valueQuantity").struct.field("value"),
    pl.col("valueQuantity").struct.field("unit")).explode("coding").with_columns(
    pl.col("coding").struct.field("code")).select("id", "subject", "code", "at", "value", "unit").collect()
rows = frame.to_dict(as_series=False) if CHECK else len(frame)
"""

DUCKDB = """
import duckdb
duckdb.sql("set threads to 1")
relation = duckdb.sql(f'''select id, subject.reference as subject, c.coding.code as code, effectiveDateTime as at,
    valueQuantity.value as value, valueQuantity.unit as unit
    from read_json('{PATH}', format='newline_delimited', columns={{id: 'VARCHAR', subject: 'STRUCT(reference VARCHAR)',
    code: 'STRUCT(coding STRUCT(code VARCHAR)[])', effectiveDateTime: 'VARCHAR',
    valueQuantity: 'STRUCT(value DOUBLE, unit VARCHAR)'}}), lateral (select unnest(code.coding) as coding) c''')
table = relation.to_arrow_table() if hasattr(relation, "to_arrow_table") else relation.arrow()
table = table.read_all() if hasattr(table, "read_all") else table
rows = table.to_pydict() if CHECK else table.num_rows
"""

FHIRY = """
import os, shutil, tempfile
from fhiry import Fhirndjson
folder = tempfile.mkdtemp()
os.symlink(PATH, os.path.join(folder, "Observation.ndjson"))
reader = Fhirndjson()
reader.folder = folder
frame = reader.process_file("Observation.ndjson")
frame = frame[["id", "subject.reference", "code.coding.codes", "effectiveDateTime", "valueQuantity.value", "valueQuantity.unit"]]
frame.columns = ["id", "subject", "code", "at", "value", "unit"]
rows = frame.to_dict("list") if CHECK else len(frame)
shutil.rmtree(folder)
"""

PYRATE = """
import json
from fhir_pyrate import Pirate
from fhir_pyrate.util import FHIRObj
bundle = FHIRObj(**{"resourceType": "Bundle", "entry": [{"resource": json.loads(line)} for line in open(PATH)]})
pirate = Pirate(base_url="http://localhost", auth=None, num_processes=1, print_request_url=False)
frame = pirate.bundles_to_dataframe([bundle], fhir_paths=[("id", "id"), ("subject", "subject.reference"), ("code", "code.coding.code"),
    ("at", "effectiveDateTime"), ("value", "valueQuantity.value"), ("unit", "valueQuantity.unit")])
frame["value"] = frame["value"].astype(float)
rows = frame.to_dict("list") if CHECK else len(frame)
"""


def cpu(code: str, python: str, path: str, check: bool) -> tuple[float, object]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = f"PATH, CHECK = {path!r}, {check}\n{code}\nimport json\nprint('ROWS', json.dumps(rows))"
    environment = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([python, "-c", whole], capture_output=True, text=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = [line for line in done.stdout.splitlines() if line.startswith("ROWS ")]
    if not lines:
        return used, (done.stderr.strip().splitlines() or ["nothing"])[-1]
    return used, json.loads(lines[0][5:])


TURNS = 7


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    others = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "observations.ndjson")
        slow = os.path.join(folder, "slow.ndjson")
        few = max(count // 100, 1_000)
        with open(path, "w") as file, open(slow, "w") as part:
            for n in range(count):
                line = json.dumps(observation(n)) + "\n"
                file.write(line)
                if n < few:
                    part.write(line)
        print(f"{count} resources, {os.path.getsize(path) / 1e6:.0f} MB; slow ones {few}")
        programs = [
            ("fhirtab", FHIRTAB, sys.executable, path, count),
            ("polars with schema", POLARS, sys.executable, path, count),
            ("DuckDB with schema", DUCKDB, sys.executable, path, count),
            ("fhiry", FHIRY, others, slow, few),
            ("FHIR-PYrate", PYRATE, others, slow, few),
        ]
        # In turn, so that what else the machine does meets all alike; the least of them counts.
        times: dict[str, list[tuple[float, object]]] = {name: [] for name, *_ in programs}
        for turn in range(TURNS):
            for name, code, python, data, _ in programs:
                if turn == 0 or data == path and isinstance(times[name][0][1], int):
                    times[name].append(cpu(code, python, data, False))
        expected, rate = None, {}
        for name, code, python, _, size in programs:
            used, rows = min(times[name], key=lambda pair: pair[0])
            if rows != size:
                print(f"{name:<22} SKIPPED or other rows: {str(rows)[:150]}")
                continue
            _, cells = cpu(code, python, slow, True)
            same = "rows counted"
            if isinstance(cells, dict):
                order = sorted(range(few), key=lambda at: cells["id"][at])
                table = {key: [cells[key][at] for at in order] for key in sorted(cells)}
                expected = expected or table
                same = "rows equal" if table == expected else "ROWS DIFFER"
            rate[name] = size / used / 1000
            print(f"{name:<22}{used:8.2f} CPU-s {rate[name]:10.1f} k resources/CPU-s {rate['fhirtab'] / rate[name]:9.2f} times   {same}", flush=True)


if __name__ == "__main__":
    main()
