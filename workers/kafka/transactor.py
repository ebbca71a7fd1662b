"""A transactional producer of Kafka as shards use it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import ProducerFenced
from aiokafka.structs import OffsetAndMetadata, RecordMetadata

from workers.kafka import batches
from workers.kafka.messages import Messages

Pair = tuple[str, int]
T = TypeVar("T")


class FencedError(Exception):
    """Another producer with the same transactional id was started after this one."""


class Transactor:
    """One producer under one transactional id.

    `timeout_s` bounds every call: aiokafka itself waits for a broker for as long as it takes.
    """

    def __init__(self, producer: AIOKafkaProducer, group: str, timeout_s: float) -> None:
        self._producer = producer
        self._group = group
        self._timeout_s = timeout_s
        self._open = False

    async def start(self) -> None:
        """Take over the transactional id: what the producer before left open is aborted, and it is fenced."""
        await self._call(self._producer.start())

    async def begin(self) -> None:
        """Begin a transaction."""
        await self._call(self._producer.begin_transaction())
        self._open = True

    async def send(self, messages: Messages, partition: int) -> Sequence[Awaitable[int]]:
        """Hand records over to be sent; the awaitables end when the broker has them."""
        futures = await self._call(batches.send(self._producer, messages, partition))
        return [self._offset(future) for future in futures]

    async def send_offsets(self, offsets: Mapping[Pair, int]) -> None:
        """Add the consumer group's positions to the transaction."""
        named = {
            TopicPartition(topic, partition): OffsetAndMetadata(offset, "")
            for (topic, partition), offset in offsets.items()
        }
        await self._call(self._producer.send_offsets_to_transaction(named, self._group))

    async def commit(self) -> None:
        """Commit the transaction. Await everything that was sent before: a failed send does not stop it."""
        await self._call(self._producer.commit_transaction())
        self._open = False

    async def abort(self) -> None:
        """Give the transaction up."""
        if self._open:
            self._open = False
            await self._call(self._producer.abort_transaction())

    async def stop(self) -> None:
        """End the producer, and an open transaction before it, which aiokafka would leave open."""
        with contextlib.suppress(Exception):  # whatever keeps it from ending, the next producer fences it
            await self.abort()
        await asyncio.wait_for(self._producer.stop(), self._timeout_s)

    async def _offset(self, future: Awaitable[RecordMetadata]) -> int:
        return int((await self._call(future)).offset)

    async def _call(self, awaitable: Awaitable[T]) -> T:
        # no task of its own: all partitions of a transaction are to be known before the sender goes on,
        # so that it asks for them in one request
        try:
            async with asyncio.timeout(self._timeout_s):
                return await awaitable
        except ProducerFenced as error:
            raise FencedError("another worker has taken over this shard") from error
