"""Records of Kafka as columns: the door through which all that is live takes its inputs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    CorruptRecordException,
    IllegalStateError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    UnsupportedCodecError,
)
from aiokafka.structs import TopicPartition

from rules.shard.records import RecordColumns
from workers.cli.errors import UserError
from workers.kafka import aiokafka_patch
from workers.kafka.columns import columns_of

#: How much longer than it was given a read may take, before it stops waiting for a rebalance to end.
_GRACE_S = 0.05
#: Turns of the event loop until the fetcher has seen that its records were taken and asks for the next.
_TURNS = 4
#: How long to wait before a partition without a position is looked at again.
_WITHOUT_POSITION_S = 0.02

Pair = tuple[str, int]


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

    async def start(self) -> None:
        """Connect; with the aiokafka that this was written for, records come as columns from the start."""
        self._as_columns = await aiokafka_patch.start(self.consumer)

    async def stop(self) -> None:
        """Disconnect, and leave the group."""
        await self.consumer.stop()

    def assign(self, positions: Mapping[Pair, int]) -> None:
        """Read these partitions and no others, each from an offset; for a consumer that is in no group."""
        self._known.clear()
        self.consumer.assign([TopicPartition(*pair) for pair in positions])
        for (topic, partition), offset in positions.items():
            self.seek(topic, partition, offset)

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Read on from an offset; what was fetched already and not yet read is forgotten."""
        pair = TopicPartition(topic, partition)
        self.consumer.seek(pair, offset)
        self._known[pair] = offset

    def pause(self, pairs: Iterable[Pair]) -> None:
        """Read nothing of some partitions until `resume`; their positions stay."""
        self.consumer.pause(*(TopicPartition(*pair) for pair in pairs))

    def resume(self, pairs: Iterable[Pair]) -> None:
        """Read some partitions again; it may take `fetch_max_wait_ms` until the broker is asked for them."""
        self.consumer.resume(*(TopicPartition(*pair) for pair in pairs))

    async def read(self, timeout_s: float) -> list[Fetched]:
        """All there is of all partitions, or what comes first within a time; empty if nothing comes.

        Raises `UserError` for records that cannot be read; the positions stay before them.
        """
        try:
            async with asyncio.timeout(timeout_s + _GRACE_S):
                found = await self.consumer.getmany(timeout_ms=timeout_s * 1000)
        except TimeoutError:
            return []
        except NoOffsetForPartitionError:
            await asyncio.sleep(min(timeout_s, _WITHOUT_POSITION_S))
            return []
        except (
            RecordTooLargeError,
            CorruptRecordException,
            UnsupportedCodecError,
            OffsetOutOfRangeError,
        ) as error:
            raise self._unreadable(error) from error
        fetched = self._pieces(found) if self._as_columns else await self._objects(found)
        if fetched:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
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
        return _by_pair(await self.consumer.end_offsets([TopicPartition(*pair) for pair in pairs]))

    async def begins(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        """The least offset that is still there, asked of the broker."""
        return _by_pair(await self.consumer.beginning_offsets([TopicPartition(*pair) for pair in pairs]))

    def _pieces(self, found: Mapping[TopicPartition, Sequence[Any]]) -> list[Fetched]:
        return [
            Fetched(pair.topic, pair.partition, piece.columns, piece.next_offset)
            for pair, pieces in found.items()
            for piece in pieces
        ]

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

    def _unreadable(self, error: Exception) -> UserError:
        if isinstance(error, RecordTooLargeError) and len(error.args) == 4:
            _, pair, offset, limit = error.args
            # the position was moved past the record, which must not be left out
            self.consumer.seek(pair, offset)
            return UserError(
                f"the record at offset {offset} of `{pair.topic}/{pair.partition}` is larger than the "
                f"{limit} bytes that are fetched at once: raise `max_partition_fetch_bytes`"
            )
        if isinstance(error, OffsetOutOfRangeError) and error.args:
            ((pair, offset),) = error.args[0].items()
            return UserError(
                f"offset {offset} of `{pair.topic}/{pair.partition}` is not there: records that are still "
                "needed have been deleted, or the topic was made anew"
            )
        what = " ".join(map(str, error.args))
        if isinstance(error, CorruptRecordException):
            return UserError(f"the records of a partition are damaged: {what}: look at the broker's disk")
        return UserError(f"the records of a partition cannot be read: {what}")


def _by_pair(offsets: Mapping[TopicPartition, int]) -> dict[Pair, int]:
    return {(pair.topic, pair.partition): offset for pair, offset in offsets.items()}
