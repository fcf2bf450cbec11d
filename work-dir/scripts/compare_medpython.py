"""Loads final signals with the loader of the original system and compares every value with the typed rows.

    pip install medpython medpython-etl pandas duckdb
    python3 compare_medpython.py BASE [--catalogue SIGNALS]

BASE holds rep_configs/, FinalSignals/ and current/ (a directory given to `cds2db run` or `demo`), or is a run's directory,
whose typed rows lie in FinalSignals/. The expectation is drawn here from the typed rows' Parquet and
signals.toml alone, with pandas: the program's own signals are not asked. Numbers in another unit are converted here by SI
prefixes and the mass of a mole; those whose unit is none of these are counted, and only as many may be there besides. Ends
with 1 where anything differs.
"""
import argparse
import glob
import importlib.util
import math
import re
import sys
import tomllib
from pathlib import Path

import duckdb
import pandas as pd

OPEN_END = 99991231
LOINC = "http://loinc.org"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("base", type=Path)
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
            "molar": one.get("molar"),
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
    return duckdb.read_parquet(files, union_by_name=True).df() if files else None


def last(reference):
    return reference.str.rsplit("/", n=1).str[-1]


def category(text):
    text = "".join("_" if c.isspace() or c in ",;\"'" else c for c in str(text).strip())
    return text or "EMPTY"


def days(values):
    dates = pd.to_datetime(values, errors="coerce")
    return dates.dt.year * 10000 + dates.dt.month * 100 + dates.dt.day


PREFIXES = {"": 1, "k": 1e3, "h": 1e2, "d": 1e-1, "c": 1e-2, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
ATOMS = {
    "g": ("mass", 1), "mol": ("amount", 1), "L": ("volume", 1), "l": ("volume", 1), "m": ("length", 1), "s": ("time", 1),
    "min": ("time", 60), "h": ("time", 3600), "d": ("time", 86400), "Pa": ("pressure", 1), "U": ("enzyme", 1),
    "m[Hg]": ("pressure", 133322.387415), "%": ("one", 0.01), "1": ("one", 1), "eq": ("charge", 1), "[IU]": ("effect", 1), "[iU]": ("effect", 1),
}


def unit(text):
    """Dimensions and factor of a unit of products and quotients; None where an atom is not known here."""
    dimensions, factor, sign = {}, 1.0, 1
    for part in re.split(r"([./])", text):
        if part in (".", "/"):
            sign = -1 if part == "/" else 1
            continue
        part = re.sub(r"{[^}]*}", "", part)
        if not part:
            continue
        power = re.fullmatch(r"10[*^](-?\d+)", part)
        if power:
            factor *= 10.0 ** (sign * int(power[1]))
            continue
        match = re.fullmatch(r"(.*?)(-?\d+)?", part) if part != "1" else re.fullmatch(r"(1)()", part)
        name, exponent = match[1], sign * int(match[2] or 1)
        known = [(prefix, ATOMS[name[len(prefix):]]) for prefix in PREFIXES if name.startswith(prefix) and name[len(prefix):] in ATOMS]
        whole = [one for one in known if not one[0]]
        if not known:
            return None
        prefix, (dimension, value) = (whole or known)[0]
        factor *= (PREFIXES[prefix] * value) ** exponent
        if dimension != "one":
            dimensions[dimension] = dimensions.get(dimension, 0) + exponent
    return {d: e for d, e in dimensions.items() if e}, factor


def conversion(given, wanted, molar):
    """By what a number is multiplied; None where that is not known here."""
    one, other = unit(given), unit(wanted)
    if one is None or other is None:
        return None
    if one[0] == other[0]:
        return one[1] / other[1]
    moved = dict(one[0])
    for power, here, there in ((1, "amount", "mass"), (-1, "mass", "amount")):
        if molar and here in moved and there in other[0]:
            moved[there] = moved.pop(here)
            return one[1] * molar**power / other[1] if moved == other[0] else None
    return None


def expected(base, name, signal, numbers):
    """What the loader should have: a set of tuples, how many numbers were converted, and how many could not be here."""
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
        if unit(signal["unit"]) == ({}, 1.0):
            units = units.fillna(signal["unit"])
        factors = {u: 1.0 if u == signal["unit"] else conversion(u, signal["unit"], signal.get("molar")) for u in units.dropna().unique()}
        factor = units.map(factors).astype(float)
        has = values.notna() & units.notna()
        converted = int((has & factor.notna() & (units != signal["unit"])).sum()), int((has & factor.isna()).sum())
        out = out[has & factor.notna()]
        out["val0"], out["val1"] = (values * factor)[out.index], category(signal["unit"])
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


def number(value):
    """To nine digits: what is converted may differ in the last bits."""
    return float(f"{value:.9g}") if math.isfinite(value) else value


def plain(row):
    """Numbers as numbers, codes as text."""
    return tuple(number(float(v)) if isinstance(v, (int, float)) or hasattr(v, "dtype") else str(v) for v in row)


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
    wrong = rows = converted = unknown = 0
    for name in names:
        loaded = {plain(row) for row in repository.get_sig(name).itertuples(index=False)}
        found = expected(given.base, name, signals[name], numbers)
        wanted, (other_unit, others) = {plain(row) for row in found[0]}, found[1] or (0, 0)
        rows += len(loaded)
        converted, unknown = converted + other_unit, unknown + others
        missing, surplus = wanted - loaded, loaded - wanted
        # What could not be converted here is surplus, and at most as much.
        if missing or len(surplus) > others:
            wrong += 1
            print(f"{name}: {len(missing)} missing, {len(surplus)} too many, {others} not converted here", file=sys.stderr)
    print(f"{len(names)} signals, {rows} values read back, {converted} converted, {unknown} in units not known here, {wrong} signals differ")
    absent = sorted(set(signals) - set(names))
    print(f"without rows: {', '.join(absent)}")
    sys.exit(1 if wrong else 0)


main()
