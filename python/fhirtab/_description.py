"""Table descriptions as Python writes them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ._native import Description
from .errors import OptionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    #: ``None`` (the built-in one), a path, a dictionary, or one that was made before.
    DescriptionLike = Union[None, str, "os.PathLike[str]", Mapping[str, Any], Description]


def description(given: DescriptionLike) -> Description:
    """Makes a description.

    A dictionary has tables by name. A table is the dictionary of its columns, ``{"id": "id", "born": ("birthDate",
    "date")}`` (name: path, or path and type), with the resource type as its name; or it says more:
    ``{"resource": "Patient", "columns": {...}, "melt": "aligned"}``.

    >>> import fhirtab
    >>> fhirtab.description({"Patient": {"id": "id", "born": ("birthDate", "date")}})
    <Description: 1 tables, 2 columns>
    """
    if given is None:
        return Description.default()
    if isinstance(given, Description):
        return given
    if isinstance(given, (str, os.PathLike)):
        return Description.read(given)
    if isinstance(given, Mapping):
        return Description.of([_table(name, table) for name, table in given.items()])
    raise OptionError(f"a description is a path, a dictionary or nothing, not {type(given).__name__}")


def _table(name: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, Mapping):
        raise OptionError(f"table {name} of the description is a dictionary of columns")
    columns = table.get("columns")
    if isinstance(columns, Mapping):
        resource = table.get("resource", name)
        melt = mode(table.get("melt", "product")) or "product"
    else:
        columns, resource, melt = table, name, "product"
    return {
        "table": name.lower(),
        "resource": resource,
        "prefix": "",
        "melt": melt,
        "columns": [_column(name, column, given) for column, given in columns.items()],
    }


def _column(table: str, name: str, given: Any) -> tuple[str, str, str, bool, bool]:
    if isinstance(given, str):
        return (name, given, "string", False, False)
    if isinstance(given, (tuple, list)) and len(given) == 2:
        return (name, str(given[0]), str(given[1]), False, False)
    raise OptionError(f"column {name} of table {table} is a path, or a path and a type")


def mode(given: Any) -> str | None:
    """How repetitions become rows: ``product``, ``aligned``, ``child`` or a list of paths."""
    if given is None or isinstance(given, str):
        return given
    return "only " + " ".join(given)
