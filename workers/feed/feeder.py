"""Sends the records of event files to the input topics, at a pace or as fast as it goes.

Everything of one step, a day of the log at most, is in Kafka before anything of the next is sent: so no topic
is ever further ahead of another than that, however many there are.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError
from numpy.typing import NDArray

from rules.calendar import DAY_US
from rules.engine.event import TOPICS, Topic
from workers.cli.errors import UserError
from workers.clock import running_seconds, unix_seconds
from workers.feed.heads import NO_TIME, UNREADABLE
from workers.feed.merge import Slab, merged
from workers.feed.pace import AS_FAST_AS_IT_GOES, Pace
from workers.files.sources import EventFile
from workers.kafka.batches import send
from workers.kafka.messages import Messages, Spans
from workers.kafka.opened import open_producer, told
from workers.kafka.partitioner import partitions_of
from workers.settings.live import LiveSettings

I64 = NDArray[np.int64]

#: Kafka takes records of up to a megabyte; the rest is for what it puts around them.
RECORD_BYTES_MAX = 1_000_000
#: A paced feeder sends so often.
STEP_S = 0.1
_PLACES_MAX = 5
_TOPIC_IN_NAME = re.compile(rf"(?<![a-z])({'|'.join(TOPICS)})(?![a-z])")


def home_of(file: Path) -> Topic | None:
    """The topic that a file's name says, such as `orders-2026.ndjson`; None if it says none, or several."""
    found = {topic for topic in TOPICS if topic in _TOPIC_IN_NAME.findall(file.name.lower())}
    return found.pop() if len(found) == 1 else None


@dataclass
class Counts:
    """What has been sent and what has not."""

    sent: Counter[str] = field(default_factory=Counter)  # by role of the topic
    unreadable: int = 0  # sent without a key, for the worker to put aside
    not_sent: Counter[str] = field(default_factory=Counter)  # by reason
    places: dict[str, list[str]] = field(default_factory=dict)  # the first few that were not sent, by reason

    def leave_out(self, reason: str, count: int, places: Sequence[str]) -> None:
        """Count records that were not sent."""
        self.not_sent[reason] += count
        known = self.places.setdefault(reason, [])
        known.extend(places[: _PLACES_MAX - len(known)])


class Feeder:
    """The records of event files on their way to Kafka; `async with` it.

    `home` is the topic of records that say no type that is known; else the name of their file says it.
    `now`: records get the time of sending as their timestamp, and not the time at which they occurred.
    """

    def __init__(
        self,
        settings: LiveSettings,
        files: Sequence[EventFile],
        partitions: int,
        *,
        home: Topic | None = None,
        now: bool = False,
    ) -> None:
        self.counts = Counts()
        self._settings = settings
        self._files = list(files)
        self._partitions = partitions
        self._now = now
        self._slabs = merged(self._files, [home or home_of(file.path) for file in files])
        self._slab: Slab | None = None
        self._opening = open_producer(settings)
        self._producer: AIOKafkaProducer | None = None
        by_role = settings.topics.by_role()
        self._topics = [by_role[topic] for topic in TOPICS]

    async def __aenter__(self) -> Self:
        self._producer = await self._opening.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opening.__aexit__(kind, error, trace)

    async def next_time_us(self) -> int | None:
        """The time of the next record to be sent; None at the end."""
        while self._slab is None or not self._slab.size:
            self._slab = await asyncio.to_thread(next, self._slabs, None)
            if self._slab is None:
                return None
        return int(self._slab.time_us[0])

    async def send_until(self, until_us: int | None = None, most: int | None = None) -> int:
        """Send what comes before a time, or so many records if that is fewer; Kafka has them on return.

        Returns how many were taken from the files. Raises UserError where Kafka refuses them.
        """
        taken = 0
        while (time_us := await self.next_time_us()) is not None and (until_us is None or time_us < until_us):
            slab = self._slab
            if slab is None or taken == most:
                break
            end = slab.size if until_us is None else int(np.searchsorted(slab.time_us, until_us))
            if most is not None:
                end = min(end, most - taken)
            self._slab = slab.cut(end, slab.size)
            await self._send(slab.cut(0, end))
            taken += end
        return taken

    async def run(
        self, pace: Pace = AS_FAST_AS_IT_GOES, tell: Callable[[int, int], None] | None = None
    ) -> Counts:
        """Send everything; `tell` hears after each step how many records it took, and until when (us)."""
        started = running_seconds()
        first_us = await self.next_time_us()
        taken = 0
        while (time_us := await self.next_time_us()) is not None and first_us is not None:
            until_us, most = (time_us // DAY_US + 1) * DAY_US, None
            if pace.log_us_per_s or pace.events_per_s:
                ran = running_seconds() - started + STEP_S
                if pace.log_us_per_s:
                    until_us = min(until_us, first_us + int(ran * pace.log_us_per_s))
                if pace.events_per_s:
                    most = max(0, int(ran * pace.events_per_s) - taken)
                if until_us <= time_us or most == 0:
                    await asyncio.sleep(STEP_S)
                    continue
            step = await self.send_until(until_us, most)
            taken += step
            if tell is not None:
                tell(step, until_us)
        return self.counts

    async def _send(self, slab: Slab) -> None:
        """Send records and wait until Kafka has them."""
        slab = self._sendable(slab)
        if not slab.size or self._producer is None:
            return
        partition = partitions_of(slab.text, slab.key_start, np.maximum(slab.key_length, 0), self._partitions)
        # without a key any partition will do, and always the same one is easier to find again
        partition = np.where(slab.key_length < 0, slab.position % self._partitions, partition)
        slot = slab.topic * self._partitions + partition
        order = np.argsort(slot, kind="stable")
        bounds = np.searchsorted(slot[order], np.arange(len(TOPICS) * self._partitions + 1))
        times_ms = self._times_ms(slab)
        try:
            await asyncio.gather(
                *(
                    self._send_slot(slab, order[bounds[place] : bounds[place + 1]], times_ms, place)
                    for place in np.flatnonzero(np.diff(bounds)).tolist()
                )
            )
        except KafkaError as error:
            raise UserError(*self._refusal(error)) from error
        for topic, count in enumerate(np.bincount(slab.topic, minlength=len(TOPICS)).tolist()):
            self.counts.sent[TOPICS[topic]] += count

    async def _send_slot(self, slab: Slab, rows: I64, times_ms: I64, slot: int) -> None:
        """Send the records of one partition in their order."""
        if self._producer is None:
            return
        messages = Messages(
            self._topics[slot // self._partitions],
            Spans(slab.text, slab.key_start[rows], slab.key_length[rows]),
            Spans(slab.text, slab.value_start[rows], slab.value_length[rows]),
            (),
            (),
            int(times_ms[rows].min()),
            times_ms=times_ms[rows],
        )
        partition = slot % self._partitions
        await asyncio.gather(*await send(self._producer, messages, partition, transactional=False))

    def _times_ms(self, slab: Slab) -> I64:
        """The timestamps of records."""
        if self._now:
            return np.full(slab.size, int(unix_seconds() * 1000), np.int64)
        return np.where(slab.occurred_us == NO_TIME, slab.time_us, slab.occurred_us) // 1000

    def _sendable(self, slab: Slab) -> Slab:
        """The records that have a topic and are not too large; the others are counted."""
        large = slab.value_length + slab.key_length > RECORD_BYTES_MAX
        homeless = (slab.topic < 0) & ~large
        self.counts.unreadable += int(((slab.key_length < 0) & ~large & ~homeless).sum())
        reasons = {
            "larger than Kafka takes": large,
            "not JSON, and no topic is known": homeless & (slab.topic == UNREADABLE),
            "of an unknown type, and no topic is known": homeless & (slab.topic != UNREADABLE),
        }
        for reason, which in reasons.items():
            rows = np.flatnonzero(which)
            if rows.size:
                self.counts.leave_out(
                    reason, rows.size, [self._place(slab, row) for row in rows[:_PLACES_MAX]]
                )
        left = large | homeless
        return Slab(slab.text, *(column[~left] for column in slab[1:])) if left.any() else slab

    def _place(self, slab: Slab, row: int) -> str:
        return f"{self._files[int(slab.file[row])].name}:{int(slab.position[row])}"

    def _refusal(self, error: KafkaError) -> tuple[str, str | None]:
        if isinstance(error, InvalidTimestampError):
            return (
                "the broker refuses timestamps that lie ahead of its clock",
                "send them with `--timestamps now`, or set message.timestamp.after.max.ms of the topics",
            )
        return f"the broker at `{self._settings.brokers}` does not take the records: {told(error)}", None
