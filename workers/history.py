"""Read a history of changes: the fields that tell a move, in blocks, with the place of each line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from workers.cli.errors import UserError

FILE_NAME = "changes.ndjson"

#: What names a change and says where it led; the other fields of a body are not read.
FIELDS: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "life": pl.Int64(),
    "dimension": pl.String(),
    "sequence": pl.Int64(),
    "from": pl.String(),
    "to": pl.String(),
    "effective_at": pl.String(),
}
_REQUIRED = [name for name in FIELDS if name != "from"]

#: Large enough that the work for a block outweighs its overhead, small enough to be of no weight in memory.
BLOCK_BYTES = 32 * 1024 * 1024
#: Holds some fifty changes.
TAIL_BYTES = 64 * 1024
_NEWLINE = 10


def find_history(path: Path) -> Path:
    """The file of changes that a path means: itself, or the one in the folder; raises UserError."""
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        raise UserError(
            f"there is no history at `{path}`",
            hint=f"name the output folder of a replay, or a file like `{FILE_NAME}`",
        )
    return file


def read_blocks(path: Path) -> Iterator[pl.DataFrame]:
    """The changes of a file in its order, block by block.

    Columns: FIELDS, `start` (int64, the byte at which the line begins) and `digest` (uint64, of the line).
    Raises UserError with the number of the first line that is not a change.
    """
    with path.open("rb") as file:
        position = lines = 0
        while block := _read_lines(file):
            frame = _frame(block, position, lines, path)
            position += len(block)
            lines += block.count(b"\n")
            yield frame


def read_change(path: Path, start: int) -> dict[str, Any]:
    """The change whose line begins at a byte of the file."""
    with path.open("rb") as file:
        file.seek(start)
        change: dict[str, Any] = json.loads(file.readline())
        return change


def last_changes(path: Path, number: int) -> list[dict[str, Any]]:
    """The last changes of a file, in its order; reads its end only."""
    blocks: list[bytes] = []
    newlines = 0
    with path.open("rb") as file:
        position = file.seek(0, io.SEEK_END)
        while position > 0 and newlines <= number:
            size = min(TAIL_BYTES, position)
            position -= size
            file.seek(position)
            blocks.append(file.read(size))
            newlines += blocks[-1].count(b"\n")
    lines = [line for line in b"".join(reversed(blocks)).split(b"\n") if line]
    return [json.loads(line) for line in lines[max(0, len(lines) - number) :]]


def _read_lines(file: BinaryIO) -> bytes:
    block = file.read(BLOCK_BYTES)
    if block and not block.endswith(b"\n"):
        block += file.readline()
        if not block.endswith(b"\n"):
            block += b"\n"
    return block


def _frame(block: bytes, position: int, lines_before: int, path: Path) -> pl.DataFrame:
    starts, ends = _lines(block)
    try:
        frame = pl.read_ndjson(io.BytesIO(block), schema=FIELDS)
    except pl.exceptions.PolarsError:
        raise _bad_line(block, lines_before, path) from None
    if frame.height != starts.size or sum(frame.select(_REQUIRED).null_count().row(0)):
        raise _bad_line(block, lines_before, path)
    return frame.with_columns(
        pl.Series("start", starts + position),
        pl.Series("digest", _digests(block, starts, ends)),
    )


def _lines(block: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the lines that are not blank begin and end in the block."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE) + 1
    starts = np.concatenate([[0], ends[:-1]])
    filled = ends - starts > 1
    return starts[filled].astype(np.int64), ends[filled].astype(np.int64)


def _digests(block: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> pl.Series:
    offsets = np.concatenate([starts, ends[-1:]])
    if np.any(offsets[1:] != ends):
        block = b"".join(block[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True))
        offsets = np.concatenate([[0], np.cumsum(ends - starts)])
    array = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), starts.size, [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(block)]
    )
    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series)  # noqa: S101 - an array becomes a series; the signature is wider
    return series.hash()


def _bad_line(block: bytes, lines_before: int, path: Path) -> UserError:
    for number, line in enumerate(block.splitlines(), lines_before + 1):
        try:
            body = json.loads(line) if line.strip() else None
        except ValueError:
            return UserError(f"`{path}` line {number} is not JSON; a history has one change a line")
        if body is not None and (detail := _what_is_missing(body)):
            return UserError(f"`{path}` line {number} is not a change: {detail}")
    return UserError(f"`{path}` is not a history of changes from line {lines_before + 1} on")


def _what_is_missing(body: object) -> str | None:
    if not isinstance(body, dict):
        return "it is not an object"
    for name in _REQUIRED:
        if not isinstance(body.get(name), int if FIELDS[name] == pl.Int64 else str):
            return f"`{name}` is missing or of the wrong kind"
    return None
