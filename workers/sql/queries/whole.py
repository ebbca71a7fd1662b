"""The whole: who is where, how that became, what moved, and how fresh it is; all from counts of days."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import Connection, func, select

from workers.sql import tables as at
from workers.sql.queries.shapes import (
    CategoryShare,
    DimensionShare,
    Flow,
    Freshness,
    Overview,
    ShardState,
    Timeline,
)

Step = Literal["day", "week", "month"]
DAY_US = 86_400_000_000
#: Letters are counted up to so many.
LETTERS_MAX = 1_000_000


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """Customers by dimension and category now: what came less what left, so that no customer is counted."""
    moves, found = at.MOVES, defaultdict[tuple[str, str], int](int)
    for column, sign in ((moves.c.to_category, 1), (moves.c.from_category, -1)):
        grouped = select(moves.c.dimension, column, func.sum(moves.c.moves)).group_by(
            moves.c.dimension, column
        )
        for dimension, category, number in connection.execute(grouped):
            if category:
                found[dimension, category] += sign * int(number)
    return {place: number for place, number in found.items() if number}


def overview(connection: Connection) -> Overview:
    """Who is where, and what waits."""
    now = counts(connection)
    categories = connection.execute(
        select(
            at.CATEGORIES.c.dimension, at.CATEGORIES.c.category, at.CATEGORIES.c.code, at.DIMENSIONS.c.kind
        )
        .join(at.DIMENSIONS, at.DIMENSIONS.c.dimension == at.CATEGORIES.c.dimension)
        .order_by(at.DIMENSIONS.c.position, at.CATEGORIES.c.position)
    ).all()
    rows: dict[str, list[tuple[str, str | None]]] = {}
    ladders = set()
    for dimension, category, code, kind in categories:
        rows.setdefault(dimension, []).append((category, code))
        if kind == "ladder":
            ladders.add(dimension)
    totals = defaultdict[str, int](int)
    for (dimension, _), number in now.items():
        totals[dimension] += number
    shares = [
        DimensionShare(
            dimension,
            [
                CategoryShare(
                    category,
                    code,
                    now.get((dimension, category), 0),
                    now.get((dimension, category), 0) / max(1, totals[dimension]),
                )
                for category, code in (reversed(listed) if dimension in ladders else listed)
            ],
        )
        for dimension, listed in rows.items()
    ]
    letters = select(at.DEAD_LETTERS.c.position).limit(LETTERS_MAX).subquery()
    return Overview(
        max(totals.values(), default=0),
        shares,
        connection.scalar(select(func.count()).select_from(at.PENDING)) or 0,
        _changes_last_day(connection),
        connection.scalar(select(func.count()).select_from(letters)) or 0,
    )


def _changes_last_day(connection: Connection) -> int:
    clock_us = connection.scalar(select(func.max(at.SHARDS.c.clock_us)))
    if clock_us is None:
        return 0
    recent = select(func.count()).where(at.CHANGES.c.effective_us > clock_us - DAY_US)
    return connection.scalar(recent) or 0


def freshness(connection: Connection) -> Freshness:
    """Up to when everything is final, shard by shard."""
    shards = [
        ShardState(**row)
        for row in connection.execute(select(at.SHARDS).order_by(at.SHARDS.c.shard)).mappings()
    ]
    marks = [each.watermark_us for each in shards if each.watermark_us is not None]
    projection = connection.execute(select(at.PROJECTION.c.projected_us, at.PROJECTION.c.with_orders)).first()
    return Freshness(
        min(marks) if len(marks) == len(shards) and marks else None,
        max((each.clock_us for each in shards), default=None),
        projection.projected_us if projection else None,
        bool(projection.with_orders) if projection else False,
        shards,
    )


def distribution_over_time(
    connection: Connection, dimension: str, first_day: str, last_day: str, step: Step = "day"
) -> Timeline:
    """Customers of each category at the end of each day; of weeks and months their last day is shown."""
    moves = at.MOVES
    rows = connection.execute(
        select(moves.c.day, moves.c.from_category, moves.c.to_category, func.sum(moves.c.moves))
        .where(moves.c.dimension == dimension, moves.c.day <= last_day)
        .group_by(moves.c.day, moves.c.from_category, moves.c.to_category)
        .order_by(moves.c.day)
    ).all()
    days = _days(first_day, last_day, step)
    now, series, at_row = defaultdict[str, int](int), defaultdict[str, list[int]](list), 0
    for number, day in enumerate(days):
        while at_row < len(rows) and rows[at_row][0] <= day:
            _, source, to, count = rows[at_row]
            for category, sign in ((source, -1), (to, 1)):
                if category:
                    now[category] += sign * int(count)
            at_row += 1
        for category, held in now.items():
            line = series[category]
            line.extend([0] * (number - len(line)))
            line.append(held)
    return Timeline(days, dict(series))


def changes_by_day(
    connection: Connection, first_day: str, last_day: str, dimension: str | None = None
) -> Timeline:
    """Changes a day, by cause."""
    moves = at.MOVES
    asked = (
        select(moves.c.day, moves.c.cause, func.sum(moves.c.moves))
        .where(moves.c.day >= first_day, moves.c.day <= last_day, moves.c.to_category != "")
        .group_by(moves.c.day, moves.c.cause)
    )
    if dimension is not None:
        asked = asked.where(moves.c.dimension == dimension)
    days = _days(first_day, last_day, "day")
    places = {day: place for place, day in enumerate(days)}
    series = defaultdict[str, list[int]](lambda: [0] * len(days))
    for day, cause, number in connection.execute(asked):
        series[cause][places[day]] = int(number)
    return Timeline(days, dict(series))


def flows(connection: Connection, dimension: str, first_day: str, last_day: str) -> list[Flow]:
    """Moves by where from and where to in a period, the most first."""
    moves = at.MOVES
    total = func.sum(moves.c.moves)
    rows = connection.execute(
        select(moves.c.from_category, moves.c.to_category, total)
        .where(moves.c.dimension == dimension, moves.c.day >= first_day, moves.c.day <= last_day)
        .group_by(moves.c.from_category, moves.c.to_category)
        .order_by(total.desc(), moves.c.from_category, moves.c.to_category)
    )
    return [Flow(source or None, to or None, int(number)) for source, to, number in rows]


def period_of_all(connection: Connection) -> tuple[str, str] | None:
    """The first and the last day with a change."""
    first, last = connection.execute(select(func.min(at.MOVES.c.day), func.max(at.MOVES.c.day))).one()
    return (first, last) if first is not None else None


def _days(first_day: str, last_day: str, step: Step) -> list[str]:
    day, last, days = date.fromisoformat(first_day), date.fromisoformat(last_day), []
    while day <= last:
        following = day + timedelta(days=1)
        ends = {"day": True, "week": day.weekday() == 6, "month": following.day == 1}[step]
        if ends or day == last:
            days.append(day.isoformat())
        day = following
    return days
