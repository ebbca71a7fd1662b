"""Eight bytes at a time: what is done to them is what would be done to each."""

from __future__ import annotations

import numpy as np
import pytest

from rules.words import copy_bytes, hex_digits, needs_escape


@pytest.mark.parametrize("start", [0, 1, 7])
@pytest.mark.parametrize("length", [*range(26), 36, 64, 511])
def test_text_is_copied_and_nothing_beside_it(length: int, start: int) -> None:
    source = np.arange(1, start + length + 1, dtype=np.uint64).astype(np.uint8)
    target = np.full(5 + length + 9, 0xEE, np.uint8)
    copy_bytes(target, 5, source, start, length)
    assert target[5 : 5 + length].tolist() == source[start : start + length].tolist()
    assert set(target[:5].tolist()) == {0xEE}
    assert set(target[5 + length :].tolist()) == {0xEE}


@pytest.mark.parametrize("place", range(8))
def test_eight_bytes_are_escaped_if_one_of_them_is(place: int) -> None:
    for beside in (0x21, 0x23, 0x5B, 0x5D, 0x7F, 0x80, 0xFF):
        for byte in range(256):
            eight = [beside] * 8
            eight[place] = byte
            found = needs_escape(np.uint64(int.from_bytes(bytes(eight), "little")))
            assert found == (byte < 0x20 or byte in b'"\\'), (beside, byte)


@pytest.mark.parametrize("number", [0, 1, 0x9, 0xA, 0xF, 0x10, 0x01234567, 0x89ABCDEF, 0xFEDCBA98, 2**32 - 1])
def test_hexadecimal_digits(number: int) -> None:
    assert int(hex_digits(np.uint32(number))).to_bytes(8, "little").decode() == f"{number:08x}"
