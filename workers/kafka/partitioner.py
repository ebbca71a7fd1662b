"""Which partition a key belongs to, as Kafka's own default partitioner decides (murmur2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SEED = np.uint32(0x9747B28C)
_MIX = np.uint32(0x5BD1E995)
_SHIFT = np.uint32(24)
_WORD_BYTES = 4


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of one key."""
    buffer = np.frombuffer(key, np.uint8)
    return int(partitions_of(buffer, np.zeros(1, np.int64), np.array([len(key)], np.int64), partitions)[0])


def partitions_of(
    buffer: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64], partitions: int
) -> NDArray[np.int64]:
    """The partitions of keys, key i being `buffer[start[i] : start[i] + length[i]]`: int64[keys]."""
    return (murmur2(buffer, start, length) & np.uint32(0x7FFFFFFF)).astype(np.int64) % partitions


def murmur2(
    buffer: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """Kafka's hash of keys (`org.apache.kafka.common.utils.Utils.murmur2`): uint32[keys]."""
    hashes = _SEED ^ length.astype(np.uint32)
    whole = length // _WORD_BYTES
    for word in range(int(whole.max(initial=0))):
        rows = np.flatnonzero(whole > word)
        at = start[rows] + word * _WORD_BYTES
        part = _byte(buffer, at, 0) | _byte(buffer, at, 1) | _byte(buffer, at, 2) | _byte(buffer, at, 3)
        part *= _MIX
        part ^= part >> _SHIFT
        part *= _MIX
        hashes[rows] = hashes[rows] * _MIX ^ part
    rest = length % _WORD_BYTES
    for place in (2, 1, 0):
        rows = np.flatnonzero(rest > place)
        hashes[rows] ^= _byte(buffer, start[rows] + whole[rows] * _WORD_BYTES, place)
    hashes[rest > 0] *= _MIX
    hashes ^= hashes >> np.uint32(13)
    hashes *= _MIX
    hashes ^= hashes >> np.uint32(15)
    return hashes


def _byte(buffer: NDArray[np.uint8], at: NDArray[np.int64], place: int) -> NDArray[np.uint32]:
    """The byte at a place of a word, moved to where it counts in it, least first."""
    return buffer[at + place].astype(np.uint32) << np.uint32(8 * place)
