"""How much is measured: to see that it runs, for a look, for the bars, and for what a machine can hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: The pack of all measurements of replays: the shop with four dimensions.
PACK = Path(__file__).with_name("shop_of_four.yaml")


@dataclass(frozen=True, slots=True)
class Size:
    """`runs` of everything; `cold_runs` of a start without compiled code, which takes long.

    `tick_rows` customers of whom none is due, `due_rows` of whom all are; the slow reference gets
    `reference_events`.
    """

    name: str
    events: int
    customers: int
    runs: int
    cold_runs: int
    tick_rows: int
    due_rows: int
    reference_events: int


SIZES = {
    size.name: size
    for size in (
        Size("smoke", 100_000, 10_000, 1, 0, 100_000, 10_000, 500),
        Size("small", 1_000_000, 100_000, 2, 0, 1_000_000, 100_000, 2_000),
        Size("medium", 3_000_000, 300_000, 3, 1, 3_000_000, 300_000, 5_000),
        Size("full", 10_000_000, 1_000_000, 3, 3, 10_000_000, 1_000_000, 10_000),
        Size("huge", 30_000_000, 10_000_000, 1, 0, 0, 0, 0),
    )
}
