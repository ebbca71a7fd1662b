"""How much is measured: to see that it all runs, for a look, and for the bars."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """`runs` of the throughputs, which take turns.

    Order tiers: `orders` of `orders // 10` customers. Shop: `shop_events` in a day of `shop_customers`.
    Latency: `probe_s` seconds are measured after `warm_s`, at `calm_rate` and `busy_rate` events a second.
    Recovery and snapshots: `many` customers, `steady_rate` events a second, `backlog_s` seconds of them,
    snapshots every `snapshot_s`. Names of the peers that are beside.
    """

    name: str
    runs: int
    orders: int
    shop_customers: int
    shop_events: int
    probe_customers: int
    probe_s: float
    warm_s: float
    calm_rate: float
    busy_rate: float
    many: int
    steady_rate: float
    backlog_s: float
    snapshot_s: float
    peers: tuple[str, ...]
    latency_peers: tuple[str, ...]


_PEERS = ("streams", "streams-2", "streams-rocksdb", "flink", "flink-2")
_LATENCY_PEERS = ("streams-100ms", "streams-10ms", "flink-100ms")

SIZES = {
    size.name: size
    for size in (
        Size(
            name="smoke",
            runs=1,
            orders=20_000,
            shop_customers=1_000,
            shop_events=10_000,
            probe_customers=1_000,
            probe_s=2.0,
            warm_s=1.0,
            calm_rate=500.0,
            busy_rate=1_000.0,
            many=1_000,
            steady_rate=500.0,
            backlog_s=2.0,
            snapshot_s=1.0,
            peers=("streams", "flink"),
            latency_peers=(),
        ),
        Size(
            name="small",
            runs=1,
            orders=300_000,
            shop_customers=20_000,
            shop_events=300_000,
            probe_customers=20_000,
            probe_s=10.0,
            warm_s=4.0,
            calm_rate=2_000.0,
            busy_rate=20_000.0,
            many=100_000,
            steady_rate=5_000.0,
            backlog_s=10.0,
            snapshot_s=5.0,
            peers=_PEERS,
            latency_peers=_LATENCY_PEERS,
        ),
        Size(
            name="full",
            runs=3,
            orders=1_000_000,
            shop_customers=100_000,
            shop_events=2_000_000,
            probe_customers=100_000,
            probe_s=30.0,
            warm_s=8.0,
            calm_rate=2_000.0,
            busy_rate=20_000.0,
            many=1_000_000,
            steady_rate=5_000.0,
            backlog_s=60.0,
            snapshot_s=10.0,
            peers=_PEERS,
            latency_peers=_LATENCY_PEERS,
        ),
    )
}
