"""Byte strings to dense numbers and back: the index of customers, and interned texts.

A hash table over 64-bit hashes that verifies the bytes, with all bytes in one arena: about 40 bytes and a
cache miss or two for a customer id of ten bytes, where a dictionary of strings takes five times that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from rules.intake.hashing import hash_spans
from rules.jit import called, entered, lean
from rules.words import copy_bytes, frozen

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]
T = TypeVar("T", bound=np.generic)


@lean
def _same(arena: U8, place: int, text: U8, start: int, length: int) -> bool:
    for i in range(length):
        if arena[place + i] != text[start + i]:
            return False
    return True


@lean
def _find(
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    ends: I64,
    arena: U8,
    text: U8,
    start: int,
    length: int,
    key: np.uint64,
) -> int:
    """The number of a string, or `~slot` of the free slot where it belongs."""
    mask = np.uint64(slots.size - 1)
    slot = key & mask
    while slots[slot] >= 0:
        number = slots[slot]
        place = ends[number]
        if (
            hashes[number] == key
            and ends[number + 1] - place == length
            and _same(arena, place, text, start, length)
        ):
            return np.int64(number)
        slot = (slot + np.uint64(1)) & mask
    return ~np.int64(slot)


@entered
def _intern(
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    ends: I64,
    arena: U8,
    count: int,
    text: U8,
    start: I64,
    length: NDArray[np.int32],
    keys: NDArray[np.uint64],
    numbers: I64,
) -> int:
    """Number every string, new ones as they come; room has been made. Returns the count."""
    for i in range(start.size):
        found = _find(slots, hashes, ends, arena, text, start[i], length[i], keys[i])
        if found < 0:
            place = ends[count]
            copy_bytes(arena, place, text, start[i], length[i])
            ends[count + 1] = place + length[i]
            hashes[count] = keys[i]
            slots[~found] = count
            found = np.int64(count)
            count += 1
        numbers[i] = found
    return count


@entered
def _rehash(slots: NDArray[np.int32], hashes: NDArray[np.uint64], count: int) -> None:
    mask = np.uint64(slots.size - 1)
    for number in range(count):
        slot = hashes[number] & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = number


@called
def _less(arena: U8, ends: I64, left: int, right: int) -> bool:
    """Whether one string's bytes come before another's; a prefix comes first."""
    a, b = ends[left], ends[right]
    size_left, size_right = ends[left + 1] - a, ends[right + 1] - b
    for i in range(min(size_left, size_right)):
        if arena[a + i] != arena[b + i]:
            return arena[a + i] < arena[b + i]
    return size_left < size_right


@entered
def _prefixes(arena: U8, ends: I64, keys: NDArray[np.uint64]) -> None:
    """The first eight bytes of every string as a number that sorts like them."""
    for n in range(keys.size):
        key = np.uint64(0)
        for i in range(8):
            key <<= np.uint64(8)
            if ends[n] + i < ends[n + 1]:
                key |= np.uint64(arena[ends[n] + i])
        keys[n] = key


@entered
def _sort_ties(arena: U8, ends: I64, keys: NDArray[np.uint64], order: I64, spare: I64) -> None:
    """Merge sort by all bytes of each stretch whose first eight bytes are equal."""
    first = 0
    while first < order.size:
        end = first + 1
        while end < order.size and keys[order[end]] == keys[order[first]]:
            end += 1
        width = 1
        while width < end - first:
            for begin in range(first, end, 2 * width):
                middle, stop = min(begin + width, end), min(begin + 2 * width, end)
                left, right = begin, middle
                for k in range(begin, stop):
                    if left < middle and (right >= stop or not _less(arena, ends, order[right], order[left])):
                        spare[k] = order[left]
                        left += 1
                    else:
                        spare[k] = order[right]
                        right += 1
            for k in range(first, end):
                order[k] = spare[k]
            width *= 2
        first = end


def byte_order(arena: U8, ends: I64, count: int) -> I64:
    """The order of `count` strings by their bytes; string n is `arena[ends[n] : ends[n + 1]]`."""
    keys = np.empty(count, np.uint64)
    _prefixes(arena, ends, keys)
    order = np.argsort(keys, kind="stable")
    _sort_ties(arena, ends, keys, order, np.empty_like(order))
    return order


@entered
def _gather(arena: U8, ends: I64, order: I64, out: U8, out_ends: I64) -> None:
    at = np.int64(0)
    out_ends[0] = 0
    for i in range(order.size):
        length = ends[order[i] + 1] - ends[order[i]]
        copy_bytes(out, at, arena, ends[order[i]], length)
        at += length
        out_ends[i + 1] = at


def gather(arena: U8, ends: I64, order: I64) -> tuple[U8, I64]:
    """The strings in an order: their bytes one behind the other, and where each begins and ends."""
    out = np.empty(int((ends[order + 1] - ends[order]).sum()), np.uint8)
    out_ends = np.empty(order.size + 1, np.int64)
    _gather(arena, ends, order, out, out_ends)
    return out, out_ends


class StringTable:
    """Numbers byte strings 0, 1, 2 … in the order in which they first come."""

    def __init__(self) -> None:
        self.count = 0
        self._slots: NDArray[np.int32] = np.full(64, -1, np.int32)
        self._hashes: NDArray[np.uint64] = np.empty(32, np.uint64)
        self.ends: I64 = np.zeros(33, np.int64)
        self.arena: U8 = np.empty(512, np.uint8)

    @classmethod
    def of(cls, ends: I64, arena: U8) -> Self:
        """A table of the strings `arena[ends[n] : ends[n + 1]]`, all different, by their numbers n."""
        table = cls()
        table.intern_spans(arena, ends[:-1].copy(), np.diff(ends).astype(np.int32))
        return table

    def __len__(self) -> int:
        return self.count

    def intern_spans(self, text: U8, start: I64, length: NDArray[np.int32]) -> I64:
        """Number `n` strings, the spans of a buffer: int64[n]. New strings are copied."""
        numbers = np.empty(start.size, np.int64)
        self._reserve(start.size, int(length.sum()))
        keys = hash_spans(text, start, length)
        self.count = _intern(
            self._slots,
            self._hashes,
            self.ends,
            self.arena,
            self.count,
            frozen(text),
            start,
            length,
            keys,
            numbers,
        )
        return numbers

    def intern(self, text: str) -> int:
        """Number one string."""
        data = np.frombuffer(text.encode(), np.uint8)
        return int(self.intern_spans(data, np.zeros(1, np.int64), np.array([data.size], np.int32))[0])

    def text(self, number: int) -> str:
        """The string with a number."""
        return bytes(self.arena[self.ends[number] : self.ends[number + 1]]).decode()

    def texts(self) -> Iterator[str]:
        """All strings by number."""
        return (self.text(number) for number in range(self.count))

    def byte_order(self) -> I64:
        """The numbers of all strings in the order of their bytes."""
        return byte_order(self.arena, self.ends, self.count)

    def nbytes(self) -> int:
        """Memory in bytes."""
        return self._slots.nbytes + self._hashes.nbytes + self.ends.nbytes + self.arena.nbytes

    def _reserve(self, strings: int, size: int) -> None:
        needed = self.count + strings
        if needed > self._hashes.size:
            capacity = max(needed, self._hashes.size * 2)
            self._hashes = _grown(self._hashes, capacity)
            self.ends = _grown(self.ends, capacity + 1)
        if needed * 3 > self._slots.size * 2:
            size_log = int(needed * 2 - 1).bit_length()
            self._slots = np.full(1 << size_log, -1, np.int32)
            _rehash(self._slots, self._hashes, self.count)
        used = int(self.ends[self.count])
        if used + size > self.arena.size:
            self.arena = _grown(self.arena, max(used + size, self.arena.size * 2))


def _grown(array: NDArray[T], size: int) -> NDArray[T]:
    bigger = np.empty(size, array.dtype)
    bigger[: array.size] = array
    return bigger
