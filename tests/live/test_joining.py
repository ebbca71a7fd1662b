"""A broker that goes away between the topics' metadata and the group's answer, for real."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient

from tests.live.topics import Scene
from workers.broker.broker import Broker
from workers.kafka.clients import consumer
from workers.kafka.reader import Reader
from workers.live import joining
from workers.live.joining import joined

WAIT_S = 120.0


@pytest.mark.parametrize("step", ["bootstrap", "coordinator_lookup"])
async def test_a_broker_that_leaves_while_a_worker_joins_is_waited_for(
    private_broker: Broker, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Before the first metadata, and after it, before the group is asked."""
    scene = await Scene.on(private_broker, partitions=1)
    monkeypatch.setattr(joining, "_LOOK_S", 0.2)
    plainly = getattr(AIOKafkaClient, step)
    left = asyncio.Event()

    async def leaving(self: AIOKafkaClient, *args: Any) -> Any:
        if not left.is_set() and self._client_id == f"tierline-{scene.settings.group}":
            await asyncio.to_thread(private_broker.stop)
            left.set()
        return await plainly(self, *args)

    said: list[str] = []
    pairs = [(topic, 0) for topic in scene.topics.inputs]

    def member() -> Reader:
        reader = Reader(consumer(scene.settings, group_id=scene.settings.group))
        reader.consumer.subscribe(list(scene.topics.inputs))
        return reader

    monkeypatch.setattr(AIOKafkaClient, step, leaving)
    async with asyncio.timeout(WAIT_S):
        joining_it = asyncio.create_task(joined(member, scene.settings, said.append))
        await left.wait()
        while not any("waiting for the broker" in line for line in said):
            assert not joining_it.done()
            await asyncio.sleep(0.05)
        await asyncio.to_thread(private_broker.start)
        reader = await joining_it
    assert {(pair.topic, pair.partition) for pair in reader.consumer.assignment()} == set(pairs)
    assert any("answers" in line for line in said)
    await reader.stop()
