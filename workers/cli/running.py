"""Commands that wait for several things at once: how a signal ends them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from workers.cli.errors import Stopped

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_until_stopped(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end and return the result; SIGINT and SIGTERM cancel the work, which may then clean up.

    A signal that fell into the middle of a callback would end some task that has nothing to do with it, so
    the loop itself takes signals. Raises `Stopped` after the work has ended, unless it returned a result.
    """
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        return asyncio.run(_watched(work))
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


async def _watched(work: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise Stopped(received[0]) from None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
