"""Everything that a live service has published, and what it was published from, as plain values."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition

from workers.settings.topics import TopicNames

#: The input topics in the order of ties (S10), and what a service writes.
INPUTS = ("customers", "orders", "payments", "feedback")
OUTPUTS = ("changes", "categories", "pending", "dead_letters", "journal")

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a partition as it stands in the log."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    def header(self, name: str) -> str | None:
        """The text of a header."""
        return next((value.decode() for key, value in self.headers if key == name), None)


@dataclass
class Published:
    """What stands in the topics: records by (role of the topic, partition).

    `names` maps roles to topics. `stable` and `ends` are the last stable offset and the high watermark of
    every partition of inputs and outputs, `committed` the offsets that the group committed for the inputs.
    """

    names: dict[str, str]
    partitions: int
    records: dict[Place, list[Record]]
    stable: dict[Place, int] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=dict)
    committed: dict[Place, int | None] = field(default_factory=dict)
    group: str = "tierline"
    generation: int = 1

    def of(self, role: str, partition: int) -> list[Record]:
        """The records of a partition."""
        return self.records.get((role, partition), [])


def names_of(topics: TopicNames, roles: Iterable[str] = (*INPUTS, *OUTPUTS)) -> dict[str, str]:
    """The names of the topics by role."""
    return {role: getattr(topics, role) for role in roles}


async def collect(brokers: str, topics: TopicNames, partitions: int, *, group: str = "tierline") -> Published:
    """Read every input and output to its end as a subscriber with read_committed does."""
    names = names_of(topics)
    places = {TopicPartition(name, p): (role, p) for role, name in names.items() for p in range(partitions)}
    published = Published(names, partitions, {place: [] for place in places.values()}, group=group)
    published.ends = await _ends(brokers, places, "read_uncommitted")
    published.stable = await _ends(brokers, places, "read_committed")
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers, enable_auto_commit=False, isolation_level="read_committed"
    )
    await consumer.start()
    try:
        consumer.assign(list(places))
        await consumer.seek_to_beginning()
        while await _behind(consumer, places, published.stable):
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                published.records[places[place]] += [record_of(each) for each in records]
    finally:
        await consumer.stop()
    published.committed = await _committed(brokers, places, group)
    return published


def record_of(record: object) -> Record:
    """A record of aiokafka as a plain value."""
    return Record(
        record.offset,  # type: ignore[attr-defined]
        record.timestamp,  # type: ignore[attr-defined]
        record.key,  # type: ignore[attr-defined]
        record.value,  # type: ignore[attr-defined]
        tuple((name, bytes(value)) for name, value in record.headers),  # type: ignore[attr-defined]
    )


async def _ends(brokers: str, places: Mapping[TopicPartition, Place], isolation: str) -> dict[Place, int]:
    """The last stable offsets under read_committed, the high watermarks under read_uncommitted."""
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, isolation_level=isolation)
    await consumer.start()
    try:
        return {places[tp]: end for tp, end in (await consumer.end_offsets(list(places))).items()}
    finally:
        await consumer.stop()


async def _behind(
    consumer: AIOKafkaConsumer, places: Mapping[TopicPartition, Place], ends: Mapping[Place, int]
) -> bool:
    """Whether any partition has more to be read: markers and aborted records count as read once passed."""
    for tp, place in places.items():
        if await asyncio.wait_for(consumer.position(tp), 60) < ends[place]:
            return True
    return False


async def _committed(
    brokers: str, places: Mapping[TopicPartition, Place], group: str
) -> dict[Place, int | None]:
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        inputs = {tp: place for tp, place in places.items() if place[0] in INPUTS}
        consumer.assign(list(inputs))
        return {place: await consumer.committed(tp) for tp, place in inputs.items()}
    finally:
        await consumer.stop()
