"""Where random choices come from: Hypothesis, which shrinks what fails, or a seed, fast and varied."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Chooser(Protocol):
    """Makes choices. The first of several options is the simplest, and zero the simplest number."""

    def one(self, options: Sequence[T]) -> T:
        """One of the options."""

    def number(self, low: int, high: int) -> int:
        """An integer from `low` to `high`."""


class Seeded:
    """Chooses by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[int(self._random.random() * len(options))]

    def number(self, low: int, high: int) -> int:
        """An integer from `low` to `high`."""
        return low + int(self._random.random() * (high - low + 1))


class Drawn:
    """Lets Hypothesis choose."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def one(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.number(0, len(options) - 1)]

    def number(self, low: int, high: int) -> int:
        """An integer from `low` to `high`."""
        value: int = self._draw(st.integers(low, high))
        return value


def chance(choose: Chooser, times: int) -> bool:
    """True once in so many times."""
    return choose.number(0, times - 1) == times - 1
