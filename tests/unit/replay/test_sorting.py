"""Orders by several columns are those of numpy's lexsort."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.replay.sorting import in_order

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def _lexsort(table: NDArray[np.int64], *columns: int) -> list[int]:
    found: list[int] = np.lexsort([table[:, column] for column in reversed(columns)]).tolist()
    return found


@pytest.mark.parametrize("rows", [0, 1, 2, 50, 5000])
@pytest.mark.parametrize("bound", [1, 3, 2048, 2049, 2**45, _HIGHEST])
def test_every_column_counts_after_those_before_it(rows: int, bound: int) -> None:
    table = np.random.default_rng(rows).integers(-bound, bound, (rows, 5))
    assert in_order(table, (3, 0, 2)).tolist() == _lexsort(table, 3, 0, 2)


def test_numbers_may_lie_as_far_apart_as_there_are() -> None:
    table = np.array([[0], [_HIGHEST], [-1], [_LOWEST], [1], [_LOWEST]], np.int64)
    assert in_order(table, (0,)).tolist() == [3, 5, 2, 0, 4, 1]


def test_equal_lines_stay_as_they_are() -> None:
    assert in_order(np.zeros((40, 2), np.int64), (1, 0)).tolist() == list(range(40))
