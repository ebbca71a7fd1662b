"""What is packed comes out again, whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rules.engine import layout as at
from workers.replay.packing import pack, packing_of, unpack

_LOWEST, _HIGHEST = -(2**63) + 1, 2**63 - 1
#: Columns that differ in what they take: no word of 32 bits, one, or two.
COLUMNS = {
    "one number": ([7, 7, 7], 0),
    "nothing but missing": ([at.ABSENT] * 3, 0),
    "some missing": ([at.ABSENT, 7, 7], 1),
    "close together, far from zero": ([2**62, 2**62 + 5, 2**62 + 2**32 - 2], 1),
    "negative ones": ([-3, -2, at.ABSENT], 1),
    "as far apart as what stands for missing": ([0, 2**32 - 1, at.ABSENT], 2),
    "as far apart as there are": ([_LOWEST, _HIGHEST, at.ABSENT], 2),
    "the ends alone": ([_HIGHEST, _HIGHEST, _LOWEST], 2),
    "doubles": (np.array([0.5, -2.25, np.nan]).view(np.int64).tolist(), 2),
}


def _there_and_back(table: NDArray[np.int64], order: list[int]) -> NDArray[np.int64]:
    packing = packing_of(table)
    out = np.zeros((len(order), table.shape[1]), np.int64)
    unpack(pack(table, np.array(order, np.int64), packing), packing, out)
    return out


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_takes_so_many_words_and_comes_out_again(name: str) -> None:
    numbers, words = COLUMNS[name]
    table = np.array(numbers, np.int64).reshape(-1, 1)
    assert packing_of(table).size() == words
    assert (_there_and_back(table, [2, 0, 1, 0]) == table[[2, 0, 1, 0]]).all()


def test_columns_of_all_kinds_stand_side_by_side() -> None:
    table = np.array([numbers for numbers, _ in COLUMNS.values()], np.int64).T.copy()
    assert (_there_and_back(table, [0, 1, 2]) == table).all()


@pytest.mark.parametrize("rows", [0, 1])
def test_a_table_of_hardly_anything_takes_no_bytes(rows: int) -> None:
    table = np.full((rows, 3), 5, np.int64)
    assert packing_of(table).size() == 0
    assert (_there_and_back(table, [0] * rows) == table).all()
