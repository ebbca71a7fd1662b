"""Event files in large pieces, decoded to columns: the fast way in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rules.intake.arrow_columns import decode_table
from rules.intake.columns import Decoded
from rules.intake.json_columns import decode_records
from rules.intake.lines import split_lines
from rules.intake.row_json import row_json
from rules.intake.tables import Intake
from workers.cli.errors import UserError
from workers.files.sources import DAMAGED, DAMAGED_PARQUET, EventFile, open_lines, open_parquet

#: Bytes of NDJSON that are decoded at a time: enough to spread the cost of a call thin, few enough to stay in
#: the cache's neighbourhood.
CHUNK_BYTES = 8 << 20
#: Rows of Parquet that are decoded at a time.
CHUNK_ROWS = 131_072
#: Columns of Parquet with so few texts that each is read once, and rows hold numbers of them.
_FEW_TEXTS = ("type", "currency", "channel", "method", "topic")
#: Typical bytes of an event by kind of file, for a first guess at how many there are.
_EVENT_BYTES = {"plain": 220, "gzip": 40, "zstd": 40}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file. `file` is the position among the files; `first` the number of lines or rows before
    it, `size` the packed bytes it stands for, as far as is known."""

    file: int
    first: int
    content: NDArray[np.uint8] | pa.RecordBatch


@dataclass(frozen=True, slots=True)
class DecodedChunk:
    """A decoded piece; `position` int64[records]: the 1-based line or row of each record handed in."""

    file: int
    decoded: Decoded
    position: NDArray[np.int64]


def read_chunks(
    files: list[EventFile], chunk_bytes: int = CHUNK_BYTES, chunk_rows: int = CHUNK_ROWS
) -> Iterator[Chunk]:
    """All files in order, piece by piece; raises `UserError` where one is damaged."""
    for index, file in enumerate(files):
        if file.kind == "parquet":
            yield from _rows(index, file, chunk_rows)
        else:
            yield from _lines(index, file, chunk_bytes)


def _lines(index: int, file: EventFile, chunk_bytes: int) -> Iterator[Chunk]:
    lines = 0
    rest = b""
    try:
        with open_lines(file) as stream:
            while piece := stream.read(chunk_bytes):
                cut = piece.rfind(b"\n") + 1
                if cut == 0:
                    rest += piece
                    continue
                buffer = np.frombuffer(rest + piece[:cut] if rest else piece[:cut], np.uint8)
                rest = piece[cut:]
                yield Chunk(index, lines, buffer)
                lines += int(np.count_nonzero(buffer == ord("\n")))
    except DAMAGED as error:
        raise UserError(f"`{file.path}` is damaged: it cannot be unpacked to its end") from error
    if rest:
        yield Chunk(index, lines, np.frombuffer(rest, np.uint8))


def _rows(index: int, file: EventFile, chunk_rows: int) -> Iterator[Chunk]:
    first = 0
    with open_parquet(file, few=_FEW_TEXTS) as opened:
        try:
            for batch in opened.iter_batches(chunk_rows, use_threads=False):
                yield Chunk(index, first, batch)
                first += batch.num_rows
        except DAMAGED_PARQUET as error:
            raise UserError(f"`{file.path}` is damaged: it cannot be read to its end") from error


def decode_chunk(chunk: Chunk, intake: Intake) -> DecodedChunk:
    """Decode one piece."""
    if isinstance(chunk.content, pa.RecordBatch):
        position = np.arange(chunk.first + 1, chunk.first + 1 + chunk.content.num_rows, dtype=np.int64)
        return DecodedChunk(chunk.file, decode_table(chunk.content, intake), position)
    start, length, number = split_lines(chunk.content)
    decoded = decode_records(chunk.content, start, length, intake)
    return DecodedChunk(chunk.file, decoded, number + chunk.first)


def raw_records(chunk: Chunk, positions: NDArray[np.int64]) -> list[tuple[int, bytes]]:
    """The records of a piece that stand at some of the positions (sorted), as they came."""
    if isinstance(chunk.content, pa.RecordBatch):
        inside = positions[(positions > chunk.first) & (positions <= chunk.first + chunk.content.num_rows)]
        return [(int(p), row_json(chunk.content, int(p) - 1 - chunk.first)) for p in inside]
    start, length, number = split_lines(chunk.content)
    found = np.flatnonzero(np.isin(number + chunk.first, positions))
    return [
        (int(number[i] + chunk.first), chunk.content[start[i] : start[i] + length[i]].tobytes())
        for i in found
    ]


def guess_events(files: list[EventFile]) -> int:
    """About how many events the files hold."""
    total = 0
    for file in files:
        if file.kind == "parquet":
            with open_parquet(file) as opened:
                total += opened.metadata.num_rows
        else:
            total += file.path.stat().st_size // _EVENT_BYTES[file.kind]
    return total
