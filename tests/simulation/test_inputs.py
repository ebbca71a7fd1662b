"""An input that cannot be read stops its shard, and no other, until it can; nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog

from rules.engine.snapshot import Snapshot
from schemas.journal import SnapshotPosition
from tests.live.histories import EventSet
from tests.simulation.run import World, events_of, lived, quiet
from workers.live import restore
from workers.live.ports import Reading
from workers.live.service import DataPlane
from workers.live.snapshotting import load

SHARD, OTHER = 0, 1
#: In each the shard has batches before, and records after that.
SEEDS = (1, 6, 10)
#: Long enough for several tries of a failed shard.
WHILE_S = 45.0


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Other tests of the same process are heard again afterwards."""
    quiet()
    yield
    logging.disable(logging.NOTSET)
    structlog.reset_defaults()


def world_of(seed: int) -> tuple[World, EventSet]:
    """A world in which half of the events have been sent when a story begins, and the rest of them."""
    events = events_of(seed)
    half = len(events.sent) // 2
    rest = replace(events, sent=events.sent[half:])
    return World(seed, replace(events, sent=events.sent[:half])), rest


async def settled(world: World) -> DataPlane:
    """The data plane of the one worker that lives, once its shards are ready and all is worked off."""
    async with asyncio.timeout(600.0):
        while True:
            await asyncio.sleep(0.5)
            plane = world.living()[0].plane
            if plane is not None and set(plane.shards().values()) == {"ready"} and world.all_done():
                return plane


async def stopped(world: World) -> None:
    """The worker ends in order, and with it every last batch."""
    worker = world.living()[0]
    assert worker.plane is not None
    await worker.plane.stop()
    worker.kill("ended")
    await asyncio.sleep(1.0)


async def states_seen(plane: DataPlane, shard: int) -> set[str]:
    """The states of a shard over a while."""
    seen = set()
    for _ in range(int(WHILE_S * 10)):
        await asyncio.sleep(0.1)
        seen.add(plane.shards().get(shard, "none"))
    return seen


def unreadable(world: World) -> list[str]:
    """The figures that say which inputs cannot be read."""
    lines = world.telemetry.text().decode().splitlines()
    return [line for line in lines if line.startswith("tierline_input_unreadable{")]


def an_input(world: World, rest: EventSet) -> tuple[str, str]:
    """The role and the topic of an input of which the shard is still to get records."""
    role = next(each.role for each in rest.sent if each.partition == SHARD)
    return role, getattr(world.settings.topics, role)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gap_that_retention_made_while_the_worker_was_away_is_not_skipped(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, rest = world_of(seed)
    role, topic = an_input(world, rest)
    loaded: list[int] = []

    async def loading(reader: Reading, snapshots: str, shard: int, position: SnapshotPosition) -> Snapshot:
        loaded.append(shard)
        return await load(reader, snapshots, shard, position)

    monkeypatch.setattr(restore, "load", loading)

    async def story() -> None:
        world.start_worker()
        await world.inputs.produce(world.sent)
        await settled(world)
        await stopped(world)
        await world.inputs.produce(rest.sent)
        await asyncio.sleep(1.0)
        log = world.broker.logs[topic, SHARD]
        log.begin = log.end
        worker = world.start_worker()
        await asyncio.sleep(10.0)
        plane = worker.plane
        assert plane is not None
        seen = await states_seen(plane, SHARD)
        assert "failed" in seen
        assert "ready" not in seen
        assert plane.shards()[OTHER] == "ready"
        assert loaded == [OTHER], "a snapshot that is of no use is not read"
        said = plane.reasons()[SHARD]
        assert f"`{topic}/{SHARD}` is not there: the log begins at offset {log.begin} now" in said
        assert unreadable(world) == [
            f'tierline_input_unreadable{{reason="deleted",shard="{SHARD}",topic="{role}"}} 1.0'
        ]
        log.begin = 0
        await settled(world)
        assert plane.reasons() == {}
        assert unreadable(world) == []
        await world.rest()

    assert lived(world, story()).found == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_topic_that_may_not_be_read_any_more_stops_the_shards_until_it_may(seed: int) -> None:
    world, rest = world_of(seed)
    role, topic = an_input(world, rest)

    async def story() -> None:
        world.start_worker()
        await world.inputs.produce(world.sent)
        plane = await settled(world)
        world.broker.forbidden.add(topic)
        await world.inputs.produce(rest.sent)
        await asyncio.sleep(5.0)
        assert "ready" not in await states_seen(plane, SHARD)
        assert f"does not let this user read `{topic}`" in plane.reasons()[SHARD]
        assert f'reason="forbidden",shard="{SHARD}",topic="{role}"' in "".join(unreadable(world))
        world.broker.forbidden.clear()
        await settled(world)
        await world.rest()

    assert lived(world, story()).found == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gap_under_a_running_worker_stops_one_shard_after_what_came_before_it(seed: int) -> None:
    world, rest = world_of(seed)
    _, topic = an_input(world, rest)

    async def story() -> None:
        world.start_worker()
        await world.inputs.produce(world.sent)
        plane = await settled(world)
        log = world.broker.logs[topic, SHARD]
        world.broker.forbidden.add(topic)  # so that it is behind
        await world.inputs.produce(rest.sent)
        await asyncio.sleep(1.0)
        log.begin = log.end
        world.broker.forbidden.clear()
        await asyncio.sleep(20.0)
        assert "ready" not in await states_seen(plane, SHARD)
        assert plane.shards()[OTHER] == "ready"
        log.begin = 0
        await settled(world)
        await world.rest()

    assert lived(world, story()).found == []
