"""`python -m tests.benchmarks.surfaces [WHAT ...] --size smoke|small|full`; see ../README.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workers.machine_code import prepare

prepare()

from rich.console import Console  # noqa: E402
from sqlalchemy import inspect  # noqa: E402

from tests.benchmarks.figures import Book  # noqa: E402
from tests.benchmarks.process import FailedError  # noqa: E402
from tests.benchmarks.surfaces.making import make  # noqa: E402
from tests.benchmarks.surfaces.paint import first_paints  # noqa: E402
from tests.benchmarks.surfaces.questions import answers  # noqa: E402
from tests.databases import Postgres, postgres_programs  # noqa: E402
from workers.packs import open_pack  # noqa: E402
from workers.sql.connect import open_database  # noqa: E402

#: Customers by size, with ten changes each.
SIZES = {"smoke": 2_000, "small": 50_000, "full": 1_000_000}
CHANGES_EACH = 10
WHAT = ("questions", "paint")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured, over so many customers."""

    what: list[str]
    customers: int
    seed: int


def main() -> int:
    """Make, ask, show; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.surfaces", description=__doc__)
    parser.add_argument("what", nargs="*", help=f"{', '.join(WHAT)}; without any: all")
    parser.add_argument("--size", choices=SIZES, default="small", help="how much (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/surfaces"), help="where results are kept")
    parser.add_argument(
        "--database", help="sqlite, postgres, or the URL of one that is empty or filled; else both"
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if unknown := [each for each in arguments.what if each not in WHAT]:
        parser.error(f"there is no measurement `{unknown[0]}`")
    console = Console(width=None if sys.stdout.isatty() else 160)
    book = Book(arguments.out / "results.jsonl", arguments.size, console)
    asked = Asked(arguments.what or list(WHAT), SIZES[arguments.size], arguments.seed)
    try:
        for kind in [arguments.database] if arguments.database else ["sqlite", "postgres"]:
            if kind == "postgres" and postgres_programs() is None:
                console.print("PostgreSQL is not installed here and is left out", style="yellow")
                continue
            with _database(kind) as url:
                _measure(url, asked, book, console)
    except FailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


@contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'tierline.db'}"
    elif kind == "postgres":
        with Postgres() as server:
            yield server.url
    else:
        yield kind


def _measure(url: str, asked: Asked, book: Book, console: Console) -> None:
    engine, pack = open_database(url), open_pack("shop")
    title = engine.dialect.name
    if not inspect(engine).has_table("changes"):
        started = time.perf_counter()
        make(
            engine,
            pack,
            asked.customers,
            CHANGES_EACH * asked.customers,
            lambda line: console.print(line, style="dim", highlight=False),
        )
        console.print(f"{title} is filled in {time.perf_counter() - started:.0f} s", style="dim")
    engine.dispose()
    if "questions" in asked.what:
        reader = open_database(url, read_only=True)
        with reader.connect() as connection:
            found = answers(title, connection, pack, asked.customers, asked.seed)
        reader.dispose()
        book.figures(f"{asked.customers:,} customers, {CHANGES_EACH} changes each: questions", found)
    if "paint" in asked.what:
        book.figures(f"{asked.customers:,} customers: first paint in Chromium", first_paints(title, url))


if __name__ == "__main__":
    sys.exit(main())
