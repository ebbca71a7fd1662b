"""Tables that are written once and read in ranges of rows: in memory while small, else packed in files."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from workers.replay.packing import Packing, pack, packing_of, room_for, unpack

#: Bytes that are packed in order at a time before they are written: they stay in the processor's caches.
_PIECE_BYTES = 1 << 20


class Shelves:
    """Where tables are put: files of a folder, one for each name, or memory where there is no folder.

    May be used from several threads. A context manager, which closes the files.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._files: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file, _ in self._files.values():
            os.close(file)

    def put(self, name: str, table: NDArray[Any], order: NDArray[np.int64] | None = None) -> Shelf:
        """Put a table away, its rows in an order of their own if one is given."""
        if self._folder is None:
            return Shelf(table, order, None, 0, None)
        packing = packing_of(table) if table.ndim == 2 else None
        row = table.itemsize if packing is None else packing.row
        with self._lock:
            if name not in self._files:
                self._files[name] = (os.open(self._folder / name, os.O_RDWR | os.O_CREAT), 0)
            file, first = self._files[name]
            self._files[name] = (file, first + row * table.shape[0])
        if packing is None:
            write_all(file, table, first)
        else:
            order = np.arange(table.shape[0]) if order is None else order
            lines = _PIECE_BYTES // max(1, row)
            for low in range(0, table.shape[0], lines):
                write_all(file, pack(table, order[low : low + lines], packing), first + low * row)
        return Shelf(np.empty((0, *table.shape[1:]), table.dtype), None, file, first, packing)


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
            read_all(self._file, to, self._first + low * to.itemsize)
        else:
            row = self._packing.row
            packed = room_for(high - low, self._packing)
            read_all(self._file, packed[: (high - low) * row], self._first + low * row)
            unpack(packed, self._packing, to)


def write_all(file: int, table: NDArray[Any], at: int) -> None:
    """Write a table to a position of a file."""
    rest = table.reshape(-1).view(np.uint8).data
    while rest:
        done = os.pwrite(file, rest, at)
        rest, at = rest[done:], at + done


def read_all(file: int, table: NDArray[Any], at: int) -> None:
    """Fill a table with what was written to a position of a file."""
    rest = table.reshape(-1).view(np.uint8).data
    while rest:
        done = os.preadv(file, [rest], at)
        if done == 0:
            raise OSError("a table of the replay is shorter than it was written")
        rest, at = rest[done:], at + done
