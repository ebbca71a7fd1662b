"""What the data plane makes of what the group gives it, without a broker."""

from __future__ import annotations

from collections.abc import Iterable

from tests.small_shop import PACK
from workers.live.service import DataPlane
from workers.live.shard import Shard
from workers.live.telemetry import Telemetry
from workers.settings.live import live_settings

SETTINGS = live_settings(partitions=2)
INPUTS = SETTINGS.topics.inputs


class Refused:
    """A reader to which some topics are not shown."""

    def __init__(self, *topics: str) -> None:
        self.topics = set(topics)
        self.sought: set[tuple[str, int]] = set()

    def forbidden(self, topics: Iterable[str]) -> set[str]:
        return self.topics.intersection(topics)

    def pause(self, pairs: Iterable[tuple[str, int]]) -> None: ...
    def seek(self, topic: str, partition: int, offset: int) -> None:
        assert offset == 0, "a paused one, whatever it is"
        self.sought.add((topic, partition))


def plane_with(*refused: str) -> tuple[DataPlane, Telemetry]:
    telemetry = Telemetry()
    plane = DataPlane(PACK, SETTINGS, telemetry, 2)
    plane._reader = Refused(*refused)  # type: ignore[assignment]
    return plane, telemetry


async def test_a_shard_that_is_not_given_whole_has_failed_and_says_why() -> None:
    plane, telemetry = plane_with()
    await plane.assigned([(topic, 1) for topic in INPUTS[:3]])
    assert plane.shards() == {1: "failed"}
    assert "some of its topics and not all" in plane.reasons()[1]
    assert b'tierline_shard_state{shard="1",state="failed"} 1.0' in telemetry.text()
    await plane.assigned([])
    assert (plane.shards(), plane.reasons()) == ({}, {})
    assert b'shard="1"' not in telemetry.text()


async def test_every_partition_has_a_position_at_once() -> None:
    """One that has none would hold up all others of its broker, for as long as its shard is not ready."""
    plane, _ = plane_with()
    pairs = {(topic, 1) for topic in INPUTS[:3]}
    await plane.assigned(pairs)
    assert plane._reader.sought == pairs  # type: ignore[union-attr]


async def test_a_shard_that_ran_before_is_shown_as_failed_too() -> None:
    plane, telemetry = plane_with(INPUTS[1])
    plane._shards[0] = Shard(0, plane._around)
    await plane.assigned([(topic, 0) for topic in INPUTS if topic != INPUTS[1]])
    assert plane.shards() == {0: "failed"}
    assert b'tierline_shard_state{shard="0",state="failed"} 1.0' in telemetry.text()
    assert b'tierline_input_unreadable{reason="forbidden",shard="0",topic="orders"} 1.0' in telemetry.text()


async def test_a_topic_that_is_not_shown_to_the_group_is_named() -> None:
    plane, telemetry = plane_with(INPUTS[1])
    await plane.assigned([(topic, 0) for topic in INPUTS if topic != INPUTS[1]])
    assert f"does not let this user read `{INPUTS[1]}`" in plane.reasons()[0]
    figure = b'tierline_input_unreadable{reason="forbidden",shard="0",topic="orders"} 1.0'
    assert figure in telemetry.text()


async def test_a_worker_to_which_no_input_is_shown_does_not_stand_by_as_if_all_were_well() -> None:
    plane, _ = plane_with(*INPUTS)
    await plane.assigned([])
    assert plane.shards() == {0: "failed", 1: "failed"}
