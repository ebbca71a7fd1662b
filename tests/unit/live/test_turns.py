"""Turns: who moves a state lets go when the bell rings, and whoever waits comes first."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from workers.live.turns import Turns

#: A test that would wait for ever fails instead.
_PATIENCE_S = 30.0


class Mover(threading.Thread):
    """Moves something all the time, and lets go only while the bell rings."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bell = np.zeros(1, np.int64)
        self.turns = Turns(self.bell)
        self.moving = False
        self.begun = threading.Event()
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            with self.turns:
                self.moving = True
                self.begun.set()
                while not self.bell[0] and not self.ended.is_set():
                    pass
                self.moving = False


@pytest.fixture
def mover() -> Iterator[Mover]:
    mover = Mover()
    mover.start()
    assert mover.begun.wait(_PATIENCE_S)
    yield mover
    mover.ended.set()
    mover.join()


def test_many_lookers_get_in_and_find_nothing_moving(mover: Mover) -> None:
    found: list[bool] = []

    def look() -> None:
        for _ in range(20):
            with mover.turns.look():
                found.append(mover.moving)

    lookers = [threading.Thread(target=look, daemon=True) for _ in range(3)]
    for each in lookers:
        each.start()
    for each in lookers:
        each.join(_PATIENCE_S)
    assert found == [False] * 60
    assert mover.bell[0] == 0


def test_it_is_taken_while_somebody_moves_or_looks() -> None:
    turns = Turns(np.zeros(1, np.int64))
    seen = [turns.taken]
    with turns:
        seen.append(turns.taken)
    with turns.look():
        seen.append(turns.taken)
    seen.append(turns.taken)
    assert seen == [False, True, True, False]


def test_it_is_free_again_after_a_look_that_failed() -> None:
    bell = np.zeros(1, np.int64)
    turns = Turns(bell)
    with pytest.raises(ValueError, match="odd"), turns.look():
        raise ValueError("odd")
    assert not turns.taken
    assert bell[0] == 0
