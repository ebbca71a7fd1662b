"""Tables of 64-bit numbers in fewer bytes: most columns of a part lie close together, many hold one number.

A column takes no word of 32 bits where all its numbers are equal, one where they (or missing ones) are no
further apart than that, else two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.jit import entered

I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]

_ABSENT = np.int64(at.ABSENT)
_LAST = np.iinfo(np.int64).max
#: What stands for a missing number in a column of one word.
_MISSING = 2**32 - 1


class Packing(NamedTuple):
    """Columns of one number, one word and two, and by column what is taken off its numbers."""

    low: I64
    even: I64
    narrow: I64
    full: I64

    def size(self) -> int:
        """Words of a row."""
        return self.narrow.size + 2 * self.full.size


@entered
def _ranges(table: I64, low: I64, high: I64, missing: I64) -> None:
    for i in range(table.shape[0]):
        for column in range(low.size):
            value = table[i, column]
            known = value != _ABSENT
            low[column] = min(low[column], value if known else low[column])
            high[column] = max(high[column], value if known else high[column])
            missing[column] |= 0 if known else 1


@entered
def _pack(table: I64, order: I64, packing: Packing, out: U32) -> None:
    low, narrow, full = packing.low, packing.narrow, packing.full
    for i in range(order.size):
        line = order[i]
        for k in range(narrow.size):
            value = table[line, narrow[k]]
            out[i, k] = _MISSING if value == _ABSENT else value - low[narrow[k]]
        for k in range(full.size):
            value = table[line, full[k]]
            out[i, narrow.size + 2 * k] = value
            out[i, narrow.size + 2 * k + 1] = value >> 32


@entered
def _unpack(packed: U32, packing: Packing, out: I64) -> None:
    low, even, narrow, full = packing.low, packing.even, packing.narrow, packing.full
    for i in range(out.shape[0]):
        for k in range(even.size):
            out[i, even[k]] = low[even[k]]
        for k in range(narrow.size):
            found = np.int64(packed[i, k])
            out[i, narrow[k]] = _ABSENT if found == _MISSING else low[narrow[k]] + found
        for k in range(full.size):
            below = np.int64(packed[i, narrow.size + 2 * k])
            out[i, full[k]] = below | (np.int64(packed[i, narrow.size + 2 * k + 1]) << 32)


def packing_of(table: I64) -> Packing:
    """How a table is packed."""
    columns = table.shape[1]
    low, high = np.full(columns, _LAST), np.full(columns, -_LAST)
    missing = np.zeros(columns, np.int64)
    _ranges(table, low, high, missing)
    never = low > high
    low[never] = high[never] = _ABSENT
    apart = (high - low).view(np.uint64)
    even, full = (apart == 0) & ((missing == 0) | never), apart >= _MISSING
    return Packing(low, np.flatnonzero(even), np.flatnonzero(~even & ~full), np.flatnonzero(full))


def pack(table: I64, order: I64, packing: Packing) -> U32:
    """Some lines of a table, packed."""
    out = np.empty((order.size, packing.size()), np.uint32)
    _pack(table, order, packing, out)
    return out


def unpack(packed: U32, packing: Packing, to: I64) -> None:
    """What was packed."""
    _unpack(packed, packing, to)
