"""Event files: which there are, and their records one by one, as they stand (S10)."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from rules.intake.row_json import is_text, rows_json
from workers.cli.errors import UserError

#: The endings of the files that are taken from a folder.
PACKINGS = ("", ".gz", ".zst")
SUFFIXES = (*(f".{name}{packing}" for name in ("ndjson", "jsonl") for packing in PACKINGS), ".parquet")

#: Without these columns a Parquet file holds no events.
REQUIRED_COLUMNS = ("event_id", "type", "occurred_at", "customer_id")

Kind = Literal["plain", "gzip", "zstd", "parquet"]
_MAGIC: dict[bytes, Kind] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PAR1": "parquet"}
_BATCH_ROWS = 20_000
_CHUNK_BYTES = 1 << 18

#: What reading a packed file may raise: it ends too early, or its bytes make no sense.
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError)
#: What reading a Parquet file may raise: some damage inside a page comes as an OSError without a file name.
DAMAGED_PARQUET = (pa.ArrowException, OSError)


@dataclass(frozen=True, slots=True)
class EventFile:
    """A file of events; `name` is its base name, as dead letters and the order of S10 use it."""

    path: Path
    kind: Kind

    @property
    def name(self) -> str:
        """The base name."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class Record:
    """A line without its end, or a Parquet row as compact JSON; `position` is its 1-based line or row."""

    raw: bytes
    position: int


def find_event_files(paths: Sequence[Path]) -> list[EventFile]:
    """The files named, and those in the folders named, in this order; within a folder by name.

    Raises `UserError` for a path that does not exist or cannot be read, and for a folder without event files.
    """
    files: list[EventFile] = []
    for path in paths:
        if not path.is_dir():
            files.append(EventFile(path, _kind(path)))
            continue
        found = [each for each in path.iterdir() if each.name.endswith(SUFFIXES) and each.is_file()]
        if not found:
            raise UserError(
                f"the folder `{path}` holds no event files: name one with files such as `events.ndjson`",
                f"files are known by their endings: {', '.join(SUFFIXES)}",
            )
        files += [EventFile(each, _kind(each)) for each in sorted(found, key=lambda each: each.name.encode())]
    return files


def read_records(file: EventFile) -> Iterator[Record]:
    """The records of a file in order, blank lines left out; raises `UserError` where it is damaged."""
    if file.kind == "parquet":
        yield from _read_rows(file)
        return
    try:
        with open_lines(file) as stream:
            for position, line in enumerate(stream, start=1):
                raw = line.rstrip(b"\r\n")
                if raw.strip(b" \t\r"):
                    yield Record(raw, position)
    except DAMAGED as error:
        raise UserError(f"`{file.path}` is damaged: it cannot be unpacked to its end") from error


def open_lines(file: EventFile) -> BinaryIO:
    """The unpacked bytes of an NDJSON file; reading raises one of `DAMAGED` where it cannot be unpacked."""
    if file.kind == "gzip":
        return cast(BinaryIO, gzip.open(file.path, "rb"))
    if file.kind == "zstd":
        return io.BufferedReader(_ZstdStream(file.path), _CHUNK_BYTES)
    return file.path.open("rb")


def open_parquet(file: EventFile, few: Sequence[str] = ()) -> pq.ParquetFile:
    """A Parquet file of events; raises `UserError` where it is damaged or has not the columns of one.

    The texts of the columns `few` come as dictionaries: it is read from its footer which of them it has.
    """
    try:
        opened = pq.ParquetFile(file.path, pre_buffer=False)
        texts = [each.name for each in opened.schema_arrow if each.name in few and is_text(each.type)]
        if texts:
            known = opened.metadata
            opened.close()
            opened = pq.ParquetFile(file.path, pre_buffer=False, metadata=known, read_dictionary=texts)
    except DAMAGED_PARQUET as error:
        raise UserError(f"`{file.path}` is damaged: it cannot be read as Parquet") from error
    missing = [name for name in REQUIRED_COLUMNS if name not in opened.schema_arrow.names]
    if missing:
        raise UserError(
            f"`{file.path}` has no column `{missing[0]}`: it is not a file of events",
            "`tierline import` makes events of tables in any layout",
        )
    return opened


class _ZstdStream(io.RawIOBase):
    """All frames of a zstd file, one after the other; a frame that is cut off raises EOFError."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._packed = b""
        self._unpacked = memoryview(b"")
        self._begun = False

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Unpack as much as is at hand, or fits."""
        while not self._unpacked:
            self._packed = self._packed or self._file.read(_CHUNK_BYTES)
            if not self._packed:
                if self._begun:
                    raise EOFError("the last frame is cut off")
                return 0
            self._unpacked = memoryview(self._frame.decompress(self._packed))
            self._packed, self._begun = b"", True
            if self._frame.eof:
                self._packed, self._begun = self._frame.unused_data, False
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        size = min(len(buffer), len(self._unpacked))
        buffer[:size] = self._unpacked[:size]
        self._unpacked = self._unpacked[size:]
        return size

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _read_rows(file: EventFile) -> Iterator[Record]:
    position = 0
    with open_parquet(file) as opened:
        try:
            for batch in opened.iter_batches(_BATCH_ROWS):
                for raw in rows_json(batch, range(batch.num_rows)):
                    position += 1
                    yield Record(raw, position)
        except DAMAGED_PARQUET as error:
            raise UserError(f"`{file.path}` is damaged: it cannot be read to its end") from error


def _kind(path: Path) -> Kind:
    if path.exists() and not path.is_file():
        raise UserError(f"`{path}` is not a regular file: event files are read more than once")
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        raise UserError(f"`{path}`: {reason}") from error
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), "plain")
