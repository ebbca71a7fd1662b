"""The records of several event files in one order of time.

A file is in the order of arrival, and keeps it: a record that comes late counts as if it had happened when
the one before it did. Between files the earlier record comes first, at the same time by topic, then by file
(S10).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rules.engine.event import TOPICS, Topic
from rules.intake.lines import split_lines
from rules.intake.row_json import rows_json
from workers.feed.heads import NO_TIME, UNREADABLE, Heads, read_heads
from workers.files.chunks import CHUNK_BYTES, CHUNK_ROWS, Chunk, read_chunks
from workers.files.sources import EventFile

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

#: Bytes that all files together may hold in memory, and the least worth reading at a time.
_MEMORY_BYTES = 64 << 20
_PIECE_BYTES_MIN = 128 << 10
#: Rows of Parquet become texts of about this size.
_ROW_BYTES = 256
#: A topic for ordering where a record has none.
_NO_TOPIC = len(TOPICS)


class Slab(NamedTuple):
    """`n` records in the order in which to send them; columns int64[n].

    `text` uint8[]: a value is `text[value_start : value_start + value_length]`, a key likewise (length -1:
    none). `topic` as in `Heads`; `time_us` is the time by which the record is ordered, `occurred_us` its own
    or NO_TIME; `file` and `position` say where it stands: number of the file, line or row.
    """

    text: U8
    topic: I64
    time_us: I64
    occurred_us: I64
    key_start: I64
    key_length: I64
    value_start: I64
    value_length: I64
    file: I64
    position: I64

    @property
    def size(self) -> int:
        """How many records."""
        return int(self.topic.size)

    def cut(self, first: int, end: int) -> Slab:
        """The records `first` to `end`, as views."""
        return Slab(self.text, *(column[first:end] for column in self[1:]))


def merged(files: Sequence[EventFile], homes: Sequence[Topic | None]) -> Iterator[Slab]:
    """All records of the files in one order, in pieces whose times do not overlap.

    `homes`: for each file the topic of records that say no topic themselves. Raises UserError where a file is
    damaged.
    """
    size = max(_PIECE_BYTES_MIN, min(CHUNK_BYTES, _MEMORY_BYTES // max(1, len(files))))
    sources = [_Source(number, file, homes[number], size) for number, file in enumerate(files)]
    sources = [source for source in sources if source.load()]
    while sources:
        # what is beyond the last record at hand of any file may still be joined by earlier ones of that file
        bound = min(int(source.piece.time_us[-1]) for source in sources)
        yield _in_order([source.take(bound) for source in sources])
        sources = [source for source in sources if source.load()]


class _Source:
    """One file, piece by piece; `piece` is what has not been taken yet."""

    def __init__(self, number: int, file: EventFile, home: Topic | None, chunk_bytes: int) -> None:
        rows = max(1024, min(CHUNK_ROWS, chunk_bytes // _ROW_BYTES))
        self._chunks = read_chunks([file], chunk_bytes, rows)
        self._number = number
        self._home = _NO_TOPIC if home is None else TOPICS.index(home)
        self._time_us = 0
        self.piece: Slab = _EMPTY

    def load(self) -> bool:
        """See to it that there are records at hand; false at the end of the file."""
        while not self.piece.size:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self.piece = self._read(chunk)
        return True

    def take(self, bound_us: int) -> Slab:
        """The records up to a time, which are then no longer at hand."""
        end = int(np.searchsorted(self.piece.time_us, bound_us, side="right"))
        taken, self.piece = self.piece.cut(0, end), self.piece.cut(end, self.piece.size)
        return taken

    def _read(self, chunk: Chunk) -> Slab:
        if isinstance(chunk.content, pa.RecordBatch):
            rows = rows_json(chunk.content, range(chunk.content.num_rows))
            length = np.array([len(row) for row in rows], np.int64)
            start = np.cumsum(length) - length
            position = np.arange(1, length.size + 1, dtype=np.int64)
            buffer = np.frombuffer(b"".join(rows), np.uint8)
        else:
            buffer = chunk.content
            start, length, position = split_lines(buffer)
        heads = read_heads(buffer, start, length)
        topic = heads.topic.copy()
        if self._home != _NO_TOPIC:
            topic[topic < 0] = self._home
        return Slab(
            heads.text,
            topic,
            self._times(heads),
            heads.occurred_us,
            heads.key_start,
            np.where(heads.topic == UNREADABLE, -1, heads.key_length),
            start,
            length,
            np.full(topic.size, self._number, np.int64),
            position + chunk.first,
        )

    def _times(self, heads: Heads) -> I64:
        """By which time each record is ordered: never before the one before it."""
        if not heads.occurred_us.size:
            return heads.occurred_us
        known = heads.occurred_us[heads.occurred_us != NO_TIME]
        if not self._time_us and known.size:
            self._time_us = int(known[0])  # for records at the start that say no time
        times = np.maximum.accumulate(np.maximum(heads.occurred_us, self._time_us))
        self._time_us = int(times[-1])
        return times


def _in_order(pieces: Sequence[Slab]) -> Slab:
    pieces = [piece for piece in pieces if piece.size]
    if len(pieces) == 1:
        return pieces[0]
    used = [_used(piece) for piece in pieces]
    text = np.concatenate([piece.text[low:high] for piece, (low, high) in zip(pieces, used, strict=True)])
    ends = np.cumsum([high - low for low, high in used])
    shifts = np.repeat(
        [end - high for (_, high), end in zip(used, ends, strict=True)], [piece.size for piece in pieces]
    )
    columns = [np.concatenate(column) for column in zip(*(piece[1:] for piece in pieces), strict=True)]
    joined = Slab(text, *columns)
    shifted = joined._replace(key_start=joined.key_start + shifts, value_start=joined.value_start + shifts)
    order = np.argsort(np.concatenate([_rank(piece) for piece in pieces]), kind="stable")
    return Slab(text, *(column[order] for column in shifted[1:]))


def _rank(piece: Slab) -> I64:
    """By what the records of a file are ordered among those of others: time and topic, never falling."""
    topic = np.where(piece.topic < 0, _NO_TOPIC, piece.topic)
    return np.maximum.accumulate(piece.time_us * (_NO_TOPIC + 1) + topic)


def _used(piece: Slab) -> tuple[int, int]:
    """The part of the text in which the records lie."""
    low = int(min(piece.value_start.min(), piece.key_start.min()))
    ends = np.maximum(piece.value_start + piece.value_length, piece.key_start + piece.key_length)
    return low, int(ends.max())


_NONE = np.zeros(0, np.int64)
_EMPTY = Slab(np.zeros(0, np.uint8), *([_NONE] * 9))
