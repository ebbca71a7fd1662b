"""Commands of a running service, run as a user would, on topics of a test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from aiokafka.structs import ConsumerRecord

from tests.live.topics import Scene
from workers.broker.broker import Broker
from workers.cli import main


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Desk:
    """Where a test fills topics, runs commands on them, and reads what they wrote."""

    def __init__(
        self, broker: Broker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **more: Any
    ) -> None:
        self.scene = asyncio.run(Scene.on(broker, **more))
        self._capsys = capsys
        for name, value in self.scene.settings.to_environment().items():
            monkeypatch.setenv(name, value)

    def fill(self, topic: str, bodies: Iterable[Mapping[str, Any]], partition: int = 0) -> None:
        """Write messages, each keyed by its customer."""
        records = [(str(each["customer_id"]).encode(), orjson.dumps(each)) for each in bodies]
        asyncio.run(self.scene.send(topic, records, partition=partition))

    def run(self, *words: str) -> Said:
        """Run a command line."""
        self._capsys.readouterr()
        code = main.run(list(words))
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def read(self, topic: str) -> list[ConsumerRecord]:
        """What stands in a topic."""
        return asyncio.run(self.scene.read(topic))


@pytest.fixture
def desk(broker: Broker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Topics of two partitions each."""
    return Desk(broker, monkeypatch, capsys)
