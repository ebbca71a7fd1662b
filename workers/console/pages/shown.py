"""A change with its reasons read, as pages show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workers.console.pages.reasons import Reason, Reasons, Told
from workers.sql.queries.shapes import Change


@dataclass(frozen=True, slots=True)
class ShownChange:
    """What a page says of a change."""

    customer_id: str
    life: int
    dimension: str
    sequence: int
    from_category: str | None
    to_category: str
    target: str
    direction: str
    effective_us: int
    cause: str
    trigger_event_id: str | None
    trigger_type: str | None
    reasons: Sequence[Reason]
    metrics: Sequence[Told]
    pack_name: str
    pack_version: str


def shown_change(reasons: Reasons, change: Change) -> ShownChange:
    """A change of the tables, for people."""
    return ShownChange(
        change.customer_id,
        change.life,
        change.dimension,
        change.sequence,
        change.from_category,
        change.to_category,
        change.target,
        change.direction,
        change.effective_us,
        change.cause,
        change.trigger_event_id,
        change.trigger_type,
        reasons.read(change.reasons),
        reasons.told(change.metrics, change.dimension),
        change.pack_name,
        change.pack_version,
    )
