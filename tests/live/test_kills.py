"""Workers and brokers killed for real, at any moment and at every step: exactly once all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.storm import SESSION_MS, TRANSACTION_MS, Storm, shown
from tests.live.topics import Scene
from workers.broker.broker import Broker

RULES = Path(__file__).parent.parent / "data" / "retail.yaml"
WORKER_KINDS = ("kill", "kill", "fault", "fault", "zombie", "leave", "join")
BROKER_KINDS = ("broker kill", "broker restart")


async def survive(
    broker: Broker, folder: Path, seed: int, mishaps: int, kinds: tuple[str, ...], partitions: int = 3
) -> None:
    scene = await Scene.on(
        broker,
        partitions=partitions,
        clock="log",
        session_timeout_ms=SESSION_MS,
        transaction_timeout_ms=TRANSACTION_MS,
        snapshot_interval_s=3,
    )
    storm = Storm(broker, scene.settings, folder, seed, RULES)
    outcome = await storm.rage(mishaps, kinds=kinds)
    print(*shown(outcome), sep="\n")
    assert not outcome.found, "\n".join(shown(outcome))


async def test_a_few_kills(kafka_broker: Broker, tmp_path: Path, seed_bases: tuple[int, int]) -> None:
    await survive(kafka_broker, tmp_path, seed_bases[1], 4, ("kill", "fault"), partitions=2)


@pytest.mark.slow
async def test_thirty_kills_stops_and_rebalances(
    kafka_broker: Broker, tmp_path: Path, seed_bases: tuple[int, int]
) -> None:
    await survive(kafka_broker, tmp_path, seed_bases[1], 25, WORKER_KINDS)


@pytest.mark.slow
async def test_the_broker_is_killed_and_restarted_too(
    private_broker: Broker, tmp_path: Path, seed_bases: tuple[int, int]
) -> None:
    if not private_broker.survives_kill:
        pytest.skip("the embedded broker forgets acknowledged records when it is restarted under load")
    await survive(private_broker, tmp_path, seed_bases[1], 8, ("kill", "fault", *BROKER_KINDS))
