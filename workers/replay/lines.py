"""Rendered lines on their way to a file: machine code writes them where the file wants them."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

#: Renders the lines from one to another, as many as fit into an array, notes in the place of each where it
#: ends, and says which line is next.
More = Callable[[int, int, U8, I64], int]

#: Lines that are rendered side by side are so many at a time: what they take stays in the processor's caches
#: until it is written.
PIECE_LINES = 5_000
#: Rendered lines that are handed on in pieces come in pieces of at most this many bytes.
_PIECE_BYTES = 1 << 20
#: Room that is asked for at first: many lines.
_ROOM_BYTES = 1 << 16


class Sink(Protocol):
    """What lines are rendered into."""

    def room(self, least: int) -> U8:
        """An array of at least so many bytes to write to; it is good until the next call of a method."""

    def took(self, size: int) -> None:
        """So many bytes at the beginning of the room are part of the file now."""


class Buffered:
    """Lines for a small file: through one buffer, which stays in the processor's caches."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._buffer = np.empty(_PIECE_BYTES, np.uint8)

    def room(self, least: int) -> U8:
        """The buffer."""
        if self._buffer.size < least:
            self._buffer = np.empty(least, np.uint8)
        return self._buffer

    def took(self, size: int) -> None:
        """Write the beginning of the buffer."""
        self.write(self._buffer[:size].data)

    def write(self, data: bytes | memoryview) -> int:
        """Write bytes."""
        return self._file.write(data)


class _Pieces:
    """Lines that wait for their turn in `taken`."""

    def __init__(self) -> None:
        self.taken: list[memoryview] = []
        self._rest = np.empty(0, np.uint8)

    def room(self, least: int) -> U8:
        """What is left of the last piece, or a new one."""
        if self._rest.size < least:
            self._rest = np.empty(max(least, _PIECE_BYTES), np.uint8)
        return self._rest

    def took(self, size: int) -> None:
        """Keep the beginning of the room."""
        self.taken.append(self._rest[:size].data)
        self._rest = self._rest[size:]


def render_lines(first: int, end: int, more: More, sink: Sink) -> None:
    """Render the lines from `first` to `end` into a sink."""
    ends = np.empty(end, np.int64)
    least = _ROOM_BYTES
    while first < end:
        room = sink.room(least)
        reached = more(first, end, room, ends)
        if reached == first:
            least = 2 * room.size
            continue
        sink.took(int(ends[reached - 1]))
        first = reached


def render_pieces(more: More, count: int, first: int) -> list[memoryview]:
    """Render the `PIECE_LINES` of `count` lines that begin with `first`."""
    pieces = _Pieces()
    render_lines(first, min(first + PIECE_LINES, count), more, pieces)
    return pieces.taken
