"""The flattening task: DIR/{Observation,Encounter,Condition}.ndjson to one CSV each in DIR/OUT, one row a coding.

python3 task.py SYSTEM DIR OUT. Prints one line of JSON. Exit code 3: the system is not installed.
"""
import json
import os
import resource
import sys
import time

# name -> (resource, columns as paths, the list that becomes rows)
TABLES = {
    "Observation": (["id", "status", "subject.reference", "effectiveDateTime"], "code"),
    "Encounter": (["id", "status", "subject.reference", "period.start"], "type"),
    "Condition": (["id", "recordedDate", "subject.reference", "onsetDateTime"], "code"),
}
CODING = ["system", "code", "display"]
# Most resources for fhiry, which takes hours for more.
FOR_FHIRY = 10_000


def codings(concepts):
    concepts = concepts if isinstance(concepts, list) else [concepts]
    return [coding for concept in concepts if concept for coding in concept.get("coding", ())]


def hand_written(directory, out):
    import csv

    import orjson

    rows = 0
    for name, (paths, concepts) in TABLES.items():
        paths = [path.split(".") for path in paths]
        with open(f"{directory}/{name}.ndjson", "rb") as lines, open(f"{out}/{name}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([".".join(path) for path in paths] + CODING)
            for line in lines:
                one = orjson.loads(line)
                cells = []
                for path in paths:
                    value = one
                    for key in path:
                        value = value.get(key) if value else None
                    cells.append(value)
                for coding in codings(one.get(concepts)) or [{}]:
                    writer.writerow(cells + [coding.get(key) for key in CODING])
                    rows += 1
    return orjson.__version__, rows


def polars(directory, out):
    import polars as pl

    coding = pl.List(pl.Struct({key: pl.String for key in CODING}))
    concept = pl.Struct({"coding": coding})
    rows = 0
    for name, (paths, concepts) in TABLES.items():
        schema = {}
        for path in paths:
            head, _, tail = path.partition(".")
            schema[head] = pl.Struct({tail: pl.String}) if tail else pl.String
        many = concepts == "type"
        schema[concepts] = pl.List(concept) if many else concept
        frame = pl.scan_ndjson(f"{directory}/{name}.ndjson", schema=schema)
        columns = []
        for path in paths:
            head, _, tail = path.partition(".")
            column = pl.col(head).struct.field(tail) if tail else pl.col(head)
            columns.append(column.alias(path.replace(".", "_")))
        frame = frame.select(*columns, pl.col(concepts))
        if many:
            frame = frame.explode(concepts, empty_as_null=True)
        frame = frame.with_columns(pl.col(concepts).struct.field("coding")).drop(concepts).explode("coding", empty_as_null=True).unnest("coding")
        frame.sink_csv(f"{out}/{name}.csv")
        with open(f"{out}/{name}.csv", "rb") as file:
            rows += sum(1 for _ in file) - 1
    return pl.__version__, rows


def duckdb(directory, out):
    import duckdb as db

    concept = "STRUCT(coding STRUCT(system VARCHAR, code VARCHAR, display VARCHAR)[])"
    connection = db.connect()
    rows = 0
    for name, (paths, concepts) in TABLES.items():
        columns, selected = {}, []
        for path in paths:
            head, _, tail = path.partition(".")
            columns[head] = f'STRUCT("{tail}" VARCHAR)' if tail else "VARCHAR"
            selected.append(f'{path} AS {path.replace(".", "_")}')
        many = concepts == "type"
        columns[concepts] = concept + ("[]" if many else "")
        listed = f'flatten(list_transform("{concepts}", lambda c: c.coding))' if many else f'"{concepts}".coding'
        types = ", ".join(f"\"{key}\": '{kind}'" for key, kind in columns.items())
        query = f"""
            SELECT {", ".join(selected)}, coding.system, coding.code, coding.display FROM (
              SELECT *, unnest(CASE WHEN len({listed}) > 0 THEN {listed} ELSE [NULL] END) AS coding
              FROM read_ndjson('{directory}/{name}.ndjson', columns = {{{types}}}))"""
        copied = connection.execute(f"COPY ({query}) TO '{out}/{name}.csv' (HEADER)").fetchone()
        rows += copied[0]
    return db.__version__, rows


def fhiry(directory, out):
    """Its columns are fixed and it makes no rows of codings, so its rows are fewer."""
    import importlib.metadata

    from fhiry import Fhirndjson

    resources = 0
    for name in TABLES:
        with open(f"{directory}/{name}.ndjson", "rb") as file:
            resources += sum(1 for _ in file)
    if resources > FOR_FHIRY:
        raise RuntimeError(f"it takes milliseconds a resource; it is measured with {FOR_FHIRY} resources at most")
    reader = Fhirndjson()
    reader.folder = directory
    reader.process_source()
    frame = reader.df
    frame.to_csv(f"{out}/all.csv", index=False)
    return importlib.metadata.version("fhiry"), len(frame)


def main():
    system, directory, out = sys.argv[1:4]
    os.makedirs(out, exist_ok=True)
    task = {"orjson": hand_written, "polars": polars, "duckdb": duckdb, "fhiry": fhiry}[system]
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        version, rows = task(directory, out)
    except ModuleNotFoundError as error:
        print(error)
        sys.exit(3)
    told = {
        "version": version,
        "rows": rows,
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(told))


main()
