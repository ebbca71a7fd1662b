"""What customers bring: by category, concentrated on few, and across two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Connection, func, select

from workers.sql import tables as at
from workers.sql.queries.shapes import Cell, Concentration, Revenue

Measure = Literal["customers", "revenue"]
PARTS = (0.01, 0.1, 0.2)


def revenue_by_category(connection: Connection, dimension: str) -> list[Revenue]:
    """Orders and revenue of the customers of each category, the most first."""
    now, value = at.CURRENT, at.VALUE
    rows = connection.execute(
        select(
            now.c.category,
            func.count(),
            func.coalesce(func.sum(value.c.orders), 0),
            func.coalesce(func.sum(value.c.revenue_minor), 0),
        )
        .select_from(now.outerjoin(value, value.c.customer_id == now.c.customer_id))
        .where(now.c.dimension == dimension)
        .group_by(now.c.category)
    ).all()
    total = sum(int(row[3]) for row in rows)
    listed = [
        Revenue(category, number, int(orders), int(minor), int(minor) / total if total > 0 else None)
        for category, number, orders, minor in rows
    ]
    return sorted(listed, key=lambda each: (-each.revenue_minor, each.category))


def concentration(connection: Connection, parts: Sequence[float] = PARTS) -> list[Concentration]:
    """The share of the revenue that the best customers bring; empty where there is none.

    Of the customers with an order, rounded up: the best hundredth of 150 are two.
    """
    value = at.VALUE
    having = value.c.orders > 0
    number, total = connection.execute(
        select(func.count(), func.coalesce(func.sum(value.c.revenue_minor), 0)).where(having)
    ).one()
    if not number or int(total) <= 0:
        return []
    found = []
    for part in parts:
        size = -int(-number * part // 1)
        best = select(value.c.revenue_minor).where(having).order_by(value.c.revenue_minor.desc()).limit(size)
        brought = connection.scalar(select(func.sum(best.subquery().c.revenue_minor)))
        found.append(Concentration(part, size, int(brought or 0) / int(total)))
    return found


def cross_table(connection: Connection, a: str, b: str, measure: Measure = "customers") -> list[Cell]:
    """Customers, or their revenue, by the categories of two dimensions; only cells that hold somebody."""
    first, second, value = at.CURRENT.alias("a"), at.CURRENT.alias("b"), at.VALUE
    both = first.join(second, (second.c.customer_id == first.c.customer_id) & (second.c.dimension == b))
    if measure == "revenue":
        both = both.outerjoin(value, value.c.customer_id == first.c.customer_id)
        measured = func.coalesce(func.sum(value.c.revenue_minor), 0).label("measured")
    else:
        measured = func.count().label("measured")
    rows = connection.execute(
        select(first.c.category, second.c.category.label("other"), measured)
        .select_from(both)
        .where(first.c.dimension == a)
        .group_by(first.c.category, second.c.category)
    )
    return [Cell(one, other, int(number)) for one, other, number in rows]
