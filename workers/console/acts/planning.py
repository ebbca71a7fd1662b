"""What a decision will do, in numbers from the tables, before it is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeVar
from uuid import UUID, uuid5

from sqlalchemy import Connection, func, select

from rules.language.model import Pack
from workers.acting.decisions import Decision, assignment, erasure, events_of, find_dimension, release
from workers.console.context import RefusedError
from workers.console.state import State
from workers.sql import tables as at
from workers.sql.queries.letters import letter
from workers.sql.queries.shapes import Letter

Act = Literal["pin", "floor", "release", "erase"]
ACTS: Final[tuple[Act, ...]] = ("pin", "floor", "release", "erase")
#: So many customers are decided about at once, and so many letters sent again.
CUSTOMERS_MAX, LETTERS_MAX = 20_000, 1_000
#: Of customers that the tables do not know, so many are named.
_NAMED = 20
_IDS_AT_ONCE = 2_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants done. `until`: the first day that is free again. `dimension` is empty to erase."""

    act: Act
    customers: tuple[str, ...]
    reason: str
    dimension: str = ""
    category: str = ""
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Customers who are in one category now; `to` is where the act moves them, None where they stay."""

    category: str
    customers: int
    to: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen. `overridden`: for how many an override is on already, which is replaced or ends.

    `unknown` customers are in no table: they would be made by the event; `named` are the first of them.
    """

    asked: Asked
    decision: Decision
    known: int
    unknown: int
    named: Sequence[str]
    groups: Sequence[Group]
    overridden: int
    coming: int

    @property
    def moves(self) -> int:
        """How many move at once."""
        return sum(each.customers for each in self.groups if each.to is not None)

    def events(self, number: UUID) -> list[dict[str, object]]:
        """The events; `number` names this decision, so that what is sent twice counts once."""
        events = events_of(self.decision)
        return [{**each, "event_id": str(uuid5(number, str(each["customer_id"])))} for each in events]


def plan(connection: Connection, state: State, asked: Asked, actor: str) -> Plan:
    """What a decision will do. Raises UserError and RefusedError with what is wrong with it."""
    if not asked.customers:
        raise RefusedError(422, "name at least one customer")
    if len(asked.customers) > CUSTOMERS_MAX:
        raise RefusedError(
            422, f"these are {len(asked.customers)} customers: at most {CUSTOMERS_MAX} at once"
        )
    decision = _decision(state.pack, asked, actor, _now_ms(connection, state))
    events_of(decision)
    places = _places(connection, asked)
    unknown = [each for each in asked.customers if each not in places]
    counts = Counter(places.values())
    order = _order(state.pack, asked.dimension)
    groups = [
        Group(category, counts[category], _to(asked, order, category))
        for category in sorted(counts, key=lambda each: (order.get(each, len(order)), each))
        if category
    ]
    return Plan(
        asked,
        decision,
        len(places),
        len(unknown),
        unknown[:_NAMED],
        groups,
        _overridden(connection, asked),
        _coming(connection, asked),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record was refused: TOPIC/PARTITION and the offset there."""

    source: str
    position: int

    @classmethod
    def read(cls, text: str) -> Place:
        """`orders/0@17`; raises RefusedError for another text."""
        source, _, position = text.rpartition("@")
        if not (source and position.isascii() and position.isdecimal() and len(position) < 19):
            raise RefusedError(
                422, f"`{text[:80]}` is no place of a dead letter: write TOPIC/PARTITION@OFFSET"
            )
        return cls(source, int(position))

    def __str__(self) -> str:
        return f"{self.source}@{self.position}"


def letters_at(connection: Connection, places: Sequence[Place]) -> list[Letter]:
    """The letters of some places, as the tables have them. Raises RefusedError."""
    if not places:
        raise RefusedError(422, "choose at least one letter")
    if len(places) > LETTERS_MAX:
        raise RefusedError(422, f"these are {len(places)} letters: at most {LETTERS_MAX} at once")
    found = [letter(connection, each.source, each.position) for each in dict.fromkeys(places)]
    known = [each for each in found if each is not None]
    if not known:
        raise RefusedError(404, "there are no such dead letters, or no longer")
    return known


def _now_ms(connection: Connection, state: State) -> int:
    """The present; of a service whose clock is the log, the latest moment it has seen."""
    from workers.clock import unix_seconds

    if state.live.clock == "log":
        clock_us = connection.scalar(select(func.max(at.SHARDS.c.clock_us)))
        if clock_us is not None:
            return int(clock_us) // 1000
    return int(unix_seconds() * 1000)


def _decision(pack: Pack, asked: Asked, actor: str, at_ms: int) -> Decision:
    if asked.act == "erase":
        return erasure(asked.customers, reason=asked.reason, actor=actor, at_ms=at_ms)
    if asked.act == "release":
        return release(
            pack,
            asked.customers,
            dimension=asked.dimension,
            reason=asked.reason,
            actor=actor,
            at_ms=at_ms,
        )
    return assignment(
        pack,
        asked.customers,
        dimension=asked.dimension,
        category=asked.category,
        mode=asked.act,
        until=asked.until,
        reason=asked.reason,
        actor=actor,
        at_ms=at_ms,
    )


def _order(pack: Pack, dimension: str) -> dict[str, int]:
    """The ranks of a dimension's categories; empty where none is asked for."""
    if not dimension:
        return {}
    return {each.id: rank for rank, each in enumerate(find_dimension(pack, dimension).categories)}


def _to(asked: Asked, order: dict[str, int], category: str) -> str | None:
    """Where a customer of a category is moved at once (S8)."""
    if asked.act == "pin":
        return asked.category if category != asked.category else None
    if asked.act == "floor":
        return asked.category if order.get(category, -1) < order[asked.category] else None
    return None


def _places(connection: Connection, asked: Asked) -> dict[str, str]:
    """The category now of each customer that is known; empty text where it has none, or none is asked for."""
    found: dict[str, str] = {}
    people, now = at.CUSTOMERS.c.customer_id, at.CURRENT
    for ids in _some(asked.customers):
        found.update((each, "") for (each,) in connection.execute(select(people).where(people.in_(ids))))
        if asked.dimension:
            rows = connection.execute(
                select(now.c.customer_id, now.c.category).where(
                    now.c.customer_id.in_(ids), now.c.dimension == asked.dimension
                )
            )
            found.update((own, category) for own, category in rows)
    return found


def _overridden(connection: Connection, asked: Asked) -> int:
    own = at.OVERRIDES
    count = select(func.count(func.distinct(own.c.customer_id))).where(own.c.mode.is_not(None))
    if asked.dimension:
        count = count.where(own.c.dimension == asked.dimension)
    return sum(
        connection.scalar(count.where(own.c.customer_id.in_(ids))) or 0 for ids in _some(asked.customers)
    )


def _coming(connection: Connection, asked: Asked) -> int:
    """How many of them have a move of this dimension before them, which a pin ends."""
    own = at.PENDING
    count = select(func.count(func.distinct(own.c.customer_id)))
    if asked.dimension:
        count = count.where(own.c.dimension == asked.dimension)
    return sum(
        connection.scalar(count.where(own.c.customer_id.in_(ids))) or 0 for ids in _some(asked.customers)
    )


def _some(listed: Sequence[T]) -> Iterator[Sequence[T]]:
    return (listed[first : first + _IDS_AT_ONCE] for first in range(0, len(listed), _IDS_AT_ONCE))
