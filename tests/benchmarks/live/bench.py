"""What every measurement needs: a broker, a folder, how much, and where to say what was found."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from tests.benchmarks.figures import Book
from tests.benchmarks.live.cluster import Cluster
from tests.benchmarks.live.making import PARTITIONS, Made
from tests.benchmarks.live.sizes import Size
from tests.benchmarks.live.worker import Names, Worker
from tests.benchmarks.process import FailedError, Run, busy_seconds

#: A lag that does not shrink for so long will not.
_STUCK_S = 120.0
_LOOK_AGAIN_S = 0.01
#: Workers that stand still while their events are loaded are not to lose their place.
_STANDING_SESSION_MS = 120_000


@dataclass(slots=True)
class Bench:
    """`brokers`: where; `kept`: folder for logs and what is built; `shown`: what is in the book already."""

    brokers: str
    kept: Path
    size: Size
    book: Book
    console: Console
    shown: dict[str, float] = field(default_factory=dict)
    _runs: int = 0

    def say(self, text: str) -> None:
        """Say what goes on."""
        self.console.print(text, style="dim", highlight=False)

    def names(self, what: str) -> Names:
        """Topics and group of a new run."""
        self._runs += 1
        return Names(f"{what}-{os.getpid()}-{self._runs}")

    def cluster(self, partitions: int = PARTITIONS) -> Cluster:
        """The broker, with topics of so many partitions."""
        return Cluster(self.brokers, partitions)

    def worker(self, names: Names, pack: str | Path, number: int = 1, **settings: object) -> Worker:
        """A worker that is not started yet; `settings` are those of the live service."""
        partitions = int(str(settings.pop("partitions", PARTITIONS)))
        given = {name.upper(): str(value) for name, value in settings.items()}
        return Worker(self.kept / "logs", pack, self.brokers, names, number, partitions, given)


@dataclass(frozen=True, slots=True)
class Worked:
    """Events from the first one taken until all were committed, by one or several processes.

    `cpu_s` of those processes from the first event on, `cpu_all_s` from their start.
    """

    events: int
    seconds: float
    cpu_s: float
    cpu_all_s: float
    peak_bytes: int
    others: float

    def as_run(self) -> Run:
        """For the table of contenders."""
        return Run(self.seconds, self.cpu_s, self.peak_bytes, os.getloadavg()[0], self.others, "")


async def caught_up(cluster: Cluster, names: Names, check: Callable[[], None]) -> None:
    """Wait until the group has committed all of its inputs. Raises FailedError if nothing moves any more."""
    async with cluster.lag(names.run, names.by_role.values()) as lag:
        least, since = await lag.left(), time.perf_counter()
        while least > 0:
            check()
            await asyncio.sleep(_LOOK_AGAIN_S)
            left = await lag.left()
            if left < least:
                least, since = left, time.perf_counter()
            elif time.perf_counter() - since > _STUCK_S:
                raise FailedError(
                    f"{left} records of `{names.run}` have not been worked through for {_STUCK_S:.0f} s"
                )


async def started(workers: Iterable[Worker]) -> float:
    """Start workers and wait until all are ready; returns the seconds from start to ready of the slowest."""
    begin = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        await worker.ready()
    return time.perf_counter() - begin


async def work_through(
    cluster: Cluster, names: Names, workers: list[Worker], events: Iterable[Made]
) -> Worked:
    """Let ready workers stand still while their events are loaded, then let them go, and wait for the end."""
    for worker in workers:
        worker.signal(signal.SIGSTOP)
    try:
        count = await cluster.load(events, names.by_role)
        before = [worker.cpu_s() for worker in workers]
        busy, begin = busy_seconds(), time.perf_counter()
    finally:
        for worker in workers:
            worker.signal(signal.SIGCONT)

    def check() -> None:
        for worker in workers:
            worker.check()

    await caught_up(cluster, names, check)
    seconds = time.perf_counter() - begin
    busy = busy_seconds() - busy
    after = [worker.cpu_s() for worker in workers]
    cpu_s = sum(after) - sum(before)
    peak = sum(worker.bytes_peak() for worker in workers)
    return Worked(count, seconds, cpu_s, sum(after), peak, max(0.0, (busy - cpu_s) / seconds))


#: Settings of workers that stand still for a while.
STANDING = {"session_timeout_ms": _STANDING_SESSION_MS}
