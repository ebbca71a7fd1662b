"""What shards and the data plane are given in place of Kafka's clients: a reader, a producer, a group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aiokafka.errors import ProducerFenced, RequestTimedOutError
from aiokafka.structs import TopicPartition

from rules.shard.records import RecordColumns
from tests.live.pretended import columns_of
from tests.live.published import INPUTS, Record
from tests.simulation.broker import SimulatedBroker
from tests.simulation.log import Writer
from workers.kafka.messages import Messages
from workers.kafka.transactor import FencedError
from workers.kafka.unreadable import Unreadable, deleted, forbidden

T = TypeVar("T")
Pair = tuple[str, int]

#: As many turns of the loop does a real reader keep what it has before it gives it away.
_TURNS = 4


class Dead(BaseException):
    """The process of this client has ended."""


@dataclass
class Process:
    """A worker's process, as far as its clients can tell."""

    name: str
    dead: bool = False
    thawed: asyncio.Event | None = None

    async def alive(self) -> None:
        """Wait while the process is stopped; raises Dead once it was killed."""
        if self.dead:
            raise Dead
        while self.thawed is not None and not self.thawed.is_set():
            await self.thawed.wait()
        if self.dead:
            raise Dead

    async def request(self, broker: SimulatedBroker, name: str, do: Callable[[], T]) -> T:
        """A request of this process."""
        await self.alive()
        answer = await broker.request(name, do)
        await self.alive()
        return answer


@dataclass(frozen=True, slots=True)
class SimulatedPiece:
    """Records of a partition that were read together."""

    topic: str
    partition: int
    columns: RecordColumns
    next_offset: int


class SimulatedReader:
    """Stands for `workers.kafka.reader.Reader`, and as its `consumer` for that of aiokafka."""

    def __init__(
        self, broker: SimulatedBroker, process: Process, group: SimulatedGroup | None = None
    ) -> None:
        self._broker = broker
        self._process = process
        self._group = group
        self._positions: dict[Pair, int | None] = {}
        self._paused: set[Pair] = set()
        self._heard: dict[Pair, tuple[int, int]] = {}
        self.consumer = self
        self.listener: object = None

    # --- the consumer -----------------------------------------------------------------------------------

    def subscribe(self, topics: Sequence[str], listener: object) -> None:
        """Join the group at the start."""
        assert len(topics) == len(INPUTS)
        self.listener = listener

    def assignment(self) -> set[TopicPartition]:
        """The partitions that are given to this reader."""
        return {TopicPartition(*pair) for pair in self._positions}

    def given(self, pairs: Iterable[Pair]) -> None:
        """What the group gives, without positions."""
        self._positions = dict.fromkeys(pairs)
        self._paused.clear()
        self._heard.clear()

    # --- the reader -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect, and join the group if there is one."""
        if self._group is None:
            await self._process.request(self._broker, "connect", lambda: None)
        else:
            await self._process.alive()
            self._group.join(self)

    async def stop(self) -> None:
        """Leave."""
        if self._group is not None:
            self._group.leave(self)

    @property
    def process(self) -> Process:
        """Whose reader it is."""
        return self._process

    def assign(self, positions: Mapping[Pair, int]) -> None:
        """Read these partitions and no others."""
        self._positions = dict(positions)
        self._paused.clear()

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Read on from an offset."""
        assert (topic, partition) in self._positions
        self._positions[topic, partition] = offset

    def pause(self, pairs: Iterable[Pair]) -> None:
        """Read nothing of these."""
        self._paused |= set(pairs)

    def resume(self, pairs: Iterable[Pair]) -> None:
        """Read them again."""
        self._paused -= set(pairs)

    async def read(self, timeout_s: float) -> list[SimulatedPiece]:
        """A part of what there is, of some of the partitions."""
        await self._process.alive()
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while True:
            await asyncio.sleep(self._broker.choose.random() * self._broker.weather.hop_s)
            await self._process.alive()
            found: list[SimulatedPiece] = []
            for pair in list(self._positions):
                try:
                    piece = self._fetch(pair)
                except Unreadable:
                    if not found:
                        raise
                    break  # first what is good, and the error with the next read
                found += [] if piece is None else [piece]
            if found:
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                return found
            grown = self._broker.grown
            try:
                async with asyncio.timeout_at(until):
                    await grown.wait()
            except TimeoutError:
                return []

    def end(self, topic: str, partition: int) -> int | None:
        """The end as of the last fetch."""
        heard = self._heard.get((topic, partition))
        return None if heard is None else heard[0]

    def heard(self, topic: str, partition: int) -> tuple[int, int] | None:
        """The same, and when that was."""
        return self._heard.get((topic, partition))

    async def ends(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        """The last stable offsets."""
        logs, asked = self._broker.logs, list(pairs)
        self._allowed(asked)
        return await self._process.request(
            self._broker, "ends", lambda: {pair: logs[pair].stable for pair in asked}
        )

    async def begins(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        """The first offsets that are not deleted."""
        logs, asked = self._broker.logs, list(pairs)
        self._allowed(asked)
        return await self._process.request(
            self._broker, "begins", lambda: {pair: logs[pair].begin for pair in asked}
        )

    def forbidden(self, topics: Iterable[str]) -> set[str]:
        """The topics that may not be read."""
        return self._broker.forbidden.intersection(topics)

    def _allowed(self, pairs: Iterable[Pair]) -> None:
        for topic in sorted(self.forbidden(topic for topic, _ in pairs)):
            raise forbidden(topic)

    def _fetch(self, pair: Pair) -> SimulatedPiece | None:
        position, choose = self._positions[pair], self._broker.choose
        if position is None or pair in self._paused or choose.random() < 0.2:
            return None
        log = self._broker.logs[pair]
        self._allowed([pair])
        if position < log.begin:
            raise deleted(*pair, position, log.begin, log.stable)
        stable = log.stable
        self._heard[pair] = (stable, self._broker.wall_us() // 1000)
        end = min(stable, position + choose.choice((1, 2, 5, 1000)))
        if end <= position:
            return None
        self._positions[pair] = end
        return SimulatedPiece(*pair, columns_of(log.committed(position, end)), end)


class SimulatedTransactor:
    """Stands for `workers.kafka.transactor.Transactor`, with a producer of its own behind it.

    A failed send does not stop a commit, as with aiokafka.
    """

    def __init__(self, broker: SimulatedBroker, process: Process, name: str) -> None:
        self._broker = broker
        self._process = process
        self._name = name
        self._writer: Writer = (name, -1)
        self._open = False
        self._sent: list[asyncio.Task[int]] = []
        self._last: dict[Pair, asyncio.Task[int]] = {}

    async def start(self) -> None:
        """Fence the one before, and wait until its transaction is over."""
        while True:
            epoch = await self._ask("start", lambda: self._broker.fence(self._name))
            if epoch is not None:
                self._writer = (self._name, epoch)
                return
            await asyncio.sleep(0.02)

    async def begin(self) -> None:
        """Nothing that the broker is told of; but it waits until the one before is over."""
        transaction = self._broker.transactions[self._name]
        while transaction.epoch == self._writer[1] and transaction.state == "ending":
            await self._process.alive()
            await asyncio.sleep(0.005)
        self._open = True
        self._sent = []

    async def send(self, messages: Messages, partition: int) -> Sequence[Awaitable[int]]:
        """Hand records over, in up to three parts, each sent behind the one before."""
        await self._process.alive()
        records = [
            Record(
                -1,
                messages.timestamp_ms,
                messages.keys.bytes_of(i),
                messages.values.bytes_of(i),
                tuple(messages.headers_of(i)),
            )
            for i in range(messages.values.start.size)
        ]
        pair, choose = (messages.topic, partition), self._broker.choose
        parts: list[asyncio.Task[int]] = []
        while records:
            size = choose.randint(1, len(records)) if len(parts) < 2 else len(records)
            part, records = records[:size], records[size:]
            task = asyncio.get_running_loop().create_task(self._send(pair, part, self._last.get(pair)))
            self._sent.append(task)
            self._last[pair] = task
            parts.append(task)
        return parts

    async def send_offsets(self, offsets: Mapping[Pair, int]) -> None:
        """Positions with the transaction."""
        await self._ask("offsets", lambda: self._broker.add_offsets(self._writer, offsets))

    async def commit(self) -> None:
        """Commit once everything was tried to be sent."""
        await asyncio.gather(*self._sent, return_exceptions=True)
        await self._ask("commit", lambda: self._broker.end(self._writer, commit=True))
        self._open = False

    async def abort(self) -> None:
        """Give up the transaction."""
        if self._open:
            self._open = False
            await self._ask("abort", lambda: self._broker.end(self._writer, commit=False))

    async def stop(self) -> None:
        """End; an open transaction is aborted if that works."""
        for task in self._sent:
            task.cancel()
        await self.abort()

    async def _send(self, pair: Pair, records: list[Record], after: asyncio.Task[int] | None) -> int:
        """Records of a partition never overtake each other: after a failure none of it gets through."""
        if after is not None:
            await asyncio.wait([after])
            if after.cancelled() or after.exception() is not None:
                raise RequestTimedOutError("what was sent before has failed")
        return await self._ask("send", lambda: self._broker.write(self._writer, pair, records))

    async def _ask(self, name: str, do: Callable[[], T]) -> T:
        try:
            return await self._process.request(self._broker, name, do)
        except ProducerFenced as error:
            raise FencedError("another worker has taken over this shard") from error


class SimulatedGroup:
    """Deals shards out to the readers that have joined, anew whenever one comes or goes."""

    def __init__(
        self,
        broker: SimulatedBroker,
        topics: Sequence[str],
        partitions: int,
        spawn: Callable[[str, Coroutine[object, object, None]], asyncio.Task[None]],
    ) -> None:
        """`spawn` makes a task that belongs to a process."""
        self._broker = broker
        self._spawn = spawn
        self._topics = topics
        self._partitions = partitions
        self.members: list[SimulatedReader] = []
        self._running: asyncio.Task[None] | None = None
        self._again = False

    def join(self, reader: SimulatedReader) -> None:
        """A member comes; one that hears twice that it is none any more still joins once."""
        if reader not in self.members:
            self.members.append(reader)
        self.rebalance()

    def leave(self, reader: SimulatedReader) -> None:
        """A member goes."""
        if reader in self.members:
            self.members.remove(reader)
            reader.given(())
            self.rebalance()

    def rebalance(self) -> None:
        """Deal out anew, soon."""
        self._again = True
        if self._running is None or self._running.done():
            self._running = self._spawn("group", self._deal())

    async def _deal(self) -> None:
        while self._again:
            self._again = False
            await asyncio.sleep(self._broker.choose.random() * 0.2)
            members = [each for each in self.members if not each.process.dead]
            await self._told(members, self._revoke)
            members = [each for each in members if each in self.members]
            for index, member in enumerate(members):
                shards = range(self._partitions)[index :: max(1, len(members))]
                member.given((topic, shard) for shard in shards for topic in self._topics)
            await self._told(members, self._assign)
            self._broker.seen["rebalanced"] += 1

    async def _told(
        self,
        members: Sequence[SimulatedReader],
        tell: Callable[[SimulatedReader], Coroutine[object, object, None]],
    ) -> None:
        """Tell all members, each in its own process; one that dies meanwhile is no longer waited for."""
        tasks = [self._spawn(each.process.name, tell(each)) for each in members]
        if tasks:
            await asyncio.wait(tasks)

    async def _revoke(self, member: SimulatedReader) -> None:
        """A member that is stopped, or slow, is not waited for longer than a session lasts."""
        before = member.assignment()
        try:
            async with asyncio.timeout(10.0):
                await member.process.alive()
                await member.listener.on_partitions_revoked(list(before))  # type: ignore[attr-defined]
        except (TimeoutError, Dead):
            if member in self.members:
                self.members.remove(member)
            if not member.process.dead and member.process.thawed is None:
                self._spawn(member.process.name, self.came_back(member))

    async def _assign(self, member: SimulatedReader) -> None:
        try:
            await member.process.alive()
            await member.listener.on_partitions_assigned(list(member.assignment()))  # type: ignore[attr-defined]
        except Dead:
            return

    async def came_back(self, member: SimulatedReader) -> None:
        """A member that was stopped and is awake again hears that it is none any more, and joins."""
        await asyncio.sleep(self._broker.choose.random() * 3.0)
        if member in self.members or member.process.dead:
            return
        await member.listener.on_partitions_revoked(list(member.assignment()))  # type: ignore[attr-defined]
        member.given(())
        self.join(member)
