"""Whether peers and workers tell the same: per customer, every move between tiers, in order."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping

from tests.benchmarks.live.cluster import Cluster
from tests.benchmarks.process import FailedError

#: Customer → (tier before, tier after, instant of the order to the second, cents spent in 90 days).
Moves = Mapping[str, list[tuple[int, int, str, int]]]


async def moves_of_peer(cluster: Cluster, topic: str) -> Moves:
    """What a peer's program wrote."""
    moves = defaultdict(list)
    async for record in cluster.read(topic):
        told = json.loads(record.value or b"")
        moves[told["customer_id"]].append(
            (told["from"], told["to"], told["occurred_at"][:19], told["spend_90d"])
        )
    return moves


async def moves_of_worker(cluster: Cluster, topic: str) -> tuple[Moves, int]:
    """What workers published under `order_tiers.yaml`, and how many changes those were.

    A worker also tells of a customer's birth; the lowest tier is where the others begin without a word.
    Raises FailedError if a change is there twice or a number is missing.
    """
    moves = defaultdict(list)
    sequence: dict[str, int] = defaultdict(int)
    count = 0
    async for record in cluster.read(topic):
        told = json.loads(record.value or b"")
        customer, count = told["customer_id"], count + 1
        if told["sequence"] != sequence[customer] + 1:
            raise FailedError(
                f"after change {sequence[customer]} of {customer} comes {told['sequence']} in `{topic}`"
            )
        sequence[customer] += 1
        before, after = _tier(told["from"]), _tier(told["to"])
        if before != after:
            cents = int(told["metrics"]["spend_90d"].replace(".", ""))
            moves[customer].append((before, after, told["effective_at"][:19], cents))
    return moves, count


def same(title: str, moves: Moves, others_title: str, others: Moves) -> None:
    """Raises FailedError with the first difference."""
    for customer in sorted({*moves, *others}):
        mine, theirs = moves.get(customer, []), others.get(customer, [])
        if mine != theirs:
            raise FailedError(f"{customer}: {title} tells {mine}, {others_title} tells {theirs}")


def _tier(category: str | None) -> int:
    return int(category.rpartition("_")[2]) if category else 0
