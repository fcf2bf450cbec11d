"""Inputs of all kinds, brought to those the compiled part takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from .errors import OptionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def each(value: Any) -> Iterator[Any]:
    """Paths as text, bytes, tables and file objects, one after the other; iterables are asked as needed."""
    if isinstance(value, str):
        if value.lstrip()[:1] in ("{", "<"):
            yield value.encode()
        elif _has_magic(value) and not os.path.exists(value):
            import glob

            found = sorted(glob.glob(value, recursive=True))
            if not found:
                raise FileNotFoundError(2, "no file fits the pattern", value)
            yield from found
        else:
            yield value
    elif isinstance(value, os.PathLike):
        yield os.fspath(value)
    elif isinstance(value, bytes):
        yield value
    elif isinstance(value, (bytearray, memoryview)):
        yield bytes(value)
    elif hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__"):
        yield value
    elif hasattr(value, "read"):
        yield value
    elif isinstance(value, Iterable) and not isinstance(value, Mapping):
        for item in value:
            yield from each(item)
    else:
        raise OptionError(
            f"an input is a path, a pattern, bytes, a file object, a table, or several of them, not {type(value).__name__}"
        )


def _has_magic(path: str) -> bool:
    return any(mark in path for mark in "*?[")


def size(value: Any) -> int | None:
    """Bytes of files, as far as they are known before they are read."""
    total = 0
    paths: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    for path in paths:
        if not isinstance(path, (str, os.PathLike)):
            return None
        try:
            path = os.fspath(path)
            if os.path.isdir(path):
                for folder, _, names in os.walk(path):
                    total += sum(os.path.getsize(os.path.join(folder, name)) for name in names)
            else:
                total += os.path.getsize(path)
        except OSError:
            return None
    return total


def watcher(progress: Any, value: Any) -> tuple[Callable[[int], object] | None, Callable[[], None]]:
    """What is told how many bytes were read, and what ends it. ``True`` is a bar of tqdm, where that is installed."""
    if progress is None or progress is False:
        return None, _nothing
    if progress is not True:
        total = size(value)
        return (lambda done: progress(done, total)), _nothing
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None, _nothing
    bar = tqdm(total=size(value), unit="B", unit_scale=True)

    def advance(done: int) -> None:
        bar.update(done - bar.n)

    return advance, bar.close


def _nothing() -> None:
    return None
