"""The live worker gives, byte for byte, the bodies that the reference and file replay give in its order."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from pathlib import Path

import pytest

from rules.cases.model import EventInput
from rules.cases.read import read_cases
from rules.engine.event import Event
from rules.intake.decode import decode_event
from rules.language.load import load_pack
from rules.language.model import Pack
from tests.cases.hosts import key_of
from tests.contract.described import kinds_of
from tests.live.checking import assert_exactly_once, journal_of
from tests.live.derived import records_of
from tests.live.histories import Sent, partition_of, random_events
from tests.live.pretended import publish
from tests.live.published import Published, collect
from tests.live.sending import send
from tests.live.storm import worked_through
from tests.live.topics import Scene
from workers.broker.broker import Broker
from workers.clock import running_seconds
from workers.kafka.clients import producer
from workers.live.service import DataPlane
from workers.live.telemetry import Telemetry
from workers.packs import catalog
from workers.replay.run import replay

PATIENCE_S = 180.0


async def lived_through(broker: Broker, pack: Pack, sent: list[Sent], **more: object) -> Published:
    """Send records to a worker that runs in this process, and what is published when it has stopped."""
    scene = await Scene.on(broker, partitions=2, clock="log", **more)
    settings = scene.settings
    plane = DataPlane(pack, settings, Telemetry(), settings.partitions)
    await plane.start()
    try:
        async with producer(settings) as client:
            await asyncio.gather(*[await send(client, settings.topics, each) for each in sent])
        until_s = running_seconds() + PATIENCE_S
        while True:
            published = await collect(broker.address, settings.topics, 2, group=settings.group)
            if worked_through(published):
                break
            assert running_seconds() < until_s, plane.shards()
            await asyncio.sleep(0.2)
    finally:
        await plane.stop()
    while published.stable != published.ends or not worked_through(published):
        published = await collect(broker.address, settings.topics, 2, group=settings.group)
    return await collect(broker.address, settings.topics, 2, group=settings.group)


@pytest.mark.parametrize("number", range(3))
async def test_random_events_through_the_live_worker(
    broker: Broker, tmp_path: Path, seed_bases: tuple[int, int], number: int
) -> None:
    """S4.5, S9, S10"""
    seed = seed_bases[1] + number
    events = random_events(seed, crowd=4)
    published = await lived_through(
        broker, events.pack, list(events.sent), batch_records_max=(7, 1000)[number % 2]
    )
    assert_exactly_once(published, events.pack)
    assert kinds_of(published) >= {"Changed", "Categories", "Batch"}
    assert bodies(published) == replayed(published, events.pack, tmp_path)


def test_file_replay_in_the_order_of_the_journal(tmp_path: Path, seed_bases: tuple[int, int]) -> None:
    """S10, without a broker"""
    for seed in range(seed_bases[0], seed_bases[0] + 5):
        events = random_events(seed)
        published = publish(events.pack, events.sent, seed=seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert bodies(published) == replayed(published, events.pack, folder), seed


@pytest.mark.parametrize("name", catalog())
async def test_the_cases_of_a_catalog_pack_through_the_live_worker(
    broker: Broker, tmp_path: Path, name: str
) -> None:
    """All at once, each with customers of its own."""
    path = catalog()[name]
    pack = load_pack(path.read_text("utf-8"), str(path))
    sent = [
        each
        for file in sorted(path.parent.glob("cases/*.txt"))
        for number, case in enumerate(read_cases(file.read_text("utf-8"), file.name, pack))
        for item in case.inputs
        if isinstance(item, EventInput)
        for each in [as_sent(item.raw, pack, f"{file.stem}-{number}-")]
    ]
    published = await lived_through(broker, pack, sorted(sent, key=lambda each: each.timestamp_ms))
    assert_exactly_once(published, pack)
    assert bodies(published) == replayed(published, pack, tmp_path)
    assert sum(len(published.of("changes", p)) for p in range(2)) > len(sent) // 2


def as_sent(raw: bytes, pack: Pack, prefix: str) -> Sent:
    """An event of a case as a record, sent when it occurred, its customer renamed to be the case's own."""
    decoded = decode_event(raw, pack)
    if not isinstance(decoded, Event):
        return Sent("orders", 0, 0, key_of(raw), raw)
    fields = json.loads(raw) | {"customer_id": prefix + decoded.customer_id}
    key = fields["customer_id"].encode()
    place = partition_of(key, 2)
    return Sent(decoded.topic, place, decoded.occurred_us // 1000 + 1, key, json.dumps(fields).encode())


def bodies(published: Published) -> dict[tuple[str, str], list[bytes]]:
    """What was published of each customer, by kind."""
    found: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for role in ("changes", "pending"):
        for shard in range(published.partitions):
            for record in published.of(role, shard):
                fields = json.loads(record.value or b"")
                kind = "erased" if fields.get("type") == "customer.erased" else role
                found[kind, fields["customer_id"]].append(record.value or b"")
    return dict(found)


def replayed(published: Published, pack: Pack, folder: Path) -> dict[tuple[str, str], list[bytes]]:
    """What a replay of files in order of arrival says of the events that the shards took, in their order."""
    found: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for shard in range(published.partitions):
        lines: list[bytes] = []
        for entry in journal_of(published, shard):
            for _, record in records_of(published, shard, entry):
                # what only a record of a topic can have wrong is no line of a file
                decoded = decode_event(
                    record.value or b"", pack, key=record.key, timestamp_us=record.timestamp_ms * 1000
                )
                if isinstance(decoded, Event):
                    lines.append((record.value or b"").replace(b"\n", b" "))
            lines += [b'{"tick": "%s"}' % each.period.encode() for each in entry.ticks if each.first == 0]
        events, out = folder / f"shard-{shard}.ndjson", folder / f"out-{shard}"
        events.write_bytes(b"".join(line + b"\n" for line in lines))
        replay(pack, [events], out, order="arrival")
        for name, kind in (("changes", "changes"), ("pending", "pending"), ("erased", "erased")):
            for line in (out / f"{name}.ndjson").read_bytes().splitlines():
                found[kind, json.loads(line)["customer_id"]].append(line)
    return dict(found)
