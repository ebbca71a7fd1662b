"""What the pages show, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import StreamingResponse

from rules.language.findings import listed
from rules.language.model import Category
from workers.console.api import shapes
from workers.console.api.access import NOT_FOUND, RESPONSES, Calling, Cursor, Size, caller
from workers.console.context import Reading, RefusedError, Visit
from workers.console.pages.asked import starts_us
from workers.console.pages.customers import csv_lines
from workers.sql.queries import changes as feed
from workers.sql.queries import customers as people
from workers.sql.queries import letters as refused
from workers.sql.queries import value, whole

router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(caller)])

_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2199, 12, 30)
_DAYS_MAX = 20_000
_TEXT = r"^[^\x00]*$"

Day = Annotated[date | None, Query(ge=_FIRST_DAY, le=_LAST_DAY)]
InDimension = Annotated[str, Path(max_length=128, description="A dimension of the pack, by its id.")]
OfDimension = Annotated[
    str | None, Query(max_length=128, description="Only this dimension of the pack, by its id.")
]
Text = Annotated[str | None, Query(max_length=300, pattern=_TEXT)]
CustomerId = Annotated[str, Path(max_length=128, pattern=_TEXT)]


@router.get("/overview", tags=["the whole"])
def overview(visit: Calling, connection: Reading) -> shapes.Overview:
    """Customers by category in every dimension, what waits, and what was refused."""
    found = visit.state.kept(connection, ("overview",), lambda: whole.overview(connection))
    return shapes.Overview.model_validate(found)


@router.get("/freshness", tags=["the whole"])
def freshness(connection: Reading) -> shapes.Freshness:
    """Up to when everything is final, shard by shard."""
    return shapes.Freshness.model_validate(whole.freshness(connection))


@router.get("/dimensions/{dimension}/timeline", tags=["the whole"], responses=NOT_FOUND)
def timeline(
    visit: Calling,
    connection: Reading,
    dimension: InDimension,
    first: Day = None,
    last: Day = None,
    step: Literal["day", "week", "month"] = "day",
) -> shapes.Timeline:
    """Customers of each category at the end of each day, week or month of a period."""
    _must_be_known(visit, dimension, 404)
    begin, end = _period(connection, first, last)
    return shapes.Timeline.model_validate(
        whole.distribution_over_time(connection, dimension, begin, end, step)
    )


@router.get("/dimensions/{dimension}/flows", tags=["the whole"], responses=NOT_FOUND)
def flows(
    visit: Calling, connection: Reading, dimension: InDimension, first: Day = None, last: Day = None
) -> list[shapes.Flow]:
    """Moves between categories in a period, the most first."""
    _must_be_known(visit, dimension, 404)
    found = whole.flows(connection, dimension, *_period(connection, first, last))
    return [shapes.Flow.model_validate(each) for each in found]


@router.get("/changes-by-day", tags=["the whole"])
def changes_by_day(
    visit: Calling,
    connection: Reading,
    first: Day = None,
    last: Day = None,
    dimension: OfDimension = None,
) -> shapes.Timeline:
    """Changes a day, by cause."""
    _must_be_known(visit, dimension)
    found = whole.changes_by_day(connection, *_period(connection, first, last), dimension)
    return shapes.Timeline.model_validate(found)


def customer_filter(
    visit: Calling,
    text: Annotated[str, Query(max_length=128, pattern=_TEXT, description="How ids begin.")] = "",
    category: Annotated[
        list[str] | None,
        Query(max_length=100, description="DIMENSION:CATEGORY; of several of one dimension any fits."),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        Query(max_length=100, description="NAME:VALUE; of several of one name any fits."),
    ] = None,
    since_in: Annotated[
        str | None, Query(max_length=128, description="The dimension that `since_…` is about.")
    ] = None,
    since_first: Annotated[Day, Query(description="In that category since this day or later.")] = None,
    since_last: Annotated[Day, Query(description="In that category since this day or earlier.")] = None,
    pending: Annotated[
        str | None, Query(max_length=128, description="A dimension in which a move is coming, or `any`.")
    ] = None,
    until: Annotated[Day, Query(description="The last day of such a move.")] = None,
) -> people.Filter:
    """Which customers: all that is given must fit."""
    _must_be_known(visit, since_in)
    _must_be_known(visit, None if pending == "any" else pending)
    if since_in is None and (since_first or since_last):
        raise RefusedError(422, "`since_in` is missing: name the dimension that `since_first` is about")
    return people.Filter(
        text=text,
        categories=_pairs(category, "category", [each.id for each in visit.state.pack.dimensions]),
        attributes=_pairs(attribute, "attribute", [each.name for each in visit.state.pack.attributes]),
        since_in=since_in,
        since_from_us=None if since_first is None else starts_us(visit, since_first),
        since_to_us=None if since_last is None else starts_us(visit, since_last + timedelta(days=1)),
        pending=pending,
        until=None if until is None else until.isoformat(),
    )


Asked = Annotated[people.Filter, Depends(customer_filter)]
By = Annotated[
    Literal["id", "-id", "updated", "-updated", "revenue", "-revenue"],
    Query(description="`-updated`: by the last change, the latest first."),
]


@router.get("/customers", tags=["customers"])
def customers(
    connection: Reading, asked: Asked, sort: By = "id", cursor: Cursor = None, size: Size = 50
) -> shapes.CustomerPage:
    """Customers that fit all filters, page by page."""
    found = people.search(connection, asked, _sort(sort), cursor=cursor, size=size)
    return shapes.CustomerPage.model_validate(found)


@router.get(
    "/customers.csv",
    tags=["customers"],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "CSV."}},
)
def customers_csv(visit: Calling, asked: Asked, sort: By = "id") -> StreamingResponse:
    """All customers that fit, as CSV; what a spreadsheet would take for a formula has a quote before it."""
    return StreamingResponse(
        csv_lines(visit, asked, _sort(sort)),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="customers.csv"'},
    )


@router.get("/customers/{customer_id:path}", tags=["customers"], responses=NOT_FOUND)
def customer(
    visit: Calling,
    connection: Reading,
    customer_id: CustomerId,
    live: Annotated[bool, Query(description="Also ask the worker that holds the customer.")] = False,
) -> shapes.Customer:
    """One customer: categories, attributes, coming moves, overrides; the changes are in `/changes`."""
    file = people.customer(connection, customer_id)
    if file is None:
        raise RefusedError(404, "there is no such customer")
    told = {**asdict(file), "categories": {each.dimension: asdict(each) for each in file.categories}}
    if live:
        answer = visit.state.workers.customer(customer_id)
        told |= {"now": answer.body, "now_missing": answer.trouble or None}
    return shapes.Customer.model_validate(told)


@router.get("/changes", tags=["changes"])
def changes(
    visit: Calling,
    connection: Reading,
    customer_id: Text = None,
    dimension: OfDimension = None,
    category: Annotated[Text, Query(description="Where to; needs its `dimension`.")] = None,
    cause: Literal["event", "time", "override", "rules", "merge"] | None = None,
    first: Day = None,
    last: Day = None,
    cursor: Cursor = None,
    size: Size = 50,
) -> shapes.ChangePage:
    """Changes with their reasons, newest first; `first` and `last` are days of the pack's time zone."""
    _must_be_known(visit, dimension)
    if category is not None and dimension is None:
        raise RefusedError(422, "`dimension` is missing: name the one that `category` belongs to")
    asked = feed.ChangeFilter(
        customer_id,
        dimension,
        category,
        cause,
        None if first is None else starts_us(visit, first),
        None if last is None else starts_us(visit, last + timedelta(days=1)),
    )
    return shapes.ChangePage.model_validate(feed.changes(connection, asked, cursor=cursor, size=size))


@router.get("/pending", tags=["changes"])
def pending(
    visit: Calling,
    connection: Reading,
    dimension: OfDimension = None,
    until: Day = None,
    cursor: Cursor = None,
    size: Size = 50,
) -> shapes.PendingPage:
    """Moves that are coming if nothing happens, the next first; up to and with the day `until`."""
    _must_be_known(visit, dimension)
    day = None if until is None else until.isoformat()
    found = feed.pending(connection, dimension=dimension, until=day, cursor=cursor, size=size)
    return shapes.PendingPage.model_validate(found)


@router.get("/dead-letters/counts", tags=["dead letters"])
def letter_counts(connection: Reading) -> list[shapes.LetterCount]:
    """How many records were refused, by reason and topic."""
    return [shapes.LetterCount.model_validate(each) for each in refused.letter_counts(connection)]


@router.get("/dead-letters", tags=["dead letters"])
def letters(
    connection: Reading, code: Text = None, topic: Text = None, cursor: Cursor = None, size: Size = 50
) -> shapes.LetterPage:
    """Records that were refused, newest first."""
    found = refused.letters(connection, code=code, topic=topic, cursor=cursor, size=size)
    return shapes.LetterPage.model_validate(found)


@router.get("/dead-letters/{topic}/{partition}/{offset}", tags=["dead letters"], responses=NOT_FOUND)
def letter(
    connection: Reading,
    topic: Annotated[str, Path(max_length=249, pattern=_TEXT)],
    partition: Annotated[int, Path(ge=0, lt=1 << 31)],
    offset: Annotated[int, Path(ge=0, lt=1 << 63)],
) -> shapes.Letter:
    """One record that was refused, by the place it came from."""
    found = refused.letter(connection, f"{topic}/{partition}", offset)
    if found is None:
        raise RefusedError(404, "there is no such dead letter")
    return shapes.Letter.model_validate(found)


@router.get("/value/revenue", tags=["value"])
def revenue(visit: Calling, connection: Reading, dimension: Text) -> list[shapes.Revenue]:
    """Orders and revenue of the customers of each category, the most first."""
    _must_be_known(visit, dimension or "")
    name = ("revenue", dimension)
    found = visit.state.kept(connection, name, lambda: value.revenue_by_category(connection, dimension or ""))
    return [shapes.Revenue.model_validate(each) for each in found]


@router.get("/value/concentration", tags=["value"])
def concentration(visit: Calling, connection: Reading) -> list[shapes.Concentration]:
    """The share of the revenue that the best 1, 10 and 20 % of the customers bring."""
    found = visit.state.kept(connection, ("concentration",), lambda: value.concentration(connection))
    return [shapes.Concentration.model_validate(each) for each in found]


@router.get("/value/cross", tags=["value"])
def cross(
    visit: Calling, connection: Reading, a: Text, b: Text, measure: value.Measure = "customers"
) -> list[shapes.Cell]:
    """Customers, or their revenue, by the categories of two dimensions."""
    one, other = a or "", b or ""
    _must_be_known(visit, one)
    _must_be_known(visit, other)
    name = ("cross", one, other, measure)
    found = visit.state.kept(connection, name, lambda: value.cross_table(connection, one, other, measure))
    return [shapes.Cell.model_validate(each) for each in found]


@router.get("/pack", tags=["rules"])
def pack(visit: Calling) -> shapes.Pack:
    """The pack: dimensions, categories with their conditions, codes and strategies."""
    found, names = visit.state.pack, visit.state.pages.names
    return shapes.Pack(
        name=found.name,
        version=found.version,
        fingerprint=found.fingerprint,
        timezone=found.timezone,
        currency=found.currency,
        digits=found.digits,
        dimensions=[
            shapes.PackDimension(
                dimension=each.id,
                title=names.dimension(each.id),
                kind=each.kind,
                categories=[
                    shapes.PackCategory(
                        category=category.id,
                        title=names.category(each.id, category.id),
                        code=category.code,
                        conditions=_conditions(category),
                        strategy=category.strategy_json or "null",
                    )
                    for category in each.categories
                ],
            )
            for each in found.dimensions
        ],
        attributes=[each.name for each in found.attributes],
    )


def _conditions(category: Category) -> list[str]:
    conditions = (("enter", category.enter), ("keep", category.keep), ("when", category.when))
    return [f"{name}: {condition.text}" for name, condition in conditions if condition]


def _must_be_known(visit: Visit, dimension: str | None, status: int = 422) -> None:
    if dimension is not None and visit.state.pages.names.find_dimension(dimension) is None:
        known = listed([each.id for each in visit.state.pack.dimensions], "and")
        raise RefusedError(status, f"there is no dimension `{dimension[:40]}`: the pack has {known}")


def _period(connection: Reading, first: date | None, last: date | None) -> tuple[str, str]:
    """The period that is asked for; else up to the last day, and from the first day with a change."""
    known = whole.period_of_all(connection) or (_FIRST_DAY.isoformat(), _FIRST_DAY.isoformat())
    end = last or max(date.fromisoformat(known[1]), first or _FIRST_DAY)
    begin = first or min(date.fromisoformat(known[0]), end)
    if begin > end:
        raise RefusedError(422, "the period ends before it begins: `last` is to be `first` or later")
    if (end - begin).days >= _DAYS_MAX:
        raise RefusedError(422, f"the period is too long: at most {_DAYS_MAX} days")
    return begin.isoformat(), end.isoformat()


def _pairs(given: Sequence[str] | None, name: str, known: Sequence[str]) -> dict[str, list[str]]:
    pairs: dict[str, list[str]] = {}
    for each in given or ():
        of, colon, what = each.partition(":")
        if not colon or of not in known or "\x00" in what:
            raise RefusedError(
                422, f"`{name}` is `{each[:40]}`: write NAME:VALUE, where NAME is one of {listed(known)}"
            )
        pairs.setdefault(of, []).append(what)
    return pairs


def _sort(text: str) -> people.Sort:
    keys: dict[str, people.SortKey] = {"id": "id", "updated": "updated", "revenue": "revenue"}
    return people.Sort(keys[text.lstrip("-")], text.startswith("-"))
