"""Rendered lines on their way to a file: machine code writes them where the file wants them."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

#: Renders from a line on as many as fit into an array, notes where each ends, and says which line is next.
More = Callable[[int, U8, I64], int]

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


class Pieces:
    """Lines that are rendered beside others, and wait for their turn in `taken`."""

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


def render_lines(count: int, more: More, sink: Sink) -> None:
    """Render `count` lines into a sink."""
    ends = np.zeros(count, np.int64)
    done, least = 0, _ROOM_BYTES
    while done < count:
        room = sink.room(least)
        reached = more(done, room, ends)
        if reached == done:
            least = 2 * room.size
            continue
        sink.took(int(ends[reached - 1]))
        done = reached
