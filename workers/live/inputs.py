"""Whether the inputs of a shard can be read on from where it stands, before it says that it is ready.

A gap is never skipped: what retention has deleted unread could change every class that comes after. So a
shard whose inputs cannot be read fails, says why, and tries again as failed shards do; it goes on where it
stood once the cause is gone. A broker that is away is another matter: it is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from rules.engine.event import TOPICS
from workers.clock import running_seconds
from workers.kafka.unreadable import Unreadable
from workers.live.ports import Pair, Reading
from workers.live.telemetry import Telemetry
from workers.logs import logger
from workers.settings.topics import TopicNames

log = logger("inputs")

_READ_S: Final = 0.05
#: An input that has said nothing for so long has no leader now, and is waited for by whoever reads it.
_PATIENCE_S: Final = 5.0


async def look(make_reader: Callable[[], Reading], positions: Mapping[Pair, int]) -> None:
    """Ask for what comes at each position. Raises `Unreadable` where that is not to be had."""
    reader = make_reader()
    await reader.start()
    try:
        reader.assign(positions)
        until_s = running_seconds() + _PATIENCE_S
        while silent := [pair for pair in positions if reader.end(*pair) is None]:
            if running_seconds() > until_s:
                places = ", ".join(f"{topic}/{partition}" for topic, partition in silent)
                log.warning("an input does not answer; it is waited for", inputs=places)
                return
            await reader.read(_READ_S)
    finally:
        await reader.stop()


class Troubles:
    """What keeps one shard from its inputs: told in the log once, and in the figures all the time."""

    def __init__(self, shard: int, topics: TopicNames, telemetry: Telemetry) -> None:
        self._shard, self._inputs, self._telemetry = shard, topics.inputs, telemetry
        self._told = ""

    def tell(self, error: Unreadable) -> None:
        """An input cannot be read."""
        topic = error.topic or "all"
        if topic in self._inputs:
            topic = TOPICS[self._inputs.index(topic)]
        self._telemetry.input_unreadable(self._shard, topic, error.reason)
        if error.message != self._told:
            self._told = error.message
            log.error("shard cannot read an input", shard=self._shard, reason=error.message)

    def over(self) -> None:
        """All inputs can be read."""
        self._telemetry.inputs_readable(self._shard)
        if self._told:
            self._told = ""
            log.info("shard reads its inputs again", shard=self._shard)
