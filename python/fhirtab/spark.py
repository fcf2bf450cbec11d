"""FHIR in Spark: pages in a column become tables, cracked by the executors.

>>> from pyspark.sql import SparkSession  # doctest: +SKIP
>>> from fhirtab import spark as fhir  # doctest: +SKIP
>>> pages = fhir.read_ndjson(session, "export/*.ndjson")  # doctest: +SKIP
>>> fhir.flatten(pages, "observation").write.parquet("observation")  # doctest: +SKIP

Rows are those of :func:`fhirtab.flatten`; how Spark cuts the input makes no difference. Needs pyspark and pyarrow.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import fhirtab

from ._description import description as _described
from .errors import OptionError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from ._description import DescriptionLike

__all__ = [
    "crack",
    "flatten",
    "load_whole",
    "patient_part",
    "read_files",
    "read_ndjson",
    "view",
]


def read_ndjson(session: SparkSession, path: str | list[str]) -> DataFrame:
    """Resources one a line, in a column ``value``; Spark splits large files at lines."""
    return session.read.text(path)


def read_files(session: SparkSession, path: str | list[str], pattern: str = "*") -> DataFrame:
    """Whole files, such as Bundles in JSON or XML, in a column ``content``; below folders too."""
    reader = session.read.format("binaryFile").option("recursiveFileLookup", "true")
    return reader.option("pathGlobFilter", pattern).load(path).select("content")


def flatten(
    frame: DataFrame,
    table: str,
    description: DescriptionLike = None,
    *,
    column: str | None = None,
    errors: Literal["raise", "collect"] = "raise",
    **options: Any,
) -> DataFrame:
    """The rows of one table of :func:`fhirtab.flatten` of the pages in a column of text or bytes.

    ``table`` may be ``defects``, or, with ``errors="collect"``, ``rejected``. Options are those of
    :func:`fhirtab.flatten`; ``distinct`` is not among them, since no executor knows the rows of another.
    """
    rows = "lists" if options.pop("lists", False) else "typed"
    if not options.pop("typed", True):
        rows = "text"
    return _mapped(frame, table, description, rows, column, errors, options)


def crack(
    frame: DataFrame,
    table: str,
    description: DescriptionLike = None,
    *,
    column: str | None = None,
    errors: Literal["raise", "collect"] = "raise",
    **options: Any,
) -> DataFrame:
    """The rows of one table of :func:`fhirtab.crack` of the pages in a column of text or bytes."""
    return _mapped(frame, table, description, "raw", column, errors, options)


def _mapped(
    frame: DataFrame,
    table: str,
    description: DescriptionLike,
    rows: str,
    column: str | None,
    errors: str,
    options: dict[str, Any],
) -> DataFrame:
    if "distinct" in options or "types" in options or "threads" in options:
        raise OptionError("distinct, types and threads are no options in Spark")
    described = _described(description)
    table = table.lower() if table.lower() in ("defects", "rejected") else table
    wanted: Any
    shape = fhirtab.describe(described, rows=rows, types="spark", **options)  # type: ignore[arg-type]
    if table in ("defects", "rejected"):
        wanted = getattr(shape, table)
        kept = described.rows()
    else:
        wanted = shape[table]
        # The others need not be cracked.
        kept = [row for row in described.rows() if row["table"] == table.split(".")[0]]
    schema = _schema(wanted)

    def work(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow

        mine = fhirtab.Description.of(kept)
        settings = {**options, "types": "spark", "threads": 1}
        for batch in batches:
            made = fhirtab._run(
                batch, mine, fhirtab._settings(rows, **settings), column, errors, None
            )
            given = made[table] if table in made else getattr(made, table)
            yield from pyarrow.RecordBatchReader.from_stream(given)

    return _only(frame, column).mapInArrow(work, schema)


def view(
    frame: DataFrame,
    view: fhirtab.View,
    *,
    column: str | None = None,
    errors: Literal["raise", "collect"] = "raise",
    rejected: bool = False,
) -> DataFrame:
    """The rows of a view of SQL on FHIR over the pages in a column of text or bytes.

    ``errors="collect"`` passes over what cannot be read; ``rejected=True`` gives that instead of the rows.
    """
    text = fhirtab._view(view)
    if rejected:
        errors = "collect"
    shape = fhirtab.view([], text, types="spark", errors=errors)
    (name,) = shape
    schema = _schema(shape.rejected if rejected else shape[name])

    def work(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow

        for batch in batches:
            made = fhirtab.view(batch, text, types="spark", column=column, errors=errors)
            given = made.rejected if rejected else made[name]
            yield from pyarrow.RecordBatchReader.from_stream(given)

    return _only(frame, column).mapInArrow(work, schema)


def _only(frame: DataFrame, column: str | None) -> DataFrame:
    return frame if column is None else frame.select(column)


def _schema(table: Any) -> Any:
    """The schema of Spark for a table of the profile ``spark``."""
    import pyarrow
    from pyspark.sql.types import StructField, StructType

    fields = pyarrow.schema(table)
    return StructType([StructField(field.name, _type(field.type), True) for field in fields])


def _type(arrow: Any) -> Any:
    import pyarrow.types as known
    from pyspark.sql import types as spark

    simple: list[tuple[Callable[[Any], bool], Any]] = [
        (known.is_string, spark.StringType),
        (known.is_boolean, spark.BooleanType),
        (known.is_int32, spark.IntegerType),
        (known.is_int64, spark.LongType),
        (known.is_float64, spark.DoubleType),
        (known.is_date32, spark.DateType),
        (known.is_binary, spark.BinaryType),
    ]
    for is_one, made in simple:
        if is_one(arrow):
            return made()
    if known.is_timestamp(arrow):
        return spark.TimestampNTZType() if arrow.tz is None else spark.TimestampType()
    if known.is_decimal(arrow):
        return spark.DecimalType(arrow.precision, arrow.scale)
    if known.is_list(arrow):
        return spark.ArrayType(_type(arrow.value_type), True)
    raise OptionError(f"no type of Spark for {arrow}")


def patient_part(column: str | Column, parts: int = 16) -> Column:
    """Which of ``parts`` a patient belongs to, by a hash of the id: what to partition output by.

    ``frame.withColumn("part", patient_part("pat_id")).write.partitionBy("part").parquet(...)``
    """
    from pyspark.sql import functions

    return functions.pmod(functions.xxhash64(column), functions.lit(parts)).cast("int")


def load_whole(session: SparkSession, path: str | os.PathLike[str]) -> Mapping[str, DataFrame]:
    """The tables of the standing whole of a WORK_DIR, by name: of every known resource the newest version.

    ``path`` is the WORK_DIR or its folder ``current``. What ``current`` is a link to is read, so that a run that ends in
    between changes nothing of what was loaded.
    """
    base = os.fspath(path)
    current = base if os.path.basename(os.path.normpath(base)) == "current" else os.path.join(base, "current")
    if not os.path.isdir(current):
        raise FileNotFoundError(2, "no standing whole, which a first run makes", current)
    state = os.path.realpath(current)
    tables: dict[str, DataFrame] = {}
    for name in sorted(os.listdir(state)):
        folder = os.path.join(state, name)
        if os.path.isdir(folder) and any(file.endswith(".parquet") for file in os.listdir(folder)):
            tables[name] = session.read.parquet(folder)
    return tables

