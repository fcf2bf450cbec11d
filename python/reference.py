"""Prints docs/reference.md, made from the package's own signatures and docstrings."""

from __future__ import annotations

import inspect
import re
import sys

# The installed package, not the sources beside this file.
sys.path.pop(0)

import fhirtab  # noqa: E402
import fhirtab.errors  # noqa: E402
import fhirtab.spark  # noqa: E402


def signature(thing: object, name: str) -> str:
    try:
        text = str(inspect.signature(thing))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return name
    text = re.sub(r"'([^']*)'(?=[,)=\]]| =|$)", r"\1", text)
    text = text.replace("typing.", "")
    if len(text) > 90:
        text = "(\n    " + ",\n    ".join(re.split(r", (?![^\[]*\])", text[1 : text.rindex(")")])) + ",\n)"
    return name + text


def words(thing: object) -> str:
    text = inspect.getdoc(thing) or ""
    out, inside = [], False
    for line in text.splitlines():
        example = line.startswith(">>>") or inside and line.strip() != ""
        if example and not inside:
            out.append("```pycon")
        if inside and not example:
            out.append("```")
        inside = example
        out.append(re.sub(r":(?:func|class):`([^`]*)`", r"`\1`", line).replace("``", "`") if not example else line)
    if inside:
        out.append("```")
    return "\n".join(out)


def entry(module: str, name: str, thing: object) -> None:
    print(f"### {module}{name}\n")
    if callable(thing) and not inspect.isclass(thing):
        print(f"```\n{signature(thing, name)}\n```\n")
    print(words(thing) + "\n")


def main() -> None:
    print("# Reference\n\nMade by `python/reference.py` from the package itself.\n\n## fhirtab\n")
    for name in ("flatten", "crack", "melt", "batches", "view", "search", "describe", "description", "shipped_views"):
        entry("fhirtab.", name, getattr(fhirtab, name))
    print("## What comes back\n")
    entry("", "Tables", fhirtab.Tables)
    entry("", "Views", fhirtab.Views)
    print("### Table\n\n" + words(fhirtab.Table) + "\n")
    for name in ("name", "num_rows", "num_batches", "column_names", "nbytes", "fields", "batch", "csv"):
        first = (inspect.getdoc(getattr(fhirtab.Table, name)) or "").splitlines()
        print(f"- `{name}`: {first[0] if first else ''}")
    print("\n## fhirtab.spark\n")
    for name in fhirtab.spark.__all__:
        entry("fhirtab.spark.", name, getattr(fhirtab.spark, name))
    print("## Exceptions\n")
    for name in ("FhirtabError", "OptionError", "DescriptionError", "InputError", "ViewError", "SearchError"):
        entry("", name, getattr(fhirtab.errors, name))


if __name__ == "__main__":
    main()
