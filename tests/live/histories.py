"""Random event sets as records of topics: late, doubled, out of order, and some of them poison."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from aiokafka.partitioner import murmur2

from rules.calendar import DAY_US
from rules.engine.event import Event
from rules.language.model import Pack
from tests.live.published import INPUTS
from tests.properties.chooser import Chooser, Seeded, chance
from tests.properties.histories import Input, line_of, random_inputs
from tests.properties.strategies import seeded_history

T = TypeVar("T")

HOUR_MS = 3_600_000
#: 2024-06-01; and so much later more customers appear.
_STORM_BEGINS_MS, _NEXT_LANE_MS = 1_717_200_000_000, 2 * HOUR_MS
#: What is no event, whatever the pack; a value of None is a tombstone.
POISON: tuple[bytes | None, ...] = (
    None,
    b"",
    b"{",
    b'{"event_id": "cut off',
    b"\xff\xfe{}",
    b"[]",
    b"null",
    b'{"event_id": "n", "type": "order.completed", "amount": NaN}',
    b'{"event_id": "x1", "type": "order.completed", "occurred_at": "yesterday", "customer_id": "A0"}',
    b'{"event_id": "x2", "type": "loyalty.joined", "customer_id": "A0"}',
    b'{"event_id": "x3", "type": "customer.merged", "customer_id": "A0", "into": "B0"}',
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A record as a producer sends it: the role of its topic, and where it goes."""

    role: str
    partition: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class EventSet:
    """A pack, as text and checked, and what is sent under it, in the order of sending."""

    text: str
    pack: Pack
    sent: tuple[Sent, ...]


class _Anchored(Seeded):
    """Chooses by a seed, but the first choice, the days of a history, is given: all lie around one day."""

    def __init__(self, seed: int, first: int) -> None:
        super().__init__(seed)
        self._first: int | None = first

    def one(self, options: Sequence[T]) -> T:
        if self._first is not None:
            first, self._first = self._first, None
            return options[first % len(options)]
        return super().one(options)


def random_events(seed: int, *, partitions: int = 2, crowd: int = 3, poison: int = 12) -> EventSet:
    """The event set of a seed: `crowd` histories of three customers each, one record in `poison` spoilt."""
    history = seeded_history(seed)
    choose = Seeded(seed + 1)
    around = choose.number(0, 5)
    lanes = [_lane(history.pack, seed, number, around) for number in range(crowd)]
    timed = sorted((pair for lane in lanes for pair in lane), key=lambda pair: pair[0])
    sent: list[Sent] = []
    for timestamp_ms, event in timed:
        if chance(choose, poison):
            sent.append(_spoilt(choose, history.pack, event, timestamp_ms, partitions))
        else:
            sent.append(_plain(choose, history.pack, event, timestamp_ms, partitions))
    return EventSet(history.text, history.pack, tuple(sent))


def events_under(pack: Pack, seed: int, partitions: int, *, poison: int = 25) -> Iterator[Sent]:
    """Events under a pack without end, in the order of their time: every two hours a few customers more."""
    choose = Seeded(seed)
    waiting: list[tuple[int, int, int, Event]] = []
    for number in itertools.count():
        now_ms = _STORM_BEGINS_MS + number * _NEXT_LANE_MS
        while waiting and waiting[0][0] < now_ms:
            timestamp_ms, _, _, event = heapq.heappop(waiting)
            make = _spoilt if chance(choose, poison) else _plain
            yield make(choose, pack, event, timestamp_ms, partitions)
        lane = _lane(pack, seed, number, 0)
        shift_ms = now_ms - lane[0][0] if lane else 0
        for place, (timestamp_ms, event) in enumerate(lane):
            moved = replace(event, occurred_us=event.occurred_us + shift_ms * 1000)
            heapq.heappush(waiting, (timestamp_ms + shift_ms, number, place, moved))


def partition_of(key: bytes, partitions: int) -> int:
    """Where Kafka's default partitioner puts a key."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def _lane(pack: Pack, seed: int, number: int, around: int) -> list[tuple[int, Event]]:
    """The events of a few customers with the timestamps of their records, which never go back here."""
    inputs: Sequence[Input] = random_inputs(_Anchored(seed * 1000 + number, around), pack)
    now_ms, lane = 0, []
    for each in inputs:
        if isinstance(each, Event):
            now_ms = max(now_ms, each.occurred_us // 1000 + 1)
            lane.append((now_ms, _renamed(each, number)))
    return lane


def _renamed(event: Event, number: int) -> Event:
    return replace(event, customer_id=f"{event.customer_id}{number}")


def _plain(choose: Chooser, pack: Pack, event: Event, timestamp_ms: int, partitions: int) -> Sent:
    """A good record; now and then its timestamp is behind those sent before, or its text unusual."""
    line = line_of(event, pack)
    if chance(choose, 8):
        line = json.dumps(json.loads(line), indent=1)
    behind = choose.one((0, 0, 0, 0, 0, 0, 1, HOUR_MS, 20 * HOUR_MS))
    # not so far behind that the event would lie in its future (S4.4)
    least = event.occurred_us // 1000 - pack.max_ahead * DAY_US // 1000 + 1
    key = event.customer_id.encode()
    return Sent(
        event.topic,
        partition_of(key, partitions),
        max(timestamp_ms - behind, least, 0),
        key,
        line.encode(),
    )


def _spoilt(choose: Chooser, pack: Pack, event: Event, timestamp_ms: int, partitions: int) -> Sent:
    good = _plain(choose, pack, event, timestamp_ms, partitions)
    fields = json.loads(good.value or b"{}")
    value, key = good.value, good.key
    partition, timestamp = good.partition, good.timestamp_ms
    match choose.one(
        ("poison", "poison", "key", "null key", "both null", "currency", "ahead", "topic", "more")
    ):
        case "poison":
            value = choose.one(POISON)
        case "key":
            key = b"somebody-else"
            partition = partition_of(key, partitions)
        case "null key":
            key = None
            partition = choose.number(0, partitions - 1)
        case "both null":
            key = value = None
            partition = choose.number(0, partitions - 1)
        case "currency":
            value = json.dumps(fields | {"currency": "XTS", "amount": "1"}).encode()
        case "ahead":
            timestamp = max(0, event.occurred_us // 1000 - (pack.max_ahead + 2) * DAY_US // 1000)
        case "topic":
            return Sent(choose.one(INPUTS), partition, timestamp, key, value)
        case _:
            value = json.dumps(
                fields | {"more": {"deep": ["x" * 300] * 4}, "type": "order.completed"}
            ).encode()
    return Sent(good.role, partition, timestamp, key, value)
