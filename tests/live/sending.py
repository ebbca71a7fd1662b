"""Sending records as they are, also those that aiokafka's `send` refuses."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer

from tests.live.histories import Sent
from workers.settings.topics import TopicNames


async def send(client: AIOKafkaProducer, topics: TopicNames, each: Sent) -> asyncio.Future[Any]:
    """Hand a record over; the future ends when the broker has it."""
    topic = getattr(topics, each.role)
    if each.key is None and each.value is None:
        batch = client.create_batch()
        batch.append(key=None, value=None, timestamp=each.timestamp_ms)
        batch.close()
        sent: asyncio.Future[Any] = await client.send_batch(batch, topic, partition=each.partition)
    else:
        sent = await client.send(
            topic, each.value, each.key, partition=each.partition, timestamp_ms=each.timestamp_ms
        )
    return sent
