"""A refused record as large as a broker takes is set aside like any other, and stops nothing."""

from __future__ import annotations

import asyncio
import json

from tests.live.topics import Scene
from workers.broker.broker import Broker
from workers.live.service import DataPlane
from workers.live.telemetry import Telemetry
from workers.packs import open_pack

#: Not JSON, and six bytes for each of its own within the letter.
_POISON = b"\x01" * 1_000_000
_ORDER = {
    "event_id": "e1",
    "type": "order.completed",
    "occurred_at": "2024-01-01T12:00:00Z",
    "customer_id": "c",
    "order_id": "o1",
    "amount": "1.00",
}


async def test_a_megabyte_of_poison_becomes_a_dead_letter_and_what_follows_is_applied(broker: Broker) -> None:
    scene = await Scene.on(broker, partitions=1)
    orders = scene.topics.orders
    await scene.send(orders, [(b"c", _POISON)], timestamp_ms=1_704_110_400_000)
    await scene.send(orders, [(b"c", json.dumps(_ORDER).encode())], timestamp_ms=1_704_110_400_000)
    plane = DataPlane(open_pack("shop"), scene.settings, Telemetry(), 1)
    await plane.start()
    try:
        async with asyncio.timeout(120):
            while not await scene.read(scene.topics.changes):
                await asyncio.sleep(0.2)
            (letter,) = await scene.read(scene.topics.dead_letters)
    finally:
        await plane.stop()
    assert letter.value is not None
    body = json.loads(letter.value)
    assert (body["code"], body["position"]) == ("malformed_json", 0)
    assert body["record"].encode() == _POISON
