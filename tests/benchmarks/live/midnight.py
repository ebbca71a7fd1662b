"""A midnight at which very many customers move, while events go on."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import timedelta

from tests.benchmarks.figures import Figure
from tests.benchmarks.live import making
from tests.benchmarks.live.bench import Bench, caught_up, started
from tests.benchmarks.live.latency import begun, ended, figures_of, told
from tests.benchmarks.live.making import SHOP_DAY, People
from tests.benchmarks.live.prober import Probe
from tests.benchmarks.live.worker import Worker

_MOVERS = 10_000
#: Events before midnight, of the log's own time, and how long after it they go on at most.
_BEFORE_S = 5.0
_AFTER_S, _SMALL_AFTER_S = 130.0, 5.0
#: So long nothing moves before it begins.
_STILL_S = 3.0


def _moved(worker: Worker) -> float:
    """Moves so far that time alone made."""
    return worker.figures(cause="time").get("tierline_changes_total", 0.0)


async def _settled(worker: Worker) -> float:
    """The same, once the moves that were due before are all made."""
    moved, since = _moved(worker), time.perf_counter()
    while time.perf_counter() - since < _STILL_S:
        await asyncio.sleep(0.2)
        if (now := _moved(worker)) != moved:
            moved, since = now, time.perf_counter()
    return moved


async def midnight(bench: Bench) -> None:
    """Customers who all are at risk from one midnight on; others move house before, at and after it."""
    size, names, cluster = bench.size, bench.names("midnight"), bench.cluster()
    people, movers = People(size.many), People(_MOVERS, "M")
    at = SHOP_DAY + timedelta(days=1)
    await cluster.create(*names.by_role.values())
    worker = bench.worker(names, "shop", tick_delay_s=0)
    await started([worker])
    await cluster.load(making.shop_calm_history(people, at_risk_on=at), names.by_role)
    await cluster.load(making.shop_movers(movers, at - timedelta(hours=1)), names.by_role)
    await caught_up(cluster, names, worker.check)
    before = await _settled(worker)
    seconds = _BEFORE_S + (_SMALL_AFTER_S if size.many < 10_000 else _AFTER_S)
    probe = Probe(
        brokers=bench.brokers,
        topics=names.by_role,
        out=names.topics.changes,
        events="moves",
        customers=_MOVERS,
        letter="M",
        rate=size.steady_rate,
        seconds=seconds,
        started=(at - timedelta(seconds=_BEFORE_S)).isoformat(),
    )
    records = await cluster.records(names.by_role.values())
    feeding = begun(bench, probe)
    try:
        while await cluster.records(names.by_role.values()) == records:
            await asyncio.sleep(0.05)
        midnight_at = time.perf_counter() + _BEFORE_S
        out_s, cpu_s = float("nan"), worker.cpu_s()
        while feeding.running:
            await asyncio.sleep(0.1)
            # the answer itself can take a while
            moved = _moved(worker) - before
            if math.isnan(out_s) and moved >= len(people):
                out_s = time.perf_counter() - midnight_at
                bench.say(f"{len(people):,} customers have moved {out_s:.1f} s after midnight")
        found = told(await asyncio.to_thread(ended, feeding))
        cpu_s = worker.cpu_s() - cpu_s
    finally:
        feeding.kill()
        worker.stop()
    await cluster.delete(names.run)
    bench.say(f"events meanwhile: p50 {found['p50_s'] * 1e3:.0f} ms, p99 {found['p99_s'] * 1e3:.0f} ms")
    title = f"{len(people):,} customers due at one midnight, {size.steady_rate:,.0f} events/s go on"
    bench.book.figures(
        title,
        [
            Figure("until all are out", [out_s], "s", 120, 20),
            *figures_of(found, "live events", {"p99": (1000, 100)}),
        ],
    )
