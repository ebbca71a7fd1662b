"""Topics as a broker tells of them that has just started: it answers before it knows which there are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from workers.kafka import topics
from workers.kafka.topics import create_topics, ready_topics
from workers.settings.live import LiveSettings, live_settings

_EXISTS_ALREADY = 36


class Behind:
    """A client of a broker that knows no topics when first asked, and then all, with so many partitions."""

    def __init__(self, settings: LiveSettings, partitions: int) -> None:
        self._names = list(settings.topics.by_role().values())
        self._partitions = partitions
        self._asked = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def describe_topics(self) -> list[dict[str, Any]]:
        self._asked += 1
        parts = [{"leader": 1}] * self._partitions
        return [{"topic": name, "partitions": parts} for name in self._names] if self._asked > 1 else []

    async def describe_configs(self, _: object) -> list[Any]:
        return []

    async def create_topics(self, new: list[Any]) -> SimpleNamespace:
        return SimpleNamespace(topic_errors=[(each.name, _EXISTS_ALREADY, None) for each in new])


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> LiveSettings:
    settings = live_settings(brokers="nowhere:9092", partitions=8)
    monkeypatch.setattr(topics, "admin", lambda settings: Behind(settings, partitions=3))
    return settings


async def test_nothing_is_missing_only_because_a_broker_is_behind(settings: LiveSettings) -> None:
    assert await ready_topics(settings, create=False) == 3


async def test_what_is_there_already_keeps_its_partitions(settings: LiveSettings) -> None:
    assert await create_topics(settings) == (3, [], [])
