"""Orders of tables by several columns of numbers: digit by digit, from the last column to the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.jit import entered

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

#: Bits of a digit: few enough that where each digit's lines go to stays in the nearest cache.
_DIGIT = 11
_LAST = np.iinfo(np.int64).max
_MASK = np.uint64((1 << _DIGIT) - 1)


@entered
def _by_digit(keys: U64, shift: np.uint64, order: I64, starts: I64, out: I64) -> None:
    """Put an order's lines in that of one digit of their keys; those of equal digits stay as they are."""
    for digit in range(starts.size):
        starts[digit] = 0
    for i in range(keys.size):
        starts[(keys[i] >> shift) & _MASK] += 1
    start = np.int64(0)
    for digit in range(starts.size):
        start, starts[digit] = start + starts[digit], start
    for i in range(order.size):
        digit = (keys[order[i]] >> shift) & _MASK
        out[starts[digit]] = order[i]
        starts[digit] += 1


@entered
def _columns(table: I64, columns: I64, keys: I64, low: I64, high: I64) -> None:
    """Copy some columns, each to a line of `keys`, and find the least and the largest number of each."""
    for i in range(table.shape[0]):
        for k in range(columns.size):
            value = table[i, columns[k]]
            keys[k, i] = value
            low[k] = min(low[k], value)
            high[k] = max(high[k], value)


def in_order(table: I64, columns: tuple[int, ...]) -> I64:
    """The lines of a table by some columns, the first one first; equal ones stay as they are."""
    order = np.arange(table.shape[0])
    other, starts = np.empty_like(order), np.empty(1 << _DIGIT, np.int64)
    keys = np.empty((len(columns), order.size), np.int64)
    low, high = np.full(len(columns), _LAST), np.full(len(columns), ~_LAST)
    _columns(table, np.array(columns, np.int64), keys, low, high)
    for k in reversed(range(len(columns))):
        bits = max(0, int(high[k]) - int(low[k])).bit_length()
        if bits:
            keys[k] -= low[k]
        for shift in range(0, bits, _DIGIT):
            _by_digit(keys[k].view(np.uint64), np.uint64(shift), order, starts, other)
            order, other = other, order
    return order
