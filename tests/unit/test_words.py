"""Bytes are copied as they are, and none beside them are touched."""

from __future__ import annotations

import numpy as np
import pytest

from rules.words import copy_text


@pytest.mark.parametrize("start", [0, 1, 7])
@pytest.mark.parametrize("length", [*range(26), 36, 64, 511])
def test_text_is_copied_and_nothing_beside_it(length: int, start: int) -> None:
    source = np.arange(1, start + length + 1, dtype=np.uint64).astype(np.uint8)
    target = np.full(5 + length + 9, 0xEE, np.uint8)
    copy_text(target, 5, source, start, length)
    assert target[5 : 5 + length].tolist() == source[start : start + length].tolist()
    assert set(target[:5].tolist()) == {0xEE}
    assert set(target[5 + length :].tolist()) == {0xEE}
