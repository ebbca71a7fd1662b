"""How soon a worker shows a customer while it works as fast as it can."""

from __future__ import annotations

import random
import time
import urllib.request
from threading import Event, Thread

import numpy as np

from tests.benchmarks.figures import Figure
from tests.benchmarks.live import making
from tests.benchmarks.live.bench import STANDING, Bench, started, work_through
from tests.benchmarks.live.making import SHOP_DAY, People
from tests.benchmarks.process import FailedError

_SHOP_SPAN_S = 80_000.0
#: Between an answer and the next question.
_REST_S = 0.01
_ANSWER_S = 60.0


async def lookups(bench: Bench) -> None:
    """`/customers/ID` of random customers, while the shop's day is worked through at full speed."""
    people, count = People(bench.size.shop_customers), bench.size.shop_events
    names, cluster = bench.names("lookups"), bench.cluster()
    await cluster.create(*names.by_role.values())
    worker = bench.worker(names, "shop", **STANDING)
    await started([worker])
    await work_through(cluster, names, [worker], making.shop_history(people))
    asking = Asking(f"{worker.web}/customers/", people)
    asking.start()
    day = making.shop_day(count, people, SHOP_DAY, count / _SHOP_SPAN_S)
    one = await work_through(cluster, names, [worker], day)
    # before that it stood still, and no answer came
    since_s = time.perf_counter() - one.seconds
    taken = [ms for begin_s, ms in asking.end() if begin_s >= since_s]
    worker.stop()
    await cluster.delete(names.run)
    if not taken:
        raise FailedError("the worker was done before it could be asked")
    bench.say(f"{len(taken)} questions while {one.events / one.seconds:,.0f} events/s were worked through")
    bench.book.figures(
        "a customer from the worker's memory under full load",
        [
            Figure("`/customers/ID`, p50", [float(np.percentile(taken, 50))], "ms"),
            Figure("`/customers/ID`, p99", [float(np.percentile(taken, 99))], "ms", 100, 20),
        ],
    )


class Asking(Thread):
    """Asks for one random customer after the other until it is ended."""

    def __init__(self, address: str, people: People) -> None:
        super().__init__(daemon=True)
        self._address, self._people = address, people
        self._ended = Event()
        self._taken: list[tuple[float, float]] = []

    def run(self) -> None:
        """Note down when each question was asked, and how many ms the answer took."""
        draw = random.Random(5)
        while not self._ended.wait(_REST_S):
            begin_s = time.perf_counter()
            name = draw.choice(self._people.names)
            with urllib.request.urlopen(self._address + name, timeout=_ANSWER_S) as answer:  # noqa: S310
                answer.read()
            self._taken.append((begin_s, (time.perf_counter() - begin_s) * 1000))

    def end(self) -> list[tuple[float, float]]:
        """Stop asking; all answers in order: (seconds of the clock, ms)."""
        self._ended.set()
        self.join()
        return self._taken
