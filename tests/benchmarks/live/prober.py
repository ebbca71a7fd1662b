"""A client that produces at a steady pace and, if asked, sees when what came of each event can be read.

    python -m tests.benchmarks.live.prober ORDERS_AS_JSON

Latency is from the moment before an event is handed to the producer until a reader of committed records has
the change that names the event. Prints one line of JSON. A process of its own, so that nothing else that the
harness does is in its way.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.benchmarks.live import making
from tests.benchmarks.live.cluster import BATCH_BYTES
from tests.benchmarks.live.making import Made, People

#: Events of a moment are sent together: so often at most, so that a fast pace costs no processor of its own.
_CALM_S, _FAST_S, _FAST_RATE = 0.002, 0.005, 5_000
#: How long what is not read yet is waited for after the last event.
_LAST_WAIT_S = 15.0
#: Made in advance, an event takes about this long, on a busy machine.
_MAKE_S = 20e-6
_TRIGGER = re.compile(rb'"event_id": ?"e(\d+)"')
_OCCURRED = re.compile(rb'"occurred_at": ?"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Probe:
    """What to do.

    `events`: `flips`, `moves` or `day`. `out`: where changes are read, or none: only produce.
    `started`: the time of the first event as the log tells it (ISO), else now. `by_time`: the changes carry
    the event's time in place of its id. `warm_s` of the whole `seconds` are not measured. `share`: of flips.
    """

    brokers: str
    topics: dict[str, str]
    out: str | None
    events: str
    customers: int
    rate: float
    seconds: float
    warm_s: float = 0.0
    share: float = 1.0
    letter: str = "C"
    partitions: int = making.PARTITIONS
    started: str | None = None
    by_time: bool = False

    @property
    def count(self) -> int:
        """Events in all."""
        return int(self.rate * self.seconds)


@dataclass(slots=True)
class Seen:
    """When events were produced (seconds of the monotonic clock), and after how many seconds seen."""

    produced: list[float] = field(default_factory=list)
    after: dict[int, float] = field(default_factory=dict)
    late_s: float = 0.0
    repeated: int = 0


def _made(probe: Probe, started: datetime) -> Iterator[Made]:
    people = People(probe.customers, probe.letter, probe.partitions)
    if probe.events == "flips":
        return making.flips(probe.count, people, started, probe.rate, probe.share)
    make = making.shop_moves if probe.events == "moves" else making.shop_day
    return make(probe.count, people, started, probe.rate)


async def _produce(probe: Probe, made: list[Made], begin: float, seen: Seen) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=probe.brokers, max_batch_size=BATCH_BYTES, acks=1)
    await producer.start()
    pause = _CALM_S if probe.rate <= _FAST_RATE else _FAST_S
    try:
        sent = 0
        while sent < len(made):
            now = time.perf_counter()
            due = min(len(made), int((now - begin) * probe.rate) + 1) if now >= begin else 0
            seen.late_s = max(seen.late_s, now - begin - sent / probe.rate)
            batches = {}
            for topic, partition, timestamp_ms, key, value in made[sent:due]:
                place = (probe.topics[topic], partition)
                if place not in batches:
                    batches[place] = producer.create_batch()
                if batches[place].append(timestamp=timestamp_ms, key=key, value=value) is None:
                    await producer.send_batch(batches[place], place[0], partition=partition)
                    batches[place] = producer.create_batch()
                    batches[place].append(timestamp=timestamp_ms, key=key, value=value)
            seen.produced.extend([now] * (due - sent))
            for (topic, partition), batch in batches.items():
                await producer.send_batch(batch, topic, partition=partition)
            sent = max(sent, due)
            await asyncio.sleep(max(0.0, now + pause - time.perf_counter()))
        await producer.flush()
    finally:
        await producer.stop()


async def _watch(probe: Probe, consumer: AIOKafkaConsumer, started: datetime, seen: Seen) -> None:
    while True:
        found = await consumer.getmany(timeout_ms=1000)
        now = time.perf_counter()
        for records in found.values():
            for record in records:
                number = _number(probe, record.value, started)
                if number is None or number >= len(seen.produced):
                    continue
                if number in seen.after:
                    seen.repeated += 1
                else:
                    seen.after[number] = now - seen.produced[number]


def _number(probe: Probe, value: bytes, started: datetime) -> int | None:
    """Which event a change came of; none of ours if None."""
    if probe.by_time:
        at = _OCCURRED.search(value)
        if at is None:
            return None
        number = (datetime.fromisoformat(at[1].decode()) - started) / timedelta(seconds=1) * probe.rate
        return round(number) if number > -0.5 else None
    found = _TRIGGER.search(value)
    return int(found[1]) if found else None


async def run(probe: Probe) -> dict[str, float]:
    """Produce, watch, and tell the latency in seconds."""
    in_advance_s = 1.0 + probe.count * _MAKE_S
    begin = time.perf_counter() + in_advance_s
    started = (
        datetime.fromisoformat(probe.started)
        if probe.started
        else datetime.now(UTC) + timedelta(seconds=in_advance_s)
    )
    made = list(_made(probe, started))
    begin = max(begin, time.perf_counter() + 0.2)
    seen = Seen()
    if probe.out is None:
        await _produce(probe, made, begin, seen)
        return {"produced": len(seen.produced), "late_s": seen.late_s}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=probe.brokers, enable_auto_commit=False, isolation_level="read_committed"
    )
    await consumer.start()
    try:
        pairs = [TopicPartition(probe.out, partition) for partition in range(probe.partitions)]
        consumer.assign(pairs)
        await consumer.seek_to_end(*pairs)
        watching = asyncio.create_task(_watch(probe, consumer, started, seen))
        await _produce(probe, made, begin, seen)
        await _settled(seen)
        watching.cancel()
    finally:
        await consumer.stop()
    return _told(probe, begin, seen)


async def _settled(seen: Seen) -> None:
    """Wait as long as something still comes."""
    until = time.perf_counter() + _LAST_WAIT_S
    read = -1
    while len(seen.after) > read and len(seen.after) < len(seen.produced) and time.perf_counter() < until:
        read = len(seen.after)
        await asyncio.sleep(2.0)


def _told(probe: Probe, begin: float, seen: Seen) -> dict[str, float]:
    first = int(probe.warm_s * probe.rate)
    after = sorted(s for number, s in seen.after.items() if number >= first)
    span = seen.produced[-1] - begin if seen.produced else 0.0

    def at(share: float) -> float:
        return after[min(len(after) - 1, int(len(after) * share))] if after else float("nan")

    return {
        "produced": len(seen.produced),
        "rate": len(seen.produced) / span if span else 0.0,
        "late_s": seen.late_s,
        "read": len(seen.after),
        "repeated": seen.repeated,
        "measured": len(after),
        "p50_s": at(0.5),
        "p90_s": at(0.9),
        "p99_s": at(0.99),
        "p999_s": at(0.999),
        "max_s": after[-1] if after else float("nan"),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(Probe(**json.loads(sys.argv[1]))))))
