"""What a reader makes of what brokers seldom do: errors of a fetch, and a wait that does not end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import (
    CorruptRecordException,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    UnsupportedCodecError,
)
from aiokafka.structs import TopicPartition

from workers.cli.errors import UserError
from workers.kafka.reader import Reader

ORDERS = TopicPartition("orders", 3)


class Consumer:
    """A consumer whose fetch fails, or never ends."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sought: list[tuple[TopicPartition, int]] = []

    async def getmany(self, **_options: float) -> dict[TopicPartition, list[Any]]:
        if self.error is None:
            await asyncio.Event().wait()
            return {}
        raise self.error

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.sought.append((partition, offset))


async def said(error: Exception) -> str:
    """What a user reads."""
    with pytest.raises(UserError) as raised:
        await Reader(Consumer(error)).read(0.1)
    return raised.value.message


async def test_a_record_larger_than_a_fetch_is_said_and_not_left_out() -> None:
    """The error is made as aiokafka makes it: a text with places, and what belongs there."""
    consumer = Consumer(RecordTooLargeError("%s=%s %s", ORDERS, 17, 1048576))
    with pytest.raises(UserError, match=r"offset 17 of `orders/3` is larger than the 1048576 bytes"):
        await Reader(consumer).read(0.1)
    assert consumer.sought == [(ORDERS, 17)]
    assert "RecordTooLargeError" in Fetcher._proc_fetch_request.__code__.co_names


async def test_what_cannot_be_read_is_said() -> None:
    assert "damaged" in await said(CorruptRecordException("invalid checksum - orders/3"))
    assert "checksum - orders/3" in await said(CorruptRecordException("invalid checksum - orders/3"))
    assert "install `cramjam`" in await said(
        UnsupportedCodecError("records are compressed with lz4: install `cramjam`")
    )
    assert "offset 5 of `orders/3` is not there" in await said(OffsetOutOfRangeError({ORDERS: 5}))


async def test_a_partition_without_a_position_gives_nothing() -> None:
    assert await Reader(Consumer(NoOffsetForPartitionError(ORDERS))).read(0.1) == []


async def test_a_read_ends_while_a_group_is_dealt_anew() -> None:
    """aiokafka itself would wait for as long as that takes."""
    async with asyncio.timeout(5):
        assert await Reader(Consumer()).read(0.01) == []
