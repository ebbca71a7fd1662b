"""A 64-bit hash of byte strings, the same on every machine: MurmurHash64A (Austin Appleby, public domain).

It spreads ids over hash tables. It is no protection against ids made to collide: tables verify the bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.jit import entered, lean
from rules.words import ahead, frozen, word

_SEED = np.uint64(0x9E3779B97F4A7C15)
_FACTOR = np.uint64(0xC6A4A7935BD1E995)
_SHIFT = np.uint64(47)
_BYTE = np.uint64(8)
#: Spans lie anywhere: each is asked for so many spans before it is hashed.
_AHEAD = 16


@lean
def hash64(buf: NDArray[np.uint8], start: int, length: int) -> np.uint64:
    """Hash `buf[start : start + length]`; the caller sees to it that the span lies inside the buffer."""
    state = _SEED ^ (np.uint64(length) * _FACTOR)
    # unsigned positions spare the compiled loop the check for negative ones
    at = np.uint64(start)
    words_end = at + np.uint64(length & ~7)
    while at < words_end:
        eight = word(buf, np.int64(at))
        eight *= _FACTOR
        eight ^= eight >> _SHIFT
        eight *= _FACTOR
        state ^= eight
        state *= _FACTOR
        at += _BYTE
    rest = length & 7
    if rest:
        eight = np.uint64(0)
        for byte in range(rest):
            eight |= np.uint64(buf[at + np.uint64(byte)]) << np.uint64(byte * 8)
        state ^= eight
        state *= _FACTOR
    state ^= state >> _SHIFT
    state *= _FACTOR
    state ^= state >> _SHIFT
    return state


def hash_spans(
    buf: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int32]
) -> NDArray[np.uint64]:
    """Hash `n` spans of a buffer: uint64[n]. `start` and `length` may be any integer arrays of n elements."""
    hashes = np.empty(start.size, np.uint64)
    _hash_spans(frozen(buf), start, length, hashes)
    return hashes


@entered
def _hash_spans(
    buf: NDArray[np.uint8],
    start: NDArray[np.int64],
    length: NDArray[np.int32],
    hashes: NDArray[np.uint64],
) -> None:
    last = start.size - 1
    for i in range(start.size):
        ahead(buf, np.int64(start[min(i + _AHEAD, last)]), 0)
        hashes[i] = hash64(buf, int(start[i]), int(length[i]))
