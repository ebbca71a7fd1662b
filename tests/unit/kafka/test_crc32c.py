"""Both ways to a checksum give what aiokafka computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from workers.kafka.crc32c import crc32c, crc32c_by_instruction, crc32c_by_tables, has_instruction

WAYS = [crc32c, crc32c_by_tables] + ([crc32c_by_instruction] if has_instruction() else [])


@pytest.mark.parametrize("way", WAYS)
def test_the_check_value_of_the_polynomial(way: Callable[..., Any]) -> None:
    assert way(np.frombuffer(bytearray(b"123456789"), np.uint8), 0, 9) == 0xE3069283


@given(st.binary(max_size=100), st.integers(0, 9), st.integers(0, 9))
def test_any_stretch_has_the_checksum_that_aiokafka_computes(raw: bytes, before: int, after: int) -> None:
    buffer = np.frombuffer(bytearray(b"x" * before + raw + b"y" * after), np.uint8)
    for way in WAYS:
        assert way(buffer, before, before + len(raw)) == calc_crc32c(raw)
