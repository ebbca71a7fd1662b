"""A subscriber with read_committed beside the service: what it was once shown must stay as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tests.live.published import OUTPUTS, Place, Published, Record, names_of, record_of
from workers.settings.live import LiveSettings

_PATIENCE_S = 30.0


class Subscriber:
    """Reads all outputs from the beginning as they come, and keeps what it saw."""

    def __init__(self, brokers: str, settings: LiveSettings) -> None:
        self._brokers = brokers
        names = names_of(settings.topics, OUTPUTS)
        self._places: dict[TopicPartition, Place] = {
            TopicPartition(name, p): (role, p)
            for role, name in names.items()
            for p in range(settings.partitions)
        }
        self.seen: dict[Place, list[Record]] = {place: [] for place in self._places.values()}

    @property
    def batches(self) -> int:
        """How many batches it has seen."""
        return sum(len(seen) for (role, _), seen in self.seen.items() if role == "journal")

    async def run(self) -> None:
        """Read until cancelled, through every outage, from where it was."""
        while True:
            with suppress(KafkaError, OSError):
                await self._read()
            await asyncio.sleep(0.2)

    async def read_to(self, published: Published) -> None:
        """Wait until everything that is there has been seen; `check` tells if that never comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                while any(len(seen) < len(published.records[place]) for place, seen in self.seen.items()):
                    await asyncio.sleep(0.1)

    def check(self, published: Published) -> Iterator[str]:
        """What was seen and is not there, or was there and not seen, in the same order."""
        for place, seen in self.seen.items():
            there = {record.offset: record for record in published.records[place]}
            if place[0] != "categories":  # which may be compacted
                for record in seen:
                    if there.get(record.offset) != record:
                        shown = (record.value or b"")[:100]
                        yield f"a subscriber saw {shown!r}… in {place} at {record.offset}: it is gone"
                if len(seen) != len(there):
                    yield f"a subscriber saw {len(seen)} records in {place}, and {len(there)} are there"
            if any(a.offset >= b.offset for a, b in pairwise(seen)):
                yield f"a subscriber saw records of {place} out of order"

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._brokers,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="none",  # a position that is not there any more is a loss, not a reason to skip
        )
        await consumer.start()
        try:
            consumer.assign(list(self._places))
            for tp, place in self._places.items():
                consumer.seek(tp, self.seen[place][-1].offset + 1 if self.seen[place] else 0)
            while True:
                for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                    self.seen[self._places[tp]] += [record_of(each) for each in records]
        finally:
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(consumer.stop(), 5)
