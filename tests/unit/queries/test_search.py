"""Whatever is asked, in whatever order and size of pages: the customers are those that plain Python finds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.unit.queries.world import CITIES, DIMENSIONS, World, fill, instant_us, made
from workers.sql.connect import open_database
from workers.sql.queries import customers as module
from workers.sql.queries.customers import Filter, Sort, customer, export, search
from workers.sql.queries.pages import CursorError

QUESTIONS = 150


@pytest.fixture
def world(seed_bases: tuple[int, int]) -> World:
    return made(seed_bases[1])


@pytest.fixture
def connection(database: str, world: World) -> Iterator[Connection]:
    engine = open_database(database)
    fill(engine, world)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def fits(own: str, person: dict[str, Any], asked: Filter) -> bool:
    now = person["now"]
    if not own.startswith(asked.text):
        return False
    if any(now[dimension][0] not in categories for dimension, categories in asked.categories.items()):
        return False
    if any(person["attributes"].get(name) not in values for name, values in asked.attributes.items()):
        return False
    if asked.since_in is not None:
        since = now[asked.since_in][1]
        if asked.since_from_us is not None and since < asked.since_from_us:
            return False
        if asked.since_to_us is not None and since >= asked.since_to_us:
            return False
    if asked.pending is None and asked.until is None:
        return True
    days = [day for of, day in person["pending"].items() if asked.pending in (None, "any", of)]
    return any(asked.until is None or day <= asked.until for day in days)


def wanted(world: World, asked: Filter, sort: Sort) -> list[str]:
    def key(own: str) -> tuple[Any, ...]:
        person = world.customers[own]
        first = {"id": 0, "updated": person["updated_us"], "revenue": person["revenue_minor"]}[sort.key]
        return first, own.encode()

    found = [own for own, person in world.customers.items() if fits(own, person, asked)]
    return sorted(found, key=key, reverse=sort.descending)


def question(choose: random.Random) -> Filter:
    def maybe(value: Any, otherwise: Any = None) -> Any:
        return value if choose.random() < 0.3 else otherwise

    categories = {
        dimension: tuple(choose.sample(listed, choose.randint(1, len(listed))))
        for dimension, (_, listed) in DIMENSIONS.items()
        if choose.random() < 0.4
    }
    return Filter(
        text=maybe(choose.choice(("C", "C0", "c", "_", "%", "Ü", "中", "C';", "nobody")), ""),
        categories=categories,
        attributes=maybe({"city": tuple(choose.sample(CITIES, choose.randint(1, 2)))}, {}),
        since_in=maybe(choose.choice(list(DIMENSIONS))),
        since_from_us=maybe(instant_us(choose.randint(0, 20))),
        since_to_us=maybe(instant_us(choose.randint(5, 40))),
        pending=maybe(choose.choice(("any", *DIMENSIONS))),
        until=maybe(f"2026-03-{choose.randint(1, 9):02}"),
    )


def walked(connection: Connection, asked: Filter, sort: Sort, size: int) -> tuple[list[str], list[str]]:
    """All pages forwards, and from the last one backwards."""
    page = search(connection, asked, sort, size=size)
    forwards, pages = [row.customer_id for row in page.rows], [page]
    while page.next is not None:
        page = search(connection, asked, sort, size=size, cursor=page.next)
        assert len(page.rows) <= size
        assert page.rows
        forwards += [row.customer_id for row in page.rows]
        pages.append(page)
    assert pages[0].previous is None
    backwards = [row.customer_id for row in page.rows]
    while page.previous is not None:
        page = search(connection, asked, sort, size=size, cursor=page.previous)
        backwards = [row.customer_id for row in page.rows] + backwards
    return forwards, backwards


@pytest.mark.parametrize("way", ["as chosen", "collected", "walked"])
def test_every_question_is_answered_as_by_hand(
    connection: Connection,
    world: World,
    seed_bases: tuple[int, int],
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if way == "collected":
        monkeypatch.setattr(
            module, "_fits", lambda parts, *_, **said: module._collected(parts, **said) if parts else []
        )
    elif way == "walked":
        monkeypatch.setattr(module, "_fits", lambda parts, *_, **_said: module._walked(parts))
    choose = random.Random(f"questions {seed_bases[1]}")
    for _ in range(QUESTIONS // 3):
        asked = question(choose)
        sort = Sort(choose.choice(("id", "updated", "revenue")), choose.random() < 0.5)
        right = wanted(world, asked, sort)
        size = choose.choice((1, 3, 10, 100))
        assert walked(connection, asked, sort, size) == (right, right), (asked, sort)
        assert [row.customer_id for row in export(connection, asked, sort)] == right
        found = search(connection, asked, sort)
        assert (found.count, found.count_capped) == (len(right), False)


def test_a_large_count_is_capped(
    connection: Connection, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COUNT_MAX", 5)
    found = search(
        connection, Filter(categories={"tier": ("bronze", "silver", "gold"), "life": ("new", "active")})
    )
    assert (found.count, found.count_capped) == (5, True)
    assert search(connection, Filter()).count == len(world.customers)


def test_a_row_says_what_is_known(connection: Connection, world: World) -> None:
    for row in export(connection, Filter()):
        person = world.customers[row.customer_id]
        assert {
            each.dimension: (each.category, each.since_us, each.sequence) for each in row.categories.values()
        } == person["now"]
        assert row.attributes == person["attributes"]
        assert {each.dimension: each.until_day for each in row.pending} == person["pending"]
        assert (row.orders, row.revenue_minor) == (person["orders"], person["revenue_minor"])


def test_a_file_has_its_strategies_in_the_order_of_the_pack(connection: Connection, world: World) -> None:
    file = customer(connection, "中")
    assert file is not None
    assert [each.dimension for each in file.categories] == list(DIMENSIONS)
    assert all(each.strategy == '{"campaign":"' + each.category + '"}' for each in file.categories)
    assert file.born_us == world.customers["中"]["born_us"]
    assert customer(connection, "nobody") is None


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "!!!", "W10", "WyJhZnRlciJd", "WyJhZnRlciIseyJhIjoxfV0", "A" * 5000, "WyJvdGhlciIsICJhIl0"],
)
def test_a_cursor_that_is_none_is_refused(connection: Connection, cursor: str) -> None:
    if cursor:
        with pytest.raises(CursorError):
            search(connection, Filter(), cursor=cursor)
    else:
        assert search(connection, Filter(), cursor=cursor).rows


def test_a_cursor_of_another_list_is_refused(connection: Connection) -> None:
    other = search(connection, Filter(), Sort("updated"), size=1).next
    with pytest.raises(CursorError):
        search(connection, Filter(), Sort("id"), cursor=other)
