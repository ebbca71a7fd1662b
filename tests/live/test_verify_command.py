"""`tierline verify` as a user types it: over what a service really published, and over what it did not."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from rules.language.model import Pack
from schemas.journal import JournalRecord
from tests.live.commands import Desk, desk
from tests.live.histories import EventSet, random_events
from tests.live.pretended import publish
from tests.live.published import INPUTS, Published, Record
from tests.live.topics import Scene
from workers.live.service import DataPlane
from workers.live.telemetry import Telemetry

__all__ = ["desk"]

SEED = 11
WAIT_S = 120.0


@pytest.fixture
def events(tmp_path: Path) -> EventSet:
    return random_events(SEED, crowd=5)


@pytest.fixture
def pack_file(events: EventSet, tmp_path: Path) -> str:
    path = tmp_path / "pack.yaml"
    path.write_text(events.text, encoding="utf-8")
    return str(path)


async def _serve(scene: Scene, pack: Pack, events: EventSet) -> None:
    """Send all events, let a worker take them, and stop it in good order."""
    names = scene.topics.by_role()
    for each in events.sent:
        record = [(each.key, each.value)]
        await scene.send(names[each.role], record, partition=each.partition, timestamp_ms=each.timestamp_ms)
    plane = DataPlane(pack, scene.settings, Telemetry(), partitions=2)
    await plane.start()
    try:
        async with asyncio.timeout(WAIT_S):
            while await _taken(scene) < len(events.sent):
                await asyncio.sleep(0.2)
    finally:
        await plane.stop()


async def _taken(scene: Scene) -> int:
    """How many records are in a batch of the journal."""
    journal = await scene.read(scene.topics.journal)
    return sum(JournalRecord.model_validate_json(each.value).counts.records for each in journal)


def test_what_a_worker_published_is_verified_and_one_message_more_is_found(
    desk: Desk, events: EventSet, pack_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"CLOCK": "log", "TICK_DELAY_S": "0", "INSTANCE_ID": "one"}.items():
        monkeypatch.setenv(f"TIERLINE_{name}", value)
    settings = desk.scene.settings.model_copy(
        update={"clock": "log", "tick_delay_s": 0.0, "instance_id": "one"}
    )
    asyncio.run(_serve(Scene(settings), events.pack, events))
    said = desk.run("verify", "--from-journal", "--rules", pack_file)
    assert (said.code, said.lines[-1]) == (0, "everything published follows from the inputs, byte for byte")
    assert [line.split(":")[0] for line in said.lines[:-1]] == ["shard 0", "shard 1"]
    said = desk.run("verify", "--from-snapshot", "--rules", pack_file)
    assert (said.code, said.err) == (0, "")
    changes = desk.read(desk.scene.topics.changes)
    forged = next(each for each in changes if each.partition == 1)
    asyncio.run(desk.scene.send(desk.scene.topics.changes, [(forged.key, forged.value)], partition=1))
    said = desk.run("verify", "--rules", pack_file)
    assert said.code == 1
    assert "is in no batch of the journal" in said.out
    assert said.lines[-1] == "1 of 2 shards differ from what the inputs give"
    said = desk.run("verify", "--rules", pack_file, "--shard", "0")
    assert said.code == 0


def _without_gaps(published: Published) -> Published:
    """The same with the offsets that a broker gives when nothing is aborted."""
    found = copy.deepcopy(published)
    for shard in range(found.partitions):
        offsets = [[record.offset for record in published.of(role, shard)] for role in INPUTS]
        for place, record in enumerate(log := found.of("journal", shard)):
            body = orjson.loads(record.value or b"")
            for each, known in zip(body["inputs"], offsets, strict=True):
                each |= {end: sum(offset < each[end] for offset in known) for end in ("from", "to")}
            log[place] = replace(record, value=orjson.dumps(body))
    return found


async def _publish(scene: Scene, published: Published) -> None:
    """Write it all into the topics of a broker."""
    names = scene.topics.by_role()
    renamed = {ours: names[role] for role, ours in published.names.items()}
    for (role, partition), records in published.records.items():
        for record in records:
            value = record.value
            if role == "journal":
                body = orjson.loads(value or b"")
                body["inputs"] = [each | {"topic": renamed[each["topic"]]} for each in body["inputs"]]
                value = orjson.dumps(body)
            await scene.send(
                names[role],
                [(record.key, value)],
                partition=partition,
                timestamp_ms=record.timestamp_ms if role in INPUTS else None,
            )


def _wrong_hash(published: Published, number: int) -> str:
    log = published.of("journal", 0)
    log[number - 1] = _with(log[number - 1], hash="f" * 64)
    return "its hash is not that of what the inputs give"


def _forged_change(published: Published, number: int) -> str:
    log = published.of("changes", 0)
    place = _place(log, number)
    log[place] = _with(log[place], to="nowhere")
    return f"offset {place} of `{{changes}}/0` (message 1 of "


def _missing_change(published: Published, number: int) -> str:
    log = published.of("changes", 0)
    place = _place(log, number)
    del log[place]
    return f"is missing before offset {place} of `{{changes}}/0`"


def _missing_range(published: Published, number: int) -> str:
    log = published.of("journal", 0)
    inputs = orjson.loads(log[number - 1].value or b"")["inputs"]
    taken = next(each for each in inputs if each["to"] > each["from"])
    taken["from"] += 1
    log[number - 1] = _with(log[number - 1], inputs=inputs)
    return f"it leaves out offsets {taken['from'] - 1} to {taken['from'] - 1} of "


def _with(record: Record, **fields: object) -> Record:
    return replace(record, value=orjson.dumps(orjson.loads(record.value or b"") | fields))


def _place(log: list[Record], number: int) -> int:
    return next(i for i, each in enumerate(log) if each.header("tierline_batch") == str(number))


@pytest.mark.parametrize("tamper", [_wrong_hash, _forged_change, _missing_change, _missing_range])
def test_what_was_tampered_with_is_located(
    desk: Desk, events: EventSet, pack_file: str, tamper: Callable[[Published, int], str]
) -> None:
    published = _without_gaps(publish(events.pack, events.sent, seed=SEED))
    numbers = [int(each.header("tierline_batch") or 0) for each in published.of("changes", 0)]
    # one with records of its own: what a tick brings is not what is looked for here
    journal = [orjson.loads(each.value or b"") for each in published.of("journal", 0)]
    number = next(each for each in numbers[3:] if journal[each - 1]["counts"]["records"])
    what = tamper(published, number)
    asyncio.run(_publish(desk.scene, published))
    said = desk.run("verify", "--rules", pack_file, "--shard", "0")
    assert said.code == 1
    where = f"(offset {number - 1} of `{desk.scene.topics.journal}/0`)"
    located = next(line for line in said.lines if line.startswith("shard 0 differs"))
    assert located.startswith(f"shard 0 differs at journal record {number} {where}: ")
    assert what.format(changes=desk.scene.topics.changes) in located


def test_topics_in_which_nothing_was_published_are_equal(desk: Desk) -> None:
    said = desk.run("verify", "--rules", "shop")
    assert (said.code, said.lines[-1]) == (0, "nothing has been published yet")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rules", "shop", "--shard", "2"), "there is no shard 2: "),
        (("--rules", "no-such-pack"), "there is no pack `no-such-pack`"),
        (("--rules", "shop", "--brokers", "127.0.0.1:1"), "no broker answers at `127.0.0.1:1`"),
    ],
)
def test_mistakes_are_told(desk: Desk, words: tuple[str, ...], message: str) -> None:
    said = desk.run("verify", *words)
    assert said.code == 2
    assert message in said.err
