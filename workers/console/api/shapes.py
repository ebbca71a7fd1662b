"""What the API answers; each shape reads the rows of the queries.

Instants are RFC 3339 in UTC with six fraction digits, days `YYYY-MM-DD` in the pack's time zone, money whole
minor units of the pack's currency.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rules.calendar import format_instant


def _instant(value: int | str) -> str:
    return format_instant(value) if isinstance(value, int) else value


def _parsed(value: object) -> object:
    return orjson.loads(value) if isinstance(value, str) else value


Instant = Annotated[
    str,
    BeforeValidator(_instant),
    Field(json_schema_extra={"format": "date-time"}, examples=["2026-03-01T16:00:00.000000Z"]),
]
Json = Annotated[Any, BeforeValidator(_parsed)]
Minor = Annotated[int, Field(description="Whole minor units of the pack's currency.")]


class Shape(BaseModel):
    """Read from a row by its names."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


class Problem(Shape):
    """Why a request was not answered."""

    error: str = Field(description="One sentence that says what is wrong, and what to do about it.")


class Links(Shape):
    """Cursors to the pages beside a page; null where there is none."""

    next: str | None = Field(description="Give this as `cursor` for the next page.")
    previous: str | None = Field(description="Give this as `cursor` for the page before.")


class CategoryShare(Shape):
    """How many customers are in a category."""

    category: str
    code: str | None
    customers: int
    share: float = Field(description="Part of the customers of the dimension, from 0 to 1.")


class Dimension(Shape):
    """A dimension with all its categories, of a ladder the highest first."""

    dimension: str
    categories: list[CategoryShare] = Field(validation_alias="rows")


class Overview(Shape):
    """Who is where now."""

    customers: int
    dimensions: list[Dimension]
    pending: int = Field(description="Moves that are coming if nothing happens.")
    changes_last_day: int
    dead_letters: int


class Shard(Shape):
    """Where a shard stands."""

    shard: int
    generation: int
    batch: int = Field(validation_alias="number")
    watermark: Instant | None = Field(validation_alias="watermark_us", description="All before it is final.")
    clock: Instant = Field(validation_alias="clock_us")
    pack_name: str
    pack_version: str
    pack_fingerprint: str
    committed_at: Instant = Field(validation_alias="committed_us")


class Freshness(Shape):
    """Up to when everything is final."""

    watermark: Instant | None = Field(
        validation_alias="watermark_us", description="The least of the shards; null while one has none."
    )
    clock: Instant | None = Field(validation_alias="clock_us")
    projected_at: Instant | None = Field(
        validation_alias="projected_us", description="When the tables last moved on."
    )
    with_orders: bool = Field(description="Whether orders are projected; without them there is no value.")
    shards: list[Shard]


class Timeline(Shape):
    """Counts over days: each series has one count a day."""

    days: list[str]
    series: dict[str, list[int]]


class Flow(Shape):
    """Moves from one category to another."""

    from_: str | None = Field(serialization_alias="from", description="Null: a first category.")
    to: str | None = Field(description="Null: erased.")
    moves: int


class Held(Shape):
    """The category of a customer in a dimension now."""

    category: str
    code: str | None
    since: Instant = Field(validation_alias="since_us")
    sequence: int = Field(description="How many changes it has been.")
    strategy: Json = Field(None, description="How the pack treats customers of the category.")


class PendingMove(Shape):
    """A move that will be made at the start of `until` if nothing happens."""

    customer_id: str
    dimension: str
    from_: str = Field(validation_alias="from_category", serialization_alias="from")
    to: str = Field(validation_alias="to_category")
    since: str = Field(validation_alias="since_day")
    until: str = Field(validation_alias="until_day")
    effective_at: Instant = Field(validation_alias="effective_us")


class PendingPage(Links):
    """Moves that are coming, the next first."""

    moves: list[PendingMove] = Field(validation_alias="rows")


class CustomerRow(Shape):
    """A customer in a list."""

    customer_id: str
    updated_at: Instant = Field(validation_alias="updated_us")
    orders: int | None
    revenue_minor: Minor | None
    categories: dict[str, Held]
    attributes: dict[str, str | None]
    pending: list[PendingMove]


class CustomerPage(Links):
    """Customers that fit; `count` of all of them, or with `count_capped` that there are even more."""

    customers: list[CustomerRow] = Field(validation_alias="rows")
    count: int
    count_capped: bool


class Override(Shape):
    """What was decided by hand."""

    mode: Literal["pin", "floor"]
    category: str
    until: str | None = Field(validation_alias="until_day", description="The first day that is free again.")
    reason: str | None
    actor: str | None
    assigned_at: Instant = Field(validation_alias="assigned_us")


class Customer(Shape):
    """All that is known of a customer, but the changes."""

    customer_id: str
    life: int = Field(description="1, and one more after every erasure.")
    born_at: Instant = Field(validation_alias="born_us")
    updated_at: Instant = Field(validation_alias="updated_us")
    orders: int | None
    revenue_minor: Minor | None
    categories: dict[str, Held]
    attributes: dict[str, str | None]
    pending: dict[str, PendingMove]
    overrides: dict[str, Override]
    now: dict[str, Any] | None = Field(
        None, description="With `live`: what the worker that holds the customer says, metrics among it."
    )
    now_missing: str | None = Field(
        None, description="With `live`: why it says nothing: `away`, `unknown` or `not ready`."
    )


class Change(Shape):
    """A published change with its reasons."""

    id: int = Field(description="Rises in the order in which changes were read.")
    change_id: str
    customer_id: str
    life: int
    dimension: str
    sequence: int
    from_: str | None = Field(validation_alias="from_category", serialization_alias="from")
    from_code: str | None
    to: str = Field(validation_alias="to_category")
    to_code: str | None
    target: str
    direction: str
    effective_at: Instant = Field(validation_alias="effective_us")
    previous_effective_at: Instant | None = Field(validation_alias="previous_effective_us")
    cause: str
    trigger_event_id: str | None
    trigger_type: str | None
    reasons: Json
    metrics: Json
    strategy: Json
    pack_name: str
    pack_version: str
    pack_fingerprint: str
    generation: int


class ChangePage(Links):
    """Changes, newest first."""

    changes: list[Change] = Field(validation_alias="rows")


class LetterCount(Shape):
    """Dead letters of a reason and a topic."""

    code: str
    topic: str
    letters: int = Field(validation_alias="n")
    latest_at: Instant = Field(validation_alias="latest_us")


class Letter(Shape):
    """A record that was refused, and why."""

    source: str = Field(description="TOPIC/PARTITION that it came from.")
    position: int = Field(description="Its offset there.")
    code: str
    detail: str
    event_id: str | None
    customer_key: str | None
    record: str | None = Field(description="Its text; null where it is not text, or of an erased customer.")
    record_base64: str | None
    at: Instant = Field(validation_alias="at_us")


class LetterPage(Links):
    """Dead letters, newest first."""

    letters: list[Letter] = Field(validation_alias="rows")


class Revenue(Shape):
    """What the customers of a category brought."""

    category: str
    customers: int
    orders: int
    revenue_minor: Minor
    share: float | None


class Concentration(Shape):
    """The share of the revenue that the best `part` of the customers bring."""

    part: float
    customers: int
    share: float


class Cell(Shape):
    """One cell of a table of two dimensions."""

    a: str
    b: str
    value: int


class PackCategory(Shape):
    """A category of the pack; conditions as the pack has them, in the words of its language."""

    category: str
    title: str
    code: str | None
    conditions: list[str]
    strategy: Json


class PackDimension(Shape):
    """A dimension of the pack, of a ladder from the lowest category to the highest."""

    dimension: str
    title: str
    kind: str
    categories: list[PackCategory]


class Pack(Shape):
    """The rules that this console knows."""

    name: str
    version: str
    fingerprint: str
    timezone: str
    currency: str
    digits: int = Field(description="So many digits of a minor unit: 2 for cents.")
    dimensions: list[PackDimension]
    attributes: list[str]
