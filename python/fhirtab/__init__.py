"""FHIR to Arrow: Bundles, resources and NDJSON, JSON or XML, become tables in one pass.

>>> import fhirtab
>>> page = b'{"resourceType":"Patient","id":"p1","name":[{"family":"Doe","given":["Jo","Al"]}],"birthDate":"1970-02"}'
>>> tables = fhirtab.flatten(page, {"Patient": {"id": "id", "family": "name/family", "born": ("birthDate", "date")}})
>>> tables
<Tables patient: 1>
>>> print(tables["patient"].csv().decode(), end="")
id,family,born
p1,Doe,1970-02-01

What comes back is read by whatever takes Arrow, as often as wanted: ``polars.DataFrame(tables["patient"])``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping

from . import _inputs, _native
from ._description import description
from ._description import description as _described
from ._description import mode as _mode
from ._native import Description, Table, __version__
from ._tables import Tables, Views
from .errors import (
    DescriptionError,
    FhirtabError,
    InputError,
    OptionError,
    SearchError,
    ViewError,
)

__all__ = [
    "Description",
    "DescriptionError",
    "FhirtabError",
    "InputError",
    "OptionError",
    "SearchError",
    "Table",
    "Tables",
    "ViewError",
    "Views",
    "__version__",
    "batches",
    "crack",
    "describe",
    "description",
    "flatten",
    "melt",
    "search",
    "shipped_views",
    "view",
]

#: Checkers of types take it for true; importing ``typing`` would take longer than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Literal, Union

    from ._description import DescriptionLike

    Types = Literal["native", "spark", "delta"]
    Mode = Union[None, Literal["product", "aligned", "child"], Iterable[str]]
    Progress = Union[None, bool, Callable[[int, Union[int, None]], object]]
    #: Digits in all and behind the point, for all decimals or by column.
    Decimals = Union[None, tuple[int, int], Mapping[str, tuple[int, int]]]
    View = Union[str, "os.PathLike[str]", Mapping[str, Any]]


def _settings(
    rows: str,
    *,
    types: str = "native",
    mode: Mode = None,
    zone: str = "Europe/Berlin",
    precision: bool = False,
    dictionaries: bool = False,
    decimals: Decimals = None,
    distinct: bool = False,
    row_limit: int = 1_000_000,
    batch_rows: int = 16_384,
    threads: int | None = None,
    brackets: tuple[str, str] | None = ("[", "]"),
    separator: str = " ~ ",
) -> dict[str, Any]:
    if sys.is_finalizing():
        # Threads can no longer ask Python for anything.
        raise FhirtabError("the interpreter is shutting down")
    if types not in ("native", "spark", "delta"):
        raise OptionError("types is one of native, spark, delta")
    for name, number in (("row_limit", row_limit), ("batch_rows", batch_rows), ("threads", threads)):
        if number is not None and (not isinstance(number, int) or number < 1):
            raise OptionError(f"{name} is a whole number from 1")
    by_column = isinstance(decimals, Mapping)
    return {
        "rows": rows,
        "types": types,
        "mode": _mode(mode),
        "zone": zone,
        "precision": precision,
        "dictionaries": dictionaries,
        "decimals": None if by_column else decimals,
        "decimal_columns": dict(decimals) if isinstance(decimals, Mapping) else {},
        "distinct": distinct,
        "row_limit": row_limit,
        "batch_rows": batch_rows,
        "threads": threads or 0,
        "brackets": brackets,
        "separator": separator,
    }


def _run(
    input: Any,
    given: DescriptionLike,
    settings: dict[str, Any],
    column: str | None,
    errors: str,
    progress: Progress,
) -> Tables:
    watch, end = _inputs.watcher(progress, input)
    try:
        tables, defects, rejected, summary = _native.run(
            _inputs.each(input),
            _described(given),
            settings,
            column=column,
            collect=_collects(errors),
            progress=watch,
        )
    finally:
        end()
    return Tables(tables, defects, rejected, summary)


def _collects(errors: str) -> bool:
    if errors not in ("raise", "collect"):
        raise OptionError("errors is raise or collect")
    return errors == "collect"


def flatten(
    input: Any,
    description: DescriptionLike = None,
    *,
    types: Types = "native",
    mode: Mode = None,
    typed: bool = True,
    lists: bool = False,
    zone: str = "Europe/Berlin",
    precision: bool = False,
    dictionaries: bool = False,
    decimals: Decimals = None,
    distinct: bool = False,
    column: str | None = None,
    errors: Literal["raise", "collect"] = "raise",
    row_limit: int = 1_000_000,
    batch_rows: int = 16_384,
    threads: int | None = None,
    progress: Progress = None,
) -> Tables:
    """Cracks, melts and types pages in one pass: one row a repetition, the rows of ``cds2db flatten``.

    ``input`` is a path, a folder, a pattern (``data/**/*.json``), bytes, a file object, a table or array of text or
    bytes (``column`` names which), or several of these. ``description`` says which tables and columns there are.

    ``types``: what the consumer takes (``spark`` and ``delta`` get no string views and no times of day). ``mode``: how
    repetitions become rows (``product``, ``aligned``, ``child``, or the paths that alone do). ``typed=False`` gives
    texts; ``lists=True`` one row a resource, with lists where elements repeat. ``zone``: date-times become wall time
    there. ``precision``: a column ``NAME_precision`` beside each date. ``decimals``: digits in all and behind the
    point instead of doubles, for all columns or by name. ``distinct``: rows equal to an earlier one are left out.
    ``errors="collect"`` puts what cannot be read into ``.rejected`` and goes on. ``threads``: all cores unless given.
    ``progress``: called with bytes read and bytes in all; ``True`` for a bar of tqdm.

    >>> page = b'{"resourceType":"Patient","id":"p1","name":[{"family":"Doe"},{"family":"Roe"}]}'
    >>> tables = flatten(page, {"Patient": {"id": "id", "family": "name/family"}})
    >>> print(tables["patient"].csv().decode(), end="")
    id,family
    p1,Doe
    p1,Roe
    """
    settings = _settings(
        "lists" if lists else "typed" if typed else "text",
        types=types,
        mode=mode,
        zone=zone,
        precision=precision,
        dictionaries=dictionaries,
        decimals=decimals,
        distinct=distinct,
        row_limit=row_limit,
        batch_rows=batch_rows,
        threads=threads,
    )
    return _run(input, description, settings, column, errors, progress)


def crack(
    input: Any,
    description: DescriptionLike = None,
    *,
    types: Types = "native",
    brackets: tuple[str, str] | None = ("[", "]"),
    separator: str = " ~ ",
    distinct: bool = False,
    column: str | None = None,
    errors: Literal["raise", "collect"] = "raise",
    batch_rows: int = 16_384,
    threads: int | None = None,
    progress: Progress = None,
) -> Tables:
    """Cracks pages to raw rows: one a resource, all values of an element in one cell, each with its index.

    Arguments as in :func:`flatten`; ``brackets=None`` leaves the indexes out.

    >>> page = b'{"resourceType":"Patient","id":"p1","name":[{"family":"Doe"},{"family":"Roe"}]}'
    >>> raw = crack(page, {"Patient": {"id": "id", "family": "name/family"}})
    >>> print(raw["patient"].csv().decode(), end="")
    id,family
    [1]p1,[1.1]Doe ~ [2.1]Roe
    """
    settings = _settings(
        "raw",
        types=types,
        brackets=brackets,
        separator=separator,
        distinct=distinct,
        batch_rows=batch_rows,
        threads=threads,
    )
    return _run(input, description, settings, column, errors, progress)


def melt(
    raw: Any,
    table: str,
    description: DescriptionLike = None,
    *,
    types: Types = "native",
    mode: Mode = None,
    typed: bool = False,
    zone: str = "Europe/Berlin",
    precision: bool = False,
    dictionaries: bool = False,
    decimals: Decimals = None,
    brackets: tuple[str, str] = ("[", "]"),
    separator: str = " ~ ",
    row_limit: int = 1_000_000,
    batch_rows: int = 16_384,
) -> Tables:
    """Melts a raw table, as :func:`crack` gives it, to one row a repetition. ``table`` is its name in the description.

    >>> page = b'{"resourceType":"Patient","id":"p1","name":[{"family":"Doe"},{"family":"Roe"}]}'
    >>> patients = {"Patient": {"id": "id", "family": "name/family"}}
    >>> melted = melt(crack(page, patients)["patient"], "patient", patients)
    >>> print(melted["patient"].csv().decode(), end="")
    id,family
    p1,Doe
    p1,Roe
    """
    settings = _settings(
        "typed" if typed else "text",
        types=types,
        mode=mode,
        zone=zone,
        precision=precision,
        dictionaries=dictionaries,
        decimals=decimals,
        brackets=brackets,
        separator=separator,
        row_limit=row_limit,
        batch_rows=batch_rows,
    )
    made = _described(description)
    tables, defects = _native.melt(raw, table.lower(), made, settings)
    nothing = _native.run(
        iter(()), made, _settings("raw", types=types), column=None, collect=False, progress=None
    )
    return Tables(tables, defects, nothing[2], {})


def batches(
    input: Any,
    description: DescriptionLike = None,
    *,
    rows: Literal["typed", "text", "lists", "raw"] = "typed",
    column: str | None = None,
    errors: Literal["raise", "collect"] = "raise",
    **options: Any,
) -> Iterator[Table]:
    """The rows of :func:`flatten` or, with ``rows="raw"``, of :func:`crack` as they come, with bounded memory.

    Gives tables of one record batch each; ``.name`` says of which table. Defects come as batches named ``defects``,
    with ``errors="collect"`` what cannot be read as ``rejected``.

    >>> page = b'{"resourceType":"Patient","id":"p1"}'
    >>> [(batch.name, len(batch)) for batch in batches(page, {"Patient": {"id": "id"}})]
    [('patient', 1)]
    """
    made = _described(description)
    settings = _settings(rows, **options)
    return iter(
        _native.batches(
            _inputs.each(input), made, settings, column=column, collect=_collects(errors)
        )
    )


def describe(
    description: DescriptionLike = None,
    *,
    rows: Literal["typed", "text", "lists", "raw"] = "typed",
    **options: Any,
) -> Tables:
    """The tables and columns a run with these arguments gives, without rows: names, Arrow types, FHIR paths and types.

    >>> patients = describe({"Patient": {"id": "id", "born": ("birthDate", "date")}})["patient"]
    >>> patients.fields()["born"]
    ('Date32', {'fhir.path': 'birthDate', 'fhir.type': 'date'})
    """
    made = _described(description)
    settings = _settings(rows, **options)
    nothing = _native.run(iter(()), made, settings, column=None, collect=False, progress=None)
    return Tables(_native.describe(made, settings), nothing[1], nothing[2], nothing[3])


def view(
    input: Any,
    views: View | Iterable[View],
    *,
    types: Types = "native",
    distinct: bool = False,
    column: str | None = None,
    errors: Literal["raise", "collect"] = "raise",
    row_limit: int = 10_000_000,
    progress: Progress = None,
) -> Views:
    """Runs ViewDefinitions of SQL on FHIR over pages, all in one pass.

    A view is a dictionary, JSON text, the path of a file, or the name of a shipped one (:func:`shipped_views`).
    ``errors="collect"`` puts what cannot be read into ``.rejected`` and goes on; a resource that does not fit a view, such
    as one with two values where the view wants one, raises :class:`ViewError` all the same.

    >>> patients = {"resourceType": "ViewDefinition", "status": "active", "name": "patients", "resource": "Patient",
    ...             "select": [{"column": [{"name": "id", "path": "getResourceKey()"}, {"name": "gender", "path": "gender"}]}]}
    >>> page = b'{"resourceType":"Patient","id":"p1","gender":"female"}'
    >>> print(view(page, patients)["patients"].csv().decode(), end="")
    id,gender
    p1,female
    """
    several: list[Any] = [views] if isinstance(views, (str, os.PathLike, Mapping)) else list(views)
    watch, end = _inputs.watcher(progress, input)
    try:
        tables, rejected, summary, misfits = _native.view(
            _inputs.each(input),
            [_view(one) for one in several],
            _settings("text", types=types, distinct=distinct, row_limit=row_limit),
            column=column,
            collect=_collects(errors),
            progress=watch,
        )
    finally:
        end()
    return Views(tables, rejected, summary, misfits)


def shipped_views() -> dict[str, str]:
    """The views that come with the package, as JSON by name."""
    return _native.shipped_views()


def _view(given: View) -> str:
    if isinstance(given, Mapping):
        import json

        return json.dumps(given)
    if isinstance(given, str) and given.lstrip().startswith("{"):
        return given
    if isinstance(given, str) and not os.path.exists(given):
        shipped = _native.shipped_views()
        if given in shipped:
            return shipped[given]
    with open(given, encoding="utf-8") as file:
        return file.read()


def search(
    server: str,
    resource: str,
    parameters: Mapping[str, Any] | Iterable[tuple[str, str]] = (),
    *,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    count: int | None = None,
    max_pages: int | None = None,
) -> _native.Search:
    """Asks a FHIR server: an iterator of pages (bytes) that ends in complete, or raises what is missing.

    When the iterator has ended, ``.complete`` says how many pages, entries and matches came; a search that breaks off
    raises :class:`SearchError`, and so does one that ``max_pages`` cut short. Pages can be handed on as they come:
    ``flatten(search(server, "Patient"))``.
    """
    pairs: list[tuple[str, str]] = []
    given: Iterable[Any] = parameters.items() if isinstance(parameters, Mapping) else parameters
    for name, value in given:
        values = value if isinstance(value, (list, tuple)) else [value]
        pairs.extend((str(name), str(one)) for one in values)
    access = {
        "user": user,
        "password": password,
        "token": token,
        "count": count,
        "max_pages": max_pages,
    }
    return _native.Search(server, resource, pairs, access)
