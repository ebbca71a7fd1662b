"""What Tierline sends out: changes, pending notices, erasures and dead letters.

The keys stand in the order in which bodies carry them. Unknown keys are refused here, because these models
describe what we write; a subscriber does well to ignore keys that it does not know.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints

#: RFC 3339 in UTC with six fraction digits.
Instant = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$", strict=True)
]
#: A calendar day of the pack's time zone.
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$", strict=True)]
#: An id of 1 to 128 characters.
Id = Annotated[str, StringConstraints(min_length=1, max_length=128, strict=True)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", strict=True)]
#: A value as bodies show it: money as a decimal string, integers and doubles as numbers, missing as null.
Value = str | int | float | bool | None

Direction = Literal["initial", "up", "down", "move"]
Cause = Literal["event", "time", "override", "rules", "merge"]
RejectionCode = Literal[
    "malformed_json", "schema", "key_mismatch", "unknown_currency", "future", "erased", "too_late"
]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


class Trigger(_Record):
    """The event that caused the evaluation."""

    event_id: Id
    type: str


class Reason(_Record):
    """One condition that decided: its rule, its text as written, its answer, and every value it used."""

    rule: str = Field(description="`dimension.category.word`, such as `value_tier.gold.enter`.")
    expression: str | None = Field(description="Null where a category asks nothing, and for overrides.")
    result: bool
    values: dict[str, Value] = Field(description="For an override: its actor and its reason.")


class PackIdentity(_Record):
    """Which rules decided."""

    name: str
    version: str
    fingerprint: Digest = Field(description="SHA-256 of everything in the pack, in hex.")


class Change(_Record):
    """A move of a customer from one category of a dimension to another, with its reasons (S9)."""

    change_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$", strict=True)]
    customer_id: Id
    life: int = Field(ge=1, description="2, 3 … after the customer was erased and came back.")
    dimension: str
    sequence: int = Field(ge=1, description="1, 2, 3 … per customer, life and dimension, without gaps.")
    from_: str | None = Field(alias="from", description="Null for a customer's first category.")
    from_code: str | None
    to: str
    to_code: str | None
    target: str = Field(description="Where the rules aim; differs from `to` for one step at a time.")
    direction: Direction
    effective_at: Instant = Field(description="When it fell due, however late it was noticed.")
    previous_effective_at: Instant | None
    cause: Cause
    trigger: Trigger | None = Field(description="Null unless an event caused the evaluation.")
    reasons: tuple[Reason, ...] = Field(min_length=1)
    metrics: dict[str, Value] = Field(description="What the dimension publishes with its changes.")
    strategy: dict[str, Any] | None = Field(description="How the new category is to be treated.")
    pack: PackIdentity
    generation: int = Field(ge=1)


class PendingNotice(_Record):
    """A move that is coming, has a new goal, or will not come after all (S9.7)."""

    customer_id: Id
    life: int = Field(ge=1)
    dimension: str
    state: Literal["started", "updated", "cancelled"]
    from_: str = Field(alias="from")
    to: str = Field(description="Where the move would lead now.")
    since: Day
    until: Day = Field(description="The day on which it falls due if nothing happens.")
    effective_at: Instant
    sequence_next: int = Field(ge=2, description="The `sequence` of the change if it comes.")


class CategoryNow(_Record):
    """Where a customer stands in one dimension."""

    category: str
    code: str | None
    since: Instant
    sequence: int = Field(ge=1, description="That of the latest change of this dimension.")


class CustomerCategories(_Record):
    """All categories of a customer now; the latest record of a key holds, one without a body erases it."""

    customer_id: Id
    life: int = Field(ge=1)
    updated_at: Instant = Field(description="When the latest of these moves fell due.")
    categories: dict[str, CategoryNow] = Field(description="By dimension.")
    pack: PackIdentity
    generation: int = Field(ge=1)


class CustomerErased(_Record):
    """Tells downstream to forget a customer (S12.1)."""

    type: Literal["customer.erased"]
    customer_id: Id
    life: int = Field(ge=1, description="The life that ended.")
    effective_at: Instant
    reason: str | None
    actor: str | None


class RejectedRecord(_Record):
    """A record that was refused, as it came (S2.4)."""

    code: Literal["malformed_json", "schema", "key_mismatch", "unknown_currency", "future", "too_late"]
    detail: str = Field(description="One sentence that names the field.")
    source: str = Field(description="The base name of the file, or the topic and partition.")
    position: int = Field(ge=0, description="Line or row from 1 in a file; offset in a partition.")
    event_id: str | None = Field(description="Null where it could not be read.")
    record: str | None = Field(description="The original text; null where it is not UTF-8.")
    record_base64: str | None = Field(default=None, description="The bytes of a record that is not UTF-8.")


class RejectedErased(_Record):
    """A record of a customer who was erased: where it stood, and nothing of what it said (S2.4)."""

    code: Literal["erased"]
    detail: str
    source: str
    position: int = Field(ge=0)
    customer_sha256: Digest


class DeadLetter(RootModel[Annotated[RejectedRecord | RejectedErased, Field(discriminator="code")]]):
    """A record that changed nothing: why, where it stands, and the record itself."""


class ReplaySummary(_Record):
    """What a replay did, in numbers: the last file that it writes."""

    pack: PackIdentity
    generation: int = Field(ge=1)
    order: Literal["occurred", "arrival"]
    until: Day | None
    events: int = Field(ge=0, description="Read, with rejected and unknown ones, without tick lines.")
    applied: int = Field(ge=0)
    changes: int = Field(ge=0)
    notices: int = Field(ge=0)
    erased: int = Field(ge=0)
    rejected: dict[RejectionCode, int]
    duplicates: int = Field(ge=0)
    late: int = Field(ge=0)
    unknown_types: dict[str, int]
    after_until: int = Field(ge=0, description="Valid, but of days after `until`, and left out.")
    customers: int = Field(ge=0)
    seconds: float = Field(ge=0)
