"""What the engine says about an input: outputs as values, in the order in which they happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rules.engine.event import Rejection


@dataclass(frozen=True, slots=True)
class Output:
    """A change (S9), a pending notice (S9.7) or the message of an erasure (S12.1).

    `body` holds JSON values with the keys in their published order; `effective_us` is its `effective_at` in
    microseconds since 1970-01-01T00:00Z.
    """

    kind: Literal["change", "notice", "erased"]
    customer_id: str
    effective_us: int
    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one event did. A rejected event and a duplicate have no outputs and move no time.

    `late` says that the event's period lay before the customer's `as_of` (it was applied all the same).
    """

    outputs: tuple[Output, ...] = ()
    rejection: Rejection | None = None
    duplicate: bool = False
    late: bool = False


#: What a dead letter says of an event at or before the erasure of its customer (S12.1).
ERASED_DETAIL = "`occurred_at` is not after the erasure of this customer"


def too_late_detail(lateness: int) -> str:
    """What a dead letter says of a fact that came too late (S4.3); `lateness` in days."""
    return f"`occurred_at` is more than {lateness} days behind what is known of this customer"
