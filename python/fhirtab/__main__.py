"""``python -m fhirtab``: crack, melt, flatten, view and describe files, as the program cds2db does."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from typing import Any

import fhirtab
from fhirtab import Table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fhirtab", description="FHIR to tables")
    parser.add_argument("--version", action="version", version=fhirtab.__version__)
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name: str, help: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=help)
        made.add_argument("--description", metavar="FILE", help="workbook, CSV file or folder; built in if not given")
        return made

    def output(made: argparse.ArgumentParser) -> None:
        made.add_argument("--out", metavar="DIR", required=True, help="folder for the tables")
        made.add_argument("--format", choices=("csv", "parquet"), default="csv")
        made.add_argument("--threads", type=int)

    def melting(made: argparse.ArgumentParser) -> None:
        made.add_argument("--mode", choices=("product", "aligned", "child"))
        made.add_argument("--text", action="store_true", help="texts as they are, without types")
        made.add_argument("--zone", default="Europe/Berlin")

    flatten = verb("flatten", "crack, melt and type files to flat tables in one pass")
    output(flatten)
    melting(flatten)
    flatten.add_argument("input", nargs="+")
    crack = verb("crack", "crack files to raw tables")
    output(crack)
    crack.add_argument("input", nargs="+")
    melt = verb("melt", "melt a raw table in a CSV or Parquet file")
    melting(melt)
    melt.add_argument("--table", required=True)
    melt.add_argument("--out", metavar="FILE", required=True)
    melt.add_argument("raw")
    view = verbs.add_parser("view", help="run views of SQL on FHIR over files")
    output(view)
    view.add_argument("--view", action="append", required=True, metavar="FILE")
    view.add_argument("input", nargs="+")
    describe = verb("describe", "list tables and columns")
    describe.add_argument("--table")
    search = verbs.add_parser("search", help="fetch all pages of a search into a folder")
    search.add_argument("--out", metavar="DIR", required=True)
    search.add_argument("--count", type=int)
    search.add_argument("server")
    search.add_argument("resource")
    search.add_argument("parameter", nargs="*", metavar="NAME=VALUE")
    return parser


class _Files:
    """One file a table, opened with its first rows."""

    def __init__(self, folder: str, format: str, quote_all: bool) -> None:
        os.makedirs(folder, exist_ok=True)
        self.folder, self.format, self.quote_all = folder, format, quote_all
        self.files: dict[str, Any] = {}
        self.rows: dict[str, int] = {}

    def write(self, table: Table, name: str | None = None) -> None:
        name = name or table.name
        self.rows[name] = self.rows.get(name, 0) + len(table)
        if self.format == "csv":
            header = name not in self.files
            if header:
                self.files[name] = open(os.path.join(self.folder, f"{name}.csv"), "wb")
            self.files[name].write(table.csv(header=header, quote_all=self.quote_all))
            return
        import pyarrow
        import pyarrow.parquet

        reader = pyarrow.RecordBatchReader.from_stream(table)
        if name not in self.files:
            path = os.path.join(self.folder, f"{name}.parquet")
            self.files[name] = pyarrow.parquet.ParquetWriter(path, reader.schema)
        for batch in reader:
            self.files[name].write_batch(batch)

    def close(self) -> None:
        for file in self.files.values():
            file.close()
        for name, rows in self.rows.items():
            if name not in ("defects", "rejected"):
                print(f"{name + '.' + self.format:<40}{rows:>12} rows")


def _stream(args: argparse.Namespace, rows: Any, **options: Any) -> int:
    files = _Files(args.out, args.format, quote_all=rows == "raw")
    if args.threads:
        options["threads"] = args.threads
    if args.format == "parquet":
        # Parquet has no views; plain texts are written without a copy in between.
        options["types"] = "delta"
    for shape in fhirtab.describe(args.description, rows=rows, **options).values():
        files.write(shape)
    unread = 0
    inputs: Iterator[Any] = (sys.stdin.buffer if path == "-" else path for path in args.input)
    for table in fhirtab.batches(
        inputs, args.description, rows=rows, errors="collect", **options
    ):
        if table.name == "rejected":
            unread += len(table)
            _tell(table)
        else:
            files.write(table)
    files.close()
    return 1 if unread else 0


def _tell(rejected: Table) -> None:
    for line in rejected.csv(header=False).decode().splitlines():
        print(f"error: {line}", file=sys.stderr)


def _run(args: argparse.Namespace) -> int:
    if args.verb == "flatten":
        rows = "text" if args.text else "typed"
        return _stream(args, rows, mode=args.mode, zone=args.zone)
    if args.verb == "crack":
        return _stream(args, "raw")
    if args.verb == "melt":
        import pyarrow
        import pyarrow.csv
        import pyarrow.parquet

        if args.raw.endswith(".parquet"):
            raw = pyarrow.parquet.read_table(args.raw)
        else:
            names = pyarrow.csv.open_csv(args.raw).schema.names
            convert = pyarrow.csv.ConvertOptions(
                column_types={name: pyarrow.string() for name in names},
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
            )
            parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
            raw = pyarrow.csv.read_csv(args.raw, convert_options=convert, parse_options=parse)
        melted = fhirtab.melt(
            raw, args.table, args.description, mode=args.mode, typed=not args.text, zone=args.zone
        )
        stem, ending = os.path.splitext(args.out)
        for name, table in melted.items():
            rest = name[len(args.table) :]
            with open(f"{stem}{rest}{ending}", "wb") as file:
                file.write(table.csv())
            print(f"{name:<40}{len(table):>12} rows")
        return 0
    if args.verb == "view":
        files = _Files(args.out, args.format, quote_all=False)
        types: Any = "delta" if args.format == "parquet" else "native"
        inputs: list[Any] = [sys.stdin.buffer if path == "-" else path for path in args.input]
        views = fhirtab.view(inputs, args.view, types=types, errors="collect")
        for table in views.values():
            files.write(table)
        files.close()
        _tell(views.rejected)
        return 1 if len(views.rejected) else 0
    if args.verb == "describe":
        for name, shape in fhirtab.describe(args.description).items():
            if args.table in (None, name):
                for column, (arrow, known) in shape.fields().items():
                    print(f"{name}\t{column}\t{known.get('fhir.path', '')}\t{known.get('fhir.type', '')}\t{arrow}")
        return 0
    os.makedirs(args.out, exist_ok=True)
    pairs = [(name, value) for name, _, value in (pair.partition("=") for pair in args.parameter)]
    pages = fhirtab.search(args.server, args.resource, pairs, count=args.count)
    for number, page in enumerate(pages, 1):
        ending = "xml" if page.lstrip()[:1] == b"<" else "json"
        with open(os.path.join(args.out, f"{args.resource}.{number:06}.{ending}"), "wb") as out:
            out.write(page)
    complete = pages.complete or {}
    print(f"{complete.get('pages')} pages, {complete.get('matches')} matches, complete")
    return 0


def main(arguments: list[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    try:
        return _run(args)
    except (fhirtab.FhirtabError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
