"""Records of Kafka as columns: the door through which all that is live takes its inputs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    CorruptRecordException,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
)
from aiokafka.structs import TopicPartition

from rules.shard.records import RecordColumns
from workers.kafka import aiokafka_patch
from workers.kafka.columns import columns_of
from workers.kafka.unreadable import (
    Unreadable,
    damaged,
    deleted,
    forbidden,
    forbidden_group,
    too_large,
)

#: How much longer than it was given a read may take, before it stops waiting for a rebalance to end.
_GRACE_S = 0.05
#: Turns of the event loop until the fetcher has seen that its records were taken and asks for the next.
_TURNS = 4
#: How long to wait before a partition without a position is looked at again.
_WITHOUT_POSITION_S = 0.02
#: While a broker is asked for offsets: how often to look whether it has refused the topic, and for how long
#: to ask where a log begins and ends that lacks an offset.
_LOOK_S, _BOUNDS_S = 0.1, 2.0
#: So many reads are done record by record after damage was met without columns.
_CAREFUL_READS = 200

Pair = tuple[str, int]


class MembershipEndedError(Exception):
    """The consumer is no longer in its group and will not join it again; one that is made anew can."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched of one partition; `next_offset` is past it, and past all that is never to be read.

    So it may be beyond the last record by more than one, and there may be no record at all: markers of
    transactions and the records of aborted ones take offsets, too.
    """

    topic: str
    partition: int
    columns: RecordColumns
    next_offset: int


class Reader:
    """Wraps a consumer that nobody has started; it is to read committed records and commit nothing itself.

    The consumer is subscribed to a group, or partitions are given to it by `assign`. A partition without a
    position gives nothing until `seek`. All methods belong to the event loop in which the consumer was made.
    """

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.consumer = consumer
        self._as_columns = False
        #: Without columns: the position of each partition that the caller knows of.
        self._known: dict[TopicPartition, int] = {}
        #: What is to be raised once the good records before it are out.
        self._trouble: dict[TopicPartition, Unreadable] = {}
        self._careful = 0

    async def start(self) -> None:
        """Connect; with the aiokafka that this was written for, records come as columns from the start."""
        self._as_columns = await aiokafka_patch.start(self.consumer)

    async def stop(self) -> None:
        """Disconnect, and leave the group."""
        await self.consumer.stop()

    def assign(self, positions: Mapping[Pair, int]) -> None:
        """Read these partitions and no others, each from an offset; for a consumer that is in no group."""
        self._known.clear()
        self._trouble.clear()
        self.consumer.assign([TopicPartition(*pair) for pair in positions])
        for (topic, partition), offset in positions.items():
            self.seek(topic, partition, offset)

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Read on from an offset; what was fetched already and not yet read is forgotten."""
        pair = TopicPartition(topic, partition)
        self.consumer.seek(pair, offset)
        self._known[pair] = offset
        self._trouble.pop(pair, None)

    def pause(self, pairs: Iterable[Pair]) -> None:
        """Read nothing of some partitions until `resume`; their positions stay."""
        self.consumer.pause(*(TopicPartition(*pair) for pair in pairs))

    def resume(self, pairs: Iterable[Pair]) -> None:
        """Read some partitions again; it may take `fetch_max_wait_ms` until the broker is asked for them."""
        self.consumer.resume(*(TopicPartition(*pair) for pair in pairs))

    async def read(self, timeout_s: float) -> list[Fetched]:
        """All there is of all partitions, or what comes first within a time; empty if nothing comes.

        Raises `Unreadable` where there is no reading on, once all that was read of it and of others is out;
        the position stays there, so that reading again tries again. Raises `MembershipEndedError` where the
        part of aiokafka that speaks with the group has stopped.
        """
        self._see_membership()
        if self._trouble:
            raise self._trouble.pop(next(iter(self._trouble)))
        try:
            async with asyncio.timeout(timeout_s + _GRACE_S):
                fetched = await self._read(timeout_s)
        except TimeoutError:
            return []
        except NoOffsetForPartitionError:
            await asyncio.sleep(min(timeout_s, _WITHOUT_POSITION_S))
            return []
        except (RecordTooLargeError, OffsetOutOfRangeError) as error:
            raise await self._explained(error) from error
        except TopicAuthorizationFailedError as error:
            raise forbidden(str(error.args[0])) from error
        except GroupAuthorizationFailedError as error:
            raise forbidden_group(error) from error
        if fetched:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        elif self._trouble:
            return await self.read(timeout_s)
        else:
            self._refused(pair.topic for pair in self._known)
        return fetched

    def end(self, topic: str, partition: int) -> int | None:
        """The offset up to which transactions are finished, as of the last response; None before one."""
        pair = TopicPartition(topic, partition)
        if pair not in self.consumer.assignment():
            return None
        stable: int | None = self.consumer.last_stable_offset(pair)
        return stable

    def heard(self, topic: str, partition: int) -> tuple[int, int] | None:
        """The same, and when that response came, in ms since 1970 by this machine's clock."""
        pair = TopicPartition(topic, partition)
        end, heard_ms = self.end(topic, partition), None
        if end is not None:
            heard_ms = self.consumer.last_poll_timestamp(pair)
        return None if end is None or heard_ms is None else (end, heard_ms)

    async def ends(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        """The offset up to which transactions are finished, asked of the broker."""
        return await self._asked(self.consumer.end_offsets, pairs)

    async def begins(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        """The least offset that is still there, asked of the broker."""
        return await self._asked(self.consumer.beginning_offsets, pairs)

    def forbidden(self, topics: Iterable[str]) -> set[str]:
        """Those of the topics that the broker does not let this client see, as it last said."""
        refused: set[str] = self.consumer._client.cluster.unauthorized_topics
        return refused.intersection(topics)

    def _see_membership(self) -> None:
        """aiokafka's task for the group ends on what it did not expect, and nothing begins it again."""
        coordinator = getattr(self.consumer, "_coordinator", None)  # none before it is started
        task = getattr(coordinator, "_coordination_task", None)
        if task is not None and task.done() and not task.cancelled() and task.exception() is not None:
            raise MembershipEndedError(str(task.exception()))

    async def _read(self, timeout_s: float) -> list[Fetched]:
        if self._as_columns:
            return self._pieces(await self.consumer.getmany(timeout_ms=timeout_s * 1000))
        if self._careful:
            return await self._objects(await self._one_by_one(timeout_s))
        try:
            found = await self.consumer.getmany(timeout_ms=timeout_s * 1000)
        except (CorruptRecordException, UnsupportedCodecError):
            # what was taken of other partitions is lost with it: all go back, and each is read by itself
            self._careful = _CAREFUL_READS
            for pair, offset in self._known.items():
                self.consumer.seek(pair, offset)
            return []
        return await self._objects(found)

    def _pieces(self, found: Mapping[TopicPartition, Sequence[Any]]) -> list[Fetched]:
        fetched = []
        for pair, pieces in found.items():
            for piece in pieces:
                if piece.damage is not None:
                    self._trouble[pair] = damaged(pair.topic, pair.partition, piece.next_offset, piece.damage)
                if piece.damage is None or piece.columns.offset.size:
                    fetched.append(Fetched(pair.topic, pair.partition, piece.columns, piece.next_offset))
        return fetched

    async def _one_by_one(self, timeout_s: float) -> dict[TopicPartition, Sequence[Any]]:
        """A record of each partition: damage in one costs nothing of what comes before and beside it."""
        self._careful -= 1
        found: dict[TopicPartition, Sequence[Any]] = {}
        for pair, offset in self._known.items():
            try:
                found.update(await self.consumer.getmany(pair, timeout_ms=0, max_records=1))
            except (CorruptRecordException, UnsupportedCodecError) as error:
                self._trouble[pair] = damaged(pair.topic, pair.partition, offset, error)
            except Exception:
                for taken in found:
                    self.consumer.seek(taken, self._known[taken])
                raise
        if not found and not self._trouble:
            await asyncio.sleep(min(timeout_s, _WITHOUT_POSITION_S))
        return found

    async def _objects(self, found: Mapping[TopicPartition, Sequence[Any]]) -> list[Fetched]:
        """The same from aiokafka's objects; a position that moved without a record is asked for."""
        fetched = []
        for pair in self._known.keys() | found.keys():
            try:
                position = await self.consumer.position(pair)
            except IllegalStateError:
                self._known.pop(pair, None)
                continue
            if pair in found or position != self._known[pair]:
                columns = columns_of(found.get(pair, ()))
                fetched.append(Fetched(pair.topic, pair.partition, columns, position))
            self._known[pair] = position
        return fetched

    async def _asked(
        self,
        ask: Callable[[list[TopicPartition]], Coroutine[Any, Any, Mapping[TopicPartition, int]]],
        pairs: Iterable[Pair],
    ) -> dict[Pair, int]:
        """Offsets of partitions; a topic that is refused is not waited for."""
        wanted = [TopicPartition(*pair) for pair in pairs]
        asking = asyncio.create_task(ask(wanted))
        try:
            while not (await asyncio.wait([asking], timeout=_LOOK_S))[0]:
                self._refused(pair.topic for pair in wanted)
            offsets = await asking
        except TopicAuthorizationFailedError as error:
            raise forbidden(error.args[0].topic) from error
        finally:
            asking.cancel()
        return {(pair.topic, pair.partition): offset for pair, offset in offsets.items()}

    def _refused(self, topics: Iterable[str]) -> None:
        for topic in sorted(self.forbidden(topics)):
            raise forbidden(topic)

    async def _explained(self, error: RecordTooLargeError | OffsetOutOfRangeError) -> Unreadable:
        if isinstance(error, RecordTooLargeError):
            _, pair, offset, limit = error.args
            # the position was moved past the record, which must not be left out
            self.consumer.seek(pair, offset)
            return too_large(pair.topic, pair.partition, offset, limit)
        ((pair, offset),) = error.args[0].items()
        begin = end = None
        try:
            async with asyncio.timeout(_BOUNDS_S):
                begin = (await self.begins([pair]))[pair]
                end = (await self.ends([pair]))[pair]
        except (TimeoutError, KafkaError, Unreadable):
            pass
        return deleted(pair.topic, pair.partition, offset, begin, end)
