"""What the tables must hold, the slow way: from everything that was published, looked at as a whole."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rules.calendar import date_from_period
from rules.engine.event import Event
from rules.intake.decode import decode_event
from rules.language.model import Pack
from tests.live.published import Published, Record

#: Rows of a table, each as a dictionary by column.
Tables = dict[str, list[dict[str, Any]]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def expected(published: Published, pack: Pack) -> Tables:
    """The rows of every table that follow from the messages; those of the pack are left out."""
    ends = _ends(published)
    changes = [each for each in _changes(published) if not _over(ends, each["customer_id"], each["life"])]
    tables: Tables = {
        "changes": changes,
        "current_categories": _current(changes),
        "customers": _customers(changes),
        "pending_moves": _pending(published, changes, ends),
        "erasures": [_erasure(each) for each in ends.values()],
        "dead_letters": _letters(published, ends),
        "moves_by_day": _moves(published, pack),
        "shards": _shards(published),
    }
    return tables | _said(published, pack, ends, [each["customer_id"] for each in tables["customers"]])


def _bodies(published: Published, role: str) -> Iterator[tuple[Record, dict[str, Any]]]:
    for partition in range(published.partitions):
        for record in published.of(role, partition):
            yield record, json.loads(record.value or b"")


def _us(instant: str | None) -> int | None:
    return (
        None if instant is None else (datetime.fromisoformat(instant) - _EPOCH) // timedelta(microseconds=1)
    )


def _ends(published: Published) -> dict[str, dict[str, Any]]:
    """The last erasure of each customer who was erased."""
    ends = {}
    for record, body in _bodies(published, "changes"):
        if body.get("type") == "customer.erased":
            ends[body["customer_id"]] = body | {"told_ms": record.timestamp_ms}
    return ends


def _over(ends: dict[str, dict[str, Any]], customer_id: str, life: int) -> bool:
    return customer_id in ends and life <= ends[customer_id]["life"]


def _before_the_end(ends: dict[str, dict[str, Any]], customer_id: str, occurred_us: int) -> bool:
    return customer_id in ends and occurred_us <= (_us(ends[customer_id]["effective_at"]) or 0)


def _compact(value: object) -> str | None:
    return None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _changes(published: Published) -> list[dict[str, Any]]:
    found = []
    for record, body in _bodies(published, "changes"):
        if "change_id" in body:
            trigger = body["trigger"] or {}
            found.append(
                {name: body[name] for name in ("change_id", "customer_id", "life", "dimension", "sequence")}
                | {name: body[name] for name in ("from_code", "to_code", "target", "direction", "cause")}
                | {"from_category": body["from"], "to_category": body["to"]}
                | {"effective_us": _us(body["effective_at"])}
                | {"previous_effective_us": _us(body["previous_effective_at"])}
                | {"trigger_event_id": trigger.get("event_id"), "trigger_type": trigger.get("type")}
                | {name: _compact(body[name]) for name in ("reasons", "metrics", "strategy")}
                | {f"pack_{name}": text for name, text in body["pack"].items()}
                | {"generation": body["generation"], "detected_us": record.timestamp_ms * 1000}
            )
    return found


def _current(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last = {(each["customer_id"], each["dimension"]): each for each in changes}
    same = ("customer_id", "dimension", "life", "sequence", "generation")
    return [
        {name: each[name] for name in same}
        | {"category": each["to_category"], "code": each["to_code"], "since_us": each["effective_us"]}
        for each in last.values()
    ]


def _customers(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_customer = defaultdict(list)
    for each in changes:
        by_customer[each["customer_id"]].append(each)
    return [
        {
            "customer_id": customer_id,
            "life": own[-1]["life"],
            "born_us": own[0]["effective_us"],
            "updated_us": max(each["effective_us"] for each in own),
        }
        for customer_id, own in by_customer.items()
    ]


def _pending(
    published: Published, changes: list[dict[str, Any]], ends: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """The last word about each move, unless the move was made or the customer was erased."""
    made = {(each["customer_id"], each["dimension"]): (each["life"], each["sequence"]) for each in changes}
    last = {(body["customer_id"], body["dimension"]): body for _, body in _bodies(published, "pending")}
    return [
        {name: body[name] for name in ("customer_id", "dimension", "life", "sequence_next")}
        | {"from_category": body["from"], "to_category": body["to"]}
        | {"since_day": body["since"], "until_day": body["until"], "effective_us": _us(body["effective_at"])}
        for name, body in last.items()
        if body["state"] != "cancelled"
        and not _over(ends, body["customer_id"], body["life"])
        and (body["life"], body["sequence_next"]) > made.get(name, (0, 0))
    ]


def _erasure(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "customer_sha256": hashlib.sha256(body["customer_id"].encode()).hexdigest(),
        "life": body["life"],
        "effective_us": _us(body["effective_at"]),
        "told_ms": body["told_ms"],
        "reason": body["reason"],
        "actor": body["actor"],
    }


def _letters(published: Published, ends: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for record, body in _bodies(published, "dead_letters"):
        erased = body["code"] == "erased"
        key = None if erased or record.key is None else record.key.decode(errors="replace")
        named = None if erased else _named(body.get("record"))
        if any(
            each in ends and record.timestamp_ms <= ends[each]["told_ms"] for each in (key, named) if each
        ):
            continue
        found.append(
            {name: body.get(name) for name in ("source", "position", "code", "detail", "event_id")}
            | {"record": body.get("record"), "record_base64": body.get("record_base64")}
            | {"customer_key": key, "customer_id": named, "at_us": record.timestamp_ms * 1000}
        )
    return found


def _named(record: str | None) -> str | None:
    try:
        fields = json.loads(record or "", parse_constant=float.fromhex)
    except ValueError:
        return None
    name = fields.get("customer_id") if isinstance(fields, dict) else None
    return name if isinstance(name, str) else None


def _moves(published: Published, pack: Pack) -> list[dict[str, Any]]:
    """Moves of everybody, also of those who were erased since: numbers without names."""
    zone, moves = ZoneInfo(pack.timezone), Counter[tuple[str, ...]]()
    now: dict[tuple[str, str], str] = {}
    for _, body in _bodies(published, "changes"):
        day = datetime.fromisoformat(body["effective_at"]).astimezone(zone).date().isoformat()
        own = body["customer_id"]
        if "change_id" in body:
            name = own, body["dimension"]
            moves[body["dimension"], day, now.get(name, ""), body["to"], body["cause"]] += 1
            now[name] = body["to"]
            continue
        for name in [name for name in now if name[0] == own]:
            moves[name[1], day, now.pop(name), "", "erased"] += 1
    columns = ("dimension", "day", "from_category", "to_category", "cause")
    return [dict(zip(columns, place, strict=True)) | {"moves": count} for place, count in moves.items()]


def _shards(published: Published) -> list[dict[str, Any]]:
    last = {body["shard"]: (record, body) for record, body in _bodies(published, "journal")}
    return [
        {"shard": shard, "generation": body["generation"], "number": body["number"]}
        | {"watermark_us": _us(body["watermark"]), "clock_us": _us(body["clock"])}
        | {f"pack_{name}": text for name, text in body["pack"].items()}
        | {"committed_us": record.timestamp_ms * 1000}
        for shard, (record, body) in last.items()
    ]


def _said(published: Published, pack: Pack, ends: dict[str, dict[str, Any]], customers: list[str]) -> Tables:
    """What the accepted events of the inputs say of orders, attributes and overrides."""
    orders: dict[tuple[str, str], dict[str, Any]] = {}
    attributes: dict[tuple[str, str], dict[str, Any]] = {}
    overrides: dict[tuple[str, str], dict[str, Any]] = {}
    for event in _accepted(published, pack):
        own, at_us = event.customer_id, event.occurred_us
        if _before_the_end(ends, own, at_us):
            continue
        if event.type in ("order.completed", "order.refunded") and event.amount is not None:
            row = {"customer_id": own, "event_id": event.event_id, "type": event.type}
            name = own, event.event_id
            if at_us > orders.get(name, {"occurred_us": at_us - 1})["occurred_us"]:
                orders[name] = row | {"occurred_us": at_us, "amount_minor": event.amount}
        for index, value in event.attributes:
            name = own, pack.attributes[index].name
            if at_us >= attributes.get(name, {"assigned_us": at_us})["assigned_us"]:
                attributes[name] = {
                    "customer_id": own,
                    "name": name[1],
                    "value": _text(value),
                    "assigned_us": at_us,
                }
        if event.dimension is not None:
            dimension = pack.dimensions[event.dimension]
            name = own, dimension.id
            if at_us >= overrides.get(name, {"assigned_us": at_us})["assigned_us"]:
                category = None if event.category is None else dimension.categories[event.category].id
                until = None if event.until is None else date_from_period(event.until).isoformat()
                overrides[name] = {
                    "customer_id": own,
                    "dimension": dimension.id,
                    "mode": event.mode,
                    "category": category,
                    "until_day": until,
                    "reason": event.reason,
                    "actor": event.actor,
                    "assigned_us": at_us,
                }
    return {
        "orders": list(orders.values()),
        "attributes": list(attributes.values()),
        "overrides": list(overrides.values()),
        "customer_value": _values(list(orders.values()), customers),
    }


def _accepted(published: Published, pack: Pack) -> Iterator[Event]:
    for role in ("customers", "orders"):
        for partition in range(published.partitions):
            for record in published.of(role, partition):
                answer = decode_event(
                    record.value or b"", pack, key=record.key, timestamp_us=record.timestamp_ms * 1000
                )
                if isinstance(answer, Event):
                    yield answer


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _values(orders: list[dict[str, Any]], customers: list[str]) -> list[dict[str, Any]]:
    values = {own: {"customer_id": own, "orders": 0, "revenue_minor": 0} for own in customers}
    for order in orders:
        own = order["customer_id"]
        row = values.setdefault(own, {"customer_id": own, "orders": 0, "revenue_minor": 0})
        completed = order["type"] == "order.completed"
        row["orders"] += completed
        row["revenue_minor"] += order["amount_minor"] if completed else -order["amount_minor"]
    return list(values.values())
