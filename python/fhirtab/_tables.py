"""What a run gives: tables by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ._native import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Tables(Mapping[str, Table]):
    """Tables by name, with what was left out and what became of the resources.

    Each table can be read as often as wanted by anything that takes Arrow: ``pyarrow.table(t)``,
    ``polars.DataFrame(t)``, ``pandas.DataFrame.from_arrow(t)``, ``duckdb.sql("select * from t")``.
    """

    def __init__(
        self,
        tables: dict[str, Table],
        defects: Table,
        rejected: Table,
        summary: dict[str, Any],
    ) -> None:
        self._tables = tables
        #: Values left out or changed: table, resource id, column, index and kind.
        self.defects = defects
        #: Parts of inputs that could not be read: input, line, column, byte, resource and reason.
        self.rejected = rejected
        #: Counts of pages and resources: every one is a row or has a reason.
        self.summary = summary

    def __getitem__(self, name: str) -> Table:
        try:
            return self._tables[name]
        except KeyError:
            raise KeyError(f"no table {name}; there are: {', '.join(self._tables)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __repr__(self) -> str:
        shown = [f"{name}: {len(table)}" for name, table in self._tables.items() if len(table)]
        return f"<Tables {', '.join(shown) or 'without rows'}>"


class Views(Mapping[str, Table]):
    """Tables of views by name; ``misfits`` counts values that are not of their column's type, by view and column."""

    def __init__(
        self,
        tables: dict[str, Table],
        rejected: Table,
        summary: dict[str, Any],
        misfits: dict[str, dict[str, int]],
    ) -> None:
        self._tables = tables
        #: Parts of inputs that could not be read: input, line, column, byte and reason.
        self.rejected = rejected
        self.summary = summary
        self.misfits = misfits

    def __getitem__(self, name: str) -> Table:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __repr__(self) -> str:
        return f"<Views {', '.join(f'{name}: {len(table)}' for name, table in self._tables.items())}>"
