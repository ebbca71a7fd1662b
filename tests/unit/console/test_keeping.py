"""Answers about everybody: asked again when the projection has moved on, but dear ones not at once."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest

from workers.console.keeping import Keeping


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Question:
    """Counts how often it is answered, and takes its time."""

    def __init__(self, clock: Clock, takes_s: float) -> None:
        self._clock, self._takes_s = clock, takes_s
        self.asked = 0

    def __call__(self) -> int:
        self._clock.now_s += self._takes_s
        self.asked += 1
        return self.asked


@pytest.mark.parametrize(
    ("takes_s", "after_s", "projected", "asked"),
    [
        (0.0, 0.0, 1, 1),
        (0.0, 1e6, 1, 1),
        (0.0, 0.0, 2, 2),
        (5.0, 99.0, 2, 1),
        (5.0, 101.0, 2, 2),
        (60.0, 599.0, 2, 1),
        (60.0, 601.0, 2, 2),
    ],
)
def test_an_answer_is_kept_while_it_holds_and_longer_the_more_it_took(
    takes_s: float, after_s: float, projected: int, asked: int
) -> None:
    clock = Clock()
    keeping, question = Keeping(clock), Question(clock, takes_s)
    assert keeping.ask(1, "value", question).projected == 1
    clock.now_s += after_s
    answer = keeping.ask(projected, "value", question)
    assert (question.asked, answer.value) == (asked, asked)
    assert answer.projected == (projected if asked == 2 else 1)


def test_kinds_are_kept_apart() -> None:
    keeping = Keeping()
    assert [keeping.ask(1, kind, kind.upper).value for kind in ("a", "b", "a")] == ["A", "B", "A"]


def test_a_question_that_fails_is_asked_again() -> None:
    def fail() -> int:
        raise ZeroDivisionError

    keeping = Keeping()
    with pytest.raises(ZeroDivisionError):
        keeping.ask(1, "value", fail)
    assert keeping.ask(1, "value", lambda: 7).value == 7


def test_who_asks_at_the_same_time_shares_one_answer() -> None:
    keeping, begun = Keeping(), Barrier(5)
    asked: list[int] = []

    def slow() -> int:
        asked.append(1)
        return len(asked)

    def ask(slow: Callable[[], int]) -> None:
        begun.wait(5)
        keeping.ask(1, "value", slow)

    threads = [Thread(target=ask, args=(slow,)) for _ in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(5)
    assert len(asked) == 1


def test_not_more_than_some_kinds_are_kept() -> None:
    keeping, clock = Keeping(), Clock()
    question = Question(clock, 0.0)
    for kind in range(500):
        keeping.ask(1, kind, question)
    keeping.ask(1, 0, question)
    assert question.asked == 501
