"""Rows of CSV, Excel and Parquet files in chunks, each row with its number as a person counts."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from workers.cli.errors import UserError
from workers.importer.model import Layout

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

#: Rows of a chunk: enough for columns to pay off, and a few tens of megabytes at most.
CHUNK_ROWS = 50_000
_SEPARATORS = ",;\t|"
_KINDS: dict[str, Literal["csv", "excel", "parquet"]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "csv"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "excel"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
}


@dataclass(frozen=True, slots=True)
class Flaw:
    """A row that could not be taken apart: its number, a reason code, a sentence, and its text."""

    row: int
    reason: str
    detail: str
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some rows of a file: `rows` (int64) holds the number of each row of `frame`; `flaws` are the others.

    `read` of `size` bytes of the file are behind.
    """

    frame: pl.DataFrame
    rows: pl.Series
    flaws: tuple[Flaw, ...]
    read: int
    size: int


class Table:
    """One input file. `columns` are its header; reading starts with `chunks`.

    Raises `UserError` for a file that cannot be read as what its ending says.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path = path
        self.name = path.name
        self._layout = layout
        kind = _KINDS.get(path.suffix.lower())
        if not path.is_file():
            raise UserError(
                f"`{path}` is not there: check the name" if not path.exists() else f"`{path}` is not a file"
            )
        if kind is None:
            raise UserError(f"`{path}` is of no known kind: give files that end in {', '.join(_KINDS)}")
        self.kind = kind
        self._sheet: pl.DataFrame | None = None
        self._header_row = 0
        self.columns = {
            "csv": self._csv_header,
            "excel": self._excel_header,
            "parquet": self._parquet_header,
        }[kind]()
        counted = Counter(self.columns)
        self.repeated = frozenset(name for name, count in counted.items() if count > 1)

    def chunks(self) -> Iterator[Chunk]:
        """The rows in order. Text files give text columns; Parquet files give the types they have."""
        if self.kind == "csv":
            return self._csv_chunks()
        return self._excel_chunks() if self.kind == "excel" else self._parquet_chunks()

    # CSV: Python's reader, because it knows the line of every record and never guesses about a ragged one.

    def _decoded(self, binary: BufferedReader) -> TextIOWrapper:
        """The text, a byte order mark left out; bytes that are no text become lone surrogates."""
        name = self._layout.encoding.lower().replace("_", "-")
        encoding = "utf-8-sig" if name in {"utf-8", "utf8"} else name
        return TextIOWrapper(binary, encoding=encoding, errors="surrogateescape", newline="")

    def _csv_header(self) -> list[str]:
        with self.path.open("rb") as binary:
            file = self._decoded(binary)
            try:
                first = file.readline()
            except UnicodeError:
                raise UserError(
                    f"`{self.path}` is not text in `{self._layout.encoding}`: say its `encoding`"
                ) from None
            if not first.strip():
                raise UserError(f"`{self.path}` is empty: the first line must name the columns")
            self._separator = self._layout.separator or max(_SEPARATORS, key=_outside_quotes(first).count)
            file.seek(0)
            header = next(csv.reader(file, delimiter=self._separator))
        return [name.strip() or f"column {index}" for index, name in enumerate(header, 1)]

    def _csv_chunks(self) -> Iterator[Chunk]:
        size = self.path.stat().st_size
        with self.path.open("rb") as binary:
            file = self._decoded(binary)
            reader = csv.reader(file, delimiter=self._separator, strict=True)
            next(reader)
            while True:
                records, lines, flaws, more = self._csv_records(reader)
                yield self._csv_chunk(records, lines, flaws, binary.tell(), size)
                if not more:
                    return

    def _csv_records(self, reader: CsvReader) -> tuple[list[list[str]], list[int], list[Flaw], bool]:
        """The next records of the right width, the lines they begin in, flawed ones, and whether to go on."""
        records: list[list[str]] = []
        lines: list[int] = []
        flaws: list[Flaw] = []
        width = len(self.columns)
        while len(records) + len(flaws) < CHUNK_ROWS:
            line = reader.line_num + 1
            try:
                record = next(reader)
            except StopIteration:
                return records, lines, flaws, False
            except csv.Error as error:
                flaws.append(Flaw(line, "not_csv", f"the row is not valid CSV: {error}", ""))
                continue
            if len(record) == width:
                records.append(record)
                lines.append(line)
            elif record:
                detail = f"the row has {len(record)} cells, and the header {width}"
                flaws.append(Flaw(line, "wrong_width", detail, _readable(self._separator.join(record))))
        return records, lines, flaws, True

    def _csv_chunk(
        self, records: list[list[str]], lines: list[int], flaws: list[Flaw], read: int, size: int
    ) -> Chunk:
        names = _unique(self.columns)
        try:
            frame = _text_frame(names, records)
        except UnicodeEncodeError:
            whole = [_encodable(record) for record in records]
            for record, line, good in zip(records, lines, whole, strict=True):
                if not good:
                    detail = f"the row is not text in {self._layout.encoding}"
                    flaws.append(Flaw(line, "not_text", detail, _readable(self._separator.join(record))))
            lines = [line for line, good in zip(lines, whole, strict=True) if good]
            frame = _text_frame(names, [record for record, good in zip(records, whole, strict=True) if good])
        return Chunk(frame, pl.Series("row", lines, pl.Int64), tuple(flaws), read, size)

    def _excel_header(self) -> list[str]:
        try:
            import fastexcel
        except ImportError:
            raise UserError(
                f"`{self.path}` is an Excel file, and reading it needs a package that is not installed",
                hint="install it with `pip install 'tierline[excel]'`, or save the sheet as CSV",
            ) from None
        try:
            book = fastexcel.read_excel(self.path)
            sheet = self._layout.sheet
            if sheet is not None and sheet not in book.sheet_names:
                raise UserError(f"`{self.path}` has no sheet `{sheet}`: it has {', '.join(book.sheet_names)}")
            # Rows as they stand: no header guessed, no empty rows skipped, so that the numbers are right.
            loaded = book.load_sheet(sheet or 0, header_row=None, skip_rows=0, dtypes="string")
        except fastexcel.FastExcelError as error:
            raise UserError(
                f"`{self.path}` cannot be read as a spreadsheet: {str(error).splitlines()[0]}"
            ) from None
        frame = loaded.to_polars()
        filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series().arg_true()
        if filled.is_empty():
            raise UserError(f"`{self.path}` is empty: the first row must name the columns")
        self._header_row = (self._layout.header_row or int(filled[0]) + 1) - 1
        if self._header_row >= frame.height:
            raise UserError(f"`{self.path}` has no row {self._header_row + 1} to name the columns")
        self._sheet = frame
        header = frame.row(self._header_row)
        return [(name or "").strip() or f"column {index}" for index, name in enumerate(header, 1)]

    def _excel_chunks(self) -> Iterator[Chunk]:
        assert self._sheet is not None  # noqa: S101 - set with the header
        frame = self._sheet.rename(dict(zip(self._sheet.columns, _unique(self.columns), strict=True)))
        rows = pl.Series("row", range(1, frame.height + 1), pl.Int64)
        begin = self._header_row + 1
        full = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        for first in range(begin, frame.height, CHUNK_ROWS):
            part = slice(first, min(first + CHUNK_ROWS, frame.height))
            kept = full[part]
            yield Chunk(frame[part].filter(kept), rows[part].filter(kept), (), part.stop, frame.height)

    def _parquet_header(self) -> list[str]:
        try:
            return [str(name) for name in pq.read_schema(self.path).names]
        except pa.ArrowException as error:
            raise UserError(
                f"`{self.path}` cannot be read as Parquet: {str(error).splitlines()[0]}"
            ) from None

    def _parquet_chunks(self) -> Iterator[Chunk]:
        with pq.ParquetFile(self.path) as file:
            row, total = 1, file.metadata.num_rows
            for batch in file.iter_batches(batch_size=CHUNK_ROWS):
                table = pa.Table.from_batches([batch]).rename_columns(_unique(self.columns))
                frame = pl.DataFrame(pl.from_arrow(table))
                rows = pl.Series("row", range(row, row + frame.height), pl.Int64)
                row += frame.height
                yield Chunk(frame, rows, (), row - 1, total)


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _unique(names: list[str]) -> list[str]:
    """The names, with a mark behind repeated ones (a mapping that reads a repeated column is refused)."""
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name}\0{seen[name]}")
    return result


def _text_frame(names: list[str], records: list[list[str]]) -> pl.DataFrame:
    columns = zip(*records, strict=True) if records else ([] for _ in names)
    return pl.DataFrame(
        [pl.Series(name, list(column), pl.String) for name, column in zip(names, columns, strict=True)]
    )


def _encodable(record: list[str]) -> bool:
    return not any("\udc80" <= character <= "\udcff" for cell in record for character in cell)


def _readable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
