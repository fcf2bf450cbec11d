"""Loads final signals with the loader of the original system and compares every value with the typed rows.

    pip install medpython medpython-etl pandas pyarrow
    python3 compare_medpython.py BASE [--rows TYPED] [--signals FOLDER]

BASE holds rep_configs/, FinalSignals/ and current/ (a directory given to `cds2db run` or `demo`), or is a run's directory
(then FOLDER is `signals` and TYPED its FinalSignals). The expectation is drawn here from the typed rows' Parquet and
signals.toml alone, with pandas: the program's own signals are not asked, but for numbers whose unit had to be converted,
which are taken from the signal's Parquet and only counted against the typed rows. Ends with 1 where anything differs.
"""
import argparse
import glob
import importlib.util
import sys
import tomllib
from pathlib import Path

import pandas as pd

OPEN_END = 99991231
LOINC = "http://loinc.org"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("base", type=Path)
    parser.add_argument("--signals", default=None, help="folder of the signals in BASE")
    parser.add_argument("--catalogue", type=Path, default=Path(__file__).parent.parent / "src/signals/signals.toml")
    return parser.parse_args()


def catalogue(path):
    """All signals of the file in one form."""
    file = tomllib.loads(path.read_text())
    signals = dict(file["signal"])
    for name, one in file["measured"].items():
        signals[name] = {
            "table": "observation",
            "kind": "number",
            "where": {"code/coding/system": [LOINC], "code/coding/code": one["loinc"]},
            "time": ["effectiveDateTime", "effectivePeriod/start"],
            "value": "valueQuantity/value",
            "unit_of": "valueQuantity/code",
            "unit": one["unit"],
        }
    return signals


def column_of(table, path, columns):
    """The column of a path, found by its name: prefix and segments without slashes."""
    prefixes = {
        "observation": "obs", "patient": "pat", "encounter": "enc", "condition": "con", "procedure": "proc",
        "medicationrequest": "medreq", "medicationadministration": "medadm", "medicationstatement": "medstat",
        "medication": "med",
    }
    text = f"{prefixes[table]}_{path}".lower().replace("/", "_")
    text = text.replace("_coding_", "_").replace("location_location", "location")
    if text.endswith("_subject_reference"):
        text = text.replace("_subject_reference", "_patient_ref")
    for name in (text, text.replace("_reference", "_ref")):
        if name in columns:
            return name
    return None


def rows_of(base, table):
    files = glob.glob(f"{base}/current/{table}/*.parquet") or glob.glob(f"{base}/FinalSignals/{table}.*.parquet")
    return pd.concat([pd.read_parquet(f) for f in files], ignore_index=True) if files else None


def last(reference):
    return reference.str.rsplit("/", n=1).str[-1]


def category(text):
    text = "".join("_" if c.isspace() or c in ",;\"'" else c for c in str(text).strip())
    return text or "EMPTY"


def days(values):
    dates = pd.to_datetime(values, errors="coerce")
    return dates.dt.year * 10000 + dates.dt.month * 100 + dates.dt.day


def expected(base, name, signal, numbers):
    """What the loader should have: a set of tuples, and how many numbers need a conversion."""
    rows = rows_of(base, signal["table"])
    if rows is None:
        return None
    col = lambda path: column_of(signal["table"], path, rows.columns)
    for path, values in signal.get("where", {}).items():
        rows = rows[rows[col(path)].isin(values)]
    person = col("subject/reference") or "pat_id"
    rows = rows[rows[person].notna()]
    out = pd.DataFrame({"pid": last(rows[person]).map(numbers)})
    for at, key in enumerate(["time", "end"]):
        found = [c for c in map(col, signal.get(key, [])) if c]
        if found:
            first = rows[found].bfill(axis=1).iloc[:, 0]
            out[f"time{at}"] = days(first)
    if signal["kind"] in ("number", "category", "period"):
        out = out[out["time0"].notna()]
    if signal["kind"] == "period":
        out["time1"] = out["time1"].fillna(OPEN_END)
    rows = rows.loc[out.index]
    converted = None
    if signal.get("through"):
        drugs = rows_of(base, "medication")
        drugs = drugs[drugs["med_code_system"].str.contains("atc", na=False)][["med_id", "med_code_code"]].drop_duplicates()
        out["med_id"] = last(rows[col(signal["through"])])
        out = out.merge(drugs, on="med_id")
        out["val0"] = out.pop("med_code_code").map(category)
        out = out.drop(columns="med_id")
    elif signal["kind"] == "number":
        values, units = rows[col(signal["value"])], rows[col(signal["unit_of"])]
        same = (units == signal["unit"]) & values.notna()
        converted = int((values.notna() & units.notna() & ~same).sum())
        out = out[same]
        out["val0"], out["val1"] = values[same], category(signal["unit"])
    else:
        values = rows[col(signal["value"])]
        if signal["kind"] == "period":
            out["val0"] = values.fillna("EMPTY").map(category)
        else:
            out = out[values.notna()]
            values = values[values.notna()]
            is_day = not pd.api.types.is_string_dtype(values)
            out["val0"] = days(values) if is_day else values.map(category)
    return {tuple(row) for row in out.drop_duplicates().itertuples(index=False)}, converted


def plain(row):
    """Numbers as numbers, codes as text."""
    return tuple(float(v) if isinstance(v, (int, float)) or hasattr(v, "dtype") else str(v) for v in row)


def main():
    given = arguments()
    numbers_file = given.base / "FinalSignals/ID2NR"
    numbers = dict(line.split("\t") for line in numbers_file.read_text().splitlines())
    numbers = {patient: int(number) for patient, number in numbers.items()}
    script = given.base / "rep_configs/load_with_medpython.py"
    spec = importlib.util.spec_from_file_location("load_with_medpython", script)
    loader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loader)
    names = loader.names()
    repository = loader.load(names)
    signals = catalogue(given.catalogue)
    wrong = rows = converted = 0
    for name in names:
        loaded = {plain(row) for row in repository.get_sig(name).itertuples(index=False)}
        found = expected(given.base, name, signals[name], numbers)
        wanted, others = {plain(row) for row in found[0]}, found[1] or 0
        rows += len(loaded)
        converted += others
        missing, surplus = wanted - loaded, loaded - wanted
        # What was converted is surplus to what needs no conversion, and at most as much.
        if missing or len(surplus) > others:
            wrong += 1
            print(f"{name}: {len(missing)} missing, {len(surplus)} too many, {others} converted", file=sys.stderr)
    print(f"{len(names)} signals, {rows} values read back, {converted} typed numbers in another unit, {wrong} signals differ")
    absent = sorted(set(signals) - set(names))
    print(f"without rows: {', '.join(absent)}")
    sys.exit(1 if wrong else 0)


main()
