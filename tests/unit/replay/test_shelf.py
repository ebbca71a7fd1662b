"""Tables that were put away come back, whatever the file held before and however the system takes them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.replay import shelf
from workers.replay.shelf import Shelves, read_all, write_all


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    with (tmp_path / "part").open("w+b") as opened:
        yield opened.fileno()


def _rows(of: shelf.Shelf, low: int, high: int, like: NDArray[Any]) -> NDArray[Any]:
    to = np.empty_like(like[low:high])
    of.rows_into(low, high, to)
    return to


def _tables() -> list[NDArray[Any]]:
    lengths = [0, 3, 1, 0, 2, 5_000, 1, 0]
    return [np.arange(length * 2, dtype=np.int64).reshape(length, 2) * 7 + length for length in lengths]


@pytest.mark.parametrize("kept", ["memory", "file"])
def test_tables_come_back_by_their_orders(file: int, kept: str) -> None:
    shelves = Shelves(file if kept == "file" else None)
    table = np.array([[1, 2**60], [5, -3], [9, 0], [9, 1]], np.int64)
    text = np.frombuffer(b"what a part brings", np.uint8)
    order = np.array([2, 0, 3, 1])
    put, said = shelves.put(table, order), shelves.put(text)
    shelves.close()
    assert _rows(put, 0, 4, table).tolist() == table[order].tolist()
    assert _rows(put, 1, 3, table).tolist() == table[order][1:3].tolist()
    assert _rows(said, 5, 11, text).tobytes() == b"a part"


def test_they_take_the_place_of_what_the_file_held(file: int) -> None:
    write_all(file, [np.full(100_000, 0xAB, np.uint8)], 0)
    shelves = Shelves(file)
    table = np.array([[3], [1]], np.int64)
    put, again = shelves.put(table), shelves.put(table, np.array([1, 0]))
    assert os.fstat(file).st_size == 100_000
    shelves.close()
    assert os.fstat(file).st_size == 4, "what is left of the events is given back"
    assert _rows(put, 0, 2, table).tolist() == [[3], [1]]
    assert _rows(again, 0, 2, table).tolist() == [[1], [3]]


@pytest.mark.parametrize(
    ("at_once", "most"), [(1, 10**9), (3, 10**9), (3, 1), (1024, 7), (1024, 16), (1024, 16_384)]
)
def test_the_system_may_take_less_than_it_is_given(
    file: int, monkeypatch: pytest.MonkeyPatch, at_once: int, most: int
) -> None:
    def taken(given: list[memoryview]) -> list[memoryview]:
        assert len(given) <= at_once
        rest, views = max(most, 512 if sum(each.nbytes for each in given) > 4_096 else 0), []
        for each in given:
            views.append(each[:rest])
            rest -= views[-1].nbytes
        return views

    pwritev, preadv = os.pwritev, os.preadv
    monkeypatch.setattr(shelf, "_AT_ONCE", at_once)
    monkeypatch.setattr(os, "pwritev", lambda file, tables, at: pwritev(file, taken(tables), at))
    monkeypatch.setattr(os, "preadv", lambda file, tables, at: preadv(file, taken(tables), at))
    tables = _tables()
    end = write_all(file, tables, 5)
    assert end == 5 + sum(table.nbytes for table in tables) == os.fstat(file).st_size
    found = [np.zeros_like(table) for table in tables]
    read_all(file, found, 5)
    for table, came in zip(tables, found, strict=True):
        assert came.tolist() == table.tolist()


def test_a_file_that_lost_its_end_is_noticed(file: int) -> None:
    write_all(file, [np.zeros(10, np.int64)], 0)
    with pytest.raises(OSError, match="shorter than it was written"):
        read_all(file, [np.zeros(11, np.int64)], 0)
