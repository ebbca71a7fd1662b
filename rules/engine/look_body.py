"""A customer's present view as JSON shows it: values as in the bodies of changes (S9.3)."""

from __future__ import annotations

import json

from rules.calendar import date_from_period, format_instant
from rules.engine.bodies import render
from rules.engine.look import CategoryLook, DimensionLook, Look
from rules.language.model import Category, Pack


def look_body(pack: Pack, look: Look) -> dict[str, object]:
    """The view as plain values, dates and instants as text; `pack` is the one the engine runs."""
    return {
        "customer_id": look.customer_id,
        "life": look.life,
        "as_of": _day(look.as_of),
        "instant": format_instant(look.instant_us),
        "next_due": _day(look.due),
        "pack": {"name": pack.name, "version": pack.version, "fingerprint": pack.fingerprint},
        "attributes": {
            each.name: value for each, value in zip(pack.attributes, look.attributes, strict=True)
        },
        "metrics": {
            each.name: render(value, each.kind, pack.digits)
            for each, value in zip(pack.metrics, look.metrics, strict=True)
        },
        "dimensions": {each.dimension.id: _dimension(each) for each in look.dimensions},
    }


def _dimension(look: DimensionLook) -> dict[str, object]:
    pending, override = look.pending, look.override
    strategy = look.category.strategy_json
    return {
        **_category(look.category),
        "strategy": None if strategy is None else json.loads(strategy),
        "since": format_instant(look.since_us),
        "entered": _day(look.entered),
        "changes": look.changes,
        "target": look.target.id,
        "earned": None if look.earned is None else look.earned.id,
        "pending": pending
        and {
            "to": pending.to.id,
            "since": _day(pending.since),
            "until": _day(pending.until),
            "words": pending.words,
        },
        "override": override
        and {
            "mode": override.mode,
            "category": override.category.id,
            "until": _day(override.until),
            "actor": override.actor,
            "reason": override.reason,
            "assigned_at": format_instant(override.assigned_us),
        },
        "next_due": _day(look.due),
        "categories": [_conditions(each) for each in look.categories],
    }


def _conditions(look: CategoryLook) -> dict[str, object]:
    conditions = [
        {
            "rule": each.rule,
            "expression": each.expression,
            "result": each.result,
            "asked": each.asked,
            "values": each.values,
        }
        for each in look.conditions
    ]
    return {**_category(look.category), "conditions": conditions}


def _category(category: Category) -> dict[str, object]:
    return {"category": category.id, "code": category.code, "title": category.title}


def _day(period: int | None) -> str | None:
    return None if period is None else date_from_period(period).isoformat()
