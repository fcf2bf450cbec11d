"""What a run gives is read by everything that takes Arrow, as often as wanted."""

from __future__ import annotations

import fhirtab
import pytest
from conftest import PATIENTS

pyarrow = pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def tables(ndjson):
    return fhirtab.flatten(ndjson, PATIENTS, precision=True)


def test_read_twice(tables):
    first, second = pyarrow.table(tables["patient"]), pyarrow.table(tables["patient"])
    assert first.equals(second) and first.num_rows == len(tables["patient"])
    reader = pyarrow.RecordBatchReader.from_stream(tables["patient"])
    reader.read_next_batch()
    reader.close()
    assert pyarrow.table(tables["patient"]).equals(first)


def test_schema(tables):
    schema = pyarrow.schema(tables["patient"])
    field = schema.field("born")
    assert field.type == pyarrow.date32()
    assert field.metadata == {b"fhir.path": b"birthDate", b"fhir.type": b"date"}
    assert schema.metadata[b"fhir.resource"] == b"Patient"
    assert schema.field("born_precision").type == pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    assert pyarrow.schema(tables["observation"]).field("at").type == pyarrow.timestamp("us")
    described = fhirtab.describe(PATIENTS, precision=True)
    assert pyarrow.schema(described["patient"]).equals(schema, check_metadata=True)


def test_requested_schema(tables):
    wanted = pyarrow.schema([(f.name, pyarrow.string()) for f in pyarrow.schema(tables["patient"])])
    reader = pyarrow.RecordBatchReader.from_stream(tables["patient"], schema=wanted)
    assert reader.read_all().schema.field("born").type == pyarrow.string()


@pytest.mark.parametrize("types", ["native", "spark", "delta"])
@pytest.mark.parametrize("dictionaries", [False, True])
@pytest.mark.parametrize("lists", [False, True])
def test_profiles(ndjson, types, dictionaries, lists):
    tables = fhirtab.flatten(
        ndjson, PATIENTS, types=types, dictionaries=dictionaries, lists=lists, precision=True
    )
    for table in [*tables.values(), tables.defects, tables.rejected]:
        for field in pyarrow.schema(table):
            kinds = [field.type, getattr(field.type, "value_type", None)]
            for kind in kinds:
                text = str(kind)
                assert "ns" not in text
                if types != "native":
                    assert "time64" not in text and "string_view" not in text
                if types == "spark":
                    assert "dictionary" not in text


def test_decimals(ndjson):
    tables = fhirtab.flatten(ndjson, PATIENTS, decimals={"value": (12, 3)})
    assert pyarrow.schema(tables["observation"]).field("value").type == pyarrow.decimal128(12, 3)
    assert len(tables.defects) == 0
    tables = fhirtab.flatten(ndjson, PATIENTS, decimals=(12, 1))
    kinds = set(pyarrow.table(tables.defects)["kind"].to_pylist())
    assert kinds == {"out_of_range"}


def test_polars(tables):
    polars = pytest.importorskip("polars")
    for table in tables.values():
        frame = polars.DataFrame(table)
        assert frame.height == len(table)
        assert frame.write_csv(None).count("\n") == len(table) + 1
    assert polars.DataFrame(tables["observation"])["time"].dtype == polars.Time


def test_pandas(tables):
    pandas = pytest.importorskip("pandas")
    if not hasattr(pandas.DataFrame, "from_arrow"):
        pytest.skip("pandas before 3 has no from_arrow")
    frame = pandas.DataFrame.from_arrow(tables["observation"])
    assert len(frame) == len(tables["observation"])
    assert frame["value"].sum() == sum(pyarrow.table(tables["observation"])["value"].to_pylist())


def test_duckdb(tables):
    duckdb = pytest.importorskip("duckdb")
    observations = tables["observation"]
    ((count, most),) = duckdb.sql("select count(*), max(value) from observations").fetchall()
    assert count == len(observations) and most > 200
    assert duckdb.sql("select count(*) from observations").fetchall() == [(count,)]


def test_datafusion(tables):
    datafusion = pytest.importorskip("datafusion")
    context = datafusion.SessionContext()
    frame = context.from_arrow(tables["patient"], name="patient")
    assert frame.count() == len(tables["patient"])
    assert context.sql("select family from patient where born < date '1971-01-01'").count() > 0
