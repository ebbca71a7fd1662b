"""Numbers of the whole, changes, letters and value: each as plain Python counts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from sqlalchemy import Connection

from tests.unit.queries.world import DIMENSIONS, World, day_of, fill, instant_us, made
from workers.sql.connect import open_database
from workers.sql.queries.changes import ChangeFilter, changes, pending
from workers.sql.queries.letters import letter, letter_counts, letters
from workers.sql.queries.shapes import Page
from workers.sql.queries.value import concentration, cross_table, revenue_by_category
from workers.sql.queries.whole import (
    changes_by_day,
    counts,
    distribution_over_time,
    flows,
    freshness,
    overview,
    period_of_all,
)


@pytest.fixture
def world(seed_bases: tuple[int, int]) -> World:
    return made(seed_bases[1] + 1)


@pytest.fixture
def connection(database: str, world: World) -> Iterator[Connection]:
    engine = open_database(database)
    fill(engine, world)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def now_of(world: World) -> Counter[tuple[str, str]]:
    return Counter(
        (dimension, held[0])
        for person in world.customers.values()
        for dimension, held in person["now"].items()
    )


def test_counts_of_days_are_those_of_customers(connection: Connection, world: World) -> None:
    assert counts(connection) == now_of(world)


def test_the_overview_has_every_category_and_ladders_highest_first(
    connection: Connection, world: World
) -> None:
    whole = overview(connection)
    assert whole.customers == len(world.customers)
    assert [each.dimension for each in whole.dimensions] == list(DIMENSIONS)
    assert [row.category for row in whole.dimensions[0].rows] == ["gold", "silver", "bronze"]
    assert [row.category for row in whole.dimensions[1].rows] == ["new", "active", "gone"]
    now = now_of(world)
    for dimension in whole.dimensions:
        assert sum(row.share for row in dimension.rows) == pytest.approx(1)
        for row in dimension.rows:
            assert row.customers == now[dimension.dimension, row.category]
    assert whole.pending == sum(len(person["pending"]) for person in world.customers.values())
    assert whole.dead_letters == len(world.letters)


def test_nothing_is_known_of_an_empty_database(database: str) -> None:
    engine = open_database(database)
    fill(engine, World())
    with engine.connect() as connection:
        assert overview(connection).customers == 0
        assert freshness(connection).watermark_us is None
        assert period_of_all(connection) is None
        assert concentration(connection) == []
        assert revenue_by_category(connection, "tier") == []
        assert changes(connection, ChangeFilter()) == Page([], None, None)
        assert distribution_over_time(connection, "tier", "2026-01-01", "2026-01-03").series == {}
    engine.dispose()


def test_a_timeline_has_the_customers_at_the_end_of_each_day(connection: Connection, world: World) -> None:
    line = distribution_over_time(connection, "tier", "2026-01-03", "2026-02-02")
    assert (line.days[0], line.days[-1], len(line.days)) == ("2026-01-03", "2026-02-02", 31)
    for place, day in enumerate(line.days):
        held: dict[str, str] = {}
        for each in world.changes:
            if each["dimension"] == "tier" and day_of(each["effective_us"]) <= day:
                held[each["customer_id"]] = each["to"]
        right = Counter(held.values())
        assert {name: counts[place] for name, counts in line.series.items() if counts[place]} == right


def test_steps_end_on_sundays_and_at_months_ends(connection: Connection) -> None:
    weeks = distribution_over_time(connection, "tier", "2026-01-01", "2026-01-20", "week").days
    assert weeks == ["2026-01-04", "2026-01-11", "2026-01-18", "2026-01-20"]
    months = distribution_over_time(connection, "tier", "2026-01-01", "2026-02-28", "month").days
    assert months == ["2026-01-31", "2026-02-28"]


def test_flows_and_changes_by_day_count_every_change_once(connection: Connection, world: World) -> None:
    inside = [each for each in world.changes if "2026-01-02" <= day_of(each["effective_us"]) <= "2026-01-20"]
    tier = [each for each in inside if each["dimension"] == "tier"]
    found = flows(connection, "tier", "2026-01-02", "2026-01-20")
    assert {(each.from_, each.to): each.moves for each in found} == Counter(
        (each["from"], each["to"]) for each in tier
    )
    assert all(one.moves >= two.moves for one, two in pairwise(found))
    line = changes_by_day(connection, "2026-01-02", "2026-01-20")
    assert {cause: sum(row) for cause, row in line.series.items()} == Counter(
        each["cause"] for each in inside
    )
    line = changes_by_day(connection, "2026-01-02", "2026-01-20", "tier")
    assert sum(map(sum, line.series.values())) == len(tier)


@pytest.mark.parametrize(
    "asked",
    [
        ChangeFilter(),
        ChangeFilter(dimension="tier"),
        ChangeFilter(dimension="tier", category="gold"),
        ChangeFilter(cause="time"),
        ChangeFilter(cause="override"),
        ChangeFilter(customer_id="C001"),
        ChangeFilter(customer_id="C001", dimension="life"),
        ChangeFilter(from_us=instant_us(4), to_us=instant_us(9)),
        ChangeFilter(dimension="life", cause="override", from_us=instant_us(2)),
        ChangeFilter(customer_id="nobody"),
    ],
)
def test_changes_are_listed_newest_first(connection: Connection, world: World, asked: ChangeFilter) -> None:
    right = [
        (number + 1, each["customer_id"], each["dimension"], each["sequence"], each["from"], each["to"])
        for number, each in enumerate(world.changes)
        if asked.customer_id in (None, each["customer_id"])
        and asked.dimension in (None, each["dimension"])
        and asked.category in (None, each["to"])
        and asked.cause in (None, each["cause"])
        and (asked.from_us is None or each["effective_us"] >= asked.from_us)
        and (asked.to_us is None or each["effective_us"] < asked.to_us)
    ]
    page = changes(connection, asked, size=7)
    found, last = list(page.rows), page
    while page.next:
        page = last = changes(connection, asked, size=7, cursor=page.next)
        found += page.rows
    shown = [
        (each.id, each.customer_id, each.dimension, each.sequence, each.from_category, each.to_category)
        for each in found
    ]
    assert shown == right[::-1]
    back = list(last.rows)
    while last.previous:
        last = changes(connection, asked, size=7, cursor=last.previous)
        back = [*last.rows, *back]
    assert back == found


def test_pending_moves_are_listed_by_day(connection: Connection, world: World) -> None:
    right = sorted(
        (day, own.encode(), dimension)
        for own, person in world.customers.items()
        for dimension, day in person["pending"].items()
        if day <= "2026-03-05"
    )
    page = pending(connection, until="2026-03-05", size=4)
    found = list(page.rows)
    while page.next:
        page = pending(connection, until="2026-03-05", size=4, cursor=page.next)
        found += page.rows
    assert [(each.until_day, each.customer_id.encode(), each.dimension) for each in found] == right
    tier = pending(connection, dimension="tier", size=1000).rows
    assert len(tier) == sum("tier" in person["pending"] for person in world.customers.values())


def test_letters_are_counted_by_topic_and_listed(connection: Connection, world: World) -> None:
    right = Counter((code, source.rpartition("/")[0]) for source, _, code, *_ in world.letters)
    counted = letter_counts(connection)
    assert {(each.code, each.topic): each.n for each in counted} == right
    for each in counted:
        page = letters(connection, code=each.code, topic=each.topic, size=1000)
        assert len(page.rows) == each.n
        assert page.rows[0].at_us == each.latest_us
    one = letters(connection).rows[0]
    assert letter(connection, one.source, one.position) == one
    assert letter(connection, "orders/0", 10**9) is None


def test_revenue_adds_up(connection: Connection, world: World) -> None:
    rows = revenue_by_category(connection, "tier")
    assert sum(row.revenue_minor for row in rows) == sum(p["revenue_minor"] for p in world.customers.values())
    for row in rows:
        mine = [p for p in world.customers.values() if p["now"]["tier"][0] == row.category]
        assert (row.customers, row.orders) == (len(mine), sum(p["orders"] for p in mine))
        assert row.revenue_minor == sum(p["revenue_minor"] for p in mine)


def test_the_best_bring_their_share(connection: Connection, world: World) -> None:
    having = sorted((p["revenue_minor"] for p in world.customers.values() if p["orders"]), reverse=True)
    best = {each.part: each for each in concentration(connection)}
    assert best[0.1].customers == -(-len(having) // 10)
    assert best[0.1].share == pytest.approx(sum(having[: best[0.1].customers]) / sum(having))


@pytest.mark.parametrize("measure", ["customers", "revenue"])
def test_cells_hold_who_is_in_both(connection: Connection, world: World, measure: str) -> None:
    right: Counter[tuple[str, str]] = Counter()
    for person in world.customers.values():
        place = person["now"]["tier"][0], person["now"]["life"][0]
        right[place] += 1 if measure == "customers" else person["revenue_minor"]
    cells = cross_table(connection, "tier", "life", measure)  # type: ignore[arg-type]
    assert {(each.a, each.b): each.value for each in cells} == dict(right)
