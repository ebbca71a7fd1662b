"""Random histories under random packs: what every engine and every host must answer alike.

A history is what arrives, in the order of arrival: events, late, doubled, out of order, and ticks.
Everything is chosen from few values, so that limits are hit exactly, instants meet at the edges of days,
months and time zones, and a failing example shrinks to something short.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from rules.calendar import (
    PERIOD_FIRST,
    PERIOD_LAST,
    calendar,
    date_from_period,
    format_instant,
    period_from_date,
)
from rules.engine.event import LABELS, TYPES, Event
from rules.language.load import load_pack
from rules.language.model import AggregateMetric, Pack
from rules.money import format_minor
from tests.properties.chooser import Chooser, chance
from tests.properties.packs import LABEL_VALUES, TAGS, pack_text

HOUR_US = 3_600_000_000
#: The last instant of 2199 (S2.1).
OCCURRED_LAST_US = 7_258_118_399_999_999

#: Days around which a history may lie: where calendars are odd, and where the clocks of a time zone turn.
COMMON_DAYS = (
    "2024-06-15",
    "2024-02-27",
    "2023-12-30",
    "2024-03-30",
    "2100-02-27",
    "1970-01-01",
    "2199-12-01",
)
TURNING_DAYS = {
    "UTC": ("2000-02-28",),
    "Europe/London": ("2024-03-30", "2024-10-26", "1971-10-30"),
    "America/Sao_Paulo": ("2018-11-03", "2018-02-17", "2017-10-14"),
    "Africa/Casablanca": ("2024-03-09", "2024-04-13"),
    "Pacific/Apia": ("2011-12-28", "2012-03-31"),
    "America/New_York": ("2024-03-09", "2024-11-02"),
    "Asia/Kathmandu": ("1985-12-30",),
    "Australia/Lord_Howe": ("2024-04-06", "2024-10-05"),
}
CUSTOMERS = ("A", "A", "A", "B", "é1")
KINDS = (*["fact"] * 15, *["attributes"] * 3, *["assigned"] * 2, "released", "other fact")
STEPS = (0, 0, 0, 1, 1, 2, 3, 7, 28, 40)
AMOUNTS = (10, 1, 5, 0, 20, 15)
ATTRIBUTE_VALUES: tuple[tuple[Any, ...], ...] = (
    (*TAGS, "", "d é"),
    (1, 0, 2, 3, -3, 5, 2**53 + 1, 2**62, -(2**62)),
    (1.0, 0.5, 2.5, 0.1, -2.0, 1e300, 5e-324),
    (True, False),
)
#: A history has this many inputs in the mean, and never more than the second number.
INPUTS_MEAN, INPUTS_MAX = 20, 40


@dataclass(frozen=True)
class Tick:
    """An input that says that a period has begun."""

    period: int


Input = Event | Tick


@dataclass(frozen=True)
class History:
    """A pack, as text and checked, and what arrives under it, in order of arrival."""

    text: str
    pack: Pack
    inputs: tuple[Input, ...]

    @property
    def events(self) -> tuple[Event, ...]:
        """The events alone."""
        return tuple(each for each in self.inputs if isinstance(each, Event))

    @property
    def lines(self) -> list[str]:
        """The inputs as lines of an event file in order of arrival (S2, S10)."""
        return [line_of(each, self.pack) for each in self.inputs]


def random_history(choose: Chooser) -> History:
    """A random history under a random pack."""
    text = pack_text(choose)
    pack = load_pack(text, "random.yaml")
    return History(text, pack, random_inputs(choose, pack))


def random_inputs(choose: Chooser, pack: Pack) -> tuple[Input, ...]:
    """What arrives under a pack: time goes on in steps, most events are of today, some of days before."""
    days = TURNING_DAYS[pack.timezone] + COMMON_DAYS
    today = period_from_date(date.fromisoformat(choose.one(days)))
    types = [
        name
        for metric in pack.metrics
        if isinstance(metric, AggregateMetric)
        for name in (*metric.of, *metric.minus)
    ]
    inputs: list[Input] = []
    while not inputs or (len(inputs) < INPUTS_MAX and choose.number(0, INPUTS_MEAN) > 0):
        today = min(today + choose.one(STEPS), PERIOD_LAST - 1)
        if chance(choose, 7):
            inputs.append(Tick(min(today + choose.one((0, 0, 0, 1, 3, 10, -2)), PERIOD_LAST)))
        else:
            inputs.append(_event(choose, pack, today, types, inputs))
    return tuple(inputs)


def line_of(item: Input, pack: Pack) -> str:
    """An input as a line of an event file, in the form of S2."""
    if isinstance(item, Tick):
        return json.dumps({"tick": date_from_period(item.period).isoformat()})
    record: dict[str, Any] = {
        "event_id": item.event_id,
        "type": item.type,
        "occurred_at": format_instant(item.occurred_us),
        "customer_id": item.customer_id,
    }
    match item.topic:
        case "orders":
            record["order_id"] = f"o-{item.event_id}"
        case "payments":
            record["payment_id"] = f"p-{item.event_id}"
        case "feedback":
            record["feedback_id"] = f"f-{item.event_id}"
        case _:
            record |= _customers_fields(item, pack)
    if item.amount is not None:
        record["amount"] = format_minor(item.amount, pack.digits)
    if item.discount is not None:
        record["discount"] = format_minor(item.discount, pack.digits)
    if item.label is not None and item.topic != "customers":
        record[LABELS[item.topic]] = item.label
    for name in ("items", "score", "severity", "reason", "actor"):
        if getattr(item, name) is not None:
            record[name] = getattr(item, name)
    return json.dumps(record, ensure_ascii=False)


def _customers_fields(event: Event, pack: Pack) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if event.type in ("customer.registered", "customer.updated"):
        fields["attributes"] = {pack.attributes[index].name: value for index, value in event.attributes}
    if event.dimension is not None:
        dimension = pack.dimensions[event.dimension]
        fields["dimension"] = dimension.id
        if event.category is not None:
            fields["category"] = dimension.categories[event.category].id
            fields["mode"] = event.mode
        if event.until is not None:
            fields["until"] = date_from_period(event.until).isoformat()
    return fields


def _event(choose: Chooser, pack: Pack, today: int, types: list[str], before: list[Input]) -> Event:
    """An event of about today: a new one, one that came before, or one with the id of one that did."""
    again = choose.one((0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4))
    known = before[-again] if 0 < again <= len(before) else None
    if isinstance(known, Event) and chance(choose, 2):
        return known
    late = choose.one((0, 0, 0, 0, 0, 0, 0, 0, 1, 2, pack.lateness, pack.lateness + 1))
    occurred_us = _instant(choose, pack, today - late)
    fields: dict[str, Any] = {
        "event_id": known.event_id if isinstance(known, Event) else f"e{len(before)}",
        "customer_id": choose.one(CUSTOMERS),
        "occurred_us": occurred_us,
        "period": calendar(pack.timezone).period_of(occurred_us),
    }
    if chance(choose, 40):
        return Event(**fields, type="customer.erased", reason=choose.one((None, "asked")))
    match choose.one(KINDS):
        case "fact":
            fields |= _fact(choose, pack, choose.one(types))
        case "other fact":
            fields |= _fact(choose, pack, choose.one([name for name in TYPES if TYPES[name] != "customers"]))
        case "attributes":
            fields["type"] = choose.one(("customer.registered", "customer.updated"))
            fields["attributes"] = tuple(
                (position, choose.one((*ATTRIBUTE_VALUES[position], None)))
                for position in range(len(pack.attributes))
                if not chance(choose, 2)
            )
        case "assigned":
            fields |= _assignment(choose, pack, fields["period"])
        case _:
            position = choose.number(0, len(pack.dimensions) - 1)
            fields |= {"type": "category.released", "dimension": position, "reason": "enough", "actor": "bo"}
    return Event(**fields)


def _instant(choose: Chooser, pack: Pack, period: int) -> int:
    """An instant of a period, at its very edge or not, within the years that events may have (S2.1)."""
    days = calendar(pack.timezone)
    start, end = days.start_us(max(period, PERIOD_FIRST)), days.start_us(max(period, PERIOD_FIRST) + 1)
    instant = choose.one((start + 12 * HOUR_US, start, end - 1, start + HOUR_US, start + 2 * HOUR_US))
    return max(min(instant, OCCURRED_LAST_US), 0)


def _fact(choose: Chooser, pack: Pack, name: str) -> dict[str, Any]:
    unit = 10**pack.digits
    amounts = [*(amount * unit for amount in AMOUNTS), unit // 2 + 1, 10**12]
    fields: dict[str, Any] = {"type": name, "label": choose.one((None, None, *LABEL_VALUES, "other"))}
    topic = TYPES[name]
    if topic in ("orders", "payments"):
        absent = name == "order.cancelled" and chance(choose, 2)
        fields["amount"] = None if absent else choose.one(amounts)
    if topic == "orders":
        fields["discount"] = choose.one((None, *amounts))
        fields["items"] = choose.one((None, 1, 2, 3, 0, 10**9))
    if name == "feedback.rating":
        fields["score"] = choose.number(1, 5)
    if name == "feedback.nps":
        fields["score"] = choose.number(0, 10)
    if name == "feedback.complaint":
        fields["severity"] = choose.number(1, 5)
    return fields


def _assignment(choose: Chooser, pack: Pack, period: int) -> dict[str, Any]:
    position = choose.number(0, len(pack.dimensions) - 1)
    dimension = pack.dimensions[position]
    after = choose.one((None, 1, 3, 8, 0, -1))
    return {
        "type": "category.assigned",
        "dimension": position,
        "category": choose.number(0, len(dimension.categories) - 1),
        "mode": choose.one(("pin", "floor") if dimension.kind == "ladder" else ("pin",)),
        "until": None if after is None else period + after,
        "reason": "a “good” one",
        "actor": "ann",
    }
