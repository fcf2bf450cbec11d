"""Whatever holds the pages, the rows are the same."""

from __future__ import annotations

import gzip
import io
import json

import fhirtab
import pytest
from conftest import PATIENTS

pyarrow = pytest.importorskip("pyarrow")


def rows(tables: fhirtab.Tables) -> dict[str, bytes]:
    return {name: table.csv() for name, table in tables.items()}


@pytest.fixture(scope="module")
def expected(ndjson):
    given = rows(fhirtab.flatten(ndjson, PATIENTS, threads=1))
    assert given["patient"].count(b"\n") > 1_000
    return given


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads(ndjson, expected, threads):
    assert rows(fhirtab.flatten(ndjson, PATIENTS, threads=threads)) == expected


@pytest.mark.parametrize("batch_rows", [1, 7, 10_000])
def test_batch_cuts(ndjson, expected, batch_rows):
    tables = fhirtab.flatten(ndjson, PATIENTS, batch_rows=batch_rows)
    assert rows(tables) == expected
    sizes = [len(tables["patient"].batch(n)) for n in range(tables["patient"].num_batches)]
    assert max(sizes) <= batch_rows


def test_paths_bytes_and_files(ndjson, bundle, expected, tmp_path):
    raw = ndjson.read_bytes()
    packed = tmp_path / "resources.ndjson.gz"
    packed.write_bytes(gzip.compress(raw))
    several = tmp_path / "several"
    several.mkdir()
    half = raw.index(b"\n", len(raw) // 2) + 1
    (several / "1.ndjson").write_bytes(raw[:half])
    (several / "2.ndjson").write_bytes(raw[half:])
    for given in [
        str(ndjson),
        raw,
        raw.decode(),
        bytearray(raw),
        memoryview(raw),
        packed,
        packed.read_bytes(),
        several,
        str(several / "*.ndjson"),
        [several / "1.ndjson", raw[half:]],
        (part for part in (raw[:half], raw[half:])),
        io.BytesIO(raw),
        io.StringIO(raw.decode()),
        bundle,
        [open(ndjson, "rb")],
        gzip.open(packed),
    ]:
        assert rows(fhirtab.flatten(given, PATIENTS)) == expected, type(given)


def test_tables(lines, expected):
    text = pyarrow.table({"resource": lines, "n": list(range(len(lines)))})
    for cut in (1, 7, 10_000):
        table = pyarrow.Table.from_batches(text.to_batches(max_chunksize=cut))
        assert rows(fhirtab.flatten(table, PATIENTS)) == expected
    for kind in (
        pyarrow.string(),
        pyarrow.large_string(),
        pyarrow.string_view(),
        pyarrow.binary(),
        pyarrow.large_binary(),
    ):
        column = text["resource"].cast(kind)
        assert rows(fhirtab.flatten(column, PATIENTS)) == expected, kind
        assert rows(fhirtab.flatten(column.combine_chunks(), PATIENTS)) == expected, kind
        both = pyarrow.table({"resource": column, "other": column})
        assert rows(fhirtab.flatten(both, PATIENTS, column="other")) == expected
    assert rows(fhirtab.flatten(text.to_reader(), PATIENTS)) == expected
    assert rows(fhirtab.flatten(text.to_batches(), PATIENTS)) == expected
    with pytest.raises(fhirtab.OptionError, match="n, m"):
        fhirtab.flatten(pyarrow.table({"n": [1], "m": [2]}), PATIENTS)


def test_frames_of_others(lines, expected):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"resource": lines})
    assert rows(fhirtab.flatten(frame, PATIENTS)) == expected
    assert rows(fhirtab.flatten(frame["resource"], PATIENTS)) == expected
    pandas = pytest.importorskip("pandas")
    assert rows(fhirtab.flatten(pandas.DataFrame({"resource": lines}), PATIENTS)) == expected
    duckdb = pytest.importorskip("duckdb")
    assert rows(fhirtab.flatten(duckdb.sql("select resource from frame"), PATIENTS)) == expected


def test_melt_of_crack_is_flatten(ndjson, expected):
    raw = fhirtab.crack(ndjson, PATIENTS)
    for name in ("patient", "observation"):
        melted = fhirtab.melt(raw[name], name, PATIENTS, typed=True)
        assert melted[name].csv() == expected[name]


def test_batches_are_the_whole(ndjson, expected):
    parts: dict[str, bytes] = {}
    for table in fhirtab.batches(ndjson, PATIENTS, batch_rows=100):
        parts[table.name] = parts.get(table.name, b"") + table.csv(header=False)
    for name, csv in expected.items():
        assert csv.split(b"\n", 1)[1] == parts[name]


def test_lists_and_children(ndjson):
    tables = fhirtab.flatten(ndjson, PATIENTS, lists=True)
    assert len(tables["patient"]) == 1_000
    assert pyarrow.table(tables["patient"])["family"].combine_chunks().flatten().null_count == 0
    children = fhirtab.flatten(ndjson, PATIENTS, mode="child")
    assert {"patient", "patient.name"} <= set(children)
    assert len(children["patient"]) == 1_000


def test_views(ndjson, lines):
    definition = {
        "resourceType": "ViewDefinition",
        "status": "active",
        "name": "names",
        "resource": "Patient",
        "select": [
            {"column": [{"name": "id", "path": "getResourceKey()"}]},
            {"forEach": "name", "column": [{"name": "family", "path": "family"}]},
        ],
    }
    whole = fhirtab.view(ndjson, definition)["names"]
    assert len(whole) == sum(len(json.loads(line).get("name", [])) for line in lines)
    assert whole.csv() == fhirtab.view(pyarrow.table({"r": lines}), definition)["names"].csv()
    assert {"patient", "observation"} <= set(fhirtab.shipped_views())
    (empty,) = fhirtab.view([], "patient").values()
    assert len(empty) == 0 and len(empty.column_names) > 3
