"""What people ask of the console, in many variations: how long the database takes to answer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import numpy as np
from sqlalchemy import Connection

from rules.language.model import Pack
from tests.benchmarks.figures import Figure
from tests.benchmarks.surfaces.making import CITIES, DAY_US, DAYS, FIRST_US, id_of
from workers.sql.queries.changes import ChangeFilter, changes, pending
from workers.sql.queries.customers import Filter, Sort, customer, search
from workers.sql.queries.value import concentration, cross_table, revenue_by_category
from workers.sql.queries.whole import changes_by_day, distribution_over_time, flows, overview

#: Counted once in a while and kept meanwhile: beside the bar, not under it.
_KEPT = "value, counted anew"


def answers(title: str, connection: Connection, pack: Pack, customers: int, seed: int) -> list[Figure]:
    """Ask everything; the 95th percentile of each kind in ms, and of all together but what is kept."""
    everything: list[float] = []
    found = []
    for name, (times, question) in Questions(pack, customers, seed).kinds().items():
        taken = []
        for _ in range(times):
            started = time.perf_counter()
            question(connection)
            taken.append((time.perf_counter() - started) * 1000)
        if name == _KEPT:
            found.append(Figure(f"{title}: {name}, p95", [float(np.percentile(taken, 95))], "ms"))
            continue
        everything += taken
        found.append(Figure(f"{title}: {name}, p95", [float(np.percentile(taken, 95))], "ms", 500, 100))
    found.append(Figure(f"{title}: all questions, p50", [float(np.percentile(everything, 50))], "ms"))
    found.append(
        Figure(f"{title}: all questions, p95", [float(np.percentile(everything, 95))], "ms", 500, 100)
    )
    return found


class Questions:
    """Kinds of questions with parameters drawn anew each time."""

    def __init__(self, pack: Pack, customers: int, seed: int) -> None:
        self._choose = random.Random(seed)
        self._customers = customers
        self._dimensions = [(each.id, [c.id for c in each.categories]) for each in pack.dimensions]

    def kinds(self) -> dict[str, tuple[int, Callable[[Connection], object]]]:
        """By name: how often it is asked, and the question."""
        return {
            "customers, first page": (50, lambda on: search(on, Filter(), self._sort())),
            "customers by id": (100, lambda on: search(on, Filter(text=self._prefix()))),
            "by one category": (100, lambda on: search(on, self._in(1), self._sort())),
            "by two dimensions": (150, lambda on: search(on, self._in(2), self._sort())),
            "by four dimensions": (150, lambda on: search(on, self._in(4), self._sort())),
            "by attribute": (60, lambda on: search(on, self._with_region(1), self._sort())),
            "by since and category": (60, lambda on: search(on, self._since(), self._sort())),
            "by coming move": (60, lambda on: search(on, Filter(pending=self._dimension()[0]), self._sort())),
            "a page in the middle": (100, self._middle),
            "one customer": (200, lambda on: customer(on, self._id())),
            "a customer's changes": (200, lambda on: changes(on, ChangeFilter(customer_id=self._id()))),
            "changes, newest first": (100, lambda on: changes(on, self._changes())),
            "coming moves": (60, lambda on: pending(on, dimension=self._dimension()[0])),
            "overview": (20, overview),
            "over time": (30, lambda on: distribution_over_time(on, self._dimension()[0], *self._days())),
            "flows": (30, lambda on: flows(on, self._dimension()[0], *self._days())),
            "changes by day": (30, lambda on: changes_by_day(on, *self._days())),
            _KEPT: (3, self._value),
        }

    def _id(self) -> str:
        return id_of(self._choose.randrange(self._customers))

    def _prefix(self) -> str:
        return self._id()[: self._choose.randint(1, 9)]

    def _dimension(self) -> tuple[str, list[str]]:
        return self._choose.choice(self._dimensions)

    def _sort(self) -> Sort:
        return Sort(self._choose.choice(("id", "updated", "revenue")), self._choose.random() < 0.5)

    def _in(self, dimensions: int) -> Filter:
        chosen = self._choose.sample(self._dimensions, dimensions)
        return Filter(
            categories={
                name: self._choose.sample(listed, self._choose.randint(1, 2)) for name, listed in chosen
            }
        )

    def _with_region(self, dimensions: int) -> Filter:
        region = f"R{self._choose.randrange(CITIES)}"
        return Filter(categories=self._in(dimensions).categories, attributes={"region": [region]})

    def _since(self) -> Filter:
        name, listed = self._dimension()
        begin = FIRST_US + self._choose.randrange(DAYS) * DAY_US
        days = self._choose.choice((1, 7, 90))
        categories = {name: [self._choose.choice(listed)]} if self._choose.random() < 0.5 else {}
        return Filter(
            categories=categories, since_in=name, since_from_us=begin, since_to_us=begin + days * DAY_US
        )

    def _middle(self, on: Connection) -> object:
        filter_, sort = self._in(1), self._sort()
        page = search(on, filter_, sort)
        return search(on, filter_, sort, cursor=page.next) if page.next else page

    def _changes(self) -> ChangeFilter:
        name, listed = self._dimension()
        kind = self._choose.randrange(5)
        if kind == 0:
            return ChangeFilter(dimension=name)
        if kind == 1:
            return ChangeFilter(dimension=name, category=self._choose.choice(listed))
        if kind == 2:
            return ChangeFilter(cause=self._choose.choice(("event", "time", "override")))
        if kind == 3:
            begin = FIRST_US + self._choose.randrange(DAYS) * DAY_US
            return ChangeFilter(from_us=begin, to_us=begin + DAY_US)
        return ChangeFilter()

    def _days(self) -> tuple[str, str]:
        first = self._choose.randrange(DAYS - 30)
        begin = np.datetime64("2025-01-01") + first
        return str(begin), str(begin + self._choose.choice((30, 90, DAYS - first)))

    def _value(self, on: Connection) -> object:
        (a, _), (b, _) = self._choose.sample(self._dimensions, 2)
        return revenue_by_category(on, a), concentration(on), cross_table(on, a, b, "revenue")
