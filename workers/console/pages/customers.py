"""Searching customers, exporting what was found, and one customer's page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from workers.console.context import Reading, RefusedError, Visit, Visiting, render
from workers.console.pages.asked import (
    CustomersAsked,
    Wrong,
    beside,
    first,
    parameters_of,
    sort_in,
)
from workers.console.pages.live import LiveView, live_view, unreachable
from workers.console.pages.shown import shown_change
from workers.console.pages.translations import N_
from workers.sql.queries.changes import ChangeFilter, changes
from workers.sql.queries.customers import Filter, Sort, customer, export, search
from workers.sql.queries.shapes import CustomerRow
from workers.sql.queries.whole import counts, freshness

router = APIRouter(include_in_schema=False)

_TROUBLES = {
    "away": N_("No worker that holds this customer can be reached."),
    "unknown": N_("The worker does not know this customer."),
    "not ready": N_("The worker that holds this customer is not ready yet."),
}
#: What a spreadsheet would read as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@router.get("/customers")
def found(request: Request, visit: Visiting, connection: Reading) -> Response:
    """The page of a search."""
    parameters, pack = parameters_of(request), visit.state.pack
    asked, sort, wrong = CustomersAsked.read(pack, parameters), sort_in(parameters), None
    try:
        filter_ = asked.filter(visit)
    except Wrong as error:
        filter_, wrong = Filter(), str(error)
    now = visit.state.kept(connection, ("counts",), lambda: counts(connection))
    page = search(connection, filter_, sort, cursor=first(parameters, "page") or None, now=now)
    previous, following = beside("/customers", parameters, (page.previous, page.next))
    return render(
        request,
        visit,
        "customers.html",
        form=asked,
        found=page,
        sort=sort,
        parameters=parameters,
        active=asked.active(visit, parameters),
        wrong=wrong,
        with_orders=freshness(connection).with_orders,
        previous=previous,
        next=following,
    )


@router.get("/customers.csv")
def as_csv(request: Request, visit: Visiting) -> Response:
    """All customers of a search, as CSV."""
    parameters = parameters_of(request)
    try:
        filter_ = CustomersAsked.read(visit.state.pack, parameters).filter(visit)
    except Wrong as error:
        raise RefusedError(422, str(error)) from None
    return StreamingResponse(
        csv_lines(visit, filter_, sort_in(parameters)),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="customers.csv"'},
    )


def csv_lines(visit: Visit, filter_: Filter, sort: Sort) -> Iterator[str]:
    """The lines of an export, read from the database as they are sent."""
    pack = visit.state.pack
    dimensions = [each.id for each in pack.dimensions]
    attributes = [each.name for each in pack.attributes]
    head = ["customer_id"]
    for each in dimensions:
        head += [each, f"{each}_code", f"{each}_since"]
    yield _line([*head, *attributes, "orders", f"revenue_{pack.currency}", "updated_at"])
    with visit.state.engine.connect() as connection:
        for row in export(connection, filter_, sort):
            yield _line(_cells(visit, row, dimensions, attributes))


def _cells(visit: Visit, row: CustomerRow, dimensions: list[str], attributes: list[str]) -> list[str]:
    cells = [row.customer_id]
    for each in dimensions:
        held = row.categories.get(each)
        cells += [held.category, held.code or "", _instant(held.since_us)] if held else ["", "", ""]
    cells += [row.attributes.get(each) or "" for each in attributes]
    minor, digits = row.revenue_minor, visit.state.pack.digits
    revenue = "" if minor is None else f"{minor / 10**digits:.{digits}f}"
    return [*cells, "" if row.orders is None else str(row.orders), revenue, _instant(row.updated_us)]


def _instant(instant_us: int) -> str:
    from rules.calendar import format_instant

    return format_instant(instant_us)


def _line(cells: list[str]) -> str:
    written = io.StringIO()
    safe = [f"'{each}" if each.startswith(_FORMULA) and not _is_number(each) else each for each in cells]
    csv.writer(written).writerow(safe)
    return written.getvalue()


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal()


@router.get("/customers/{customer_id:path}")
def one(request: Request, visit: Visiting, connection: Reading, customer_id: str) -> Response:
    """One customer's page."""
    file = customer(connection, customer_id)
    if file is None:
        return render(request, visit, "customer_unknown.html", 404, customer_id=customer_id)
    parameters, pack = parameters_of(request), visit.state.pack
    only = first(parameters, "dimension")
    only = only if only in {each.id for each in pack.dimensions} else ""
    page = changes(
        connection,
        ChangeFilter(customer_id=customer_id, dimension=only or None),
        cursor=first(parameters, "page") or None,
        size=30,
    )
    previous, following = beside(request.url.path, parameters, (page.previous, page.next))
    return render(
        request,
        visit,
        "customer.html",
        file=file,
        pendings=file.pending,
        overrides=file.overrides,
        attributes=[(each.name, file.attributes.get(each.name)) for each in pack.attributes],
        with_orders=freshness(connection).with_orders,
        changes=[shown_change(visit.reasons, each) for each in page.rows],
        only=only,
        live=_live(visit, customer_id),
        previous=previous,
        next=following,
    )


def _live(visit: Visit, customer_id: str) -> LiveView:
    answer = visit.state.workers.customer(customer_id)
    if answer.body is None:
        return unreachable(visit.say(_TROUBLES[answer.trouble]))
    return live_view(answer.body, visit.reasons, visit.state.pages.names)
