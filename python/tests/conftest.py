"""Data the tests share: generated, so that nothing of a patient is in the project."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

PATIENTS = {
    "Patient": {
        "id": "id",
        "family": "name/family",
        "given": "name/given",
        "born": ("birthDate", "date"),
        "active": ("active", "boolean"),
    },
    "Observation": {
        "id": "id",
        "subject": "subject/reference",
        "code": "code/coding/code",
        "value": ("valueQuantity/value", "decimal"),
        "at": ("effectiveDateTime", "datetime"),
        "time": ("valueTime", "time"),
    },
}


def patient(number: int) -> dict:
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "active": number % 2 == 0,
        "birthDate": ["1970", "1970-02", "1970-02-03"][number % 3],
        "name": [
            {"family": f"Family {number} {n} with a long name", "given": ["A", "B"]}
            for n in range(number % 3)
        ],
    }


def observation(number: int) -> dict:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "subject": {"reference": f"Patient/p{number % 10}"},
        "code": {"coding": [{"code": f"c{number % 7}"}, {"code": "x"}]},
        "valueQuantity": {"value": number / 8},
        "effectiveDateTime": f"2020-01-{number % 28 + 1:02}T08:00:00+01:00",
        "valueTime": "08:15:00",
    }


def resources(count: int) -> list[dict]:
    return [patient(n) if n % 2 else observation(n) for n in range(count)]


@pytest.fixture(scope="session")
def lines() -> list[str]:
    return [json.dumps(resource) for resource in resources(2_000)]


@pytest.fixture(scope="session")
def ndjson(lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "resources.ndjson"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def bundle(lines: list[str]) -> bytes:
    entries = [{"resource": json.loads(line)} for line in lines]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def skipped(what: str) -> None:
    """Says what was not checked, at the beginning of a line, where it is counted."""
    print(f"\nSKIPPED: {what}", flush=True)


def shared(name: str) -> Path | None:
    """Reference material outside the project; none, said loudly, where it is absent."""
    root = os.environ.get("FHIRTAB_SHARED")
    path = Path(root) / name if root else Path(__file__).parents[2] / ".." / "shared" / name
    if path.exists():
        return path
    skipped(f"../shared is absent, so {name} was not compared")
    return None
