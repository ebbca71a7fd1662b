"""How much is measured: to see that it all runs, for a look, and for the bars."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """`runs` of the throughputs, which take turns.

    Order tiers: `orders` of `orders // 10` customers. Shop: `shop_events` in a day of `shop_customers`.
    Latency: `probe_s` seconds are measured after `warm_s`, at `calm_rate` and `busy_rate` events a second.
    Recovery and snapshots: `many` customers, `steady_rate` events a second, `backlog_s` seconds of them.
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


SIZES = {
    size.name: size
    for size in (
        Size("smoke", 1, 20_000, 1_000, 10_000, 1_000, 2.0, 1.0, 500.0, 1_000.0, 1_000, 500.0, 2.0),
        Size(
            "small", 1, 300_000, 20_000, 300_000, 20_000, 10.0, 4.0, 2_000.0, 20_000.0, 100_000, 5_000.0, 10.0
        ),
        Size(
            "full",
            3,
            1_000_000,
            100_000,
            2_000_000,
            100_000,
            30.0,
            8.0,
            2_000.0,
            20_000.0,
            1_000_000,
            5_000.0,
            60.0,
        ),
    )
}
