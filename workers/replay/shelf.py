"""Tables that are written once and read in ranges of rows: in memory while small, else packed in files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.replay.packing import Packing, pack, packing_of, room_for, unpack

#: Bytes that are packed in order at a time before they are written: they stay in the processor's caches.
_PIECE_BYTES = 1 << 20
#: The system takes so many tables at once.
_AT_ONCE = os.sysconf("SC_IOV_MAX")


class Shelves:
    """Where the tables of one part are put: one behind the other in a file from its begin on, or memory.

    What the file held before is written over. Memory of the page cache that is written to again is several
    times as fast as memory that is new to the process, and to a virtual machine.
    """

    def __init__(self, file: int | None) -> None:
        self._file = file
        self._used = 0

    def put(self, table: NDArray[Any], order: NDArray[np.int64] | None = None) -> Shelf:
        """Put a table away, its rows in an order of their own if one is given."""
        if self._file is None:
            return Shelf(table, order, None, 0, None)
        packing = packing_of(table) if table.ndim == 2 else None
        row = table.itemsize if packing is None else packing.row
        first = self._used
        if packing is None:
            self._used = write_all(self._file, [table], first)
        else:
            order = np.arange(table.shape[0]) if order is None else order
            lines = _PIECE_BYTES // max(1, row)
            for low in range(0, table.shape[0], lines):
                packed = pack(table, order[low : low + lines], packing)
                self._used = write_all(self._file, [packed], self._used)
        return Shelf(np.empty((0, *table.shape[1:]), table.dtype), None, self._file, first, packing)

    def close(self) -> None:
        """No more tables: what is left of what the file held is given back."""
        if self._file is not None:
            os.ftruncate(self._file, self._used)


class Shelf:
    """One table that was put away."""

    def __init__(
        self,
        table: NDArray[Any],
        order: NDArray[np.int64] | None,
        file: int | None,
        first: int,
        packing: Packing | None,
    ) -> None:
        self._table = table
        self._order = order
        self._file = file
        self._first = first
        self._packing = packing

    def rows_into(self, low: int, high: int, to: NDArray[Any]) -> None:
        """Copy the rows from `low` to `high` to an array of as many."""
        if self._file is None:
            if self._order is None:
                to[:] = self._table[low:high]
            else:
                np.take(self._table, self._order[low:high], axis=0, out=to, mode="clip")
        elif self._packing is None:
            read_all(self._file, [to], self._first + low * to.itemsize)
        else:
            row = self._packing.row
            packed = room_for(high - low, self._packing)
            read_all(self._file, [packed[: (high - low) * row]], self._first + low * row)
            unpack(packed, self._packing, to)


def write_all(file: int, tables: Sequence[NDArray[Any]], at: int) -> int:
    """Write tables to a position of a file, one behind the other; the position behind them."""
    rest = _bytes_of(tables)
    while rest:
        done = os.pwritev(file, rest[:_AT_ONCE], at)
        rest, at = _without(rest, done), at + done
    return at


def read_all(file: int, tables: Sequence[NDArray[Any]], at: int) -> None:
    """Fill tables with what was written to a position of a file, one behind the other."""
    rest = _bytes_of(tables)
    while rest:
        done = os.preadv(file, rest[:_AT_ONCE], at)
        if done == 0:
            raise OSError("a table of the replay is shorter than it was written")
        rest, at = _without(rest, done), at + done


def _bytes_of(tables: Sequence[NDArray[Any]]) -> list[memoryview]:
    return [table.data.cast("B") for table in tables if table.size]


def _without(rest: list[memoryview], done: int) -> list[memoryview]:
    """What is left without so many bytes at the begin."""
    for index, each in enumerate(rest):
        if done < each.nbytes:
            return [each[done:], *rest[index + 1 :]]
        done -= each.nbytes
    return []
