"""Events a second from topic to topic, exactly once: order tiers beside the peers, and the shop."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Sequence

from tests.benchmarks.figures import Contender, Figure, ratios
from tests.benchmarks.live import checking, making
from tests.benchmarks.live.bench import STANDING, Bench, Worked, started, work_through
from tests.benchmarks.live.making import SHOP_DAY, People
from tests.benchmarks.peers import java
from tests.benchmarks.process import measure

_ONE, _TWO = "Tierline, 1 worker", "Tierline, 2 workers"
_SHOP_SPAN_S = 80_000.0


async def alone(bench: Bench) -> None:
    """Order tiers by one worker and by two; both must tell the same moves."""
    await _order_tiers(bench, ())


async def beside_peers(bench: Bench) -> None:
    """The same orders through Tierline and the peers, by turns; all must tell the same moves."""
    reason = java.missing()
    if reason:
        bench.say(f"without Kafka Streams and Flink: {reason}")
    else:
        bench.say("building Kafka Streams' and Flink's programs")
        java.build(bench.kept)
    await _order_tiers(bench, () if reason else bench.size.peers)


async def _order_tiers(bench: Bench, peers: Sequence[str]) -> None:
    worked: dict[str, list[Worked]] = {}
    moves: dict[str, checking.Moves] = {}

    def note(title: str, one: Worked, told: checking.Moves) -> None:
        bench.say(f"{title}: {one.events / one.seconds:,.0f} events/s, {one.cpu_s:.2f} s of processors")
        worked.setdefault(title, []).append(one)
        for first, others in list(moves.items())[:1]:
            checking.same(title, told, first, others)
        moves.setdefault(title, told)

    for _ in range(bench.size.runs):
        for title, count in ((_ONE, 1), (_TWO, 2)):
            note(title, *await _worker_tiers(bench, count))
        for name in peers:
            peer = java.THROUGHPUT[name]
            note(peer.title, *await _peer_tiers(bench, peer))
    events = bench.size.orders
    bench.book.contenders(
        f"order tiers, exactly once: {events:,} orders of {events // 10:,} customers, all tell the same",
        [Contender(title, events, [one.as_run() for one in runs]) for title, runs in worked.items()],
    )
    bench.book.figures("order tiers: figures", _tier_figures(worked))


def _tier_figures(worked: dict[str, list[Worked]]) -> list[Figure]:
    def rate(title: str) -> list[float]:
        return [one.events / one.seconds for one in worked[title]]

    def by_cpu(title: str) -> list[float]:
        return [one.events / one.cpu_s for one in worked[title]]

    figures = [
        Figure(f"committed, {title}", rate(title), "thousand events/s", scale=1000) for title in worked
    ]
    figures += [
        Figure(f"memory, {title}", [float(one.peak_bytes) for one in runs], "MB", scale=1e6)
        for title, runs in worked.items()
    ]
    figures.append(
        Figure(
            "CPU of one worker with its start, a million events",
            [one.cpu_all_s / one.events * 1e6 for one in worked[_ONE]],
            "s",
        )
    )
    if java.THROUGHPUT["streams"].title in worked:
        streams, flink = (java.THROUGHPUT[name].title for name in ("streams", "flink"))
        figures += [
            ratios("1 worker against Kafka Streams in memory", rate(_ONE), rate(streams), floor=1.0),
            ratios("1 worker against Flink", rate(_ONE), rate(flink), goal=1.5),
            ratios("2 workers against Flink", rate(_TWO), rate(flink), floor=1.0, goal=2.0),
            ratios(
                "events per CPU second, 1 worker against Kafka Streams in memory",
                by_cpu(_ONE),
                by_cpu(streams),
                floor=2.0,
                goal=5.0,
            ),
        ]
    return figures


async def _worker_tiers(bench: Bench, count: int) -> tuple[Worked, checking.Moves]:
    names, cluster = bench.names("tiers"), bench.cluster()
    await cluster.create(*names.by_role.values())
    workers = [bench.worker(names, java.PACK, number, **STANDING) for number in range(1, count + 1)]
    await started(workers)
    people = People(bench.size.orders // 10)
    one = await work_through(cluster, names, workers, making.orders(bench.size.orders, people))
    for worker in workers:
        worker.stop()
    moves, _ = await checking.moves_of_worker(cluster, names.topics.changes)
    await cluster.delete(names.run)
    return one, moves


async def _peer_tiers(bench: Bench, peer: java.Peer) -> tuple[Worked, checking.Moves]:
    names, cluster = bench.names("peer"), bench.cluster()
    orders, out = names.by_role["orders"], f"{names.run}-out"
    await cluster.create(orders, out)
    people = People(bench.size.orders // 10)
    await cluster.load(making.orders(bench.size.orders, people), names.by_role)
    state = bench.kept / "peers" / "state"
    options = {"brokers": bench.brokers, "in": orders, "out": out, "name": names.run, "state": str(state)}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    run = measure(java.command(bench.kept, peer, *words))
    shutil.rmtree(state, ignore_errors=True)
    told = json.loads(run.printed.strip().splitlines()[-1])
    one = Worked(
        told["records"],
        told["committed_s"],
        told["cpu_from_first_s"],
        told["cpu_s"],
        told["peak_bytes"],
        run.others,
    )
    moves = await checking.moves_of_peer(cluster, out)
    await cluster.delete(names.run)
    return one, moves


async def shop(bench: Bench) -> None:
    """The shop pack on four topics: customers with a history, then a day of which few events move anybody."""
    runs: list[Worked] = []
    shares: list[float] = []
    history_rates: list[float] = []
    people, count = People(bench.size.shop_customers), bench.size.shop_events
    for _ in range(bench.size.runs):
        names, cluster = bench.names("shop"), bench.cluster()
        await cluster.create(*names.by_role.values())
        worker = bench.worker(names, "shop", **STANDING)
        await started([worker])
        history = await work_through(cluster, names, [worker], making.shop_history(people))
        bench.say(f"the shop's history: {history.events / history.seconds:,.0f} events/s")
        before = worker.figures()
        day = making.shop_day(count, people, SHOP_DAY, count / _SHOP_SPAN_S)
        runs.append(await work_through(cluster, names, [worker], day))
        after = worker.figures()
        shares.append((after["tierline_changes_total"] - before.get("tierline_changes_total", 0.0)) / count)
        history_rates.append(history.events / history.seconds)
        bench.say(f"the shop: {count / runs[-1].seconds:,.0f} events/s, {runs[-1].cpu_s:.2f} s of processors")
        worker.stop()
        await cluster.delete(names.run)
    rates = [one.events / one.seconds for one in runs]
    bench.shown["shop rate"] = statistics.median(rates)
    bench.book.contenders(
        f"shop pack, four topics, {len(people):,} customers, 1 worker",
        [Contender("Tierline, a day of the shop", count, [one.as_run() for one in runs])],
    )
    bench.book.figures(
        "shop pack: figures",
        [
            Figure("committed, 1 worker", rates, "thousand events/s", 150, 400, 1000),
            Figure("events that move a customer", [share * 100 for share in shares], "%"),
            Figure("committed, history (1.3 moves an event)", history_rates, "thousand events/s", scale=1000),
            Figure("memory of the worker", [float(one.peak_bytes) for one in runs], "MB", scale=1e6),
        ],
    )
