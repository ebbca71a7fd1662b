"""A small made-up world in the tables of a projection, and the same as plain values."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from workers.projector.bulk import put
from workers.sql import tables as at
from workers.sql.upgrading import upgrade

DIMENSIONS = {
    "tier": ("ladder", ("bronze", "silver", "gold")),
    "life": ("first_match", ("new", "active", "gone")),
    "need": ("first_match", ("price", "service")),
}
CITIES = ("Berlin", "Köln", "北京")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000


def instant_us(days: float) -> int:
    """Microseconds since 1970 so many days after the world's first."""
    return int((FIRST + timedelta(days=days)).timestamp() * 1_000_000)


def day_of(effective_us: int) -> str:
    """The day of an instant in UTC, which is the zone of this world."""
    return datetime.fromtimestamp(effective_us / 1e6, UTC).date().isoformat()


@dataclass
class World:
    """Customers by id with all that is known of them; every change, in the order of `id`."""

    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)
    letters: list[tuple[Any, ...]] = field(default_factory=list)


def made(seed: int, *, customers: int = 60) -> World:
    """A world of a seed; few distinct instants, so that many are equal."""
    choose = random.Random(f"world {seed}")
    world = World()
    ids = [f"C{number:03}" for number in range(customers)] + ["c1", "_%", "Ünal", "中", "C'; --"]
    events: list[tuple[int, str, str, int, str | None, str, str]] = []
    for own in ids:
        person: dict[str, Any] = {"now": {}, "attributes": {}, "pending": {}, "overrides": {}}
        for dimension, (_, categories) in DIMENSIONS.items():
            held: str | None = None
            at_day = choose.randint(0, 5)
            for sequence in range(1, choose.randint(2, 5)):
                to = choose.choice([each for each in categories if each != held])
                cause = choose.choice(("event", "event", "time", "time", "override"))
                events.append((instant_us(at_day), own, dimension, sequence, held, to, cause))
                held, since = to, instant_us(at_day)
                at_day += choose.randint(1, 12)
            person["now"][dimension] = (held, since, sequence)
        if choose.random() < 0.7:
            person["attributes"]["city"] = choose.choice(CITIES)
        for dimension in DIMENSIONS:
            if choose.random() < 0.15:
                person["pending"][dimension] = f"2026-03-{choose.randint(1, 9):02}"
        person["orders"] = choose.choice((0, 0, 1, 3))
        person["revenue_minor"] = person["orders"] * choose.choice((0, 500, 1999))
        world.customers[own] = person
    for effective_us, own, dimension, sequence, source, to, cause in sorted(events, key=lambda each: each[0]):
        world.changes.append(
            {"customer_id": own, "dimension": dimension, "sequence": sequence, "from": source, "to": to}
            | {"effective_us": effective_us, "cause": cause}
        )
    for own, person in world.customers.items():
        mine = [each["effective_us"] for each in world.changes if each["customer_id"] == own]
        person["born_us"], person["updated_us"] = min(mine), max(mine)
    codes = ("schema", "too_late", "malformed_json")
    for number in range(40):
        source = f"{choose.choice(('orders', 'orders0', 'payments'))}/{number % 3}"
        at_us = instant_us(choose.randint(0, 3))
        why = choose.choice(codes), "what is wrong", None, None, None, "{}", None
        world.letters.append((source, number, *why, at_us))
    return world


def fill(engine: Engine, world: World) -> None:
    """Write a world into fresh tables."""
    upgrade(engine)
    with engine.begin() as connection:
        put(
            connection,
            at.DIMENSIONS,
            [(name, place, kind, None) for place, (name, (kind, _)) in enumerate(DIMENSIONS.items())],
        )
        put(
            connection,
            at.CATEGORIES,
            [
                (name, each, place, f"{place}", None, '{"campaign":"' + each + '"}')
                for name, (_, categories) in DIMENSIONS.items()
                for place, each in enumerate(categories)
            ],
        )
        put(connection, at.CHANGES, [_change(number, each) for number, each in enumerate(world.changes)])
        people = world.customers.items()
        put(connection, at.CUSTOMERS, [(own, 1, one["born_us"], one["updated_us"]) for own, one in people])
        put(
            connection,
            at.CURRENT,
            [
                (own, dimension, held, None, since, sequence, 1, 1)
                for own, one in people
                for dimension, (held, since, sequence) in one["now"].items()
            ],
        )
        put(connection, at.VALUE, [(own, one["orders"], one["revenue_minor"]) for own, one in people])
        put(
            connection,
            at.ATTRIBUTES,
            [(own, name, text, 0, 0) for own, one in people for name, text in one["attributes"].items()],
        )
        put(
            connection,
            at.PENDING,
            [
                (own, dimension, 1, one["now"][dimension][0], "other", "2026-02-28", day, 0, 9)
                for own, one in people
                for dimension, day in one["pending"].items()
            ],
        )
        put(connection, at.DEAD_LETTERS, world.letters)
        moves: Counter[tuple[str, ...]] = Counter(
            (each["dimension"], day_of(each["effective_us"]), each["from"] or "", each["to"], each["cause"])
            for each in world.changes
        )
        put(connection, at.MOVES, [(*place, number) for place, number in moves.items()])


def _change(number: int, each: dict[str, Any]) -> tuple[Any, ...]:
    return (
        f"{number:032x}",
        each["customer_id"],
        1,
        each["dimension"],
        each["sequence"],
        each["from"],
        None,
        each["to"],
        None,
        each["to"],
        "up",
        each["effective_us"],
        None,
        each["cause"],
        None,
        None,
        "[]",
        "{}",
        None,
        "small",
        "1",
        "0" * 64,
        1,
        None,
    )
