"""Lists of everybody's: changes, moves that are coming, flows, dead letters."""

from __future__ import annotations

from datetime import date, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from workers.console.context import Reading, RefusedError, Visit, Visiting, render
from workers.console.pages.asked import (
    Period,
    Wrong,
    beside,
    day_in,
    first,
    known_dimension,
    parameters_of,
    period_in,
    starts_us,
)
from workers.console.pages.shown import shown_change
from workers.console.pages.terms import CAUSES
from workers.report.charts import flow_chart
from workers.sql.queries.changes import ChangeFilter, changes, pending
from workers.sql.queries.letters import letter, letter_counts, letters
from workers.sql.queries.shapes import Flow
from workers.sql.queries.whole import flows, period_of_all

router = APIRouter(include_in_schema=False)
_MONTH = 30


@router.get("/changes")
def all_changes(request: Request, visit: Visiting, connection: Reading) -> Response:
    """The page of changes."""
    parameters, wrong = parameters_of(request), None
    try:
        asked = _asked(visit, parameters)
    except Wrong as error:
        asked, wrong = ChangeFilter(), str(error)
    page = changes(connection, asked, cursor=first(parameters, "page") or None)
    previous, following = beside("/changes", parameters, (page.previous, page.next))
    form = {name: first(parameters, name) for name in ("dimension", "category", "cause", "first", "last")}
    return render(
        request,
        visit,
        "changes.html",
        form=form,
        filtered=any(form.values()),
        changes=[shown_change(visit.reasons, each) for each in page.rows],
        wrong=wrong,
        previous=previous,
        next=following,
    )


def _asked(visit: Visit, parameters: dict[str, list[str]]) -> ChangeFilter:
    known = {each.id: {c.id for c in each.categories} for each in visit.state.pack.dimensions}
    dimension, category = first(parameters, "dimension"), None
    into, _, of_category = first(parameters, "category").partition(".")
    if of_category in known.get(into, ()):
        if dimension and dimension != into:
            raise Wrong(visit.say("The category belongs to another dimension than the one chosen."))
        dimension, category = into, of_category
    cause = first(parameters, "cause")
    begin, end = day_in(visit, first(parameters, "first")), day_in(visit, first(parameters, "last"))
    if begin is not None and end is not None and begin > end:
        raise Wrong(visit.say("The period ends before it begins."))
    return ChangeFilter(
        dimension=dimension if dimension in known else None,
        category=category,
        cause=cause if cause in CAUSES else None,
        from_us=None if begin is None else starts_us(visit, begin),
        to_us=None if end is None else starts_us(visit, end + timedelta(days=1)),
    )


@router.get("/pending")
def coming_up(request: Request, visit: Visiting, connection: Reading) -> Response:
    """The page of moves that are coming."""
    parameters, wrong, until = parameters_of(request), None, None
    dimension = first(parameters, "dimension")
    try:
        until = day_in(visit, first(parameters, "until"))
    except Wrong as error:
        wrong = str(error)
    page = pending(
        connection,
        dimension=dimension if visit.state.pages.names.find_dimension(dimension) else None,
        until=None if until is None else until.isoformat(),
        cursor=first(parameters, "page") or None,
    )
    previous, following = beside("/pending", parameters, (page.previous, page.next))
    return render(
        request,
        visit,
        "pending.html",
        form={"dimension": dimension, "until": first(parameters, "until")},
        moves=page.rows,
        wrong=wrong,
        previous=previous,
        next=following,
    )


@router.get("/flows")
def flowing(request: Request, visit: Visiting, connection: Reading) -> Response:
    """The page of flows."""
    parameters, wrong = parameters_of(request), None
    dimension = known_dimension(visit.state.pack, first(parameters, "dimension"))
    known = period_of_all(connection) or ("2000-01-01", "2000-01-01")
    begin = max(known[0], (date.fromisoformat(known[1]) - timedelta(days=_MONTH - 1)).isoformat())
    period, listed = Period(begin, known[1]), []
    try:
        period = period_in(visit, parameters, period)
        listed = flows(connection, dimension, period.first, period.last)
    except Wrong as error:
        wrong = str(error)
    return render(
        request,
        visit,
        "flows.html",
        dimension=dimension,
        period=period,
        flows=listed,
        total=sum(each.moves for each in listed),
        drawn=_ribbons(visit, dimension, listed),
        wrong=wrong,
    )


def _ribbons(visit: Visit, dimension: str, listed: list[Flow]) -> Markup | None:
    names = visit.state.pages.names
    moved = [(each.from_, each.to, each.moves) for each in listed if each.from_ and each.to]
    if not moved:
        return None
    found = names.find_dimension(dimension)
    known = [each.id for each in found.categories] if found else []
    seen = {each for flow in moved for each in flow[:2]}
    order = [each for each in reversed(known) if each in seen] + sorted(seen - set(known))
    drawn = flow_chart(
        visit.say("Moves between categories"),
        moved,
        {each: names.category(dimension, each) for each in order},
        {each: names.color(dimension, each) for each in order},
    )
    return Markup(drawn)  # noqa: S704 - made of elements whose texts are escaped


@router.get("/dead-letters")
def refused(request: Request, visit: Visiting, connection: Reading) -> Response:
    """The page of dead letters."""
    parameters = parameters_of(request)
    code, topic = first(parameters, "code"), first(parameters, "topic")
    page = letters(
        connection, code=code or None, topic=topic or None, cursor=first(parameters, "page") or None
    )
    previous, following = beside("/dead-letters", parameters, (page.previous, page.next))
    return render(
        request,
        visit,
        "dead_letters.html",
        form={"code": code, "topic": topic},
        counts=letter_counts(connection),
        letters=page.rows,
        previous=previous,
        next=following,
    )


@router.get("/dead-letters/{source:path}/{position}")
def one_letter(
    request: Request, visit: Visiting, connection: Reading, source: str, position: int
) -> Response:
    """The page of one dead letter."""
    found = letter(connection, source, position) if abs(position) < 1 << 63 else None
    if found is None:
        raise RefusedError(404, visit.say("There is no such dead letter."))
    return render(request, visit, "dead_letter.html", letter=found)
