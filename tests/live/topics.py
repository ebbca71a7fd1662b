"""Topics with names of their own on a broker that tests share, and what stands in them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from workers.broker.broker import Broker
from workers.kafka.clients import consumer, producer
from workers.kafka.topics import create_topics
from workers.settings.live import LiveSettings, live_settings
from workers.settings.topics import TopicNames

_numbers = itertools.count(1)


def own_settings(broker: Broker, **more: Any) -> LiveSettings:
    """Settings with topics and a group that no other test uses."""
    name = f"t{os.getpid()}-{next(_numbers)}"
    return live_settings(
        **{"brokers": broker.address, "group": name, "topics": TopicNames.prefixed(f"{name}."), **more}
    )


@dataclass(frozen=True)
class Scene:
    """One test's topics on a broker."""

    settings: LiveSettings

    @classmethod
    async def on(cls, broker: Broker, *, partitions: int = 2, **more: Any) -> Scene:
        """New topics, all with so many partitions."""
        return await cls.of(own_settings(broker, partitions=partitions, **more))

    @classmethod
    async def of(cls, settings: LiveSettings) -> Scene:
        """The topics that settings name, made where they are missing."""
        await create_topics(settings)
        return cls(settings)

    @property
    def topics(self) -> TopicNames:
        """Their names."""
        return self.settings.topics

    async def send(
        self,
        topic: str,
        records: Iterable[tuple[bytes | None, bytes | None]],
        *,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Send records, key and value, and wait until the broker has them."""
        async with producer(self.settings) as client:
            for key, value in records:
                await client.send(topic, value, key, partition=partition, timestamp_ms=timestamp_ms)
            await client.flush()

    async def read(
        self, *topics: str, partition: int | None = None, isolation_level: str = "read_committed"
    ) -> list[ConsumerRecord]:
        """All that is committed in the topics now: topic by topic, partition by partition, by offset."""
        async with consumer(self.settings, isolation_level=isolation_level) as client:
            places = [
                TopicPartition(topic, number)
                for topic in topics
                for number in sorted(await _partitions(client, topic))
                if partition is None or number == partition
            ]
            client.assign(places)
            await client.seek_to_beginning(*places)
            ends = await client.end_offsets(places)
            found: dict[TopicPartition, list[ConsumerRecord]] = {place: [] for place in places}
            while any([await client.position(place) < ends[place] for place in places]):
                for place, records in (await client.getmany(timeout_ms=50)).items():
                    found[place] += [each for each in records if each.offset < ends[place]]
            return [record for place in places for record in found[place]]


async def _partitions(client: Any, topic: str) -> set[int]:
    await client._client.add_topic(topic)  # its metadata is not there before it is asked for
    partitions: set[int] = client.partitions_for_topic(topic)
    return partitions
