"""The projector's loop: read what is committed, write it with the positions, and wait for what is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, DisconnectionError

from rules.language.model import Pack
from workers.cli.errors import UserError
from workers.clock import running_seconds, unix_seconds
from workers.kafka.clients import consumer
from workers.kafka.opened import open_consumer, partitions_of
from workers.kafka.reader import Fetched, Reader
from workers.kafka.waiting import wait_for_broker
from workers.logs import logger
from workers.projector.describing import describe
from workers.projector.project import Piece, Projection, Work
from workers.projector.telemetry import Telemetry
from workers.projector.web import Standing
from workers.projector.writing import Pair, PositionsMovedError, Step, positions_of
from workers.settings.live import LiveSettings
from workers.sql.upgrading import upgrade

_READ_S = 0.25
#: Waits between tries at a database that is away, in seconds; the last one is repeated.
_AGAIN_S = (0.5, 1.0, 2.0, 5.0, 10.0)
#: So often the log hears how far it is.
_TELL_S = 10.0

T = TypeVar("T")

log = logger("projector")


@dataclass(slots=True)
class Told:
    """What has been done since the log heard of it."""

    at_s: float
    records: int = 0
    changes: int = 0
    rows: dict[str, int] = field(default_factory=dict)


class Projector:
    """Projects until it is cancelled; what is in hand then is written first."""

    def __init__(
        self,
        engine: Engine,
        pack: Pack,
        settings: LiveSettings,
        *,
        with_orders: bool,
        batch_records_max: int,
        telemetry: Telemetry,
        standing: Standing,
    ) -> None:
        self._engine, self._pack, self._settings = engine, pack, settings
        self._with_orders, self._batch_records_max = with_orders, batch_records_max
        self._telemetry, self._standing = telemetry, standing
        self._projection = Projection(engine, pack, settings.topics, log.warning)
        self._told = Told(running_seconds())
        self._positions: dict[Pair, int | None] = {}

    async def run(self, *, until_caught_up: bool = False) -> None:
        """Read on from where the database is, for ever or until all is written that is there now."""
        await self._tried(self._prepare)
        await wait_for_broker(self._settings, log.warning)
        reader = Reader(consumer(self._settings))
        await reader.start()
        try:
            ends = await self._assign(reader)
            self._standing.trouble = None
            while True:
                if not self._standing.caught_up and self._has(ends):
                    self._standing.caught_up = True
                    self._telemetry.caught_up()
                    log.info("caught up with all that was there at the start")
                if self._standing.caught_up and until_caught_up:
                    return
                for work in self._cut(await reader.read(_READ_S)):
                    await self._write(work)
                self._tell(reader)
        finally:
            await reader.stop()

    @property
    def topics(self) -> list[str]:
        """What is read."""
        names = self._settings.topics
        topics = [names.changes, names.pending, names.dead_letters, names.journal, names.customers]
        return [*topics, names.orders] if self._with_orders else topics

    def _prepare(self) -> dict[Pair, int]:
        upgrade(self._engine)
        with self._engine.begin() as connection:
            describe(connection, self._pack, with_orders=self._with_orders)
            return positions_of(connection)

    async def _assign(self, reader: Reader) -> dict[Pair, int]:
        """Put the reader where the database is; where each partition ends now."""
        pairs = await self._pairs()
        there = await asyncio.to_thread(self._known_positions)
        begins, ends = await reader.begins(pairs), await reader.ends(pairs)
        for pair in pairs:
            position = there.get(pair)
            _check_position(pair, position, begins[pair], ends[pair])
            if position is None and begins[pair] > 0 and pair[0] == self._settings.topics.changes:
                log.warning(
                    f"`{pair[0]}/{pair[1]}` begins at offset {begins[pair]}: older changes are deleted, and "
                    "who has not changed since is missing from the tables"
                )
            self._positions[pair] = position
        reader.assign({pair: there.get(pair, begins[pair]) for pair in pairs})
        behind = sum(ends[pair] - there.get(pair, begins[pair]) for pair in pairs)
        log.info("projecting", partitions=len(pairs), offsets_behind=behind, topics=self.topics)
        return ends

    def _known_positions(self) -> dict[Pair, int]:
        with self._engine.begin() as connection:
            return positions_of(connection)

    async def _pairs(self) -> list[Pair]:
        """All partitions of the topics; waits for topics that a worker is still to make."""
        told = False
        while True:
            try:
                async with open_consumer(self._settings) as client:
                    places = await partitions_of(client, self.topics, self._settings)
                return [(place.topic, place.partition) for place in places]
            except UserError as missing:
                if not told:
                    log.warning(f"waiting: {missing.message}; a worker or `tierline topics create` makes it")
                    told = True
                await asyncio.sleep(1.0)

    def _has(self, ends: dict[Pair, int]) -> bool:
        """Whether everything before these offsets is written; what is empty was never read."""
        return all(end <= (self._positions[pair] or 0) for pair, end in ends.items() if end > 0)

    def _cut(self, fetched: list[Fetched]) -> Iterator[Work]:
        """What was fetched as pieces of work of a bounded size."""
        work = Work()
        most = self._batch_records_max
        for each in fetched:
            columns, pair = each.columns, (each.topic, each.partition)
            size = columns.offset.size
            for first in range(0, max(1, size), most):
                last = min(size, first + most)
                end = each.next_offset if last == size else int(columns.offset[last - 1]) + 1
                step = Step(self._positions[pair], end)
                self._positions[pair] = end
                work.add(Piece(*pair, columns.cut(first, last), step))
                if work.records >= most:
                    yield work
                    work = Work()
        if work.steps:
            yield work

    async def _write(self, work: Work) -> None:
        started = running_seconds()
        again = False

        def commit() -> dict[str, int]:
            nonlocal again
            tried_before, again = again, True
            return self._projection.commit(work, int(unix_seconds() * 1e6), again=tried_before)

        try:
            rows = await self._tried(commit)
        except PositionsMovedError:
            raise UserError(
                "another projector writes into this database: its positions have moved",
                "run one projector for a database, or give this one another `--database`",
            ) from None
        self._telemetry.committed(work.by_topic(), rows, running_seconds() - started, unix_seconds())
        self._told.records += work.records
        for table, count in rows.items():
            self._told.rows[table] = self._told.rows.get(table, 0) + count

    async def _tried(self, work: Callable[[], T]) -> T:
        """Do it in a thread; while the database is away, tell so and try again."""
        tries = 0
        while True:
            # a signal cancels us, not a transaction in the middle
            running = asyncio.ensure_future(asyncio.to_thread(work))
            try:
                result = await asyncio.shield(running)
            except asyncio.CancelledError:
                await asyncio.wait([running])
                raise
            except (DBAPIError, DisconnectionError) as error:
                if not _may_pass(error):
                    raise
                reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
                self._standing.trouble = f"the database does not answer: {reason}"
                self._telemetry.database_up(False)
                log.warning("waiting for the database", reason=reason)
                await asyncio.sleep(_AGAIN_S[min(tries, len(_AGAIN_S) - 1)])
                tries += 1
            else:
                if tries:
                    log.info("the database answers again")
                    self._standing.trouble = None
                self._telemetry.database_up(True)
                return result

    def _tell(self, reader: Reader) -> None:
        now, told = running_seconds(), self._told
        lag = 0
        for (topic, partition), position in self._positions.items():
            end = reader.end(topic, partition)
            behind = max(0, end - (position or 0)) if end is not None else 0
            self._telemetry.lag(topic, partition, behind)
            lag += behind
        if now - told.at_s >= _TELL_S and told.records:
            seconds = now - told.at_s
            log.info(
                "projected",
                records=told.records,
                changes=told.rows.get("changes", 0),
                changes_per_second=round(told.rows.get("changes", 0) / seconds),
                lag=lag,
            )
            self._told = Told(now)


def _check_position(pair: Pair, position: int | None, begin: int, end: int) -> None:
    """Raises UserError where the topic no longer holds what the database says was read."""
    if position is None:
        return
    name = f"`{pair[0]}/{pair[1]}`"
    if position < begin:
        raise UserError(
            f"{name} begins at offset {begin}, and the database has read it up to {position}: records "
            "between have been deleted before they were projected",
            "fill another database from what is there, and let the topic keep its records for longer",
        )
    if position > end:
        raise UserError(
            f"{name} ends at offset {end}, and the database has read it up to {position}: the topic was made "
            "anew, or the brokers are others",
            "name the brokers that this database belongs to, or another database",
        )


def _may_pass(error: Exception) -> bool:
    """Whether waiting helps: the database is away, busy, or full; not where a statement is wrong."""
    if isinstance(error, DisconnectionError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    kind = type(getattr(error, "orig", error)).__name__
    return kind in {"OperationalError", "InterfaceError", "AdminShutdown", "CannotConnectNow", "DiskFull"}
