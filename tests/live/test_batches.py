"""What is sent as prepared batches reads like what aiokafka itself would have sent, in transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.live.settled import settled
from workers.broker.broker import Broker
from workers.kafka import aiokafka_patch
from workers.kafka.batches import send
from workers.kafka.messages import Messages, Spans

WAIT_S = 20.0
TIME_MS = 1_700_000_000_000


@pytest.fixture(params=["prepared", "appended"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How batches are made: from columns, or the way that any version of aiokafka can do."""
    if request.param == "appended":
        monkeypatch.setattr(aiokafka_patch, "fits", lambda: False)
    return str(request.param)


@pytest.fixture
async def topic(broker: Broker, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        # the records have old timestamps, by which brokers delete
        await admin.create_topics([NewTopic(name, 2, 1, topic_configs={"retention.ms": "-1"})])
        yield name
        await admin.delete_topics([name])
    finally:
        await admin.close()


@pytest.fixture
async def producer(broker: Broker, topic: str) -> AsyncIterator[AIOKafkaProducer]:
    made = AIOKafkaProducer(bootstrap_servers=broker.address, transactional_id=topic)
    await made.start()
    yield made
    await made.stop()


def some(topic: str, count: int, value_bytes: int = 20) -> Messages:
    """Records with keys, values and headers, some of them null or empty."""
    numbers = [b"%d" % i for i in range(count)]
    return Messages(
        topic,
        Spans.of([None if i % 7 == 3 else number for i, number in enumerate(numbers)]),
        Spans.of([None if i % 5 == 2 else number * value_bytes for i, number in enumerate(numbers)]),
        (("ce_specversion", b"1.0"), ("empty", b"")),
        (("ce_id", Spans.of(list(numbers))), ("ce_time", Spans.of([b"t" * (i % 90) for i in range(count)]))),
        TIME_MS,
    )


def rows_of(messages: Messages) -> list[tuple[Any, ...]]:
    """Key, value, headers and timestamp as they are to be read."""
    return [
        (
            messages.keys.bytes_of(i),
            messages.values.bytes_of(i),
            tuple(messages.headers_of(i)),
            messages.timestamp_ms,
        )
        for i in range(messages.values.start.size)
    ]


async def sent(producer: AIOKafkaProducer, messages: Messages, partition: int = 0) -> list[int]:
    """Send in the open transaction; the offsets of the batches' first records."""
    async with asyncio.timeout(WAIT_S):
        futures = await send(producer, messages, partition)
        return [(await future).offset for future in futures]


async def read(broker: Broker, topic: str, partition: int = 0) -> list[tuple[Any, ...]]:
    """What a plain consumer of aiokafka reads, committed, with checksums looked at."""
    pair = TopicPartition(topic, partition)
    plain = AIOKafkaConsumer(
        bootstrap_servers=broker.address, isolation_level="read_committed", auto_offset_reset="none"
    )
    async with plain:
        plain.assign([pair])
        plain.seek(pair, 0)
        end = await settled(broker, topic, partition)
        found: list[Any] = []
        async with asyncio.timeout(WAIT_S):
            while await plain.position(pair) < end:
                found += (await plain.getmany(timeout_ms=200)).get(pair, [])
    return [(record.key, record.value, record.headers, record.timestamp) for record in found]


async def test_a_transaction_reads_as_it_was_sent(
    broker: Broker, topic: str, producer: AIOKafkaProducer, way: str
) -> None:
    messages = some(topic, 500)
    await producer.begin_transaction()
    offsets = await sent(producer, messages)
    assert offsets == [0] or way == "appended"
    await producer.commit_transaction()
    assert await read(broker, topic) == rows_of(messages)


async def test_a_transaction_of_many_batches_keeps_their_order(
    broker: Broker, topic: str, producer: AIOKafkaProducer, way: str
) -> None:
    messages = some(topic, 6000, 100)
    await producer.begin_transaction()
    offsets = await sent(producer, messages)
    await producer.commit_transaction()
    assert len(offsets) > 1
    assert offsets[0] == 0
    assert offsets == sorted(set(offsets))
    assert await read(broker, topic) == rows_of(messages)


async def test_transactions_of_one_producer_follow_each_other(
    broker: Broker, topic: str, producer: AIOKafkaProducer, way: str
) -> None:
    """The broker refuses a batch whose number does not follow the one before."""
    expected = []
    for count in (1, 40, 3):
        await producer.begin_transaction()
        for partition in (0, 1):
            await sent(producer, some(topic, count), partition)
        await producer.commit_transaction()
        expected += rows_of(some(topic, count))
    for partition in (0, 1):
        assert await read(broker, topic, partition) == expected


async def test_an_aborted_transaction_is_not_read(
    broker: Broker, topic: str, producer: AIOKafkaProducer, way: str
) -> None:
    await producer.begin_transaction()
    await sent(producer, some(topic, 10))
    await producer.abort_transaction()
    await producer.begin_transaction()
    await sent(producer, some(topic, 2))
    await producer.commit_transaction()
    assert await read(broker, topic) == rows_of(some(topic, 2))


async def test_single_records_may_be_sent_beside_batches(
    broker: Broker, topic: str, producer: AIOKafkaProducer, way: str
) -> None:
    await producer.begin_transaction()
    futures = await send(producer, some(topic, 3), 0)
    await producer.send(topic, b"v", b"k", 0, TIME_MS, [("h", b"1")])
    futures += await send(producer, some(topic, 2), 0)
    await producer.flush()
    assert [(await future).offset for future in futures] == [0, 4]
    await producer.commit_transaction()
    single = (b"k", b"v", (("h", b"1"),), TIME_MS)
    assert await read(broker, topic) == [*rows_of(some(topic, 3)), single, *rows_of(some(topic, 2))]


async def test_a_record_larger_than_a_batch_is_sent_alone(
    broker: Broker, topic: str, producer: AIOKafkaProducer, way: str
) -> None:
    values: list[bytes | None] = [b"a", b"x" * 950_000, b"b"]
    messages = Messages(topic, Spans.of([b"k"] * 3), Spans.of(values), (), (), TIME_MS)
    await producer.begin_transaction()
    assert await sent(producer, messages) == [0, 1, 2]
    await producer.commit_transaction()
    assert await read(broker, topic) == rows_of(messages)


async def test_nothing_is_sent_as_nothing(
    broker: Broker, topic: str, producer: AIOKafkaProducer, way: str
) -> None:
    await producer.begin_transaction()
    assert await sent(producer, some(topic, 0)) == []
    await producer.commit_transaction()
    assert await read(broker, topic) == []


async def test_outside_of_transactions_too(broker: Broker, topic: str, way: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.address, enable_idempotence=True) as plain:
        futures = await send(plain, some(topic, 30), 1, transactional=False)
        assert [(await future).offset for future in futures] == [0]
    assert await read(broker, topic, 1) == rows_of(some(topic, 30))
