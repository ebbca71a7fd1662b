"""Sending history to Kafka at a pace: so much of the log's time in a second of ours."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby
from pathlib import Path

import orjson

from workers.cli.errors import UserError
from workers.clock import running_seconds
from workers.kafka.opened import open_producer
from workers.kafka.partitioner import partition_of
from workers.settings.live import LiveSettings

DAY_MS = 86_400_000

_PACE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(m|h|d)/s")
_UNIT_S = {"m": 60, "h": 3_600, "d": 86_400}
#: How often something is sent.
_STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class Record:
    """An event as it goes into its topic."""

    timestamp_ms: int
    role: str
    customer: str
    value: bytes


def read_pace(text: str) -> float | None:
    """Seconds of the log's time in one second, of `5d/s`, `12h/s` or `30m/s`; None for `max`.

    Raises UserError.
    """
    if text == "max":
        return None
    match = _PACE.fullmatch(text)
    if match is None or not float(match[1]):
        raise UserError(f"`--pace {text}` is no pace: write `5d/s` for five days a second, `12h/s`, or `max`")
    return float(match[1]) * _UNIT_S[match[2]]


def read_events(files: Mapping[str, Path]) -> Iterator[Record]:
    """The events of files, each in the order of time, as one stream in that order; by role of their topic."""
    return merge(*(_lines(role, path) for role, path in files.items()), key=lambda each: each.timestamp_ms)


async def feed(
    settings: LiveSettings,
    events: Iterator[Record],
    partitions: int,
    pace: float | None,
    told: Callable[[int, int], None],
) -> None:
    """Send the events, each with the time it occurred as its timestamp.

    They go in slices of the log's time, of a day at most, and a slice is begun when the broker has all of the
    one before: so no topic is ever more than a day behind another. `told` is given how many were sent and the
    latest timestamp.
    """
    slice_ms = DAY_MS if pace is None else max(1, min(DAY_MS, round(pace * _STEP_S * 1000)))
    topics = settings.topics.by_role()
    places: dict[str, tuple[bytes, int]] = {}
    sent = 0
    first: tuple[float, int] | None = None
    async with open_producer(settings) as client:
        for number, slice_ in groupby(events, key=lambda each: each.timestamp_ms // slice_ms):
            first = first or (running_seconds(), number)
            if pace is not None:
                due_s = first[0] + (number - first[1]) * slice_ms / 1000 / pace
                await asyncio.sleep(max(0.0, due_s - running_seconds()))
            waiting = []
            latest = 0
            for each in slice_:
                place = places.get(each.customer)
                if place is None:
                    key = each.customer.encode()
                    place = places[each.customer] = key, partition_of(key, partitions)
                waiting.append(
                    await client.send(
                        topics[each.role],
                        each.value,
                        place[0],
                        partition=place[1],
                        timestamp_ms=each.timestamp_ms,
                    )
                )
                latest = each.timestamp_ms
            await asyncio.gather(*waiting)
            sent += len(waiting)
            told(sent, latest)


def timestamp_ms(event: Mapping[str, str]) -> int:
    """When an event occurred, in ms since 1970."""
    return int(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1000)


def _lines(role: str, path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        for line in file:
            event = orjson.loads(line)
            yield Record(timestamp_ms(event), role, event["customer_id"], line.rstrip(b"\n"))
