"""Overrides, releases and erasures: checked, said as events, and written where events belong.

Whoever decides, by command or in the console, writes an event like any other; nothing is changed directly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal
from uuid import uuid4

import orjson
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from rules.calendar import calendar, date_from_period, format_instant, period_from_date
from rules.language.findings import listed, suggestion
from rules.language.model import Dimension, Pack
from schemas.events import EVENT
from workers.cli.errors import UserError
from workers.kafka.opened import open_consumer, open_producer, partitions_of, told
from workers.kafka.partitioner import partition_of
from workers.settings.live import LiveSettings

Mode = Literal["pin", "floor"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The same for each of some customers: the type of the event and its fields, at a moment in ms."""

    type: str
    customers: tuple[str, ...]
    at_ms: int
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """How many events the broker took; of the others, why it did not take the first."""

    taken: int
    why_not: str | None


def assignment(
    pack: Pack,
    customers: Sequence[str],
    *,
    dimension: str,
    category: str,
    mode: Mode,
    until: date | None,
    reason: str,
    actor: str,
    at_ms: int,
) -> Decision:
    """An override (S8); `until` is the first day that is free again. Raises UserError for what may not be."""
    found = find_dimension(pack, dimension)
    _check_category(found, category, mode)
    if until is not None:
        _check_day(pack, until, at_ms)
    day = {"until": until.isoformat()} if until is not None else {}
    fields = {
        "dimension": dimension,
        "category": category,
        "mode": mode,
        **day,
        "reason": reason,
        "actor": actor,
    }
    return Decision("category.assigned", tuple(customers), at_ms, fields)


def release(
    pack: Pack, customers: Sequence[str], *, dimension: str, reason: str, actor: str, at_ms: int
) -> Decision:
    """The end of an override. Raises UserError for an unknown dimension."""
    find_dimension(pack, dimension)
    fields = {"dimension": dimension, "reason": reason, "actor": actor}
    return Decision("category.released", tuple(customers), at_ms, fields)


def erasure(customers: Sequence[str], *, reason: str, actor: str, at_ms: int) -> Decision:
    """To forget everything of customers."""
    return Decision("customer.erased", tuple(customers), at_ms, {"reason": reason, "actor": actor})


def events_of(decision: Decision) -> list[dict[str, Any]]:
    """The events, as the schema has them. Raises UserError that names what it does not allow."""
    return [_event(decision, customer) for customer in decision.customers]


def ids_of(text: str) -> tuple[str, ...]:
    """Ids one a line, each once, in their order; blanks around them are taken off."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def find_dimension(pack: Pack, name: str) -> Dimension:
    """A dimension of a pack. Raises UserError that says what there is."""
    known = {each.id: each for each in pack.dimensions}
    if name not in known:
        near = suggestion(name, known) or f": it has {listed(known, 'and')}"
        raise UserError(f"the pack `{pack.name}` has no dimension `{name}`{near}")
    return known[name]


async def write(settings: LiveSettings, events: Sequence[dict[str, Any]], at_ms: int) -> Written:
    """Write events, each where its customer's key belongs. Raises UserError where no broker answers."""
    topic = settings.topics.customers
    async with open_consumer(settings) as client:
        partitions = len(await partitions_of(client, [topic], settings))
    async with open_producer(settings) as client:
        results = await asyncio.gather(
            *(
                client.send_and_wait(
                    topic,
                    value=orjson.dumps(event),
                    key=(key := str(event["customer_id"]).encode()),
                    partition=partition_of(key, partitions),
                    timestamp_ms=at_ms,
                )
                for event in events
            ),
            return_exceptions=True,
        )
    failed = [each for each in results if isinstance(each, BaseException)]
    for each in failed:
        if not isinstance(each, KafkaError):
            raise each
    return Written(len(results) - len(failed), told(failed[0]) if failed else None)


def _event(decision: Decision, customer: str) -> dict[str, Any]:
    event = {
        "event_id": str(uuid4()),
        "type": decision.type,
        "occurred_at": format_instant(decision.at_ms * 1000),
        "customer_id": customer,
        **decision.fields,
    }
    try:
        EVENT.validate_python(event)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        name = str(wrong["loc"][-1])
        what = wrong["msg"].removeprefix("Value error, ")
        raise UserError(f"`{name}` of customer `{customer[:40]}` {what}") from None
    return event


def _check_category(dimension: Dimension, category: str, mode: Mode) -> None:
    known = [each.id for each in dimension.categories]
    if category not in known:
        near = suggestion(category, known) or f": it has {listed(known, 'and')}"
        raise UserError(f"`{dimension.id}` has no category `{category}`{near}")
    if mode == "floor" and dimension.kind != "ladder":
        raise UserError(f"`{dimension.id}` has no higher and lower, so no floor: pin instead, mode `pin`")


def _check_day(pack: Pack, until: date, at_ms: int) -> None:
    today = calendar(pack.timezone).period_of(at_ms * 1000)
    if period_from_date(until) <= today:
        raise UserError(
            f"`{until}` is to be the first day that is free again, and it is {date_from_period(today)} "
            f"in {pack.timezone} already: give a later day"
        )
