"""What is asked of the broker from outside: topics, records in, records out, ends and committed offsets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from tests.benchmarks.live.making import PARTITIONS, Made

#: Bytes of a batch of records that are loaded: half of what a broker takes at once by default.
BATCH_BYTES = 500_000


class Record(NamedTuple):
    """A record as read back."""

    partition: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Brokers, and how many partitions every topic has that is made here."""

    brokers: str
    partitions: int = PARTITIONS

    async def create(self, *names: str) -> None:
        """Make topics that keep their records, however old."""
        async with self._admin() as admin:
            kept = {"retention.ms": "-1"}
            topics = [NewTopic(name, self.partitions, 1, topic_configs=kept) for name in names]
            with suppress(TopicAlreadyExistsError):
                await admin.create_topics(topics)

    async def delete(self, *prefixes: str) -> None:
        """Take away all topics whose names begin so."""
        async with self._admin() as admin:
            if names := [name for name in await admin.list_topics() if name.startswith(prefixes)]:
                await admin.delete_topics(names)

    async def records(self, names: Iterable[str]) -> int:
        """Offsets after the last committed records, summed up."""
        async with self._consumer() as consumer:
            return sum((await consumer.end_offsets(self._pairs(names))).values())

    @asynccontextmanager
    async def lag(self, group: str, names: Iterable[str]) -> AsyncIterator[Lag]:
        """A look at how far a group is behind, as often as wanted."""
        async with self._admin() as admin, self._consumer() as consumer:
            yield Lag(admin, consumer, group, self._pairs(names))

    async def load(self, records: Iterable[Made], names: Mapping[str, str]) -> int:
        """Write records as fast as it goes, into topics called as `names` says; returns their number."""
        producer = AIOKafkaProducer(bootstrap_servers=self.brokers, max_batch_size=BATCH_BYTES, acks=1)
        await producer.start()
        sent, count = [], 0
        try:
            batches = {}
            for topic, partition, timestamp_ms, key, value in records:
                place = (names[topic], partition)
                if place not in batches:
                    batches[place] = producer.create_batch()
                if batches[place].append(timestamp=timestamp_ms, key=key, value=value) is None:
                    sent.append(await producer.send_batch(batches[place], place[0], partition=partition))
                    batches[place] = producer.create_batch()
                    batches[place].append(timestamp=timestamp_ms, key=key, value=value)
                count += 1
            for (topic, partition), batch in batches.items():
                sent.append(await producer.send_batch(batch, topic, partition=partition))
            for each in sent:
                await each
        finally:
            await producer.stop()
        return count

    async def read(self, name: str) -> AsyncIterator[Record]:
        """Every committed record of a topic up to its present end; in order within each partition."""
        async with self._consumer() as consumer:
            pairs = self._pairs([name])
            consumer.assign(pairs)
            await consumer.seek_to_beginning(*pairs)
            until = await consumer.end_offsets(pairs)
            left = [pair for pair in pairs if until[pair]]
            while left:
                found = await consumer.getmany(*left, timeout_ms=200)
                for pair, records in found.items():
                    for each in records:
                        yield Record(pair.partition, each.timestamp, each.key, each.value)
                left = [pair for pair in left if await consumer.position(pair) < until[pair]]

    def _pairs(self, names: Iterable[str]) -> list[TopicPartition]:
        return [TopicPartition(name, partition) for name in names for partition in range(self.partitions)]

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        client = AIOKafkaAdminClient(bootstrap_servers=self.brokers)
        await client.start()
        try:
            yield client
        finally:
            await client.close()

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        client = AIOKafkaConsumer(
            bootstrap_servers=self.brokers,
            enable_auto_commit=False,
            isolation_level="read_committed",
            max_partition_fetch_bytes=1 << 22,
        )
        await client.start()
        try:
            yield client
        finally:
            await client.stop()


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group is behind the ends of its inputs, over connections that stay open."""

    admin: AIOKafkaAdminClient
    consumer: AIOKafkaConsumer
    group: str
    pairs: list[TopicPartition]

    async def left(self) -> int:
        """Records that are not committed yet by the group."""
        until = await self.consumer.end_offsets(self.pairs)
        return int(sum(until.values())) - await self.done()

    async def done(self) -> int:
        """Offsets that the group has committed, summed up."""
        found = await self.admin.list_consumer_group_offsets(self.group)
        return sum(max(0, int(found[pair].offset)) for pair in self.pairs if pair in found)
