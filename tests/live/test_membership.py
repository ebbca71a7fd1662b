"""A worker whose client has stumbled over something that it did not expect joins its group anew."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator

from tests.live.topics import Scene
from workers.broker.broker import Broker
from workers.live.service import DataPlane
from workers.live.telemetry import Telemetry
from workers.packs import open_pack

WAIT_S = 120.0
AT_MS = 1_704_110_400_000


def order(number: int) -> tuple[bytes, bytes]:
    fields = {
        "event_id": f"e{number}",
        "type": "order.completed",
        "occurred_at": "2024-01-01T12:00:00Z",
        "customer_id": f"c{number}",
        "order_id": f"o{number}",
        "amount": "1.00",
    }
    return f"c{number}".encode(), json.dumps(fields).encode()


async def test_a_membership_that_ends_by_itself_is_begun_anew(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is lost or said twice, before, while and after."""
    scene = await Scene.on(broker, partitions=1)
    plane = DataPlane(open_pack("shop"), scene.settings, Telemetry(), 1)
    stumbled = asyncio.Event()
    plainly = GroupCoordinator.ensure_coordinator_known

    async def stumble(self: GroupCoordinator, *args: Any) -> Any:
        if self.group_id == scene.settings.group and not stumbled.is_set():
            stumbled.set()
            raise RuntimeError("what nobody expects")
        return await plainly(self, *args)

    async def firsts() -> list[str]:
        """Who was given a first category of the value tier, in the order in which it was published."""
        bodies = [json.loads(each.value or b"") for each in await scene.read(scene.topics.changes)]
        wanted = [body for body in bodies if body["dimension"] == "value_tier" and body["sequence"] == 1]
        return [body["customer_id"] for body in wanted]

    await plane.start()
    try:
        async with asyncio.timeout(WAIT_S):
            await scene.send(scene.topics.orders, [order(1)], timestamp_ms=AT_MS)
            while await firsts() != ["c1"]:
                await asyncio.sleep(0.1)
            first = plane._reader
            assert first is not None
            monkeypatch.setattr(GroupCoordinator, "ensure_coordinator_known", stumble)
            first.consumer._coordinator.request_rejoin()
            await stumbled.wait()
            await scene.send(scene.topics.orders, [order(2)], timestamp_ms=AT_MS)
            while await firsts() != ["c1", "c2"]:
                await asyncio.sleep(0.1)
    finally:
        await plane.stop()
    assert plane._reader is not first
