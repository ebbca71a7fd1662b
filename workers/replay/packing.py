"""Tables of 64-bit numbers in fewer bytes: most columns of a part lie close together, many hold one number.

A column takes no bit where all its numbers are equal, and as many as tell its numbers (and a missing one)
apart where those are no more than 56, side by side with those of its neighbours. All others take 64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.jit import entered
from rules.words import put_word, row_ahead, word

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

_ABSENT = np.int64(at.ABSENT)
_LAST = np.iinfo(np.int64).max
#: With seven bits that a byte begins with, what a column takes must fit into one word.
_NARROW_BITS = 56
#: Words are written and read as a whole: so many bytes behind the last row may be touched.
_BEYOND = 8
#: Rows are asked for so many rows before they are packed.
_AHEAD = 8


class Packing(NamedTuple):
    """How the rows of a table are packed.

    low     int64[columns]  what is taken off the numbers of each column
    even    int64[e]        columns of one number, which is `low`
    full    int64[f]        columns of 64 bits, which come first in a row
    narrow  int64[n]        columns of fewer bits, which follow
    bits    int64[n]        how many
    hole    int64[n]        what stands for a missing number: all bits set; -1 where none is missing
    row     int             bytes of a row
    """

    low: I64
    even: I64
    full: I64
    narrow: I64
    bits: I64
    hole: I64
    row: int


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
def _pack(table: I64, order: I64, packing: Packing, out: U8) -> None:
    low, full, narrow, bits, hole = packing.low, packing.full, packing.narrow, packing.bits, packing.hole
    last = order.size - 1
    for i in range(order.size):
        row_ahead(table, order[min(i + _AHEAD, last)])
        line, to = order[i], i * packing.row
        for k in range(full.size):
            put_word(out, to, table[line, full[k]])
            to += 8
        begun, held = np.int64(0), np.int64(0)  # bits of the next byte that are set already, and which
        for k in range(narrow.size):
            value = table[line, narrow[k]]
            begun |= (hole[k] if value == _ABSENT else value - low[narrow[k]]) << held
            put_word(out, to, begun)
            held += bits[k]
            to += held >> 3
            begun >>= held & ~np.int64(7)
            held &= 7


@entered
def _unpack(packed: U8, packing: Packing, out: I64) -> None:
    low, even, full, narrow = packing.low, packing.even, packing.full, packing.narrow
    bits, hole = packing.bits, packing.hole
    for i in range(out.shape[0]):
        begin = i * packing.row
        for k in range(even.size):
            out[i, even[k]] = low[even[k]]
        for k in range(full.size):
            out[i, full[k]] = np.int64(word(packed, begin))
            begin += 8
        passed = np.int64(0)
        for k in range(narrow.size):
            found = np.int64(word(packed, begin + (passed >> 3))) >> (passed & 7)
            found &= (np.int64(1) << bits[k]) - 1
            out[i, narrow[k]] = _ABSENT if found == hole[k] else low[narrow[k]] + found
            passed += bits[k]


def packing_of(table: I64) -> Packing:
    """How a table is packed."""
    columns = table.shape[1]
    low, high = np.full(columns, _LAST), np.full(columns, -_LAST)
    missing = np.zeros(columns, np.int64)
    _ranges(table, low, high, missing)
    never = low > high
    low[never] = high[never] = _ABSENT
    missing[never] = 0
    apart = [int(high[c]) - int(low[c]) + int(missing[c]) for c in range(columns)]
    bits = np.array([each.bit_length() for each in apart], np.int64)
    full, narrow = np.flatnonzero(bits > _NARROW_BITS), np.flatnonzero((bits > 0) & (bits <= _NARROW_BITS))
    hole = np.where(missing[narrow] == 1, (1 << bits[narrow]) - 1, -1)
    row = 8 * full.size + (int(bits[narrow].sum()) + 7) // 8
    return Packing(low, np.flatnonzero(bits == 0), full, narrow, bits[narrow], hole, row)


def pack(table: I64, order: I64, packing: Packing) -> U8:
    """Some lines of a table, packed: a row of bytes each."""
    size = order.size * packing.row
    out = np.empty(size + _BEYOND, np.uint8)
    _pack(table, order, packing, out)
    return out[:size]


def room_for(rows: int, packing: Packing) -> U8:
    """Room for packed rows, and for what is read behind them; the rows take all but the end of it."""
    return np.empty(rows * packing.row + _BEYOND, np.uint8)


def unpack(packed: U8, packing: Packing, to: I64) -> None:
    """What was packed. Behind the rows `packed` must go on for a word, as `room_for` makes it."""
    _unpack(packed, packing, to)
