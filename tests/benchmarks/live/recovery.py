"""What happens to a worker with many customers: snapshots, stops, kills and backlogs."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from tests.benchmarks.figures import Figure
from tests.benchmarks.live import making
from tests.benchmarks.live.bench import STANDING, Bench, caught_up, started, work_through
from tests.benchmarks.live.latency import begun, ended
from tests.benchmarks.live.making import SHOP_DAY, People
from tests.benchmarks.live.prober import Probe
from tests.benchmarks.live.worker import Worker

_NEVER_S = 86_400
#: Events go on for so many snapshots before the kill, so that some came since the last one, and for so many
#: times the backlog after the restart.
_SNAPSHOTS_BEFORE, _AFTER = 2.5, 3


async def recovery(bench: Bench) -> None:
    """Killed before any snapshot, stopped in order, and killed with a backlog that grows on."""
    size, names, cluster = bench.size, bench.names("recovery"), bench.cluster()
    people = People(size.many)
    await cluster.create(*names.by_role.values())
    worker = bench.worker(names, "shop", snapshot_interval_s=_NEVER_S, **STANDING)
    await started([worker])
    live = await work_through(cluster, names, [worker], making.shop_calm_history(people))
    live_rate = live.events / live.seconds
    bench.say(f"{len(people):,} customers came at {live_rate:,.0f} events/s; the worker is killed")
    worker.kill()

    await started([worker])
    replayed = worker.restored()
    replay_rate = replayed.records / replayed.seconds
    bench.say(f"restored from the journal: {replay_rate:,.0f} records/s")
    worker.stop()

    seconds = await started([worker])
    loaded = worker.restored()
    load_rate = loaded.customers / loaded.seconds
    bench.say(f"restored from snapshots: {load_rate:,.0f} customers/s, ready after {seconds:.1f} s")
    memory = worker.bytes_now()
    worker.stop()

    killed = bench.worker(names, "shop", snapshot_interval_s=size.snapshot_s)
    ready_s, gone_s = await _killed(bench, killed, people)
    bench.say(f"killed with a backlog: ready after {ready_s:.1f} s, all worked through after {gone_s:.1f} s")
    await cluster.delete(names.run)
    bench.book.figures(
        f"stopped and killed: {len(people):,} customers of the shop, 4 shards in 1 worker",
        [
            Figure("live rate of the same records", [live_rate], "thousand events/s", scale=1000),
            Figure("restore from the journal, against the live rate", [replay_rate / live_rate], "×", 1, 2),
            Figure("restore from the journal", [replay_rate], "thousand records/s", scale=1000),
            Figure("restore from snapshots", [load_rate], "thousand customers/s", 300, 2000, 1000),
            Figure("start to ready from snapshots, whole process", [seconds], "s"),
            Figure(
                f"killed, {size.backlog_s:.0f} s of backlog at {size.steady_rate:,.0f} events/s: ready",
                [ready_s],
                "s",
            ),
            Figure("the same: until the lag is gone", [gone_s], "s", 60, 15),
            Figure("memory after a restore, a customer", [memory / len(people)], "bytes"),
            Figure("memory after a restore", [float(memory)], "MB", scale=1e6),
            Figure("largest memory while they came", [float(live.peak_bytes)], "MB", scale=1e6),
        ],
    )


async def _killed(bench: Bench, worker: Worker, people: People) -> tuple[float, float]:
    """Seconds from the restart until ready, and until nothing waits, while events go on at their pace."""
    size, cluster = bench.size, bench.cluster()
    before_s, after_s = _SNAPSHOTS_BEFORE * size.snapshot_s, _AFTER * size.backlog_s
    probe = Probe(
        brokers=bench.brokers,
        topics=worker.names.by_role,
        out=None,
        events="day",
        customers=len(people),
        rate=size.steady_rate,
        seconds=before_s + size.backlog_s + after_s,
        started=(SHOP_DAY + timedelta(hours=1)).isoformat(),
    )
    await started([worker])
    records = await cluster.records(worker.names.by_role.values())
    feeding = begun(bench, probe)
    try:
        while await cluster.records(worker.names.by_role.values()) == records:
            await asyncio.sleep(0.1)
        await asyncio.sleep(before_s)
        worker.kill()
        await asyncio.sleep(size.backlog_s)
        begin = time.perf_counter()
        ready_s = await started([worker])
        # events keep coming, so a tenth of a second of them is as good as none
        async with cluster.lag(worker.names.run, worker.names.by_role.values()) as lag:
            while await lag.left() > size.steady_rate * 0.1:
                worker.check()
                await asyncio.sleep(0.02)
        gone_s = time.perf_counter() - begin
        await asyncio.to_thread(ended, feeding)
        await caught_up(cluster, worker.names, worker.check)
    finally:
        feeding.kill()
        worker.kill()
    return ready_s, gone_s


async def pause(bench: Bench) -> None:
    """How long a shard with many customers stands still for its snapshot, while events go on."""
    size, names, cluster = bench.size, bench.names("pause"), bench.cluster(1)
    people = People(size.many, partitions=1)
    await cluster.create(*names.by_role.values())
    worker = bench.worker(names, "shop", snapshot_interval_s=size.snapshot_s, partitions=1, **STANDING)
    await started([worker])
    await work_through(cluster, names, [worker], making.shop_calm_history(people))
    before = worker.figures()
    probe = Probe(
        brokers=bench.brokers,
        topics=names.by_role,
        out=None,
        events="day",
        customers=len(people),
        rate=size.steady_rate,
        seconds=3 * size.snapshot_s,
        partitions=1,
        started=SHOP_DAY.isoformat(),
    )
    await asyncio.to_thread(ended, begun(bench, probe))
    await caught_up(cluster, names, worker.check)
    after = worker.figures()
    worker.stop()
    await cluster.delete(names.run)
    name = "tierline_snapshot_pause_seconds"
    count = after[f"{name}_count"] - before.get(f"{name}_count", 0.0)
    if not count:
        bench.say("no snapshot was made while events went on: nothing to tell of its pause")
        return
    mean_s = (after[f"{name}_sum"] - before.get(f"{name}_sum", 0.0)) / count
    bench.say(
        f"{count:.0f} snapshots of {len(people):,} customers: {mean_s * 1e3:.0f} ms of standing still each"
    )
    bench.book.figures(
        f"snapshots: {len(people):,} customers of the shop in 1 shard",
        [Figure("pause, mean", [mean_s], "ms", 400, 100, 1e-3), Figure("snapshots", [count], "")],
    )
