"""Event files in the input topics: each record whole, at its place and time, and nothing lost silently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiokafka.structs import ConsumerRecord
from typer.testing import CliRunner

from tests.live.topics import Scene, own_settings
from workers.broker.broker import Broker
from workers.cli.main import build
from workers.feed.feeder import Feeder, home_of
from workers.feed.pace import Pace, read_pace
from workers.files.sources import find_event_files
from workers.kafka.partitioner import partition_of

PARTITIONS = 3
FIRST_US = 1_772_323_200_000_000
DAY_US = 86_400_000_000


def line(kind: str, day: int, customer: str, **more: object) -> bytes:
    fields = {"event_id": f"{kind}-{day}-{customer}", "type": kind, "customer_id": customer, **more}
    return json.dumps({"occurred_at": f"2026-03-{day + 1:02}T00:00:00.250Z", **fields}).encode()


@pytest.fixture
async def scene(broker: Broker) -> Scene:
    return await Scene.on(broker, partitions=PARTITIONS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten days of two topics, one file each."""
    orders = [line("order.completed", day, f"c{day % 4}", amount="12.00") for day in range(10)]
    payments = [line("payment.failed", day, f"c{day % 4}") for day in range(10)]
    (tmp_path / "orders.ndjson").write_bytes(b"\n".join(orders))
    (tmp_path / "payments.ndjson").write_bytes(b"\n".join(payments))
    return tmp_path


async def feed(scene: Scene, folder: Path, **options: object) -> Feeder:
    feeder = Feeder(scene.settings, find_event_files([folder]), PARTITIONS, **options)  # type: ignore[arg-type]
    async with feeder:
        await feeder.run()
    return feeder


def lines_of(records: list[ConsumerRecord]) -> list[bytes]:
    return sorted(record.value for record in records)


async def test_every_line_is_in_the_topic_of_its_type_as_it_stands(scene: Scene, folder: Path) -> None:
    await feed(scene, folder)
    for topic in ("orders", "payments"):
        sent = (folder / f"{topic}.ndjson").read_bytes().splitlines()
        assert lines_of(await scene.read(scene.topics.by_role()[topic])) == sorted(sent)


async def test_key_partition_and_timestamp_are_those_of_the_event(scene: Scene, folder: Path) -> None:
    await feed(scene, folder)
    records = await scene.read(scene.topics.orders, scene.topics.payments)
    assert len(records) == 20
    for record in records:
        event = json.loads(record.value)
        assert record.key == event["customer_id"].encode()
        assert record.partition == partition_of(record.key, PARTITIONS)
        day = int(event["event_id"].split("-")[1])
        assert record.timestamp == (FIRST_US + day * DAY_US) // 1000 + 250


async def test_records_of_a_customer_stay_in_their_order(scene: Scene, folder: Path) -> None:
    await feed(scene, folder)
    for customer in range(4):
        key = f"c{customer}".encode()
        days = [
            json.loads(record.value)["event_id"]
            for record in await scene.read(scene.topics.orders)
            if record.key == key
        ]
        assert days == sorted(days)


async def test_what_cannot_be_read_goes_without_a_key_where_its_file_says(scene: Scene, folder: Path) -> None:
    (folder / "feedback.ndjson").write_bytes(b"{not json\n" + line("feedback.new", 1, "c1") + b"\n[]\n")
    feeder = await feed(scene, folder)
    records = await scene.read(scene.topics.feedback)
    assert lines_of(records) == sorted([b"{not json", b"[]", line("feedback.new", 1, "c1")])
    assert {record.value: record.key for record in records}[b"{not json"] is None
    assert feeder.counts.unreadable == 2
    assert not feeder.counts.not_sent


async def test_what_has_no_topic_is_not_sent_but_counted_with_its_place(scene: Scene, folder: Path) -> None:
    (folder / "mixed.ndjson").write_bytes(
        line("order.placed", 1, "c1") + b"\n?\n" + line("new.type", 1, "c1")
    )
    (folder / "large.ndjson").write_bytes(line("order.placed", 1, "c1", note="x" * 1_100_000))
    counts = (await feed(scene, folder)).counts
    assert counts.sent.total() == 21
    assert counts.places == {
        "larger than Kafka takes": ["large.ndjson:1"],
        "not JSON, and no topic is known": ["mixed.ndjson:2"],
        "of an unknown type, and no topic is known": ["mixed.ndjson:3"],
    }


async def test_a_topic_that_is_named_takes_what_says_none(scene: Scene, folder: Path) -> None:
    (folder / "mixed.ndjson").write_bytes(b"?\n" + line("new.type", 1, "c1"))
    counts = (await feed(scene, folder, home="customers")).counts
    assert not counts.not_sent
    assert len(await scene.read(scene.topics.customers)) == 2


async def test_feeding_goes_up_to_an_instant_and_on_from_there(scene: Scene, folder: Path) -> None:
    async with Feeder(scene.settings, find_event_files([folder]), PARTITIONS) as feeder:
        assert await feeder.send_until(FIRST_US + 3 * DAY_US) == 6
        assert len(await scene.read(scene.topics.orders, scene.topics.payments)) == 6
        assert await feeder.next_time_us() == FIRST_US + 3 * DAY_US + 250_000
        assert await feeder.send_until(most=5) == 5
        assert await feeder.send_until() == 9
        assert await feeder.next_time_us() is None


@pytest.mark.parametrize("pace", [Pace(log_us_per_s=100 * DAY_US), Pace(events_per_s=500)])
async def test_a_pace_leaves_nothing_out(scene: Scene, folder: Path, pace: Pace) -> None:
    steps: list[int] = []
    async with Feeder(scene.settings, find_event_files([folder]), PARTITIONS) as feeder:
        await feeder.run(pace, lambda taken, _: steps.append(taken))
    assert sum(steps) == 20
    assert len(await scene.read(scene.topics.orders, scene.topics.payments)) == 20


async def test_timestamps_may_be_the_time_of_sending(scene: Scene, folder: Path) -> None:
    await feed(scene, folder, now=True)
    records = await scene.read(scene.topics.orders)
    assert min(record.timestamp for record in records) > (FIRST_US + 10 * DAY_US) // 1000


def test_the_command_makes_topics_sends_and_says_what_it_did(
    broker: Broker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in own_settings(broker).to_environment().items():
        monkeypatch.setenv(name, value)
    (folder / "mixed.ndjson").write_bytes(b"?\n")
    result = CliRunner().invoke(build(["produce"]), ["produce", str(folder)])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "orders               10",
        "payments             10",
        "sent                 20",
        "",
        "not sent: 1 not JSON, and no topic is known, such as mixed.ndjson:1",
        "name their topic with --topic, or in the name of the file, such as orders-2026.ndjson",
    ]


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("orders.ndjson", "orders"),
        ("2026-03-Payments.parquet", "payments"),
        ("customers_7.jsonl.gz", "customers"),
        ("reorders.ndjson", None),
        ("orders-and-payments.ndjson", None),
        ("events.ndjson", None),
    ],
)
def test_a_file_name_says_a_topic(name: str, topic: str | None) -> None:
    assert home_of(Path(name)) == topic


def test_a_pace_is_time_or_events_a_second() -> None:
    assert read_pace("5d/s") == Pace(log_us_per_s=5 * DAY_US)
    assert read_pace("2000/s") == Pace(events_per_s=2000)
    assert read_pace("max") == Pace()
