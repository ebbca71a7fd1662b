"""Published messages as rows.

What is read was written by a worker, so it is not validated field by field: a message that lacks something is
a `ForeignError`, and whoever reads says where it lies.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class ForeignError(ValueError):
    """A message that is none of ours; says in few words what is wrong with it."""


class Change(NamedTuple):
    """A change, in the order of the columns of its table (without `id`)."""

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


class Erasure(NamedTuple):
    """The message of an erasure, and when it was written."""

    customer_id: str
    life: int
    effective_us: int
    told_ms: int
    reason: str | None
    actor: str | None


class Notice(NamedTuple):
    """A notice of a pending move."""

    customer_id: str
    dimension: str
    life: int
    state: str
    from_category: str
    to_category: str
    since_day: str
    until_day: str
    effective_us: int
    sequence_next: int


class Letter(NamedTuple):
    """A dead letter, in the order of the columns of its table."""

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


class Batch(NamedTuple):
    """Where a shard stands, in the order of the columns of its table."""

    shard: int
    generation: int
    number: int
    watermark_us: int | None
    clock_us: int
    pack_name: str
    pack_version: str
    pack_fingerprint: str
    committed_us: int


def microseconds(text: str) -> int:
    """An instant as bodies write it, since 1970-01-01T00:00Z."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND


def change_or_erasure(value: bytes, timestamp_ms: int) -> Change | Erasure:
    """A message of the changes; raises ForeignError."""
    try:
        body = orjson.loads(value)
        if body.get("type") == "customer.erased":
            return Erasure(
                body["customer_id"],
                body["life"],
                microseconds(body["effective_at"]),
                timestamp_ms,
                body["reason"],
                body["actor"],
            )
        return _change(body, timestamp_ms)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ForeignError(_what(error)) from None


def _change(body: dict[str, Any], timestamp_ms: int) -> Change:
    trigger, pack, before = body["trigger"], body["pack"], body["previous_effective_at"]
    strategy = body["strategy"]
    return Change(
        body["change_id"],
        body["customer_id"],
        body["life"],
        body["dimension"],
        body["sequence"],
        body["from"],
        body["from_code"],
        body["to"],
        body["to_code"],
        body["target"],
        body["direction"],
        microseconds(body["effective_at"]),
        None if before is None else microseconds(before),
        body["cause"],
        None if trigger is None else trigger["event_id"],
        None if trigger is None else trigger["type"],
        orjson.dumps(body["reasons"]).decode(),
        orjson.dumps(body["metrics"]).decode(),
        None if strategy is None else orjson.dumps(strategy).decode(),
        pack["name"],
        pack["version"],
        pack["fingerprint"],
        body["generation"],
        timestamp_ms * 1000,
    )


def notice(value: bytes) -> Notice:
    """A message of the pending moves; raises ForeignError."""
    try:
        body = orjson.loads(value)
        return Notice(
            body["customer_id"],
            body["dimension"],
            body["life"],
            body["state"],
            body["from"],
            body["to"],
            body["since"],
            body["until"],
            microseconds(body["effective_at"]),
            body["sequence_next"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ForeignError(_what(error)) from None


def letter(value: bytes, key: bytes | None, timestamp_ms: int) -> Letter:
    """A dead letter; of a customer who was erased not even the key is kept. Raises ForeignError."""
    try:
        body = orjson.loads(value)
        erased = body["code"] == "erased"
        return Letter(
            body["source"],
            body["position"],
            body["code"],
            body["detail"],
            body.get("event_id"),
            None if erased or key is None else _storable(key.decode("utf-8", "replace")),
            None if erased else _customer_of(body.get("record")),
            None if body.get("record") is None else _storable(body["record"]),
            body.get("record_base64"),
            timestamp_ms * 1000,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ForeignError(_what(error)) from None


def batch(value: bytes, timestamp_ms: int) -> Batch:
    """A record of the journal; raises ForeignError."""
    try:
        body = orjson.loads(value)
        pack, watermark = body["pack"], body["watermark"]
        return Batch(
            body["shard"],
            body["generation"],
            body["number"],
            None if watermark is None else microseconds(watermark),
            microseconds(body["clock"]),
            pack["name"],
            pack["version"],
            pack["fingerprint"],
            timestamp_ms * 1000,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ForeignError(_what(error)) from None


def _customer_of(record: str | None) -> str | None:
    """The customer that a refused record names, if that can be read."""
    try:
        found = orjson.loads(record or "")
    except ValueError:
        return None
    name = found.get("customer_id") if isinstance(found, dict) else None
    return _storable(name) if isinstance(name, str) else None


def _storable(text: str) -> str:
    """Text without NUL, which PostgreSQL cannot keep."""
    return text.replace("\x00", "\ufffd")


def _what(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no `{error.args[0]}`"
    return (
        "it is not JSON" if isinstance(error, orjson.JSONDecodeError) else "a field is not what it should be"
    )
