"""Customers: found by any filters at once, and one with all that the tables hold of it.

Two ways lead to a page. Where few fit, those of the rarest filter are looked at and put in order; where many
do, customers are walked through in order until the page is full. Counts of categories say which is shorter.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, Literal

from sqlalchemy import Connection, FromClause, Select, and_, func, literal, select, true
from sqlalchemy.sql.elements import ColumnElement

from workers.sql import tables as at
from workers.sql.connect import POSTGRESQL
from workers.sql.queries.pages import page_of
from workers.sql.queries.shapes import CustomerFile, CustomerRow, Found, Held, Override, PendingMove
from workers.sql.queries.whole import counts

SortKey = Literal["id", "updated", "revenue"]
#: More customers than this are not counted one by one.
COUNT_MAX = 1000
EXPORT_PAGE = 1000
_LAST_CHARACTER = chr(0x10FFFF)
#: Rows of an index looked at to learn how rare an attribute's value or a coming move is: some 10 ms.
_SAMPLE = 100_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which customers: all of it must fit; of several categories or values of one name any.

    `text` begins the id. `since_…` is about when the category of dimension `since_in` was entered, from
    (included) and to (not included). `pending` is a dimension, or `any`; `until` the last day of such a move.
    """

    text: str = ""
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    since_in: str | None = None
    since_from_us: int | None = None
    since_to_us: int | None = None
    pending: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Sort:
    """By what customers are listed."""

    key: SortKey = "id"
    descending: bool = False


BY_ID: Final = Sort()
Counts = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class _Part:
    """One filter: rows of a table that tell of a customer, and about how many there are.

    `repeats`: a customer can have several such rows.
    """

    table: FromClause
    where: ColumnElement[bool]
    size: int
    repeats: bool = False

    def holds(self, own: ColumnElement[str]) -> ColumnElement[bool]:
        """The customer of a row in hand, whose id is in the column `own`, has such a row."""
        same = self.table.c.customer_id == own
        rows = select(literal(1)).select_from(self.table).where(same, self.where)
        return rows.correlate(own.table).exists()

    def among(self, *, materialized: bool) -> ColumnElement[bool]:
        """The customer is one of those that have such a row, which are collected first.

        `materialized`: said in so many words, for a database that else takes the way that it thinks better.
        """
        own = select(self.table.c.customer_id).where(self.where)
        if materialized:
            own = select(own.cte("collected").prefix_with("MATERIALIZED").c.customer_id)
        return at.CUSTOMERS.c.customer_id.in_(own)


@dataclass(frozen=True, slots=True)
class _Begins(_Part):
    """Ids that begin with a text: a stretch of the customers themselves."""

    text: str = ""

    def holds(self, own: ColumnElement[str]) -> ColumnElement[bool]:
        """The id itself says it."""
        return _begins(own, self.text)


def search(
    connection: Connection,
    asked: Filter,
    sort: Sort = BY_ID,
    *,
    cursor: str | None = None,
    size: int = 50,
    now: Counts | None = None,
) -> Found:
    """A page of the customers that fit, and how many they are. Raises CursorError.

    `now`: the counts of categories, where they are known already.
    """
    now = counts(connection) if now is None else now
    everybody = _everybody(now)
    parts = _parts(connection, asked, now)
    count, capped = _count(connection, asked, parts, everybody)
    ids, after, before = _ids(connection, asked, parts, everybody, sort, cursor, size)
    return Found(rows_of(connection, ids), after, before, count, capped)


def export(connection: Connection, asked: Filter, sort: Sort = BY_ID) -> Iterator[CustomerRow]:
    """All customers that fit, one after another."""
    now = counts(connection)
    parts, cursor = _parts(connection, asked, now), None
    while True:
        ids, cursor, _ = _ids(connection, asked, parts, _everybody(now), sort, cursor, EXPORT_PAGE)
        yield from rows_of(connection, ids)
        if cursor is None:
            return


def customer(connection: Connection, customer_id: str) -> CustomerFile | None:
    """All that is known of a customer, or None."""
    person = connection.execute(select(at.CUSTOMERS).where(at.CUSTOMERS.c.customer_id == customer_id)).first()
    if person is None:
        return None
    row = rows_of(connection, [customer_id])[0]
    order = _positions(connection)
    strategies = {
        (dimension, category): strategy
        for dimension, category, strategy in connection.execute(
            select(at.CATEGORIES.c.dimension, at.CATEGORIES.c.category, at.CATEGORIES.c.strategy)
        )
    }
    held = [
        Held(
            each.dimension,
            each.category,
            each.code,
            each.since_us,
            each.sequence,
            strategies.get((each.dimension, each.category)),
        )
        for each in sorted(row.categories.values(), key=lambda each: order.get(each.dimension, math.inf))
    ]
    pinned = at.OVERRIDES
    overrides = connection.execute(
        select(*(pinned.c[name] for name in Override.__dataclass_fields__)).where(
            pinned.c.customer_id == customer_id, pinned.c.mode.is_not(None)
        )
    )
    return CustomerFile(
        customer_id,
        person.life,
        person.born_us,
        person.updated_us,
        row.orders,
        row.revenue_minor,
        held,
        row.attributes,
        {each.dimension: each for each in row.pending},
        {each.dimension: Override(*each) for each in overrides},
    )


def rows_of(connection: Connection, ids: Sequence[str]) -> list[CustomerRow]:
    """Customers by their ids, in the order of these; ids that nobody has are left out."""
    if not ids:
        return []
    people, value = at.CUSTOMERS, at.VALUE
    facts = {
        row.customer_id: row
        for row in connection.execute(
            select(people.c.customer_id, people.c.updated_us, value.c.orders, value.c.revenue_minor)
            .select_from(people.outerjoin(value, value.c.customer_id == people.c.customer_id))
            .where(people.c.customer_id.in_(ids))
        )
    }
    categories = defaultdict[str, dict[str, Held]](dict)
    now = at.CURRENT.c
    shown = (now.customer_id, now.dimension, now.category, now.code, now.since_us, now.sequence)
    for own, *held in connection.execute(select(*shown).where(now.customer_id.in_(ids))):
        categories[own][held[0]] = Held(*held)
    attributes = defaultdict[str, dict[str, str | None]](dict)
    said = at.ATTRIBUTES.c
    for own, name, text in connection.execute(
        select(said.customer_id, said.name, said.value).where(said.customer_id.in_(ids))
    ):
        attributes[own][name] = text
    pending = defaultdict[str, list[PendingMove]](list)
    coming = at.PENDING.c
    moves = select(*(coming[name] for name in PendingMove.__dataclass_fields__))
    for row in connection.execute(
        moves.where(coming.customer_id.in_(ids)).order_by(coming.until_day, coming.dimension)
    ):
        pending[row.customer_id].append(PendingMove(*row))
    return [
        CustomerRow(
            own,
            facts[own].updated_us,
            facts[own].orders,
            facts[own].revenue_minor,
            categories[own],
            attributes[own],
            pending[own],
        )
        for own in ids
        if own in facts
    ]


def _everybody(now: Counts) -> int:
    by_dimension = groupby(sorted(now.items()), key=lambda each: each[0][0])
    return max((sum(number for _, number in group) for _, group in by_dimension), default=0)


def _positions(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(at.DIMENSIONS.c.dimension, at.DIMENSIONS.c.position))
    return {each.dimension: each.position for each in rows}


def _parts(connection: Connection, asked: Filter, now: Counts) -> list[_Part]:
    """The filters that are on, each over its own copy of the table it asks."""
    parts: list[_Part] = []
    if asked.text:
        people = at.CUSTOMERS.alias("begins")
        where = _begins(people.c.customer_id, asked.text)
        size = _sampled(connection, people, where, now)
        parts.append(_Begins(people, where, size, text=asked.text))
    for number, (dimension, categories) in enumerate(asked.categories.items()):
        if dimension != asked.since_in:
            held = at.CURRENT.alias(f"held_{number}")
            where = and_(held.c.dimension == dimension, held.c.category.in_(categories))
            parts.append(_Part(held, where, sum(now.get((dimension, each), 0) for each in set(categories))))
    for number, (name, values) in enumerate(asked.attributes.items()):
        said = at.ATTRIBUTES.alias(f"said_{number}")
        where = and_(said.c.name == name, said.c.value.in_(values))
        parts.append(_Part(said, where, _sampled(connection, said, where, now)))
    if asked.since_in is not None:
        since, where = _since(asked, asked.since_in, now)
        parts.append(_Part(since, where, _sampled(connection, since, where, now)))
    if asked.pending is not None or asked.until is not None:
        coming = at.PENDING.alias("coming")
        conditions = []
        if asked.pending not in (None, "any"):
            conditions.append(coming.c.dimension == asked.pending)
        if asked.until is not None:
            conditions.append(coming.c.until_day <= asked.until)
        where = and_(true(), *conditions)
        parts.append(_Part(coming, where, _sampled(connection, coming, where, now), repeats=True))
    return sorted(parts, key=lambda each: each.size)


def _since(asked: Filter, dimension: str, now: Counts) -> tuple[FromClause, ColumnElement[bool]]:
    """Who came to a category in a period: by all categories one by one, as the index has them."""
    held = at.CURRENT.alias("since")
    categories = asked.categories.get(dimension) or sorted({each for of, each in now if of == dimension})
    conditions = [held.c.dimension == dimension, held.c.category.in_(categories)]
    if asked.since_from_us is not None:
        conditions.append(held.c.since_us >= asked.since_from_us)
    if asked.since_to_us is not None:
        conditions.append(held.c.since_us < asked.since_to_us)
    return held, and_(*conditions)


def _begins(own: ColumnElement[str], text: str) -> ColumnElement[bool]:
    return and_(own >= text, own < text + _LAST_CHARACTER)


def _is_against_order(asked: Filter, sort: Sort) -> bool:
    """Those who changed last come first, and who came to a category long ago lies far behind them."""
    return asked.since_in is not None and sort.key == "updated" and sort.descending


def _sampled(connection: Connection, table: FromClause, where: ColumnElement[bool], now: Counts) -> int:
    """How many rows a filter finds, which is only guessed where they are many."""
    some = select(table.c.customer_id).where(where).limit(_SAMPLE).subquery()
    size = connection.scalar(select(func.count()).select_from(some)) or 0
    return size if size < _SAMPLE else max(_SAMPLE, _everybody(now) // 4)


def _fits(
    parts: Sequence[_Part], everybody: int, wanted: int, *, materialized: bool
) -> list[ColumnElement[bool]]:
    """The conditions of a search for so many, said so that the shorter way is gone."""
    if not parts:
        return []
    share = math.prod(min(1.0, each.size / max(1, everybody)) for each in parts)
    steps_walked = min(everybody, wanted / share if share else everybody) * len(parts)
    steps_collected = 2 * parts[0].size * len(parts)
    if steps_collected < steps_walked:
        return _collected(parts, materialized=materialized)
    return _walked(parts)


def _collected(parts: Sequence[_Part], *, materialized: bool) -> list[ColumnElement[bool]]:
    """Those of the rarest filter first, then what else must fit."""
    return [parts[0].among(materialized=materialized), *_walked(parts[1:])]


def _walked(parts: Sequence[_Part]) -> list[ColumnElement[bool]]:
    """Customer by customer."""
    return [each.holds(at.CUSTOMERS.c.customer_id) for each in parts]


def _count(connection: Connection, asked: Filter, parts: Sequence[_Part], everybody: int) -> tuple[int, bool]:
    if not parts:
        return everybody, False
    if len(parts) == 1 and len(asked.categories) == 1 and asked.since_in is None:
        return parts[0].size, False
    # in no order: rows of the rarest filter, one after the other, until they are enough
    rarest, *others = parts
    own, known = rarest.table.c.customer_id, at.CUSTOMERS.alias("known")
    some = select(own).where(
        rarest.where,
        *(each.holds(own) for each in others),
        select(literal(1)).where(known.c.customer_id == own).correlate(rarest.table).exists(),
    )
    if rarest.repeats:
        some = some.distinct()
    some = some.limit(COUNT_MAX + 1)
    count = connection.scalar(select(func.count()).select_from(some.subquery())) or 0
    return min(count, COUNT_MAX), count > COUNT_MAX


def _ids(
    connection: Connection,
    asked: Filter,
    parts: Sequence[_Part],
    everybody: int,
    sort: Sort,
    cursor: str | None,
    size: int,
) -> tuple[list[str], str | None, str | None]:
    people, value = at.CUSTOMERS, at.VALUE
    keys: dict[SortKey, tuple[ColumnElement[Any], ...]] = {
        "id": (people.c.customer_id,),
        "updated": (people.c.updated_us, people.c.customer_id),
        "revenue": (value.c.revenue_minor, value.c.customer_id),
    }
    chosen = keys[sort.key]
    rows: Select[Any] = select(*(key.label(f"by_{place}") for place, key in enumerate(chosen)))
    rows = rows.select_from(
        people.join(value, value.c.customer_id == people.c.customer_id) if sort.key == "revenue" else people
    ).where(
        *_fits(
            parts,
            everybody,
            everybody if _is_against_order(asked, sort) else size,
            materialized=connection.dialect.name == POSTGRESQL,
        )
    )
    if asked.since_in is not None and asked.since_from_us is not None:
        # who came to a category then has not been without a change since: where a walk by that can begin
        rows = rows.where(people.c.updated_us >= asked.since_from_us)
    found, after, before = page_of(
        connection, rows, chosen, descending=sort.descending, cursor=cursor, size=size
    )
    return [row[-1] for row in found], after, before
