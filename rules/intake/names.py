"""A fixed set of names as arrays: which one do these bytes spell, without an object per question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.intake.hashing import hash64, hash_spans
from rules.jit import lean


class NameTable(NamedTuple):
    """`n` different names; the k-th is `text[start[k] : start[k] + length[k]]`.

    text    uint8[]    the names in UTF-8, back to back
    start   int64[n]
    length  int64[n]
    slots   int64[s]   open addressing by hash, a power of two and at least twice n; -1 is free
    """

    text: NDArray[np.uint8]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    slots: NDArray[np.int64]


def name_table(names: Sequence[str]) -> NameTable:
    """The table of the names, numbered in the order given."""
    encoded = [name.encode() for name in names]
    length = np.array([len(name) for name in encoded], np.int64)
    start = np.cumsum(length) - length
    text = np.frombuffer(b"".join(encoded), np.uint8).copy()
    slots = np.full(4 << len(names).bit_length(), -1, np.int64)
    for index, hashed in enumerate(hash_spans(text, start, length.astype(np.int32))):
        slot = int(hashed) & (slots.size - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (slots.size - 1)
        slots[slot] = index
    return NameTable(text, start, length, slots)


@lean
def is_name(table: NameTable, index: int, buf: NDArray[np.uint8], at: int, length: int) -> bool:
    """Whether the bytes spell the name with this number."""
    if table.length[index] != length:
        return False
    begin = table.start[index]
    for i in range(length):
        if table.text[begin + i] != buf[at + i]:
            return False
    return True


@lean
def find_name(table: NameTable, buf: NDArray[np.uint8], at: int, length: int) -> int:
    """The number of the name that the bytes spell, -1 if it is none of the table."""
    if table.length.size == 0:
        return -1
    mask = table.slots.size - 1
    slot = np.int64(hash64(buf, at, length) & np.uint64(mask))
    while table.slots[slot] >= 0:
        if is_name(table, table.slots[slot], buf, at, length):
            return table.slots[slot]
        slot = (slot + 1) & mask
    return -1
