"""What is packed comes out again, whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rules.engine import layout as at
from workers.replay.packing import pack, packing_of, room_for, unpack

_LOWEST, _HIGHEST = -(2**63) + 1, 2**63 - 1
#: Columns that differ in what they take, in bits.
COLUMNS = {
    "one number": ([7, 7, 7], 0),
    "nothing but missing": ([at.ABSENT] * 3, 0),
    "some missing": ([at.ABSENT, 7, 7], 1),
    "two numbers": ([8, 7, 8], 1),
    "two numbers and some missing": ([at.ABSENT, 7, 8], 2),
    "close together, far from zero": ([2**62, 2**62 + 5, 2**62 + 2**32 - 1], 32),
    "negative ones": ([-3, -2, at.ABSENT], 2),
    "as far apart as what would stand for missing": ([0, 2**32 - 1, at.ABSENT], 33),
    "as far apart as go beside others": ([-(2**55), 2**55 - 1, 0], 56),
    "further apart": ([-(2**55), 2**55, 0], 64),
    "as far apart as they go, some missing": ([0, 2**56 - 1, at.ABSENT], 64),
    "as far apart as there are": ([_LOWEST, _HIGHEST, at.ABSENT], 64),
    "the ends alone": ([_HIGHEST, _HIGHEST, _LOWEST], 64),
    "doubles": (np.array([0.5, -2.25, np.nan]).view(np.int64).tolist(), 64),
}


def _there_and_back(table: NDArray[np.int64], order: list[int]) -> NDArray[np.int64]:
    packing = packing_of(table)
    packed = room_for(len(order), packing)
    rows = pack(table, np.array(order, np.int64), packing)
    assert rows.size == packing.row * len(order)
    packed[: rows.size] = rows
    packed[rows.size :] = 0xFF
    out = np.zeros((len(order), table.shape[1]), np.int64)
    unpack(packed, packing, out)
    return out


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_takes_so_many_bits_and_comes_out_again(name: str) -> None:
    numbers, bits = COLUMNS[name]
    table = np.array(numbers, np.int64).reshape(-1, 1)
    assert packing_of(table).row == (bits + 7) // 8
    assert (_there_and_back(table, [2, 0, 1, 0]) == table[[2, 0, 1, 0]]).all()


@given(st.data())
def test_whatever_stands_in_a_table_comes_out_again(data: st.DataObject) -> None:
    columns, rows = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 6))
    table = np.empty((rows, columns), np.int64)
    for column in range(columns):
        low, bits = data.draw(st.integers(_LOWEST, _HIGHEST)), data.draw(st.integers(0, 64))
        number = st.integers(low, min(low + 2**bits - 1, _HIGHEST)) | st.just(at.ABSENT)
        table[:, column] = data.draw(st.lists(number, min_size=rows, max_size=rows))
    order = data.draw(st.lists(st.integers(0, rows - 1), max_size=8))
    assert (_there_and_back(table, order) == table[order]).all()


def test_columns_of_all_kinds_stand_side_by_side() -> None:
    table = np.array([numbers for numbers, _ in COLUMNS.values()], np.int64).T.copy()
    assert (_there_and_back(table, [0, 1, 2]) == table).all()


@pytest.mark.parametrize("rows", [0, 1])
def test_a_table_of_hardly_anything_takes_no_bytes(rows: int) -> None:
    table = np.full((rows, 3), 5, np.int64)
    assert packing_of(table).row == 0
    assert (_there_and_back(table, [0] * rows) == table).all()
