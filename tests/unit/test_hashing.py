"""The hash of ids: fixed values for ever, every bit moves half of the result, no clusters in a table."""

import numpy as np
import pytest
from numpy.typing import NDArray

from rules.intake.hashing import hash64, hash_spans


def hashed(texts: list[bytes]) -> NDArray[np.uint64]:
    length = np.array([len(text) for text in texts], np.int32)
    start = np.concatenate(([0], np.cumsum(length)[:-1])).astype(np.int64)
    return hash_spans(np.frombuffer(b"".join(texts), np.uint8), start, length)


def murmur64a(text: bytes, seed: int = 0x9E3779B97F4A7C15) -> int:
    """The published algorithm, in whole numbers."""
    mask, factor = 2**64 - 1, 0xC6A4A7935BD1E995
    state = seed ^ (len(text) * factor & mask)
    for at in range(0, len(text) // 8 * 8, 8):
        word = int.from_bytes(text[at : at + 8], "little") * factor & mask
        word = (word ^ word >> 47) * factor & mask
        state = (state ^ word) * factor & mask
    if len(text) % 8:
        state = (state ^ int.from_bytes(text[len(text) // 8 * 8 :], "little")) * factor & mask
    state = (state ^ state >> 47) * factor & mask
    return state ^ state >> 47


@pytest.mark.parametrize("size", [*range(26), 128, 500])
def test_the_hash_is_the_published_one_at_every_length(size: int) -> None:
    text = bytes((i * 37 + 129) % 256 for i in range(size))
    assert int(hashed([text])[0]) == murmur64a(text)


def test_a_span_is_hashed_without_its_neighbours() -> None:
    buf = np.frombuffer(b"xxxxC0000017yyyyyyyyyyyy", np.uint8)
    assert hash64(buf, 4, 8) == hashed([b"C0000017"])[0]


def test_flipping_any_bit_of_the_input_flips_about_half_of_the_output() -> None:
    text = b"C00012345-0001"
    base = hashed([text])[0]
    for bit in range(len(text) * 8):
        other = bytearray(text)
        other[bit // 8] ^= 1 << bit % 8
        flipped = int(base ^ hashed([bytes(other)])[0]).bit_count()
        assert 14 <= flipped <= 50, f"bit {bit} flips {flipped} of 64"


@pytest.mark.parametrize("shift", [0, 20, 44])
def test_counted_ids_fill_the_slots_of_a_table_like_chance(shift: int) -> None:
    hashes = hashed([b"C%08d" % i for i in range(200_000)])
    assert np.unique(hashes).size == hashes.size
    slots = np.bincount((hashes >> np.uint64(shift)).astype(np.int64) & 0xFFFF, minlength=65_536)
    # Poisson with mean 3.05: variance equals the mean
    assert 0.97 < slots.var() / slots.mean() < 1.03
    assert slots.max() < 20
