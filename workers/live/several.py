"""Several workers on one machine, each a process of its own: started, started again when one dies, ended."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from workers.children import Child
from workers.clock import running_seconds
from workers.logs import logger

log = logger("workers")

#: A worker that dies is started again after this, and twice as long each time it dies again soon.
_AGAIN_FIRST_S: Final = 1.0
_AGAIN_MAX_S: Final = 30.0
#: One that has lived so long has not died soon.
_LIVED_S: Final = 60.0
_LOOK_S: Final = 0.1
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
#: What a worker ends with that nobody can help but the user: to start it again would change nothing.
_USER_ERROR: Final = 2


@dataclass(slots=True)
class _Place:
    """One worker's place; `start_at_s` is when it is to be started, None while it runs or for good."""

    name: str
    child: Child
    start_at_s: float | None = 0.0
    started_s: float = 0.0
    pause_s: float = _AGAIN_FIRST_S
    codes: list[int] = field(default_factory=list)


class Several:
    """Keeps workers running until they are told to end, or none of them can run."""

    def __init__(
        self, workers: Sequence[tuple[str, Child]], seconds: Callable[[], float] = running_seconds
    ) -> None:
        """`workers`: their names for the log, and their processes, not started yet."""
        self._places = [_Place(name, child) for name, child in workers]
        self._seconds = seconds
        self._ending = False

    def signal(self, number: int) -> None:
        """Pass a signal on; a worker that has died since is not started again."""
        self._ending = True
        for place in self._places:
            place.start_at_s = None
            place.child.signal(number)

    async def run(self) -> int:
        """Until all have ended: the greatest of their last exit codes, 0 where a signal was passed on."""
        while True:
            for place in self._places:
                self._look(place)
            if not any(place.child.running or place.start_at_s is not None for place in self._places):
                codes = [code for place in self._places for code in place.codes[-1:]]
                return 0 if self._ending else max(codes, default=0)
            await asyncio.sleep(_LOOK_S)

    def _look(self, place: _Place) -> None:
        now = self._seconds()
        if place.child.running:
            return
        if place.start_at_s is not None:
            if now >= place.start_at_s:
                place.child.start()
                place.started_s, place.start_at_s = now, None
                log.info("worker is started", worker=place.name, process=place.child.pid)
            return
        code = place.child.exit_code()
        if code is None or self._ending or (place.codes and place.codes[-1] == _USER_ERROR):
            return
        place.codes.append(code)
        if code == _USER_ERROR:
            log.error("worker has ended and is not started again: see its message", worker=place.name)
            return
        place.pause_s = _AGAIN_FIRST_S if now - place.started_s > _LIVED_S else place.pause_s
        place.start_at_s = now + place.pause_s
        log.error(
            "worker has died and is started again", worker=place.name, exit=_exit(code), after_s=place.pause_s
        )
        place.pause_s = min(2 * place.pause_s, _AGAIN_MAX_S)


def _exit(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else str(code)


def command_of(arguments: Sequence[str]) -> list[str]:
    """The command line that runs `tierline` with these arguments, as this process was run."""
    return [sys.executable, "-m", "workers.cli.main", *arguments]


def run_several(several: Several) -> tuple[int, int | None]:
    """Run them and pass SIGINT and SIGTERM on: the exit code, and the first signal's number if one came."""

    async def run() -> tuple[int, int | None]:
        loop = asyncio.get_running_loop()
        received: list[int] = []

        def pass_on(number: int) -> None:
            received.append(number)
            several.signal(number)

        for number in _SIGNALS:
            loop.add_signal_handler(number, pass_on, number)
        return await several.run(), next(iter(received), None)

    return asyncio.run(run())
