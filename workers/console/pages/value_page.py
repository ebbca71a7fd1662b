"""What customers bring, by category, and across two dimensions; and the pack in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rules.language.model import Pack
from workers.console.context import Reading, Visiting, render
from workers.console.pages.asked import first, known_dimension, parameters_of
from workers.console.pages.rules import pack_in_words
from workers.sql.queries.shapes import Cell, Revenue
from workers.sql.queries.value import Measure, concentration, cross_table, revenue_by_category
from workers.sql.queries.whole import freshness

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class CrossCell:
    """A cell of the table; `heat` from 0 to 1."""

    category: str
    value: int
    heat: float


@dataclass(frozen=True, slots=True)
class CrossRow:
    """A row of the table."""

    category: str
    cells: Sequence[CrossCell]
    total: int


@dataclass(frozen=True, slots=True)
class Cross:
    """One dimension's categories by those of another."""

    columns: Sequence[str]
    rows: Sequence[CrossRow]


@router.get("/value")
def show(request: Request, visit: Visiting, connection: Reading) -> Response:
    """The page of value."""
    parameters, pack, state = parameters_of(request), visit.state.pack, visit.state
    a = known_dimension(pack, first(parameters, "a"))
    other = next((each.id for each in pack.dimensions if each.id != a), a)
    b = known_dimension(pack, first(parameters, "b") or other)
    measure: Measure = "revenue" if first(parameters, "measure") == "revenue" else "customers"
    with_orders = freshness(connection).with_orders
    told = (
        state.answer(connection, ("revenue", a), lambda: revenue_by_category(connection, a))
        if with_orders
        else None
    )
    cells = state.answer(connection, ("cross", a, b, measure), lambda: cross_table(connection, a, b, measure))
    best = state.answer(connection, ("concentration",), lambda: concentration(connection))
    revenue = told.value if told else []
    now = state.projected(connection)
    older = [each.asked_us for each in (told, cells, best) if each and each.projected != now]
    return render(
        request,
        visit,
        "value.html",
        a=a,
        b=b,
        measure=measure,
        with_orders=with_orders,
        revenue=revenue,
        totals=_total(revenue),
        concentration=best.value,
        cross=_cross(pack, a, b, cells.value),
        as_of_us=min(older, default=None),
    )


@router.get("/rules")
def rules(request: Request, visit: Visiting, connection: Reading) -> Response:
    """The page of the pack."""
    pack = visit.state.pack
    words = pack_in_words(pack, visit.language, visit.state.pages.names)
    differing = sorted(
        {
            f"{each.pack_name} {each.pack_version}"
            for each in freshness(connection).shards
            if each.pack_fingerprint != pack.fingerprint
        }
    )
    return render(
        request,
        visit,
        "rules.html",
        dimensions=words.dimensions,
        metrics=words.metrics,
        differing=differing,
    )


def _total(rows: Sequence[Revenue]) -> Revenue:
    return Revenue(
        "",
        sum(each.customers for each in rows),
        sum(each.orders for each in rows),
        sum(each.revenue_minor for each in rows),
        None,
    )


def _cross(pack: Pack, a: str, b: str, cells: Sequence[Cell]) -> Cross:
    """The table with all categories of the pack, of a ladder the highest first, and any others behind."""
    values: dict[tuple[str, str], int] = defaultdict(int)
    for cell in cells:
        values[cell.a, cell.b] = cell.value
    highest = max((abs(each) for each in values.values()), default=0) or 1
    columns = _order(pack, b, {cell.b for cell in cells})
    rows = [
        CrossRow(
            category,
            [
                CrossCell(each, values[category, each], max(0, values[category, each]) / highest)
                for each in columns
            ],
            sum(values[category, each] for each in columns),
        )
        for category in _order(pack, a, {cell.a for cell in cells})
    ]
    return Cross(columns, rows)


def _order(pack: Pack, dimension: str, seen: set[str]) -> list[str]:
    found = next(each for each in pack.dimensions if each.id == dimension)
    known = [each.id for each in found.categories]
    known = known[::-1] if found.kind == "ladder" else known
    return known + sorted(seen - set(known))
