"""The shape of a pack file, for editors: completion, and a first check of keys and forms (S13).

Whether the names, kinds and values make sense together is the business of the pack language; whatever it
accepts is accepted here too.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Days = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]*)d$", description="A number of days.", examples=["30d"])]
Window = Annotated[
    str,
    Field(
        pattern=r"^([1-9][0-9]*d|lifetime|(this|last)_(month|quarter|year))$",
        description="The days that count: the last N days with today, or calendar periods.",
        examples=["365d", "lifetime", "this_month", "last_quarter", "this_year"],
    ),
]
Expression = Annotated[
    str,
    Field(
        description="A condition or value over metrics, `attr.NAME`, `current`, `days_in_category` and "
        "earlier dimensions.",
        examples=["spend_365d >= 200 and present(attr.region)"],
    ),
]
FactType = Literal[
    "order.placed",
    "order.completed",
    "order.cancelled",
    "order.refunded",
    "payment.succeeded",
    "payment.failed",
    "payment.refunded",
    "payment.overdue",
    "feedback.rating",
    "feedback.nps",
    "feedback.complaint",
    "feedback.complaint_resolved",
]
FactTypes = FactType | Annotated[list[FactType], Field(min_length=1)]
Label = Annotated[str, Field(max_length=64)]
Labels = Label | Annotated[list[Label], Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    title: str | None = None
    """A name for people."""
    description: str | None = None
    """What it is for, for people."""


class Where(BaseModel):
    """Only facts whose label has this value, or one of these; one key, as the types in `of` carry."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"minProperties": 1, "maxProperties": 1},
    )

    channel: Labels | None = None
    """Of orders."""
    method: Labels | None = None
    """Of payments."""
    topic: Labels | None = None
    """Of feedback."""


class AggregateMetric(_Part):
    """A number over the facts of a customer."""

    agg: Literal["count", "sum", "avg", "min", "max", "days", "first", "last", "recency", "tenure"]
    """How the facts become one value."""
    of: FactTypes
    """The event types that are looked at."""
    field: Literal["amount", "discount", "items", "score", "severity"] | None = None
    """The field that is summed or compared; for other aggregates, only facts that have it count."""
    minus: FactTypes | None = None
    """For `sum`: event types whose sum is taken off."""
    where: Where | None = None
    window: Window = "lifetime"


class DerivedMetric(_Part):
    """A value computed from metrics declared earlier and from attributes."""

    expr: Expression


class Policy(_Part):
    """When a move that is due may happen."""

    hold: Days = "0d"
    """How long the move must have been due without a break."""
    min_dwell: Days = "0d"
    """How long the customer must have been in the category."""
    at: Literal["month_start", "quarter_start", "year_start"] | None = None
    """Only on the first day of a month, quarter or year."""


class LadderPolicy(Policy):
    """When a move up or down a ladder may happen, and how far."""

    step: Literal["full", "one"] = "full"
    """All the way to the target, or one category at a time."""


class _Category(_Part):
    code: Annotated[str, Field(min_length=1, max_length=64, examples=["002", "002.2"])] | None = None
    """A short code, unique within the dimension; `002.2` is a child of `002`."""
    strategy: dict[str, Any] | None = None
    """How customers of this category are treated; travels with every change."""


class LadderCategory(_Category):
    """A rank of a ladder; the lowest, which comes first, has no condition."""

    enter: Expression | None = None
    """When a customer may rise to it."""
    keep: Expression | None = None
    """When a customer may stay; `enter` if left out."""


class MatchCategory(_Category):
    """A category of a first_match; the last always matches and has no condition."""

    when: Expression | None = None


class _Dimension(_Part):
    publish: list[Id] | None = None
    """The metrics that are told with every change."""


class Ladder(_Dimension):
    """Categories from the lowest to the highest."""

    kind: Literal["ladder"]
    categories: Annotated[dict[Id, LadderCategory | None], Field(min_length=1)]
    upgrade: LadderPolicy | None = None
    downgrade: LadderPolicy | None = None


class FirstMatch(_Dimension):
    """The first category whose condition is true."""

    kind: Literal["first_match"]
    categories: Annotated[dict[Id, MatchCategory | None], Field(min_length=1)]
    change: Policy | None = None


Date = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]
Rate = Annotated[str, Field(pattern=r"^[0-9]{1,18}(\.[0-9]{1,18})?$", examples=["0.86"])]


class PackFile(_Part):
    """A pack of rules: how customers are classified."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """The name of the pack, in every change."""
    version: Annotated[str, Field(min_length=1, max_length=128, examples=["1"])]
    """The version, quoted; in every change."""
    timezone: Annotated[str, Field(examples=["Europe/London"])]
    """The IANA time zone whose days are the periods."""
    currency: Currency
    """The ISO 4217 currency in which money is counted."""
    rates: dict[Currency, Annotated[dict[Date, Rate], Field(min_length=1)]] | None = None
    """For each other currency, from which date on one unit of it is how much of the pack's."""
    lateness: Days = "30d"
    """Facts older than this are too late."""
    max_ahead: Days = "1d"
    """Events further ahead of their record than this are refused."""
    attributes: dict[Id, Literal["string", "integer", "number", "boolean"]] | None = None
    """What is known of a customer beside facts."""
    metrics: dict[Id, AggregateMetric | DerivedMetric] | None
    """The numbers that conditions use, in order."""
    dimensions: Annotated[
        dict[Id, Annotated[Ladder | FirstMatch, Field(discriminator="kind")]], Field(min_length=1)
    ]
    """The ways in which customers are classified, in order."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a pack file."""
    schema = TypeAdapter(PackFile).json_schema()
    _close(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _close(node: Any) -> None:
    """Refuse keys of another form wherever the form of keys is given."""
    if isinstance(node, dict):
        if "patternProperties" in node:
            node["additionalProperties"] = False
        for inner in node.values():
            _close(inner)
    elif isinstance(node, list):
        for inner in node:
            _close(inner)
