"""Events: what may come in (S2). One model per family of types; `EVENT` is all of them, told apart by `type`.

The models say what can be said without a pack. Under a pack an event must further have money that fits its
currency, attributes of the declared kinds, and a dimension and category that exist. Unknown fields are
ignored, and an optional field that is null counts as absent.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from schemas.fields import (
    Attributes,
    Currency,
    Day,
    Id,
    Instant,
    Items,
    Label,
    Likelihood,
    Money,
    Remark,
    Stars,
)

_MONEY = "Decimal of at least 0 in units of `currency`; as a string it survives every JSON library exactly."
_CURRENCY = "ISO 4217 code; without it the currency of the pack."


def _config(**example: JsonValue) -> ConfigDict:
    return ConfigDict(
        extra="ignore", frozen=True, use_attribute_docstrings=True, json_schema_extra={"examples": [example]}
    )


class _Event(BaseModel):
    event_id: Id
    """Names the event: a second one of the same customer and topic with this id is dropped (S4.3)."""
    occurred_at: Instant
    """When it happened: RFC 3339 with an offset, up to six fraction digits, years 1970 to 2199 in UTC."""
    customer_id: Id
    """Whose event it is; also the key of the record."""


class Order(_Event):
    """An order was placed, completed or refunded."""

    model_config = _config(
        event_id="e-1001",
        type="order.completed",
        occurred_at="2026-03-01T16:00:00Z",
        customer_id="C1",
        order_id="O-77",
        amount="129.90",
        currency="EUR",
        discount="10.00",
        items=3,
        channel="web",
    )
    type: Literal["order.placed", "order.completed", "order.refunded"]
    order_id: Id
    amount: Annotated[Money, Field(description=_MONEY)]
    currency: Annotated[Currency | None, Field(description=_CURRENCY)] = None
    discount: Annotated[Money | None, Field(description=_MONEY)] = None
    items: Items | None = None
    channel: Label | None = None


class OrderCancelled(_Event):
    """An order was cancelled; the amount may be left out."""

    model_config = _config(
        event_id="e-1002",
        type="order.cancelled",
        occurred_at="2026-03-02T09:30:00+01:00",
        customer_id="C1",
        order_id="O-78",
    )
    type: Literal["order.cancelled"]
    order_id: Id
    amount: Annotated[Money | None, Field(description=_MONEY)] = None
    currency: Annotated[Currency | None, Field(description=_CURRENCY)] = None
    discount: Annotated[Money | None, Field(description=_MONEY)] = None
    items: Items | None = None
    channel: Label | None = None


class Payment(_Event):
    """A payment went through, failed, was refunded or is overdue."""

    model_config = _config(
        event_id="e-2001",
        type="payment.succeeded",
        occurred_at="2026-03-01T16:00:05Z",
        customer_id="C1",
        payment_id="P-5",
        amount=129.9,
        currency="EUR",
        order_id="O-77",
        method="card",
    )
    type: Literal["payment.succeeded", "payment.failed", "payment.refunded", "payment.overdue"]
    payment_id: Id
    amount: Annotated[Money, Field(description=_MONEY)]
    currency: Annotated[Currency | None, Field(description=_CURRENCY)] = None
    order_id: Id | None = None
    method: Label | None = None


class Rating(_Event):
    """A rating of 1 to 5."""

    model_config = _config(
        event_id="e-3001",
        type="feedback.rating",
        occurred_at="2026-03-05T08:00:00Z",
        customer_id="C1",
        feedback_id="F-9",
        score=4,
        order_id="O-77",
        topic="delivery",
    )
    type: Literal["feedback.rating"]
    feedback_id: Id
    score: Stars
    order_id: Id | None = None
    topic: Label | None = None


class Nps(_Event):
    """How likely the customer is to recommend us, 0 to 10."""

    model_config = _config(
        event_id="e-3002",
        type="feedback.nps",
        occurred_at="2026-03-05T08:00:00Z",
        customer_id="C1",
        feedback_id="F-10",
        score=9,
    )
    type: Literal["feedback.nps"]
    feedback_id: Id
    score: Likelihood
    order_id: Id | None = None
    topic: Label | None = None


class Complaint(_Event):
    """A complaint of severity 1 to 5."""

    model_config = _config(
        event_id="e-3003",
        type="feedback.complaint",
        occurred_at="2026-03-06T08:00:00Z",
        customer_id="C1",
        feedback_id="F-11",
        severity=3,
        topic="quality",
    )
    type: Literal["feedback.complaint"]
    feedback_id: Id
    severity: Stars | None = None
    """1 if left out."""
    order_id: Id | None = None
    topic: Label | None = None


class ComplaintResolved(_Event):
    """A complaint was resolved."""

    model_config = _config(
        event_id="e-3004",
        type="feedback.complaint_resolved",
        occurred_at="2026-03-07T08:00:00Z",
        customer_id="C1",
        feedback_id="F-11",
        topic="quality",
    )
    type: Literal["feedback.complaint_resolved"]
    feedback_id: Id
    order_id: Id | None = None
    topic: Label | None = None


class CustomerProfile(_Event):
    """A customer registered, or attributes changed."""

    model_config = _config(
        event_id="e-4001",
        type="customer.registered",
        occurred_at="2026-02-28T10:00:00Z",
        customer_id="C1",
        attributes={"region": "north", "age": 42, "newsletter": True},
    )
    type: Literal["customer.registered", "customer.updated"]
    attributes: Attributes | None = None
    """New values by name; null removes one. Names that the pack does not declare are ignored."""


class CategoryAssigned(_Event):
    """Somebody put an override on a dimension of a customer (S8)."""

    model_config = _config(
        event_id="e-4002",
        type="category.assigned",
        occurred_at="2026-03-08T10:00:00Z",
        customer_id="C1",
        dimension="value_tier",
        category="gold",
        mode="floor",
        until="2027-01-01",
        reason="goodwill after the delivery in February",
        actor="maria",
    )
    type: Literal["category.assigned"]
    dimension: Remark
    category: Remark
    mode: Literal["pin", "floor"] | None = None
    """`pin` if left out."""
    until: Day | None = None
    """The first day that is free again; without it the override stays until it is released."""
    reason: Remark
    actor: Remark


class CategoryReleased(_Event):
    """Somebody took an override away."""

    model_config = _config(
        event_id="e-4003",
        type="category.released",
        occurred_at="2026-04-08T10:00:00Z",
        customer_id="C1",
        dimension="value_tier",
        reason="no longer needed",
        actor="maria",
    )
    type: Literal["category.released"]
    dimension: Remark
    reason: Remark
    actor: Remark


class CustomerErased(_Event):
    """Everything about the customer is to be forgotten (S12.1)."""

    model_config = _config(
        event_id="e-4004",
        type="customer.erased",
        occurred_at="2026-05-01T00:00:00Z",
        customer_id="C1",
        reason="asked for it",
        actor="privacy desk",
    )
    type: Literal["customer.erased"]
    reason: Remark | None = None
    actor: Remark | None = None


class CustomerMerged(_Event):
    """Reserved: rejected as not supported yet (S12.2)."""

    model_config = _config(
        event_id="e-4005",
        type="customer.merged",
        occurred_at="2026-05-01T00:00:00Z",
        customer_id="C1",
        into="C2",
    )
    type: Literal["customer.merged"]
    into: Id
    reason: Remark | None = None
    actor: Remark | None = None


AnyEvent = (
    Order
    | OrderCancelled
    | Payment
    | Rating
    | Nps
    | Complaint
    | ComplaintResolved
    | CustomerProfile
    | CategoryAssigned
    | CategoryReleased
    | CustomerErased
    | CustomerMerged
)

#: Any event, told apart by its `type`.
EVENT: TypeAdapter[AnyEvent] = TypeAdapter(Annotated[AnyEvent, Field(discriminator="type")])

#: The model of every type.
MODELS: dict[str, type[AnyEvent]] = {
    name: model for model in get_args(AnyEvent) for name in get_args(model.model_fields["type"].annotation)
}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of an event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tierline event",
        **EVENT.json_schema(),
    }
