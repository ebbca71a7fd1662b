"""An event loop whose time is simulated: nothing is waited for, and a seed decides what comes first."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from random import Random
from typing import Any

#: A thread's work takes up to so long.
_THREAD_S_MAX = 0.02


class Stuck(Exception):  # noqa: N818 - what a simulation ends with is a finding, not an error of its own
    """Everything waits for something that will never come."""


class _NoFiles(selectors.BaseSelector):
    """Selects nothing; instead of waiting, time goes on."""

    def __init__(self, wait: Callable[[float | None], None]) -> None:
        self._wait = wait

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._wait(timeout)
        return []

    def get_map(self) -> dict[Any, selectors.SelectorKey]:
        return {}


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Runs on simulated time, and what would run in threads after a random while, whole and at once.

    What a thread does is done even if nobody waits for it any more, as with real threads.
    """

    def __init__(self, choose: Random, started_s: float = 0.0) -> None:
        self._now_s = started_s
        self._choose = choose
        super().__init__(_NoFiles(self._go_on))

    def time(self) -> float:
        """Seconds, which go on only where everybody waits."""
        return self._now_s

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run a function later, in this thread."""
        del executor
        future: asyncio.Future[Any] = self.create_future()

        def run() -> None:
            try:
                result = func(*args)
            except BaseException as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        self.call_later(self._choose.random() * _THREAD_S_MAX, run)
        return future

    def _go_on(self, timeout: float | None) -> None:
        if timeout is None:
            raise Stuck("nothing is scheduled, and everybody waits")
        self._now_s += timeout
