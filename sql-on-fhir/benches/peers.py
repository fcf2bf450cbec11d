"""The benchmark's eight views by other programs, over the files that `views` left in VIEWS_FOLDER.

    VIEWS_FOLDER=dir python benches/peers.py duckdb            # the schema spelled out, one thread
    VIEWS_FOLDER=dir python benches/peers.py pysof             # Helios' Python package, one thread
    VIEWS_FOLDER=dir OCTO=program python benches/peers.py octofhir   # program FILE VIEW OUT over octofhir-sof

Prints CPU seconds of each and whether its rows equal ours, whatever their order. A number of lines as last argument takes
only so many of each file, for what would take hours; figures are then to be multiplied.
"""
import csv, hashlib, itertools, json, os, resource, subprocess, sys, tempfile

folder = os.environ["VIEWS_FOLDER"]
lines = int(sys.argv[2]) if len(sys.argv) > 2 else None
cases = ["clinical-flat.condition-flat", "clinical-flat.observation-components", "clinical-wide.condition-flat",
         "clinical-wide.encounter-flat", "clinical-wide.patient-addresses", "clinical-wide.patient-and-contact-addresses",
         "clinical-wide.patient-demographics", "clinical-wide.us-core-blood-pressures"]

CODING = "STRUCT(system VARCHAR, code VARCHAR)[]"
CONCEPT = f"STRUCT(coding {CODING})"
REF = "STRUCT(reference VARCHAR)"
QUANTITY = "STRUCT(value DECIMAL(18,2), unit VARCHAR, system VARCHAR, code VARCHAR)"
ADDRESS = "STRUCT(use VARCHAR, line VARCHAR[], city VARCHAR, postalCode VARCHAR)[]"
KEY = "split_part({0}.reference, '/', 2)"


def key(element):
    return KEY.format(element)


def outer(path):
    return f"(SELECT unnest(CASE WHEN len({path}) > 0 THEN {path} ELSE [NULL] END) AS c)"


DUCK = {
    "clinical-flat.condition-flat": (
        {"id": "VARCHAR", "code": CONCEPT, "clinicalStatus": CONCEPT},
        "SELECT id, code.coding[1].code, clinicalStatus.coding[1].code FROM t"),
    "clinical-flat.observation-components": (
        {"id": "VARCHAR", "component": f"STRUCT(code {CONCEPT})[]"},
        "SELECT id, c.code.coding[1].code FROM (SELECT id, unnest(component) AS c FROM t)"),
    "clinical-wide.condition-flat": (
        {"id": "VARCHAR", "subject": REF, "encounter": REF, "onsetDateTime": "VARCHAR", "code": CONCEPT,
         "category": f"{CONCEPT}[]", "clinicalStatus": CONCEPT, "verificationStatus": CONCEPT},
        f"""SELECT id, {key('subject')}, {key('encounter')}, onsetDateTime, a.c.system, a.c.code, b.c.code, d.c.code, e.c.code
        FROM t, LATERAL {outer('t.code.coding')} a, LATERAL {outer('flatten(list_transform(t.category, lambda x: x.coding))')} b,
        LATERAL {outer('t.clinicalStatus.coding')} d, LATERAL {outer('t.verificationStatus.coding')} e"""),
    "clinical-wide.encounter-flat": (
        {"id": "VARCHAR", "status": "VARCHAR", "subject": REF, "serviceProvider": REF,
         "period": 'STRUCT("start" VARCHAR, "end" VARCHAR)', "episodeOfCare": f"{REF}[]", "type": f"{CONCEPT}[]",
         "participant": f"STRUCT(individual {REF})[]", "location": f"STRUCT(location {REF})[]"},
        f"""SELECT id, status, {key('subject')}, {key('serviceProvider')}, period."start", period."end",
        split_part(episodeOfCare[1].reference, '/', 2), a.c.system, a.c.code, {key('b.c.individual')}, {key('d.c.location')}
        FROM t, LATERAL {outer('flatten(list_transform(t.type, lambda x: x.coding))')} a, LATERAL {outer('t.participant')} b,
        LATERAL {outer('t.location')} d"""),
    "clinical-wide.patient-addresses": (
        {"id": "VARCHAR", "address": ADDRESS},
        "SELECT id, array_to_string(a.line, chr(10)), a.use, a.city, a.postalCode FROM (SELECT id, unnest(address) AS a FROM t)"),
    "clinical-wide.patient-and-contact-addresses": (
        {"id": "VARCHAR", "address": ADDRESS, "contact": f"STRUCT(address {ADDRESS[:-2]})[]"},
        """SELECT id, array_to_string(a.line, chr(10)), a.city, a.postalCode, true FROM (SELECT id, unnest(address) AS a FROM t)
        UNION ALL SELECT id, array_to_string(c.address.line, chr(10)), c.address.city, c.address.postalCode, false
        FROM (SELECT id, unnest(contact) AS c FROM t) WHERE c.address IS NOT NULL"""),
    "clinical-wide.patient-demographics": (
        {"id": "VARCHAR", "gender": "VARCHAR", "name": "STRUCT(use VARCHAR, family VARCHAR, given VARCHAR[])[]"},
        """SELECT id, gender, array_to_string(n.given, ' '), n.family FROM
        (SELECT id, gender, list_filter(name, lambda x: x.use = 'official')[1] AS n FROM t) WHERE n IS NOT NULL"""),
    "clinical-wide.us-core-blood-pressures": (
        {"id": "VARCHAR", "code": CONCEPT, "subject": REF, "effectiveDateTime": "VARCHAR",
         "component": f"STRUCT(code {CONCEPT}, valueQuantity {QUANTITY})[]"},
        f"""SELECT id, {key('subject')}, effectiveDateTime, s.system, s.code, s.unit, s.value, d.system, d.code, d.unit, d.value
        FROM (SELECT *, list_filter(component, lambda x: list_contains(list_transform(x.code.coding, lambda y: y.code), '8480-6'))[1].valueQuantity AS s,
        list_filter(component, lambda x: list_contains(list_transform(x.code.coding, lambda y: y.code), '8462-4'))[1].valueQuantity AS d
        FROM t WHERE list_contains(list_transform(code.coding, lambda x: x.code), '85354-9'))"""),
}

PYSOF = """
import sys, pysof
source, view, out = sys.argv[1:]
pysof.process_ndjson_to_file({"resourceType": "ViewDefinition", "status": "active", **__import__("json").load(open(view))}, source, out, "csv")
"""
DUCKDB = """
import sys, json, duckdb
source, sql, columns, out = sys.argv[1:]
db = duckdb.connect(config={"threads": 1})
columns = "{" + ", ".join(f"{k}: '{v}'" for k, v in json.loads(columns).items()) + "}"
db.sql(f"COPY (WITH t AS (SELECT * FROM read_ndjson('{source}', columns={columns}, maximum_object_size=16777216)) {sql}) TO '{out}' (FORMAT csv, HEADER false)")
"""


def command(program, case, source, view, out):
    if program == "duckdb":
        columns, sql = DUCK[case]
        return [sys.executable, "-c", DUCKDB, source, sql, json.dumps(columns), out]
    if program == "pysof":
        return [sys.executable, "-c", PYSOF, source, view, out]
    return [os.environ["OCTO"], source, view, out]


def rows(path, header):
    with open(path, newline="") as file:
        reader = csv.reader(file)
        if header:
            next(reader)
        total = 0
        digest = 0
        for row in reader:
            total += 1
            cells = [f"{float(c):g}" if c.replace(".", "", 1).isdigit() and "." in c else c for c in row]
            digest = (digest + int.from_bytes(hashlib.blake2b("\x1f".join(cells).encode(), digest_size=16).digest(), "big")) % 2**128
        return total, digest


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as temporary:
        for case in cases:
            view = os.path.join(folder, case + ".json")
            kind = json.load(open(view))["resource"]
            source = os.path.join(folder, kind + ".ndjson")
            ours = os.path.join(folder, case + ".csv")
            if lines:
                short = os.path.join(temporary, kind + ".ndjson")
                with open(source) as file, open(short, "w") as to:
                    to.writelines(itertools.islice(file, lines))
                source = short
            out = os.path.join(temporary, "out.csv")
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(command(program, case, source, view, out), capture_output=True, text=True,
                                  env={**os.environ, "RAYON_NUM_THREADS": "1"})
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            if done.returncode:
                print(f"{case:45} failed: {done.stderr.strip().splitlines()[-1:]}")
                continue
            theirs = rows(out, program == "pysof")
            same = "" if lines else ("rows equal" if theirs == rows(ours, True) else "ROWS DIFFER")
            print(f"{case:45} {theirs[0]:>8} rows {cpu:8.2f} s of CPU, peak {after.ru_maxrss // 1000} MB {same}", flush=True)
            os.remove(out)


main()
