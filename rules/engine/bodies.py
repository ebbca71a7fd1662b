"""The bodies of changes, pending notices and erasures, and their bytes (S9, S9.7, S12.1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Literal

from rules.calendar import date_from_period, format_instant
from rules.engine.evaluate import Value
from rules.language.model import Category, Dimension, Kind, Pack
from rules.money import format_minor

Direction = Literal["initial", "up", "down", "move"]
Cause = Literal["event", "time", "override", "rules", "merge"]
NoticeState = Literal["started", "updated", "cancelled"]


def encode(body: Mapping[str, object]) -> bytes:
    """A body as compact JSON in UTF-8, keys in their order, doubles in their shortest form."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def change_id(generation: int, life: int, customer_id: str, dimension: str, sequence: int) -> str:
    """The id of a change: 32 hex digits that follow from what it is a change of (S9.2)."""
    text = f"{generation}|{life}|{customer_id}|{dimension}|{sequence}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def render(value: Value, kind: Kind, digits: int) -> object:
    """A value as it stands in a body: money as a decimal string with all minor digits (S9.3)."""
    if value is None or kind is not Kind.MONEY:
        return value
    return format_minor(int(value), digits)


def published(pack: Pack, dimension: Dimension, metrics: tuple[Value, ...]) -> dict[str, object]:
    """The metrics that a dimension publishes with its changes (S9.4), from all metrics in pack order."""
    return {
        pack.metrics[index].name: render(metrics[index], pack.metrics[index].kind, pack.digits)
        for index in dimension.publish
    }


def reason(
    rule: str, expression: str | None, *, result: bool, values: Mapping[str, object]
) -> dict[str, object]:
    """One reason of a change (S9.3); `values` are rendered already."""
    return {"rule": rule, "expression": expression, "result": result, "values": dict(values)}


def change_body(
    pack: Pack,
    dimension: Dimension,
    *,
    generation: int,
    customer_id: str,
    life: int,
    sequence: int,
    source: Category | None,
    to: Category,
    target: Category,
    direction: Direction,
    effective_us: int,
    previous_us: int | None,
    cause: Cause,
    trigger: tuple[str, str] | None,
    reasons: Iterable[Mapping[str, object]],
    metrics: Mapping[str, object],
) -> dict[str, object]:
    """The body of a change (S9). `source` is None at birth; `trigger`: event id and type; times in µs UTC."""
    return {
        "change_id": change_id(generation, life, customer_id, dimension.id, sequence),
        "customer_id": customer_id,
        "life": life,
        "dimension": dimension.id,
        "sequence": sequence,
        "from": None if source is None else source.id,
        "from_code": None if source is None else source.code,
        "to": to.id,
        "to_code": to.code,
        "target": target.id,
        "direction": direction,
        "effective_at": format_instant(effective_us),
        "previous_effective_at": None if previous_us is None else format_instant(previous_us),
        "cause": cause,
        "trigger": None if trigger is None else {"event_id": trigger[0], "type": trigger[1]},
        "reasons": [dict(each) for each in reasons],
        "metrics": dict(metrics),
        "strategy": None if to.strategy_json is None else json.loads(to.strategy_json),
        "pack": {"name": pack.name, "version": pack.version, "fingerprint": pack.fingerprint},
        "generation": generation,
    }


def notice_body(
    dimension: Dimension,
    *,
    customer_id: str,
    life: int,
    state: NoticeState,
    source: Category,
    to: Category,
    since: int,
    until: int,
    effective_us: int,
    sequence_next: int,
) -> dict[str, object]:
    """The body of a pending notice (S9.7); `since` and `until` are periods, shown as dates."""
    return {
        "customer_id": customer_id,
        "life": life,
        "dimension": dimension.id,
        "state": state,
        "from": source.id,
        "to": to.id,
        "since": date_from_period(since).isoformat(),
        "until": date_from_period(until).isoformat(),
        "effective_at": format_instant(effective_us),
        "sequence_next": sequence_next,
    }


def erased_body(
    *, customer_id: str, life: int, effective_us: int, reason: str | None, actor: str | None
) -> dict[str, object]:
    """The message that tells downstream to forget a customer; `life` is the one that ended (S12.1)."""
    return {
        "type": "customer.erased",
        "customer_id": customer_id,
        "life": life,
        "effective_at": format_instant(effective_us),
        "reason": reason,
        "actor": actor,
    }
