"""Records of a partition as columns, and the order in which those of several topics are taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.jit import compiled

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]


class RecordColumns(NamedTuple):
    """`n` records of one partition, by rising offset, their bytes in one buffer.

    buffer uint8[]; offset int64[n]; timestamp_ms int64[n] since 1970-01-01T00:00Z; the key of record i is
    `buffer[key_start[i] : key_start[i] + key_length[i]]`, length -1 for null, and the value likewise.
    """

    buffer: U8
    offset: I64
    timestamp_ms: I64
    key_start: I64
    key_length: I64
    value_start: I64
    value_length: I64

    def cut(self, first: int, end: int) -> RecordColumns:
        """The records `first` to `end`, as views."""
        return RecordColumns(self.buffer, *(column[first:end] for column in self[1:]))


class Ordered(NamedTuple):
    """The records of a batch in the order in which they are applied.

    As `RecordColumns`, and `input` uint8[n]: which of the shard's topics a record came from.
    """

    buffer: U8
    input: U8
    offset: I64
    timestamp_ms: I64
    key_start: I64
    key_length: I64
    value_start: I64
    value_length: I64

    def cut(self, first: int, end: int) -> Ordered:
        """The records `first` to `end`, as views."""
        return Ordered(
            self.buffer, self.input[first:end], *RecordColumns(self.buffer, *self[2:]).cut(first, end)[1:]
        )


_NONE = np.zeros(0, np.int64)
NO_RECORDS = Ordered(np.zeros(0, np.uint8), np.zeros(0, np.uint8), _NONE, _NONE, _NONE, _NONE, _NONE, _NONE)


def ordered(inputs: Sequence[Sequence[RecordColumns]]) -> Ordered:
    """The records of a shard's topics, pieces in their order, in the order of a batch.

    Always the least head is taken: by timestamp, then topic, then offset. In one topic offsets rule, so a
    record with a lower timestamp than one before it counts as if it had the same.
    """
    pieces = [(place, piece) for place, topic in enumerate(inputs) for piece in topic if piece.offset.size]
    if not pieces:
        return NO_RECORDS
    if len(pieces) == 1:
        place, piece = pieces[0]
        return Ordered(piece.buffer, np.full(piece.offset.size, place, np.uint8), *piece[1:])
    sizes = [piece.offset.size for _, piece in pieces]
    used = [_used(piece) for _, piece in pieces]
    buffer = np.concatenate(
        [piece.buffer[low:high] for (_, piece), (low, high) in zip(pieces, used, strict=True)]
    )
    begins = np.cumsum([0, *(high - low for low, high in used[:-1])])
    shift = np.repeat(begins - np.array([low for low, _ in used]), sizes)
    columns = [np.concatenate(column) for column in zip(*(piece[1:] for _, piece in pieces), strict=True)]
    offset, timestamp, key_start, key_length, value_start, value_length = columns
    topics = np.repeat(np.array([place for place, _ in pieces], np.uint8), sizes)
    order = np.argsort(running_greatest(topics, timestamp), kind="stable")
    return Ordered(
        buffer,
        topics[order],
        offset[order],
        timestamp[order],
        (key_start + shift)[order],
        key_length[order],
        (value_start + shift)[order],
        value_length[order],
    )


def _used(piece: RecordColumns) -> tuple[int, int]:
    """The part of the buffer in which the records lie."""
    low = int(min(piece.key_start.min(), piece.value_start.min()))
    ends = np.maximum(piece.value_start + piece.value_length, piece.key_start + piece.key_length)
    return low, max(low, int(ends.max()))  # where nothing but nulls is, they end before they begin


@compiled
def running_greatest(place: U8, timestamp: I64) -> I64:
    """The greatest timestamp so far within each topic, whose records lie together: int64[n]."""
    out = np.empty_like(timestamp)
    for i in range(timestamp.size):
        out[i] = timestamp[i]
        if i > 0 and place[i] == place[i - 1] and out[i - 1] > timestamp[i]:
            out[i] = out[i - 1]
    return out
