"""What the queries answer.

Instants are microseconds since 1970 (`…_us`), days `YYYY-MM-DD`, money minor units of the pack's currency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list; `next` and `previous`: cursors to the pages beside it, None where is none."""

    rows: Sequence[T]
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True)
class CategoryShare:
    """How many customers of a dimension are in a category; `share` from 0 to 1."""

    category: str
    code: str | None
    customers: int
    share: float


@dataclass(frozen=True, slots=True)
class DimensionShare:
    """A dimension with all of its categories, of a ladder the highest first."""

    dimension: str
    rows: Sequence[CategoryShare]


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole in numbers; the last day is that before the latest clock of a shard."""

    customers: int
    dimensions: Sequence[DimensionShare]
    pending: int
    changes_last_day: int
    dead_letters: int


@dataclass(frozen=True, slots=True)
class ShardState:
    """Where a shard stands; `watermark_us`: everything before it is final."""

    shard: int
    generation: int
    number: int
    watermark_us: int | None
    clock_us: int
    pack_name: str
    pack_version: str
    pack_fingerprint: str
    committed_us: int


@dataclass(frozen=True, slots=True)
class Freshness:
    """Up to when the whole is final (the least of the shards), and when the projection last moved."""

    watermark_us: int | None
    clock_us: int | None
    projected_us: int | None
    with_orders: bool
    shards: Sequence[ShardState]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Counts over days; each series has one count a day."""

    days: Sequence[str]
    series: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Flow:
    """Moves from a category (None: a first one) to another (None: erased)."""

    from_: str | None
    to: str | None
    moves: int


@dataclass(frozen=True, slots=True)
class Held:
    """The category of a customer in a dimension now."""

    dimension: str
    category: str
    code: str | None
    since_us: int
    sequence: int
    strategy: str | None = None


@dataclass(frozen=True, slots=True)
class PendingMove:
    """A move that will be made at the start of `until_day` if nothing happens."""

    customer_id: str
    dimension: str
    from_category: str
    to_category: str
    since_day: str
    until_day: str
    effective_us: int


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer in a list."""

    customer_id: str
    updated_us: int
    orders: int | None
    revenue_minor: int | None
    categories: Mapping[str, Held]
    attributes: Mapping[str, str | None]
    pending: Sequence[PendingMove]


@dataclass(frozen=True, slots=True)
class Found(Page[CustomerRow]):
    """A page of customers; `count` of all that fit, or with `count_capped` that there are even more."""

    count: int
    count_capped: bool


@dataclass(frozen=True, slots=True)
class Override:
    """What was decided by hand: `pin` or `floor` at a category, until the start of a day."""

    dimension: str
    mode: str
    category: str
    until_day: str | None
    reason: str | None
    actor: str | None
    assigned_us: int


@dataclass(frozen=True, slots=True)
class CustomerFile:
    """All that the tables hold of a customer, but the changes."""

    customer_id: str
    life: int
    born_us: int
    updated_us: int
    orders: int | None
    revenue_minor: int | None
    categories: Sequence[Held]
    attributes: Mapping[str, str | None]
    pending: Mapping[str, PendingMove]
    overrides: Mapping[str, Override]


@dataclass(frozen=True, slots=True)
class Change:
    """A published change; reasons, metrics and strategy as JSON."""

    id: int
    change_id: str
    customer_id: str
    life: int
    dimension: str
    sequence: int
    from_category: str | None
    from_code: str | None
    to_category: str
    to_code: str | None
    target: str
    direction: str
    effective_us: int
    previous_effective_us: int | None
    cause: str
    trigger_event_id: str | None
    trigger_type: str | None
    reasons: str
    metrics: str
    strategy: str | None
    pack_name: str
    pack_version: str
    pack_fingerprint: str
    generation: int
    detected_us: int | None


@dataclass(frozen=True, slots=True)
class LetterCount:
    """Dead letters of a reason and a topic, and when the latest came."""

    code: str
    topic: str
    n: int
    latest_us: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter; `source` is TOPIC/PARTITION and `position` the offset there."""

    source: str
    position: int
    code: str
    detail: str
    event_id: str | None
    customer_key: str | None
    customer_id: str | None
    record: str | None
    record_base64: str | None
    at_us: int


@dataclass(frozen=True, slots=True)
class Revenue:
    """What the customers of a category brought; `share` of the whole, None where there is no revenue."""

    category: str
    customers: int
    orders: int
    revenue_minor: int
    share: float | None

    @property
    def each_minor(self) -> int:
        """Revenue for each customer, rounded."""
        return round(self.revenue_minor / self.customers) if self.customers else 0


@dataclass(frozen=True, slots=True)
class Concentration:
    """The share of the revenue that the best `part` of the customers bring."""

    part: float
    customers: int
    share: float


@dataclass(frozen=True, slots=True)
class Cell:
    """How many customers are in a category of one dimension and one of another, or what they brought."""

    a: str
    b: str
    value: int
