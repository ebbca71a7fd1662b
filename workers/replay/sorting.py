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


def in_order(table: I64, columns: tuple[int, ...]) -> I64:
    """The lines of a table by some columns, the first one first; equal ones stay as they are."""
    order = np.arange(table.shape[0])
    other, starts = np.empty_like(order), np.empty(1 << _DIGIT, np.int64)
    for column in reversed(columns):
        values = np.ascontiguousarray(table[:, column])
        keys = (values - values.min(initial=_LAST)).view(np.uint64)
        bits = int(keys.max(initial=0)).bit_length()
        for shift in range(0, bits, _DIGIT):
            _by_digit(keys, np.uint64(shift), order, starts, other)
            order, other = other, order
    return order
