"""Waiting until a broker has written the markers of transactions, which it does a moment after the commit."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from workers.broker.broker import Broker

WAIT_S = 20.0


async def settled(broker: Broker, topic: str, partition: int = 0) -> int:
    """The end of a partition, once all of it is committed or aborted."""
    pair = TopicPartition(topic, partition)
    async with (
        asyncio.timeout(WAIT_S),
        AIOKafkaConsumer(bootstrap_servers=broker.address) as all_records,
        AIOKafkaConsumer(bootstrap_servers=broker.address, isolation_level="read_committed") as committed,
    ):
        end = (await all_records.end_offsets([pair]))[pair]
        while (await committed.end_offsets([pair]))[pair] < end:
            await asyncio.sleep(0.01)
    return int(end)
