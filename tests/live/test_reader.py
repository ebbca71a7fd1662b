"""A reader gives what a plain consumer gives, in the same order, whatever lies in the log."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient

from tests.live.settled import settled
from tests.unit.kafka.responses import rows_of
from workers.broker.broker import Broker
from workers.kafka import aiokafka_patch
from workers.kafka.columns import columns_of
from workers.kafka.reader import Fetched, Reader
from workers.kafka.unreadable import Unreadable

WAIT_S = 20.0
Row = tuple[int, int, bytes | None, bytes | None]


@pytest.fixture(params=["columns", "objects"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How records are read: as columns, or the way that any version of aiokafka can do."""
    if request.param == "objects":
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


def consumer(broker: Broker, *topics: str, **more: Any) -> AIOKafkaConsumer:
    options: dict[str, Any] = {
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "fetch_max_wait_ms": 50,
    }
    return AIOKafkaConsumer(*topics, bootstrap_servers=broker.address, **{**options, **more})


async def send(broker: Broker, topic: str, values: Iterable[bytes | None], **options: Any) -> None:
    """To both partitions, with a key, a timestamp and headers."""
    async with AIOKafkaProducer(bootstrap_servers=broker.address, **options) as producer:
        for i, value in enumerate(values):
            headers = [("n", str(i).encode()), ("none", b"")]
            key = None if i % 5 == 0 and value is not None else f"k{i}".encode()
            await producer.send(topic, value, key, i % 2, 1_700_000_000_000 + i, headers)


async def transaction(broker: Broker, topic: str, count: int, *, commit: bool) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, transactional_id=f"{topic}-writer")
    await producer.start()
    try:
        await producer.begin_transaction()
        for i in range(count):
            await producer.send(topic, b"kept" if commit else b"aborted", b"t", i % 2)
        await producer.flush()
        await (producer.commit_transaction() if commit else producer.abort_transaction())
        for partition in (0, 1):
            await settled(broker, topic, partition)
    finally:
        await producer.stop()


async def read_to_end(reader: Reader, pairs: list[tuple[str, int]]) -> list[Fetched]:
    """All that is there, until the position of each partition is at its end."""
    ends = {pair: end for pair, end in (await reader.ends(pairs)).items() if end}
    pieces: list[Fetched] = []
    async with asyncio.timeout(WAIT_S):
        while ends:
            for piece in await reader.read(0.2):
                pieces.append(piece)
                if piece.next_offset >= ends.get((piece.topic, piece.partition), 1 << 62):
                    del ends[piece.topic, piece.partition]
    return pieces


def rows(pieces: Iterable[Fetched], partition: int) -> list[Row]:
    return [row for piece in pieces if piece.partition == partition for row in rows_of(piece.columns)]


async def plain_rows(broker: Broker, topic: str, partition: int) -> list[Row]:
    """What a consumer of aiokafka reads that nobody has changed, in the same process."""
    pair = TopicPartition(topic, partition)
    async with consumer(broker) as plain:
        plain.assign([pair])
        plain.seek(pair, 0)
        end = (await plain.end_offsets([pair]))[pair]
        found: list[Any] = []
        async with asyncio.timeout(WAIT_S):
            while await plain.position(pair) < end:
                found += (await plain.getmany(timeout_ms=200)).get(pair, [])
    return rows_of(columns_of(found))


@pytest.mark.parametrize("compression", [None, "gzip", "snappy", "lz4", "zstd"])
async def test_what_is_sent_is_read(broker: Broker, topic: str, way: str, compression: str | None) -> None:
    await send(broker, topic, [b"v%d" % i for i in range(400)] + [None], compression_type=compression)
    reader = Reader(consumer(broker))
    await reader.start()
    pairs = [(topic, 0), (topic, 1)]
    reader.assign(dict.fromkeys(pairs, 0))
    pieces = await read_to_end(reader, pairs)
    assert len(rows(pieces, 0)) == 201
    assert len(rows(pieces, 1)) == 200
    assert rows(pieces, 0)[0][2:] == (None, b"v0")
    assert rows(pieces, 0)[-1][2:] == (b"k400", None)
    for partition in (0, 1):
        assert rows(pieces, partition) == await plain_rows(broker, topic, partition)
    assert reader.end(topic, 0) == 201
    assert reader.end("another", 0) is None
    assert await reader.begins(pairs) == dict.fromkeys(pairs, 0)
    await reader.stop()


async def test_aborted_records_are_not_read_and_the_position_moves_past_them(
    broker: Broker, topic: str, way: str
) -> None:
    pairs = [(topic, 0), (topic, 1)]
    for commit in (True, False, True, False):
        await transaction(broker, topic, 20, commit=commit)
    reader = Reader(consumer(broker))
    await reader.start()
    reader.assign(dict.fromkeys(pairs, 0))
    pieces = await read_to_end(reader, pairs)
    ends = await reader.ends(pairs)
    for partition in (0, 1):
        assert [row[3] for row in rows(pieces, partition)] == [b"kept"] * 20
        assert rows(pieces, partition) == await plain_rows(broker, topic, partition)
        last = [piece for piece in pieces if piece.partition == partition][-1]
        assert last.next_offset == ends[topic, partition] == reader.end(topic, partition) == 44
    await reader.stop()


async def test_a_position_that_moves_without_a_record_is_told(broker: Broker, topic: str, way: str) -> None:
    await transaction(broker, topic, 2, commit=False)
    reader = Reader(consumer(broker))
    await reader.start()
    reader.assign({(topic, 0): 0})
    pieces = await read_to_end(reader, [(topic, 0)])
    assert [row for piece in pieces for row in rows_of(piece.columns)] == []
    assert pieces[-1].next_offset == 2
    await reader.stop()


async def test_an_open_transaction_is_not_read_beyond(broker: Broker, topic: str, way: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, transactional_id=f"{topic}-open")
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"open", partition=0)
    await send(broker, topic, [b"after", b"-"])
    reader = Reader(consumer(broker))
    await reader.start()
    reader.assign({(topic, 0): 0})
    assert await reader.ends([(topic, 0)]) == {(topic, 0): 0}
    assert await reader.read(0.3) == []
    await producer.commit_transaction()
    await settled(broker, topic)
    assert [row[3] for row in rows(await read_to_end(reader, [(topic, 0)]), 0)] == [b"open", b"after"]
    await producer.stop()
    await reader.stop()


async def test_reading_begins_inside_a_batch(broker: Broker, topic: str, way: str) -> None:
    await send(broker, topic, [b"v%d" % i for i in range(200)], linger_ms=200)
    reader = Reader(consumer(broker))
    await reader.start()
    reader.assign({(topic, 0): 37})
    assert rows(await read_to_end(reader, [(topic, 0)]), 0) == (await plain_rows(broker, topic, 0))[37:]
    await reader.stop()


async def test_a_seek_forgets_what_was_fetched(broker: Broker, topic: str, way: str) -> None:
    await send(broker, topic, [b"v%d" % i for i in range(100)])
    reader = Reader(consumer(broker))
    await reader.start()
    reader.assign({(topic, 0): 0})
    await asyncio.sleep(0.3)
    reader.seek(topic, 0, 45)
    assert [row[0] for row in rows(await read_to_end(reader, [(topic, 0)]), 0)] == list(range(45, 50))
    reader.seek(topic, 0, 2)
    assert [row[0] for row in rows(await read_to_end(reader, [(topic, 0)]), 0)] == list(range(2, 50))
    await reader.stop()


async def test_a_paused_partition_gives_nothing_and_goes_on_where_it_was(
    broker: Broker, topic: str, way: str
) -> None:
    reader = Reader(consumer(broker))
    await reader.start()
    reader.assign({(topic, 0): 0, (topic, 1): 0})
    await send(broker, topic, [b"v%d" % i for i in range(10)])
    await asyncio.sleep(0.3)
    reader.pause([(topic, 0)])
    assert {piece.partition for piece in await read_to_end(reader, [(topic, 1)])} == {1}
    assert await reader.read(0.2) == []
    await send(broker, topic, [b"w%d" % i for i in range(10)])
    reader.resume([(topic, 0)])
    pieces = await read_to_end(reader, [(topic, 0)])
    assert [row[0] for row in rows(pieces, 0)] == list(range(10))
    await reader.stop()


async def test_a_partition_assigned_anew_is_read_from_its_offset(
    broker: Broker, topic: str, way: str
) -> None:
    await send(broker, topic, [b"v%d" % i for i in range(20)])
    reader = Reader(consumer(broker))
    await reader.start()
    for offset in (0, 4):
        reader.assign({(topic, 1): offset})
        pieces = await read_to_end(reader, [(topic, 1)])
        assert [row[0] for row in rows(pieces, 1)] == list(range(offset, 10))
    await reader.stop()


async def test_a_member_of_a_group_reads_from_where_it_is_put(broker: Broker, topic: str, way: str) -> None:
    await send(broker, topic, [b"v%d" % i for i in range(20)])
    reader = Reader(consumer(broker, topic, group_id=topic))
    await reader.start()
    assert await reader.read(0.2) == []
    for partition in (0, 1):
        reader.seek(topic, partition, 3)
    pairs = [(topic, 0), (topic, 1)]
    pieces = await read_to_end(reader, pairs)
    for partition in (0, 1):
        assert [row[0] for row in rows(pieces, partition)] == list(range(3, 10))
    await reader.stop()


async def test_an_offset_that_is_not_there_is_said(broker: Broker, topic: str, way: str) -> None:
    await send(broker, topic, [b"v"])
    reader = Reader(consumer(broker))
    await reader.start()
    reader.assign({(topic, 0): 1000})
    with pytest.raises(Unreadable, match=f"offset 1000 of `{topic}/0` is not there"):
        await read_to_end(reader, [(topic, 0)])
    await reader.stop()


@pytest.fixture
def damaged(topic: str, monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Partition and offset from which on fetched bytes are damaged, as long as they stand here."""
    places: dict[int, int] = {}
    send = AIOKafkaClient.send

    def spoiled(partition: int, raw: bytes) -> bytes:
        bytes_, at = bytearray(raw), 0
        while at + 61 <= len(raw):
            base, length = struct.unpack_from(">qi", raw, at)
            if base + struct.unpack_from(">i", raw, at + 23)[0] >= places.get(partition, 1 << 62):
                bytes_[at + 11 + length] ^= 1
            at += 12 + length
        return bytes(bytes_)

    async def sent(self: AIOKafkaClient, *args: Any, **options: Any) -> Any:
        answer = await send(self, *args, **options)
        if type(answer).__name__.startswith("FetchResponse"):
            answer.topics = [
                (name, [(part[0], *part[1:-1], spoiled(part[0], part[-1] or b"")) for part in parts])
                for name, parts in answer.topics
            ]
        return answer

    monkeypatch.setattr(AIOKafkaClient, "send", sent)
    return places


async def test_damage_in_one_partition_costs_nothing_of_another_nor_what_is_before_it(
    broker: Broker, topic: str, way: str, damaged: dict[int, int]
) -> None:
    for i in range(10):
        await send(broker, topic, [b"%d" % i, b"%d" % i])
    damaged[0] = 7
    reader = Reader(consumer(broker))
    await reader.start()
    reader.assign({(topic, 0): 0, (topic, 1): 0})
    pieces: list[Fetched] = []
    errors: list[Unreadable] = []
    async with asyncio.timeout(WAIT_S):
        while len(rows(pieces, 0)) < 7 or len(rows(pieces, 1)) < 10 or len(errors) < 3:
            try:
                pieces += await reader.read(0.2)
            except Unreadable as error:
                errors.append(error)
    assert [row[0] for row in rows(pieces, 0)] == list(range(7))
    assert [row[0] for row in rows(pieces, 1)] == list(range(10))
    assert {(each.reason, each.topic, each.partition, each.offset) for each in errors} == {
        ("damaged", topic, 0, 7)
    }
    assert f"`{topic}/0` from offset 7 on are damaged" in errors[0].message

    damaged.clear()  # as after a repair
    while len(rows(pieces, 0)) < 10:
        with suppress(Unreadable):
            pieces += await reader.read(0.2)
    assert [row[0] for row in rows(pieces, 0)] == list(range(10))
    assert len(rows(pieces, 1)) == 10
    await reader.stop()


async def test_a_record_larger_than_a_fetch_comes_all_the_same(broker: Broker, topic: str, way: str) -> None:
    """Brokers give at least one batch, however large."""
    await send(broker, topic, [b"x" * 300_000, b"y", b"z" * 300_000])
    reader = Reader(consumer(broker, max_partition_fetch_bytes=1000))
    await reader.start()
    reader.assign({(topic, 0): 0})
    pieces = await read_to_end(reader, [(topic, 0)])
    assert [len(row[3] or b"") for row in rows(pieces, 0)] == [300_000, 300_000]
    await reader.stop()


async def test_plain_consumers_beside_it_stay_plain(broker: Broker, topic: str) -> None:
    await send(broker, topic, [b"v"])
    reader = Reader(consumer(broker))
    await reader.start()
    reader.assign({(topic, 0): 0})
    assert rows(await read_to_end(reader, [(topic, 0)]), 0) == await plain_rows(broker, topic, 0)
    await reader.stop()
