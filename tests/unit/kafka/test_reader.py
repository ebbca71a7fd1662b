"""What a reader makes of what brokers seldom do: errors of a fetch, and a wait that does not end."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import TopicPartition

from workers.kafka.reader import Reader
from workers.kafka.unreadable import Unreadable

ORDERS = TopicPartition("orders", 3)


class Consumer:
    """A consumer whose fetch fails, or never ends."""

    def __init__(self, error: Exception | None = None, *, begin: int = 0, end: int = 0) -> None:
        self.error = error
        self.begin, self.end = begin, end
        self.refused: set[str] = set()
        self._client = SimpleNamespace(cluster=SimpleNamespace(unauthorized_topics=self.refused))
        self.sought: list[tuple[TopicPartition, int]] = []

    async def getmany(self, **_options: float) -> dict[TopicPartition, list[Any]]:
        if self.error is None:
            await asyncio.Event().wait()
            return {}
        raise self.error

    async def position(self, partition: TopicPartition) -> int:
        positions: dict[TopicPartition, int] = dict(self.sought)
        return positions[partition]

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        while self.refused:  # as aiokafka, which waits for the topic to be there
            await asyncio.sleep(0.01)
        return dict.fromkeys(partitions, self.begin)

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.end)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.sought.append((partition, offset))


async def said(error: Exception, **bounds: int) -> Unreadable:
    """What a user reads."""
    with pytest.raises(Unreadable) as raised:
        await Reader(Consumer(error, **bounds)).read(0.1)
    return raised.value


async def test_a_record_larger_than_a_fetch_is_said_and_not_left_out() -> None:
    """The error is made as aiokafka makes it: a text with places, and what belongs there."""
    consumer = Consumer(RecordTooLargeError("%s=%s %s", ORDERS, 17, 1048576))
    with pytest.raises(Unreadable, match=r"offset 17 of `orders/3` is larger than the 1048576 bytes"):
        await Reader(consumer).read(0.1)
    assert consumer.sought == [(ORDERS, 17)]
    assert "RecordTooLargeError" in Fetcher._proc_fetch_request.__code__.co_names


async def test_an_offset_that_is_not_there_is_said_with_where_the_log_begins_or_ends() -> None:
    gone = await said(OffsetOutOfRangeError({ORDERS: 5}), begin=9, end=20)
    assert gone.message.startswith(
        "offset 5 of `orders/3` is not there: the log begins at offset 9 now, and what is still needed "
        "before it has been deleted; restore the topic from a copy"
    )
    assert (gone.reason, gone.topic, gone.partition, gone.offset) == ("deleted", "orders", 3, 5)
    beyond = await said(OffsetOutOfRangeError({ORDERS: 25}), begin=9, end=20)
    assert "offset 25 of `orders/3` is not there: the log ends at offset 20 now" in beyond.message


async def test_a_topic_or_a_group_that_is_not_allowed_is_said() -> None:
    topic = await said(TopicAuthorizationFailedError("orders"))
    assert "does not let this user read `orders`" in topic.message
    assert (topic.reason, topic.topic, topic.partition) == ("forbidden", "orders", None)
    group = await said(GroupAuthorizationFailedError("tierline"))
    assert "does not let this user be in the group `tierline`" in group.message
    assert (group.reason, group.topic) == ("forbidden", None)


async def test_a_topic_that_is_no_longer_shown_is_said() -> None:
    """Without the right to describe a topic there is no leader to ask; aiokafka waits, and gives nothing."""
    consumer = Consumer()
    reader = Reader(consumer)
    reader.seek(ORDERS.topic, ORDERS.partition, 5)

    async def nothing(**_options: float) -> dict[TopicPartition, list[Any]]:
        return {}

    consumer.getmany = nothing  # type: ignore[method-assign]
    assert await reader.read(0.01) == []
    consumer.refused.add("orders")
    with pytest.raises(Unreadable, match="does not let this user read `orders`"):
        await reader.read(0.01)
    with pytest.raises(Unreadable, match="does not let this user read `orders`"):
        await reader.begins([ORDERS])
    assert reader.forbidden(["orders", "payments"]) == {"orders"}


async def test_a_partition_without_a_position_gives_nothing() -> None:
    assert await Reader(Consumer(NoOffsetForPartitionError(ORDERS))).read(0.1) == []


async def test_a_read_ends_while_a_group_is_dealt_anew() -> None:
    """aiokafka itself would wait for as long as that takes."""
    async with asyncio.timeout(5):
        assert await Reader(Consumer()).read(0.01) == []
