"""From produce to readable with read_committed: at a calm pace, a busy one, and a good part of the utmost."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.live import making
from tests.benchmarks.live.bench import Bench, caught_up, started
from tests.benchmarks.live.making import SHOP_DAY, People
from tests.benchmarks.live.prober import Probe
from tests.benchmarks.peers import java
from tests.benchmarks.process import FailedError
from workers.children import Child

FLIPS = Path(__file__).with_name("order_flips.yaml")
_BUSY_SHARE = 0.02
_LOAD = 0.7
#: What a shop was fed with is in memory before it is produced; more would not fit beside all else.
_LOADED_EVENTS_MAX = 2_000_000

Bars = dict[str, tuple[float, float]]


async def latency(bench: Bench) -> None:
    """All of it, one after the other."""
    figures: list[Figure] = []
    size = bench.size
    calm = f"{size.calm_rate:,.0f} events/s, every event emits"
    busy = f"{size.busy_rate:,.0f} events/s, {_BUSY_SHARE:.0%} emit"
    figures += await _flips(bench, calm, size.calm_rate, 1.0, {"p50": (40, 8), "p99": (100, 30)})
    figures += await _flips(bench, busy, size.busy_rate, _BUSY_SHARE, {"p99": (200, 50)})
    figures += await _shop(bench)
    reason = java.missing()
    if reason:
        bench.say(f"without Kafka Streams and Flink: {reason}")
    elif size.latency_peers:
        java.build(bench.kept)
        for name in size.latency_peers:
            figures += await _peer(bench, java.LATENCY[name], calm)
    bench.book.figures("latency from produce to readable", figures)


async def probed(bench: Bench, probe: Probe) -> dict[str, float]:
    """Run a prober to its end; what it tells."""
    return told(await asyncio.to_thread(ended, begun(bench, probe)))


def begun(bench: Bench, probe: Probe) -> Child:
    """A prober, started."""
    log = bench.kept / "logs" / f"prober-{probe.topics['orders']}-{probe.letter}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    child = Child([sys.executable, "-m", "tests.benchmarks.live.prober", json.dumps(asdict(probe))], log=log)
    child.start()
    return child


def ended(child: Child) -> Child:
    """Wait for a prober's end."""
    if child.wait():
        raise FailedError(f"the prober failed: {child.last_words()}")
    return child


def told(child: Child) -> dict[str, float]:
    """What a prober that has ended told."""
    found: dict[str, float] = json.loads(child.last_words().splitlines()[-1])
    return found


def figures_of(found: dict[str, float], title: str, bars: Bars) -> list[Figure]:
    """The figures of a probe, in milliseconds, with (floor, goal) of some."""
    if not found["measured"]:
        raise FailedError(f"nothing could be read of {found['produced']:,.0f} events: {title}")
    figures = []
    for name in ("p50", "p99", "max"):
        floor, goal = bars.get(name, (None, None))
        figures.append(Figure(f"{name}, {title}", [found[f"{name}_s"]], "ms", floor, goal, 1e-3))
    return figures


async def _flips(bench: Bench, title: str, rate: float, share: float, bars: Bars) -> list[Figure]:
    names, cluster, size = bench.names("latency"), bench.cluster(), bench.size
    people = People(size.probe_customers)
    await cluster.create(*names.by_role.values())
    worker = bench.worker(names, FLIPS, clock="wall")
    await started([worker])
    await cluster.load(making.flip_births(people, datetime.now(UTC)), names.by_role)
    await caught_up(cluster, names, worker.check)
    probe = _probe(bench, names.by_role, names.topics.changes, rate, share)
    cpu_s = worker.cpu_s()
    found = await probed(bench, probe)
    cpu_s = worker.cpu_s() - cpu_s
    worker.stop()
    await cluster.delete(names.run)
    _whole(found, probe, title)
    bench.say(_said(title, found) + f", worker busy {cpu_s / probe.seconds:.0%} of a processor")
    return figures_of(found, f"Tierline at {title}", bars)


async def _shop(bench: Bench) -> list[Figure]:
    """A day of the shop at a part of what was measured before; what it can do is measured if it was not."""
    if "shop rate" not in bench.shown:
        bench.say("latency under load needs the shop's rate: measure `shop` before it")
        return []
    size, cluster, names = bench.size, bench.cluster(), bench.names("load")
    rate = _LOAD * bench.shown["shop rate"]
    people = People(size.shop_customers)
    await cluster.create(*names.by_role.values())
    worker = bench.worker(names, "shop")
    await started([worker])
    await cluster.load(making.shop_history(people), names.by_role)
    await caught_up(cluster, names, worker.check)
    probe = _probe(bench, names.by_role, names.topics.changes, rate, 1.0)
    seconds = min(probe.seconds, _LOADED_EVENTS_MAX / rate)
    probe = replace(
        probe,
        events="day",
        customers=size.shop_customers,
        seconds=seconds,
        warm_s=min(probe.warm_s, seconds / 3),
        started=SHOP_DAY.isoformat(),
    )
    found = await probed(bench, probe)
    worker.stop()
    await cluster.delete(names.run)
    title = f"{_LOAD:.0%} of the shop's rate ({found['rate']:,.0f} events/s)"
    bench.say(_said(title, found))
    return figures_of(found, f"Tierline at {title}", {})


async def _peer(bench: Bench, peer: java.Peer, title: str) -> list[Figure]:
    names, cluster, size = bench.names("latency"), bench.cluster(), bench.size
    orders, out = names.by_role["orders"], f"{names.run}-out"
    await cluster.create(*names.by_role.values(), out)
    people = People(size.probe_customers)
    await cluster.load(making.flip_births(people, datetime.now(UTC)), names.by_role)
    state = bench.kept / "peers" / "state"
    options = {"brokers": bench.brokers, "in": orders, "out": out, "name": names.run, "state": str(state)}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    child = Child(java.command(bench.kept, peer, *words), log=bench.kept / "logs" / f"{names.run}.log")

    def check() -> None:
        if not child.running:
            raise FailedError(f"{peer.title} ended: {child.last_words()}")

    child.start()
    try:
        await caught_up(cluster, names, check)
        probe = replace(_probe(bench, names.by_role, out, size.calm_rate, 1.0), by_time=True)
        found = await probed(bench, probe)
    finally:
        child.kill()
        shutil.rmtree(state, ignore_errors=True)
    await cluster.delete(names.run)
    _whole(found, probe, peer.title)
    bench.say(_said(f"{peer.title}: {title}", found))
    return figures_of(found, peer.title, {})


def _probe(bench: Bench, topics: dict[str, str], out: str, rate: float, share: float) -> Probe:
    size = bench.size
    return Probe(
        brokers=bench.brokers,
        topics=topics,
        out=out,
        events="flips",
        customers=size.probe_customers,
        rate=rate,
        seconds=size.warm_s + size.probe_s,
        warm_s=size.warm_s,
        share=share,
    )


def _whole(found: dict[str, float], probe: Probe, title: str) -> None:
    """Where every event emits, every one must be there, and once."""
    if found["repeated"] or (probe.share >= 1 and found["read"] != found["produced"]):
        raise FailedError(
            f"{title}: {found['produced']:,.0f} produced, {found['read']:,.0f} read, "
            f"{found['repeated']:,.0f} twice"
        )


def _said(title: str, found: dict[str, float]) -> str:
    return (
        f"{title}: p50 {found['p50_s'] * 1e3:.0f} ms, p99 {found['p99_s'] * 1e3:.0f} ms "
        f"of {found['measured']:,.0f}; "
        f"{found['rate']:,.0f} events/s produced, up to {found['late_s'] * 1e3:.0f} ms behind the pace"
    )
