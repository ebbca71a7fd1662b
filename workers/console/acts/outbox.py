"""Where decisions go: events into the customers' topic, records of dead letters where they came from."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from workers.acting.decisions import Written, write
from workers.cli.errors import UserError
from workers.kafka.opened import open_consumer, partitions_of
from workers.letters.letter import Letter
from workers.letters.reading import Wanted, read_letters
from workers.letters.redriving import plan_redrive, send_again
from workers.settings.live import LiveSettings


class AwayError(Exception):
    """No broker answers; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of letters: how many records were sent, why others were not, by reason."""

    sent: int
    left: dict[str, int]


class Outbox(Protocol):
    """What the console writes to."""

    def write(self, events: Sequence[dict[str, Any]], at_ms: int) -> Written:
        """Write events; raises AwayError."""

    def send_again(self, sources: Collection[tuple[str, int]], since_ms: int, *, fix_key: bool) -> Sent:
        """Send the records of letters again, known by TOPIC/PARTITION and offset of the record."""


class KafkaOutbox:
    """The topics of a service; every call has clients of its own, so that none is left half open."""

    def __init__(self, settings: LiveSettings) -> None:
        self._settings = settings

    def write(self, events: Sequence[dict[str, Any]], at_ms: int) -> Written:
        """Write events as the commands do."""
        try:
            return asyncio.run(write(self._settings, events, at_ms))
        except UserError as error:
            raise AwayError(error.message) from error

    def send_again(self, sources: Collection[tuple[str, int]], since_ms: int, *, fix_key: bool) -> Sent:
        """Send records as their letters hold them; no letter was written before `since_ms`."""
        try:
            return asyncio.run(self._send_again(frozenset(sources), since_ms, fix_key=fix_key))
        except UserError as error:
            raise AwayError(error.message) from error

    async def _send_again(self, sources: frozenset[tuple[str, int]], since_ms: int, *, fix_key: bool) -> Sent:
        letters: list[Letter] = []
        async for each in read_letters(self._settings, Wanted(since_ms=since_ms)):
            if (f"{each.source.topic}/{each.source.partition}", each.source.offset) in sources:
                letters.append(each)  # noqa: PERF401 - a generator that waits is no list
        redrive = plan_redrive(letters, fix_key=fix_key)
        left = Counter(redrive.left)
        if len(letters) < len(sources):
            left["the letter is no longer in its topic"] += len(sources) - len(letters)
        if not redrive.sendings:
            return Sent(0, dict(left))
        topics = sorted({each.letter.source.topic for each in redrive.sendings})
        async with open_consumer(self._settings) as client:
            partitions = Counter(each.topic for each in await partitions_of(client, topics, self._settings))
        failed = await send_again(
            self._settings,
            redrive,
            partitions,
            keep_timestamp=self._settings.clock == "log",
            done=lambda _count: None,
        )
        left.update(why for _, why in failed)
        return Sent(len(redrive.sendings) - len(failed), dict(left))
