"""``python -m fhirtab`` gives the files of cds2db."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import shared, skipped


def program(*arguments, check=True):
    done = subprocess.run([sys.executable, "-m", "fhirtab", *map(str, arguments)], capture_output=True)
    assert not check or done.returncode == 0, done.stderr.decode()
    return done


def cds2db() -> str | None:
    named = os.environ.get("CDS2DB") or shutil.which("cds2db")
    if not named:
        skipped("cds2db is not there (CDS2DB names it), so its files were not compared")
    return named


def test_verbs(ndjson, tmp_path):
    out = program("flatten", "--out", tmp_path / "flat", ndjson).stdout.decode()
    assert "patient.csv" in out
    program("crack", "--out", tmp_path / "raw", ndjson)
    program("melt", "--table", "patient", "--out", tmp_path / "melted.csv", tmp_path / "raw" / "patient.csv")
    assert (tmp_path / "melted.csv").read_bytes() == (tmp_path / "flat" / "patient.csv").read_bytes()
    program("view", "--view", "patient", "--out", tmp_path / "views", ndjson)
    assert (tmp_path / "views" / "patient.csv").stat().st_size > 1_000
    assert b"pat_id\tid\tstring" in program("describe", "--table", "patient").stdout
    failed = program("flatten", "--out", tmp_path / "x", tmp_path / "missing.json", check=False)
    assert failed.returncode == 1 and b"missing.json" in failed.stderr


@pytest.mark.parametrize("data", ["bulk10-ndjson", "mii-kds-testdata", "fhircrackr-xml", "hl7-r4-examples", "fhir-test-cases"])
def test_files_are_those_of_cds2db(data, tmp_path):
    folder, original = shared(f"realdata/{data}"), cds2db()
    if not folder or not original:
        return
    theirs = tmp_path / "theirs"
    subprocess.run([original, "flatten", "--typed", "--out", theirs, folder], capture_output=True)
    program("flatten", "--out", tmp_path / "ours", folder, check=False)
    compared = 0
    for file in sorted(theirs.glob("*.csv")):
        ours = Path(tmp_path / "ours" / file.name)
        if file.name == "defects.csv":
            same = sorted(ours.read_bytes().splitlines()) == sorted(file.read_bytes().splitlines())
        else:
            same = ours.read_bytes() == file.read_bytes()
        assert same, file.name
        compared += file.read_bytes().count(b"\n") - 1
    assert compared > 10


def test_import_is_quick():
    code = "import time; t = time.process_time(); import fhirtab; print(time.process_time() - t)"
    times = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    print(f"import fhirtab: {min(times) * 1000:.1f} ms")
    assert min(times) < 0.05
