"""`tierline projector`: what stands in topics is in the tables once, whenever it is ended and begun again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from tests.live.commands import Desk, desk
from tests.live.conftest import broker
from tests.live.test_watch import A_NOTICE, ERASED, a_change
from workers.sql.connect import open_database

__all__ = ["broker", "desk"]

CUSTOMERS, MOVES = 40, 50
PATIENCE_S = 60.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tierline.db'}"


def project(desk: Desk, url: str, *more: str, rules: str = "shop") -> Any:
    port = ("--projector-port", "0")
    return desk.run("projector", "--rules", rules, "--database", url, "--until-caught-up", *port, *more)


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    engine = open_database(url)
    with engine.connect() as connection:
        found = [tuple(each) for each in connection.execute(text(statement))]
    engine.dispose()
    return found


def many_changes() -> list[dict[str, Any]]:
    tiers = ("bronze", "silver", "gold", "platinum")
    return [
        a_change(
            customer_id=f"C{customer}",
            change_id=f"{customer:016x}{number:016x}",
            sequence=number,
            **{"from": tiers[(number - 1) % 4] if number > 1 else None, "to": tiers[number % 4]},
        )
        | {"from_code": None, "to_code": None, "previous_effective_at": None, "strategy": None}
        for number in range(1, MOVES + 1)
        for customer in range(CUSTOMERS)
    ]


def whole(**parts: Any) -> dict[str, Any]:
    """A change with all of its fields."""
    return (
        a_change()
        | {"from_code": "B", "to_code": "A", "previous_effective_at": None, "strategy": None}
        | parts
    )


@contextmanager
def started(desk: Desk, url: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A projector as a process of its own; killed in the end if it still runs."""
    words = ["projector", "--rules", "shop", "--database", url, "--log-format", "json", *more]
    environment = dict(os.environ) | desk.scene.settings.to_environment()
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.cli.main", *words], stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def heard(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    """The first line of the log with an event."""
    assert process.stderr is not None
    for line in process.stderr:
        told: dict[str, Any] = json.loads(line)
        if event in told["event"]:
            return told
    raise AssertionError(f"it never said `{event}`")


def test_what_is_published_is_in_the_tables(desk: Desk, url: str) -> None:
    topics = desk.scene.topics
    desk.fill(topics.changes, [whole(), whole(customer_id="C2", change_id="1" * 32)])
    desk.fill(topics.pending, [A_NOTICE])
    order = {
        "event_id": "E1",
        "type": "order.completed",
        "customer_id": "C1",
        "order_id": "O1",
        "occurred_at": "2026-03-01T16:00:00Z",
        "amount": "12.50",
        "currency": "USD",
    }
    desk.fill(topics.orders, [order])
    said = project(desk, url)
    assert said.code == 0, said.err
    assert rows(url, "SELECT customer_id, category FROM current_categories ORDER BY 1") == [
        ("C1", "gold"),
        ("C2", "gold"),
    ]
    assert rows(url, "SELECT to_category, until_day FROM pending_moves") == [("silver", "2026-04-01")]
    assert rows(url, "SELECT orders, revenue_minor FROM customer_value ORDER BY customer_id") == [
        (1, 1250),
        (0, 0),
    ]
    assert rows(url, "SELECT title, customers FROM distribution WHERE category = 'gold'") == [("Gold", 2)]


def test_an_erased_customer_is_gone_from_every_table(desk: Desk, url: str) -> None:
    topics = desk.scene.topics
    desk.fill(topics.changes, [whole(customer_id="SECRET7", change_id="1" * 32), whole()])
    desk.fill(topics.pending, [A_NOTICE | {"customer_id": "SECRET7"}])
    assert project(desk, url).code == 0
    assert rows(url, "SELECT 1 FROM changes WHERE customer_id = 'SECRET7'")
    desk.fill(topics.changes, [ERASED | {"customer_id": "SECRET7"}])
    assert project(desk, url).code == 0
    engine = open_database(url)
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
        for table in names.all():
            for row in connection.execute(text(f"SELECT * FROM {table}")):  # noqa: S608
                assert "SECRET7" not in repr(row), table
    engine.dispose()
    assert len(rows(url, "SELECT * FROM erasures")) == 1


def test_a_second_run_goes_on_where_the_first_ended(desk: Desk, url: str) -> None:
    desk.fill(desk.scene.topics.changes, [whole()])
    assert project(desk, url).code == 0
    desk.fill(desk.scene.topics.changes, [whole(sequence=2, change_id="2" * 32)])
    assert project(desk, url).code == 0
    assert rows(url, "SELECT sequence FROM changes ORDER BY id") == [(1,), (2,)]


def test_a_message_that_is_none_of_ours_is_named_and_passed(desk: Desk, url: str) -> None:
    desk.fill(desk.scene.topics.changes, [{"customer_id": "C9", "hello": 1}, whole()])
    said = project(desk, url)
    assert said.code == 0
    assert "offset 0" in said.err
    assert desk.scene.topics.changes in said.err
    assert rows(url, "SELECT customer_id FROM changes") == [("C1",)]


def test_topics_of_another_place_are_refused(desk: Desk, url: str) -> None:
    desk.fill(desk.scene.topics.changes, [whole()])
    assert project(desk, url).code == 0
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE positions SET next_offset = 1000 WHERE next_offset > 0"))
    engine.dispose()
    said = project(desk, url)
    assert said.code == 2
    assert "another database" in said.err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("mysql://x@y/z", "is not supported"),
        ("nonsense", "no database URL"),
        ("sqlite:////nowhere/at/all.db", "does not exist"),
    ],
)
def test_a_database_that_cannot_be_one_stops_the_start(desk: Desk, given: str, says: str) -> None:
    said = project(desk, given)
    assert said.code == 2
    assert says in said.err
    assert "Traceback" not in said.err


def test_sigterm_ends_it_in_order(desk: Desk, url: str) -> None:
    desk.fill(desk.scene.topics.changes, [whole()])
    with started(desk, url, "--projector-port", "0") as process:
        heard(process, "caught up")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 143
    assert len(rows(url, "SELECT * FROM changes")) == 1


def test_it_shows_itself(desk: Desk, url: str) -> None:
    desk.fill(desk.scene.topics.changes, [whole()])
    with started(desk, url, "--projector-port", "0") as process:
        web = heard(process, "projector starts")["web"]
        heard(process, "caught up")
        assert httpx2.get(f"{web}/readyz").json() == {"ready": True}
        figures = httpx2.get(f"{web}/metrics").text
    assert 'tierline_projector_rows_total{table="changes"} 1.0' in figures
    assert "tierline_projector_caught_up 1.0" in figures


@pytest.mark.slow
def test_killed_at_any_moment_every_change_is_there_once(
    desk: Desk, database: str, seed_bases: tuple[int, int]
) -> None:
    choose = random.Random(seed_bases[1])
    changes = many_changes()
    for partition in range(2):
        mine = [each for each in changes if int(each["customer_id"][1:]) % 2 == partition]
        desk.fill(desk.scene.topics.changes, mine, partition=partition)
    for _ in range(8):
        with started(
            desk, database, "--projector-port", "0", "--projector-batch-records-max", "7"
        ) as process:
            heard(process, "projecting")
            time.sleep(choose.random() * 0.4)
    assert project(desk, database).code == 0
    found = rows(database, "SELECT customer_id, sequence, to_category FROM changes ORDER BY id")
    assert sorted(found) == sorted((each["customer_id"], each["sequence"], each["to"]) for each in changes)
    assert rows(database, "SELECT SUM(moves) FROM moves_by_day") == [(len(changes),)]
    for customer in range(CUSTOMERS):
        numbers = [sequence for own, sequence, _ in found if own == f"C{customer}"]
        assert numbers == list(range(1, MOVES + 1)), "the feed keeps the order of each customer"


@pytest.mark.slow
def test_of_two_at_once_one_stops_and_says_why(desk: Desk, database: str) -> None:
    desk.fill(desk.scene.topics.changes, [whole()])
    with started(desk, database, "--projector-port", "0") as first, ExitStack() as later:
        heard(first, "caught up")
        second = later.enter_context(started(desk, database, "--projector-port", "0"))
        heard(second, "caught up")
        ended = []
        for number in range(2, 40):
            desk.fill(desk.scene.topics.changes, [whole(sequence=number, change_id=f"{number:032x}")])
            ended = [each for each in (first, second) if each.poll() is not None]
            if ended:
                break
            time.sleep(0.2)
        assert len(ended) == 1
        assert ended[0].returncode == 2
        assert ended[0].stderr is not None
        assert "another projector" in ended[0].stderr.read()
    assert project(desk, database).code == 0
    sequences = [each[0] for each in rows(database, "SELECT sequence FROM changes ORDER BY id")]
    assert sequences == list(range(1, len(sequences) + 1))


@pytest.mark.slow
def test_two_that_start_at_once_make_the_tables_once(desk: Desk, database: str) -> None:
    with (
        started(desk, database, "--projector-port", "0") as first,
        started(desk, database, "--projector-port", "0") as second,
    ):
        heard(first, "caught up")
        heard(second, "caught up")


@pytest.mark.slow
def test_a_database_that_is_away_is_waited_for(desk: Desk, tmp_path: Path) -> None:
    from tests.databases import Postgres, postgres_programs

    if postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed here")
    with Postgres() as server, started(desk, server.url, "--projector-port", "0") as process:
        web = heard(process, "projector starts")["web"]
        heard(process, "caught up")
        server.stop()
        desk.fill(desk.scene.topics.changes, [whole()])
        heard(process, "waiting for the database")
        refused = httpx2.get(f"{web}/readyz")
        assert refused.status_code == 503
        assert "the database does not answer" in refused.text
        server.start()
        heard(process, "the database answers again")
        asyncio.run(_until(lambda: bool(rows(server.url, "SELECT * FROM changes"))))


async def _until(holds: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.1)
