"""Published messages into a database in random pieces, with crashes on the way."""

from __future__ import annotations

import random
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, inspect, text

from rules.language.model import Pack
from tests.live.pretended import columns_of
from tests.live.published import Published
from tests.projector.expected import Tables
from workers.projector import writing
from workers.projector.describing import describe
from workers.projector.project import Piece, Projection, Work
from workers.projector.writing import Step, positions_of
from workers.settings.topics import TopicNames
from workers.sql.upgrading import upgrade

#: The topics that a projector reads.
ROLES = ("changes", "pending", "dead_letters", "journal", "customers", "orders")
_NOT_FROM_MESSAGES = {"alembic_version", "positions", "dimensions", "categories", "projection"}


class Crash(Exception):  # noqa: N818 - the end of a process is no error of its own
    """The projector dies within a transaction."""


def prepared(engine: Engine, pack: Pack) -> None:
    """Make the tables."""
    upgrade(engine)
    with engine.begin() as connection:
        describe(connection, pack, with_orders=True)


def play(published: Published, pack: Pack, engine: Engine, seed: int) -> None:
    """Project everything; the seed decides how it is cut, which topic is ahead, and where it crashes."""
    choose = random.Random(f"projector {seed}")
    eager = choose.sample(ROLES, len(ROLES))  # the first of these are read far ahead of the last
    while work := _next(published, engine, choose, eager):
        projection = Projection(engine, pack, TopicNames(), _no_foreign)
        fate = choose.random()
        if fate < 0.1:
            with patch.object(writing, "move_positions", _die):
                try:
                    projection.commit(work, 0, again=False)
                except Crash:
                    continue  # another process begins where the database stands
        projection.commit(work, 0, again=False)
        if fate > 0.9:
            assert projection.commit(work, 0, again=True) == {}, "what was committed is not written twice"


def _die(*_: object) -> None:
    raise Crash


def _no_foreign(message: str) -> None:
    raise AssertionError(message)


def _next(published: Published, engine: Engine, choose: random.Random, eager: list[str]) -> Work | None:
    with engine.begin() as connection:
        positions = positions_of(connection)
    waiting = []
    for rank, role in enumerate(eager):
        for partition in range(published.partitions):
            pair = published.names[role], partition
            records = [
                each for each in published.of(role, partition) if each.offset >= positions.get(pair, 0)
            ]
            if records:
                waiting.append((rank, pair, records))
    if not waiting:
        return None
    work = Work()
    for rank, pair, records in waiting:
        first = rank == waiting[0][0]
        if first or choose.random() < 0.2:
            part = records[: choose.choice((1, 3, 20, 1000))]
            step = Step(positions.get(pair), part[-1].offset + 1)
            work.add(Piece(*pair, columns_of(part), step))
    return work


def tables_of(engine: Engine) -> Tables:
    """Every row that came from messages."""
    found: Tables = {}
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            if table not in _NOT_FROM_MESSAGES:
                rows = connection.execute(text(f"SELECT * FROM {table}")).mappings()  # noqa: S608
                found[table] = [dict(row) for row in rows]
    return found


def in_order(rows: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    """Rows so that two tables can be compared; numbers that only the projector itself needs are left out."""
    own = {"id", "place"}
    plain = [sorted((name, value) for name, value in row.items() if name not in own) for row in rows]
    return sorted(plain, key=repr)
