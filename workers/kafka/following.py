"""Reading topics outside of any group: from where one wants, to the end of now or for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from heapq import merge
from typing import Literal

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

#: Where reading begins: at the first record, after the last, or at an instant (ms since 1970).
Start = Literal["first", "end"] | int

#: Records asked for at once: enough to be quick, few enough to show something soon.
_RECORDS_MAX = 5_000
_WAIT_MS = 250


async def start_at(client: AIOKafkaConsumer, places: Sequence[TopicPartition], start: Start) -> None:
    """Assign the partitions and put each where reading begins."""
    client.assign(list(places))
    if start == "first":
        await client.seek_to_beginning(*places)
    elif start == "end":
        await client.seek_to_end(*places)
    else:
        ends = await client.end_offsets(list(places))
        found = await client.offsets_for_times(dict.fromkeys(places, start))
        for place in places:
            first = found.get(place)
            client.seek(place, ends[place] if first is None else first.offset)


async def follow(client: AIOKafkaConsumer, *, to_end: bool) -> AsyncIterator[list[ConsumerRecord]]:
    """Records of the assigned partitions as they come, those of one answer in the order of their timestamps.

    Records of one partition keep their order. With `to_end` it ends where the last committed record was when
    it began; a list may be empty, so that the caller can look after other things.
    """
    ends = await client.end_offsets(list(client.assignment())) if to_end else None
    while ends is None or await _behind(client, ends):
        fetched = await client.getmany(timeout_ms=_WAIT_MS, max_records=_RECORDS_MAX)
        yield list(merge(*fetched.values(), key=lambda record: record.timestamp))


async def _behind(client: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    """Whether a partition has more to be read; markers and aborted records count as read once passed."""
    positions = await asyncio.gather(*(client.position(place) for place in ends))
    return any(position < ends[place] for place, position in zip(ends, positions, strict=True))
