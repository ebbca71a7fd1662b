"""Event files: one a topic, NDJSON or Parquet, that appear only when they are whole."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from rules.engine.event import TOPICS, Topic
from workers.cli.errors import UserError

Format = Literal["ndjson", "parquet"]

#: Columns with few different values, for which Parquet's dictionary encoding pays.
_FEW_VALUES = ["type", "currency", "channel", "method", "topic", "attributes", "customer_id"]
#: What JSON strings may not hold as it is.
_TO_ESCAPE = r'["\\\x00-\x1f]'
_PARTIAL = ".partial"


class EventFiles:
    """The files of one output folder, written under other names and put in place by `finish`.

    As a context manager it removes what is unfinished. `summary` is the base name of the JSON file that marks
    the folder as an output of this program: an earlier output is replaced, any other content is refused with
    a `UserError`.
    """

    def __init__(self, folder: Path, kind: Format, summary: str) -> None:
        self.folder = folder
        self.kind: Format = kind
        self.summary = summary
        self._parquet: dict[Topic, pq.ParquetWriter] = {}
        self._plain: dict[str, IO[bytes]] = {}
        self._partial: dict[Path, Path] = {}
        if folder.exists() and not folder.is_dir():
            raise UserError(f"`{folder}` is a file: give a folder to write to")
        if not (folder / summary).exists() and any(_is_foreign(path) for path in folder.rglob("*")):
            raise UserError(f"`{folder}` holds other files: give a new folder, or empty this one")
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        for partial in self._partial.values():
            partial.unlink(missing_ok=True)

    def write(self, topic: Topic, table: pa.Table) -> None:
        """Append events of one topic; all tables of a topic have the same schema."""
        if table.num_rows == 0:
            return
        if self.kind == "ndjson":
            self.lines(f"{topic}.ndjson").write(ndjson(table))
            return
        writer = self._parquet.get(topic)
        if writer is None:
            path = self._reserve(self.folder / f"{topic}.parquet")
            few = [name for name in _FEW_VALUES if name in table.schema.names]
            writer = pq.ParquetWriter(
                path, table.schema, compression="zstd", compression_level=1, use_dictionary=few
            )
            self._parquet[topic] = writer
        writer.write_table(table)

    def lines(self, name: str) -> IO[bytes]:
        """The plain file of this name relative to the folder, open for appending until `finish`."""
        if name not in self._plain:
            path = self._reserve(self.folder / name)
            self._plain[name] = path.open("wb")
        return self._plain[name]

    def finish(self, summary: dict[str, object]) -> None:
        """Put the files in place of an earlier output, the summary last."""
        self._close()
        (self.folder / self.summary).unlink(missing_ok=True)
        for topic in TOPICS:
            for ending in ("ndjson", "parquet"):
                (self.folder / f"{topic}.{ending}").unlink(missing_ok=True)
        for final, partial in self._partial.items():
            partial.replace(final)
        self._partial.clear()
        partial = self._reserve(self.folder / self.summary)
        partial.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(self._partial.popitem()[0])

    def _reserve(self, final: Path) -> Path:
        final.parent.mkdir(parents=True, exist_ok=True)
        self._partial[final] = final.with_name(final.name + _PARTIAL)
        return self._partial[final]

    def _close(self) -> None:
        for writer in self._parquet.values():
            writer.close()
        for file in self._plain.values():
            file.close()


def _is_foreign(path: Path) -> bool:
    """Whether it is a file, and not what a run that was killed left behind."""
    return path.is_file() and path.suffix != _PARTIAL


def ndjson(table: pa.Table) -> memoryview:
    """The events of a table as lines of compact JSON, absent fields left out.

    Columns: text, timestamps in UTC (RFC 3339), decimals (as text, exact), integers; `attributes` is text
    that is JSON already. Every row needs the first column.
    """
    frame = pl.DataFrame(pl.from_arrow(table))
    parts: list[pl.Expr] = []
    for column in frame.iter_columns():
        if column.null_count() == len(column):
            continue
        start = "," if parts else "{"
        value = _json_value(column)
        member = pl.concat_str(pl.lit(f"{start}{json.dumps(column.name)}:"), value)
        parts.append(member if not column.null_count() else member.fill_null(""))
    text = frame.select(pl.concat_str(*parts, pl.lit("}\n")).alias("line"))["line"]
    lines = text.to_arrow(compat_level=pl.CompatLevel.oldest())
    first, last = lines.offset, lines.offset + len(lines)
    _, offsets, data = lines.buffers()
    bounds = memoryview(offsets).cast("q")
    return memoryview(data)[bounds[first] : bounds[last]]


def _json_value(column: pl.Series) -> pl.Expr:
    """The JSON text of a column's values; null stays null."""
    value = pl.col(column.name)
    if column.name == "attributes" or column.dtype.is_integer():
        return value.cast(pl.String)
    if isinstance(column.dtype, pl.Datetime):
        return value.dt.strftime('"%Y-%m-%dT%H:%M:%S%.6fZ"')
    if column.dtype == pl.String and column.str.contains(_TO_ESCAPE).any():
        # JSON's escapes come from the encoder of structs: `{"x":"…"}` less its first and last marks.
        wrapped = pl.struct(value.alias("x")).struct.json_encode()
        return pl.when(value.is_not_null()).then(wrapped.str.slice(5).str.head(-1))
    return pl.concat_str(pl.lit('"'), value.cast(pl.String), pl.lit('"'))
