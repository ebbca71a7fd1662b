"""The data plane of a worker: membership in the group, shards, and the one loop that reads for them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from aiokafka import ConsumerRebalanceListener, TopicPartition

from rules.engine.engine import Engine
from rules.engine.event import TOPICS
from rules.language.model import Pack
from workers.clock import running_seconds, unix_seconds
from workers.kafka.batches import ready
from workers.kafka.clients import consumer, producer
from workers.kafka.reader import MembershipEndedError, Reader
from workers.kafka.transactor import Transactor
from workers.kafka.unreadable import Unreadable, forbidden
from workers.live.errors import Refuse
from workers.live.faults import Faults
from workers.live.joining import joined
from workers.live.ports import Reading, Transacting
from workers.live.shard import Shard
from workers.live.surroundings import Surroundings
from workers.live.telemetry import Telemetry
from workers.logs import logger
from workers.settings.live import LiveSettings
from workers.warm import warm_shard

log = logger("worker")
T = TypeVar("T")

#: How long one read waits for records.
_READ_S: Final = 0.2
#: How long the broker holds a fetch of a restore that finds nothing: what else is asked waits behind it.
_RESTORE_WAIT_MS = 20
#: An input of which so much waits in memory is not read until less than half is left.
_WAITING_RECORDS_MAX: Final = 200_000
_WAITING_BYTES_MAX: Final = 128 << 20
#: A batch of a transaction: below the 1,048,588 bytes that brokers accept by default.
_BATCH_BYTES: Final = 1_040_000
#: A dead letter of a record of a megabyte takes up to so much.
_REQUEST_BYTES: Final = 8 << 20
#: How long aiokafka waits before it asks again what the broker was too busy for.
_BACK_OFF_MS: Final = 10
#: How long the batch in hand may take when partitions are taken away, and when the worker stops.
_REVOKE_S: Final = 5.0
_STOP_S: Final = 60.0
#: So soon the broker answers that there is nothing: resuming and the watermark of quiet inputs wait for it.
_FETCH_WAIT_MS: Final = 100
_FIGURES_S: Final = 1.0
#: After an error of the whole reader.
_AGAIN_S: Final = 1.0


class DataPlane:
    """Runs the shards that the group gives to this worker, from `start` to `stop`."""

    def __init__(
        self,
        pack: Pack,
        settings: LiveSettings,
        telemetry: Telemetry,
        partitions: int,
        fault: str | None = None,
    ) -> None:
        self.partitions = partitions
        #: Whether the group has answered: from then on it is right to have no shard.
        self.joined = False
        self._settings = settings
        self._telemetry = telemetry
        self._inputs = settings.topics.inputs
        self._shards: dict[int, Shard] = {}
        #: Shards that would be this worker's and cannot be run, and why.
        self._barred: dict[int, str] = {}
        self._paused: set[tuple[str, int]] = set()
        #: The session of each shard for which its inputs are read.
        self._flowing: dict[int, int] = {}
        self._around = Surroundings(
            pack=pack,
            settings=settings,
            telemetry=telemetry,
            faults=Faults(fault),
            make_reader=self._make_reader,
            make_transactor=self._make_transactor,
            prepare=ready,
        )
        self._reader: Reader | None = None
        self._pump: asyncio.Task[None] | None = None
        self._ended: asyncio.Future[None] | None = None

    # --- from outside -----------------------------------------------------------------------------------

    def shards(self) -> Mapping[int, str]:
        """The shards that are this worker's, and their states."""
        states = dict.fromkeys(self._barred, "failed")
        states |= {number: shard.state for number, shard in self._shards.items()}
        return dict(sorted(states.items()))

    def reasons(self) -> Mapping[int, str]:
        """Why shards failed that are not ready since."""
        failed = {number: shard.reason for number, shard in self._shards.items()}
        return self._barred | {number: reason for number, reason in failed.items() if reason}

    async def start(self) -> None:
        """Join the group, however long that takes; shards come and go from then on."""
        self._ended = asyncio.get_running_loop().create_future()
        # what is compiled is also loaded before the first batch, which would wait for it
        loading = asyncio.create_task(asyncio.to_thread(warm_shard, self._around.pack))
        reader = await joined(self._make_member, self._settings, log.warning)
        await loading
        self._pump = asyncio.create_task(self._read_on(reader), name="pump")
        self._pump.add_done_callback(self._task_ended)

    async def wait(self) -> None:
        """Until it has ended; raises what ended it."""
        if self._ended is not None:
            await asyncio.shield(self._ended)

    async def stop(self) -> None:
        """Finish the batches in hand, make last snapshots, leave the group."""
        await self._stop_shards(_STOP_S, last_snapshot=True)
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
        if self._reader is not None:
            with contextlib.suppress(TimeoutError, Exception):
                await asyncio.wait_for(self._reader.stop(), _REVOKE_S)
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    async def ask(self, shard: int, question: Callable[[Engine], T]) -> T:
        """Ask a shard's engine something between two events; `KeyError` where it is not here and ready."""
        return await self._shards[shard].ask(question)

    # --- membership -------------------------------------------------------------------------------------

    async def revoked(self) -> None:
        """Partitions are about to be dealt out anew: finish what is in hand, keep the states."""
        await self._stop_shards(_REVOKE_S, last_snapshot=False)

    async def assigned(self, pairs: Iterable[tuple[str, int]]) -> None:
        """These partitions are this worker's now. What a shard is not given whole is not run."""
        given = set(pairs)
        self.joined = True
        reader = self._reader
        if reader is not None and given:
            reader.pause(given)
            # a partition without a position keeps aiokafka from reading any other of the same broker
            for topic, number in given:
                reader.seek(topic, number, 0)
        self._paused = set(given)
        self._flowing.clear()
        whole = {number for _, number in given if all((topic, number) in given for topic in self._inputs)}
        for number in [number for number in self._shards if number not in whole]:
            del self._shards[number]
            self._telemetry.shard_gone(number)
        self._bar({number for _, number in given} - whole)
        for number in sorted(whole):
            if number not in self._shards:
                self._shards[number] = Shard(number, self._around)
            shard = self._shards[number]
            shard.start()
            if shard.task is not None:
                shard.task.add_done_callback(self._task_ended)
        log.info("shards are assigned", shards=sorted(whole))

    def _bar(self, partial: set[int]) -> None:
        """Show these shards as failed: of a topic that cannot be seen the group deals out nothing."""
        refused = sorted(self._reader.forbidden(self._inputs)) if self._reader is not None else []
        reason = (
            forbidden(refused[0]).message
            if refused
            else "the group gave this worker some of its topics and not all: let all workers of the group "
            "subscribe to the same topics, and see whether each of them is there"
        )
        if len(refused) == len(self._inputs):
            partial = set(range(self.partitions))
        for number in self._barred.keys() - partial:
            self._telemetry.shard_gone(number)
        self._barred = dict.fromkeys(sorted(partial), reason)
        for number in self._barred:
            log.error("shard is not run", shard=number, reason=reason)
            self._telemetry.shard_state(number, "failed")
            for topic in refused:
                self._telemetry.input_unreadable(number, TOPICS[self._inputs.index(topic)], "forbidden")

    async def _stop_shards(self, budget_s: float, *, last_snapshot: bool) -> None:
        stops = [shard.stop(budget_s, last_snapshot=last_snapshot) for shard in self._shards.values()]
        await asyncio.gather(*stops)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._ended is None or self._ended.done():
            return
        error = task.exception()
        if isinstance(error, Refuse) or (error is not None and task is self._pump):
            self._ended.set_exception(error)

    # --- reading ----------------------------------------------------------------------------------------

    def _seek(self, reader: Reader) -> None:
        """Let reading begin for shards that have become ready; between two reads, when nothing is in hand."""
        for number, shard in self._shards.items():
            if not shard.reading or self._flowing.get(number) == shard.session:
                continue
            pairs = [(topic, number) for topic in self._inputs]
            if not all(TopicPartition(*pair) in reader.consumer.assignment() for pair in pairs):
                continue
            for (topic, _), position in zip(pairs, shard.positions, strict=True):
                reader.seek(topic, number, position)
            reader.resume(pairs)
            self._paused.difference_update(pairs)
            self._flowing[number] = shard.session

    async def _read_on(self, reader: Reader) -> None:
        """Read for ever; where the membership has ended by itself, another one is begun."""
        while True:
            try:
                await self._read(reader)
            except MembershipEndedError as error:
                log.warning("is in the group no longer, joining it anew", reason=str(error))
            self.joined = False
            await self.revoked()
            with contextlib.suppress(TimeoutError, Exception):
                await asyncio.wait_for(reader.stop(), _REVOKE_S)
            reader = await joined(self._make_member, self._settings, log.warning)

    async def _read(self, reader: Reader) -> None:
        told_s = 0.0
        while True:
            self._seek(reader)
            try:
                pieces = await reader.read(_READ_S)
            except (asyncio.CancelledError, MembershipEndedError):
                raise
            except Unreadable as error:
                await self._cannot_read(reader, error)
                continue
            except Exception as error:
                log.warning("cannot read", reason=str(error) or type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
                continue
            now_ms = int(unix_seconds() * 1000)
            for piece in pieces:
                shard = self._shards.get(piece.partition)
                if shard is not None and shard.reading and self._flowing.get(shard.number) == shard.session:
                    topic = self._inputs.index(piece.topic)
                    shard.feed(topic, piece.columns, piece.next_offset, now_ms)
            self._hear_ends(reader)
            self._hold_back(reader)
            if running_seconds() - told_s > _FIGURES_S:
                told_s = running_seconds()
                for shard in self._shards.values():
                    shard.report_lag()

    async def _cannot_read(self, reader: Reader, error: Unreadable) -> None:
        """Let the shards fail that need what cannot be read, and go on reading for the others."""
        for number, shard in self._shards.items():
            if error.partition in (None, number):
                shard.cannot_read(error)
                pairs = {(topic, number) for topic in self._inputs}
                pairs = {pair for pair in pairs if TopicPartition(*pair) in reader.consumer.assignment()}
                reader.pause(pairs)
                self._paused |= pairs
        if error.topic is None:
            await asyncio.sleep(_AGAIN_S)

    def _hear_ends(self, reader: Reader) -> None:
        for number, shard in self._shards.items():
            if not shard.reading or self._flowing.get(number) != shard.session:
                continue
            for place, topic in enumerate(self._inputs):
                heard = reader.heard(topic, number)
                if heard is not None:
                    shard.hear_end(place, *heard)

    def _hold_back(self, reader: Reader) -> None:
        for number, shard in self._shards.items():
            if not shard.reading:
                continue
            for place, topic in enumerate(self._inputs):
                records, size = shard.behind(place)
                pair = (topic, number)
                if pair in self._paused:
                    if records <= _WAITING_RECORDS_MAX // 2 and size <= _WAITING_BYTES_MAX // 2:
                        self._paused.discard(pair)
                        reader.resume([pair])
                elif records > _WAITING_RECORDS_MAX or size > _WAITING_BYTES_MAX:
                    self._paused.add(pair)
                    reader.pause([pair])

    # --- clients ----------------------------------------------------------------------------------------

    def _make_member(self) -> Reader:
        """The reader that is a member of the group; the group speaks to this data plane from its start on."""
        instance = self._settings.instance_id or f"{socket.gethostname()}-{self._settings.web_port}"
        reader = Reader(
            consumer(
                self._settings,
                group_id=self._settings.group,
                group_instance_id=instance,
                fetch_max_wait_ms=_FETCH_WAIT_MS,
            )
        )
        reader.consumer.subscribe(list(self._inputs), listener=_Membership(self))
        self._reader = reader
        return reader

    def _make_reader(self) -> Reading:
        return Reader(consumer(self._settings, fetch_max_wait_ms=_RESTORE_WAIT_MS))

    def _make_transactor(self, shard: int) -> Transacting:
        settings = self._settings
        made = producer(
            settings,
            transactional_id=f"{settings.group}-{shard}",
            max_batch_size=_BATCH_BYTES,
            max_request_size=_REQUEST_BYTES,
            retry_backoff_ms=_BACK_OFF_MS,
        )
        return Transactor(made, settings.group, settings.transaction_timeout_ms / 1000)


class _Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Passes on what the group says. What is raised in here would be swallowed by aiokafka."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Before partitions are dealt out anew."""
        if revoked:
            await self._plane.revoked()

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """After that."""
        try:
            await self._plane.assigned((pair.topic, pair.partition) for pair in assigned)
        except Exception:
            log.exception("cannot take over partitions")
