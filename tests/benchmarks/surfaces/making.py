"""A large made-up database: customers of the shop pack with believable histories, written in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Table, text

from rules.language.model import Pack
from workers.projector.bulk import KEEP, put
from workers.projector.describing import describe
from workers.sql import tables as at
from workers.sql.connect import POSTGRESQL
from workers.sql.upgrading import upgrade

DAYS = 365
DAY_US = 86_400_000_000
FIRST_US = 1_735_689_600_000_000  # 2025-01-01
CITIES = 200
_ROWS = 100_000
_REASONS = (
    '[{"rule":"value_tier.gold.enter","expression":"spend_365d >= 1200 and spend_90d >= 400","result":true,'
    '"values":{"spend_365d":"1204.50","spend_90d":"410.00"}}]'
)
_METRICS = '{"spend_365d":"1204.50","spend_90d":"410.00"}'

Tell = Callable[[str], None]


def id_of(number: int) -> str:
    """The id of a customer, in no order of value."""
    return f"C{number * 7919 % 10_000_019:08d}"


def make(engine: Engine, pack: Pack, customers: int, changes: int, tell: Tell) -> None:
    """Fill an empty database. Indexes of the large tables are made at the end."""
    upgrade(engine)
    with engine.begin() as connection:
        describe(connection, pack, with_orders=True)
        large = (at.CHANGES, at.CURRENT, at.CUSTOMERS, at.VALUE, at.ATTRIBUTES, at.PENDING)
        for table in large:
            for index in table.indexes:
                index.drop(connection)
        _fill(connection, pack, customers, changes, tell)
        for table in large:
            tell(f"making the indexes of {table.name}")
            for index in table.indexes:
                index.create(connection)
        connection.execute(text("UPDATE projection SET projected_us = 1"))
    if engine.dialect.name == POSTGRESQL:
        # what its autovacuum does by itself a minute later
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))


def _fill(connection: Connection, pack: Pack, customers: int, changes: int, tell: Tell) -> None:
    choose = np.random.default_rng(1)
    ids = [id_of(number) for number in range(customers)]
    dimensions = [(each.id, [category.id for category in each.categories]) for each in pack.dimensions]
    weights = {name: choose.dirichlet(np.full(len(listed), 0.7)) for name, listed in dimensions}
    each_history = max(1, -(-changes // (customers * len(dimensions))))
    born = choose.integers(0, DAYS // 2, customers)
    moved = np.zeros(customers, np.int64)
    moves: dict[tuple[str, str, str, str, str], int] = {}
    number = 0
    for name, listed in dimensions:
        tell(f"{name}: {customers * each_history:,} changes")
        now = choose.choice(len(listed), customers, p=weights[name])
        path = [now]
        at_day = [born.copy()]
        for _ in range(each_history - 1):
            now = (now + choose.integers(1, len(listed), customers)) % len(listed)
            path.append(now)
            at_day.append(np.minimum(DAYS - 1, at_day[-1] + choose.integers(1, 60, customers)))
        since = FIRST_US + at_day[-1] * DAY_US + choose.integers(0, DAY_US, customers)
        moved = np.maximum(moved, since)
        for step in range(each_history):
            at_us = FIRST_US + at_day[step] * DAY_US if step < each_history - 1 else since
            rows = _changes(number, ids, name, listed, step, path, at_us)
            _write(connection, at.CHANGES, rows)
            number += customers
            _count(moves, name, listed, step, path, at_day[step])
        categories = [listed[each] for each in path[-1].tolist()]
        _write(
            connection,
            at.CURRENT,
            (
                (own, name, category, None, moment, each_history, 1, 1)
                for own, category, moment in zip(ids, categories, since.tolist(), strict=True)
            ),
        )
        due = choose.random(customers) < 0.03
        days = choose.integers(1, 28, customers)
        _write(
            connection,
            at.PENDING,
            (
                (ids[i], name, 1, categories[i], listed[0], "2025-12-30", f"2026-01-{days[i]:02d}", 0, 99)
                for i in np.flatnonzero(due).tolist()
            ),
        )
    put(connection, at.MOVES, [(*key, count) for key, count in moves.items()])
    tell("customers, orders and attributes")
    _write(
        connection,
        at.CUSTOMERS,
        (
            (own, 1, FIRST_US + day * DAY_US, last)
            for own, day, last in zip(ids, born.tolist(), moved.tolist(), strict=True)
        ),
    )
    orders = choose.geometric(0.15, customers)
    revenue = (orders * choose.lognormal(8.0, 0.8, customers)).astype(np.int64)
    _write(connection, at.VALUE, zip(ids, orders.tolist(), revenue.tolist(), strict=True))
    cities = zip(ids, choose.integers(0, CITIES, customers).tolist(), strict=True)
    _write(
        connection,
        at.ATTRIBUTES,
        ((own, "region", f"R{city}", 0, place) for place, (own, city) in enumerate(cities)),
    )


def _changes(
    first: int,
    ids: list[str],
    name: str,
    listed: list[str],
    step: int,
    path: list[np.ndarray[Any, Any]],
    at_us: np.ndarray[Any, Any],
) -> Iterator[tuple[Any, ...]]:
    before = path[step - 1].tolist() if step else None
    causes = ("event", "time", "event", "time", "event", "override")
    for place, (own, to, moment) in enumerate(zip(ids, path[step].tolist(), at_us.tolist(), strict=True)):
        source = None if before is None else listed[before[place]]
        cause = causes[place % 5] if place % 5000 else "override"
        target, change_id = listed[to], f"{first + place:032x}"
        move = source, None, target, None, target, "up"
        said = cause, None, None, _REASONS, _METRICS, None, "shop", "1", "0" * 64, 1
        yield (change_id, own, 1, name, step + 1, *move, moment, None, *said, moment)


def _count(
    moves: dict[tuple[str, str, str, str, str], int],
    name: str,
    listed: list[str],
    step: int,
    path: list[np.ndarray[Any, Any]],
    days: np.ndarray[Any, Any],
) -> None:
    """The same as counts of days; all under one cause, which no question here tells apart."""
    before = path[step - 1] if step else np.full_like(path[0], len(listed))
    keys, counts = np.unique(np.stack([days, before, path[step]]), axis=1, return_counts=True)
    for (day, source, to), count in zip(keys.T.tolist(), counts.tolist(), strict=True):
        text_of = str(np.datetime64("2025-01-01") + day)
        place = name, text_of, listed[source] if source < len(listed) else "", listed[to], "event"
        moves[place] = moves.get(place, 0) + count


def _write(connection: Connection, table: Table, rows: Any) -> None:
    listed = iter(rows)
    while part := list(islice(listed, _ROWS)):
        put(connection, table, part, mode=KEEP)
