"""An accepted event as a value, and the two other answers intake may give."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Topic = Literal["customers", "orders", "payments", "feedback"]

#: The topics in the order in which events of the same instant are applied (S10).
TOPICS: tuple[Topic, ...] = ("customers", "orders", "payments", "feedback")

#: Every event type and its topic, in the order of the table in S2.1. The position is the type's code.
TYPES: dict[str, Topic] = {
    "order.placed": "orders",
    "order.completed": "orders",
    "order.cancelled": "orders",
    "order.refunded": "orders",
    "payment.succeeded": "payments",
    "payment.failed": "payments",
    "payment.refunded": "payments",
    "payment.overdue": "payments",
    "feedback.rating": "feedback",
    "feedback.nps": "feedback",
    "feedback.complaint": "feedback",
    "feedback.complaint_resolved": "feedback",
    "customer.registered": "customers",
    "customer.updated": "customers",
    "category.assigned": "customers",
    "category.released": "customers",
    "customer.erased": "customers",
    "customer.merged": "customers",
}

#: The one label that the facts of a topic carry (S2.3), for `where`.
LABELS: dict[Topic, str] = {"orders": "channel", "payments": "method", "feedback": "topic"}


class Code(StrEnum):
    """Why an event is rejected, in the order in which the reasons are checked (S2.4)."""

    MALFORMED_JSON = "malformed_json"
    SCHEMA = "schema"
    KEY_MISMATCH = "key_mismatch"
    UNKNOWN_CURRENCY = "unknown_currency"
    FUTURE = "future"
    ERASED = "erased"
    TOO_LATE = "too_late"


@dataclass(frozen=True, slots=True)
class Event:
    """A valid event under a pack.

    `occurred_us` is in microseconds since 1970-01-01T00:00Z and `period` its local day. Money is in minor
    units of the pack's currency, already converted. `label` is the channel, method or topic. `attributes`
    holds the declared ones only, None for removal, in the order of the pack. `until` is a period.
    Fields that a type does not have, or that the event left out, are None.
    """

    event_id: str
    type: str
    customer_id: str
    occurred_us: int
    period: int
    amount: int | None = None
    discount: int | None = None
    items: int | None = None
    score: int | None = None
    severity: int | None = None
    label: str | None = None
    attributes: tuple[tuple[int, int | float | str | bool | None], ...] = field(default=())
    dimension: int | None = None
    category: int | None = None
    mode: Literal["pin", "floor"] | None = None
    until: int | None = None
    reason: str | None = None
    actor: str | None = None

    @property
    def topic(self) -> Topic:
        """The topic that the type belongs to."""
        return TYPES[self.type]


@dataclass(frozen=True, slots=True)
class Rejection:
    """An event that changes nothing: the code, a sentence that names the field, the id if it was readable."""

    code: Code
    detail: str
    event_id: str | None = None
    customer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event of a type that is not ours: skipped and counted, whatever else is in it."""

    type: str
