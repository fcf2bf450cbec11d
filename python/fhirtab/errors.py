"""Exceptions of fhirtab. They say where, never what: no value of the data stands in them."""

from __future__ import annotations


class FhirtabError(Exception):
    """Any error of this package."""


class OptionError(FhirtabError, ValueError):
    """An argument cannot be used; the text says which and why."""


class DescriptionError(FhirtabError, ValueError):
    """A table description cannot be read or followed; the text lists its faults."""


class InputError(FhirtabError):
    """A part of an input cannot be read.

    ``input`` names it (a path, or ``row 7`` of a table), ``line`` and ``column`` count from 1, ``byte`` from 0.
    """

    def __init__(
        self,
        message: str,
        *,
        input: str = "",
        line: int | None = None,
        column: int | None = None,
        byte: int | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(message)
        self.input = input
        self.line = line
        self.column = column
        self.byte = byte
        self.reason = reason


class ViewError(FhirtabError, ValueError):
    """A view is wrong, or a resource does not fit it; ``pointer`` is the place in the view, ``resource`` counts from 1."""

    def __init__(
        self,
        message: str,
        *,
        view: str | None = None,
        pointer: str | None = None,
        resource: int | None = None,
    ) -> None:
        super().__init__(message)
        self.view = view
        self.pointer = pointer
        self.resource = resource


class SearchError(FhirtabError):
    """A search is incomplete: ``page`` could not be had, ``pages`` with ``entries`` had come before."""

    def __init__(
        self,
        message: str,
        *,
        page: int | None = None,
        pages: int = 0,
        entries: int = 0,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.page = page
        self.pages = pages
        self.entries = entries
        self.status = status
