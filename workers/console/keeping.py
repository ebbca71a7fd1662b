"""Answers about everybody, kept while they are of use: asked once, however many look at them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, Generic, TypeVar

from workers.clock import running_seconds, unix_seconds

T = TypeVar("T")

#: An answer is kept for so many times what it took, even if the projection moves on: all questions about
#: everybody together then take at most this part of a database's time, each.
_TIMES_KEPT: Final = 20
#: Longer than this none is kept that is not of the present projection.
_KEPT_S_MAX: Final = 600.0
#: More kinds of questions than this are not remembered.
_KINDS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """`value`, the state of the projection that it is of, and when it was asked, in µs since 1970."""

    value: T
    projected: Hashable
    asked_us: int


@dataclass(slots=True)
class _Kind:
    """One question: whoever asks while it is being answered waits for that answer."""

    lock: Lock = field(default_factory=Lock)
    answer: Answer[Any] | None = None
    until_s: float = 0.0


class Keeping:
    """The answers that are kept."""

    def __init__(self, clock: Callable[[], float] = running_seconds) -> None:
        self._clock = clock
        self._kinds: dict[Hashable, _Kind] = {}
        self._lock = Lock()

    def ask(self, projected: Hashable, kind: Hashable, ask: Callable[[], T]) -> Answer[T]:
        """The answer to a question of a kind, while the projection is at `projected`.

        One that is of that state, or was expensive a short while ago, is given again.
        """
        with self._lock:
            if kind not in self._kinds and len(self._kinds) >= _KINDS_MAX:
                self._kinds.clear()
            place = self._kinds.setdefault(kind, _Kind())
        with place.lock:
            kept = place.answer
            if kept is not None and (kept.projected == projected or self._clock() < place.until_s):
                return kept
            began_s, asked_us = self._clock(), int(unix_seconds() * 1_000_000)
            answer = Answer(ask(), projected, asked_us)
            done_s = self._clock()
            place.answer = answer
            place.until_s = done_s + min(_KEPT_S_MAX, _TIMES_KEPT * (done_s - began_s))
            return answer
