"""Questions of the console over many customers: `python -m tests.benchmarks.surfaces --customers 1000000`.

Makes a database (or takes that of `--database` if it is filled), asks each kind of question many times with
other parameters, and shows how long the answers took. The bar: any search, filter or page within 0.5 s at
p95 over 1 M customers and 10 M changes.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from workers.machine_code import prepare

prepare()

import numpy as np  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from sqlalchemy import Connection, inspect  # noqa: E402

from rules.language.model import Pack  # noqa: E402
from tests.benchmarks.surfaces.making import CITIES, DAY_US, DAYS, FIRST_US, id_of, make  # noqa: E402
from workers.packs import open_pack  # noqa: E402
from workers.sql.connect import open_database  # noqa: E402
from workers.sql.queries.changes import ChangeFilter, changes, pending  # noqa: E402
from workers.sql.queries.customers import Filter, Sort, customer, search  # noqa: E402
from workers.sql.queries.value import concentration, cross_table, revenue_by_category  # noqa: E402
from workers.sql.queries.whole import changes_by_day, distribution_over_time, flows, overview  # noqa: E402

BAR_MS = 500.0


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
            "value (kept until the projection moves)": (3, self._value),
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


def main() -> int:
    """Make, ask, show."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.surfaces", description=__doc__)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--changes", type=int, help="ten for each customer unless given")
    parser.add_argument("--database", help="a database URL; else SQLite in a folder that is removed")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    console, pack = Console(), open_pack("shop")
    with tempfile.TemporaryDirectory() as folder:
        url = asked.database or f"sqlite:///{Path(folder) / 'tierline.db'}"
        engine = open_database(url)
        if not inspect(engine).has_table("changes"):
            started = time.perf_counter()
            changes_wanted = asked.changes or 10 * asked.customers
            make(engine, pack, asked.customers, changes_wanted, lambda line: console.print(f"[dim]{line}[/]"))
            console.print(f"filled in {time.perf_counter() - started:.0f} s")
        engine.dispose()
        reader = open_database(url, read_only=True)
        _ask(console, reader.connect(), Questions(pack, asked.customers, asked.seed))
        reader.dispose()
    return 0


def _ask(console: Console, connection: Connection, questions: Questions) -> None:
    table = Table("question", "asked", "p50 ms", "p95 ms", "max ms", f"within {BAR_MS:.0f} ms")
    everything: list[float] = []
    for name, (times, question) in questions.kinds().items():
        taken = []
        for _ in range(times):
            started = time.perf_counter()
            question(connection)
            taken.append((time.perf_counter() - started) * 1000)
        p50, p95 = np.percentile(taken, [50, 95])
        if not name.startswith("value"):
            everything += taken
        ok = "yes" if p95 <= BAR_MS else "no"
        table.add_row(name, str(times), f"{p50:.0f}", f"{p95:.0f}", f"{max(taken):.0f}", ok)
    p50, p95 = np.percentile(everything, [50, 95])
    table.add_row(
        "all but value", str(len(everything)), f"{p50:.0f}", f"{p95:.0f}", f"{max(everything):.0f}", ""
    )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
