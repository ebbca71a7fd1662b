"""Whatever is read first, and wherever it crashes: the tables are those of the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.live.histories import random_events
from tests.live.pretended import publish
from tests.live.published import OUTPUTS, Published
from tests.projector.expected import expected
from tests.projector.playing import in_order, play, prepared, tables_of
from workers.sql.connect import open_database

SEEDS = 40
#: Two orders under one id in two topics, of which the second is read first.
ONE_ID_TWICE = 288612138


def timed(published: Published) -> Published:
    """The same with outputs that were written one after another."""
    for (role, partition), records in published.records.items():
        if role in OUTPUTS:
            published.records[role, partition] = [
                replace(each, timestamp_ms=1000 + 7 * each.offset) for each in records
            ]
    return published


def check(engine: Engine, seed: int) -> None:
    events = random_events(seed, partitions=2, crowd=2, poison=8)
    published = timed(publish(events.pack, events.sent, partitions=2, seed=seed))
    prepared(engine, events.pack)
    play(published, events.pack, engine, seed)
    there, wanted = tables_of(engine), expected(published, events.pack)
    assert set(there) == set(wanted)
    for table, rows in wanted.items():
        assert in_order(there[table]) == in_order(rows), f"table {table}, seed {seed}"


@pytest.mark.parametrize("kind", ["fixed", "new"])
def test_the_tables_are_those_of_the_whole(kind: str, seed_bases: tuple[int, int], tmp_path: Path) -> None:
    base = seed_bases[kind == "new"]
    found = [ONE_ID_TWICE] if kind == "fixed" else []
    for seed in [*found, *range(base, base + SEEDS)]:
        engine = open_database(f"sqlite:///{tmp_path / f'{seed}.db'}")
        check(engine, seed)
        engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("number", [None, *range(5)])
def test_the_tables_are_those_of_the_whole_on_postgresql(
    number: int | None, seed_bases: tuple[int, int], database: str
) -> None:
    engine = open_database(database)
    check(engine, ONE_ID_TWICE if number is None else seed_bases[1] + number)
    engine.dispose()
