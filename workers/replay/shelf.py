"""Tables that are written once and read in ranges of rows: in memory while small, else in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Shelf:
    """One table, its rows in an order of their own if one is given.

    With a path it is written there in that order, and only read back range by range.
    """

    def __init__(self, table: NDArray[Any], order: NDArray[np.int64] | None, path: Path | None) -> None:
        self._order = order if path is None else None
        self._shape = table.shape[1:]
        self._dtype = table.dtype
        self._store: NDArray[Any] | Path = table if path is None else path
        if path is not None:
            np.ascontiguousarray(table if order is None else table[order]).tofile(path)

    def rows(self, low: int, high: int) -> NDArray[Any]:
        """A copy of the rows from `low` to `high`."""
        if not isinstance(self._store, Path):
            if self._order is None:
                return self._store[low:high].copy()
            return self._store.take(self._order[low:high], axis=0)
        width = int(np.prod(self._shape, dtype=np.int64))
        size = width * self._dtype.itemsize
        read = np.fromfile(self._store, self._dtype, (high - low) * width, offset=low * size)
        return read.reshape(high - low, *self._shape)
