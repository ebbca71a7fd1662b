"""Columns of outputs as record batches, ready for a producer of aiokafka: no object a record on the way out.

aiokafka's own way, `create_batch` and `append`, stays beside it for every version of aiokafka and as what the
bytes are compared with.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata
from numpy.typing import NDArray

from workers.kafka import aiokafka_patch
from workers.kafka.arrays import unlocked
from workers.kafka.batch_bytes import add_field, add_times, begin_records, cut, put_field, put_fixed
from workers.kafka.crc32c import crc32c
from workers.kafka.messages import Messages

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

#: Brokers take batches of up to about a megabyte (`message.max.bytes`).
BATCH_BYTES_MAX = 900_000

_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH_BYTES = 12
_CRC_AT, _CRC_FROM = 17, 21
_STATE = struct.Struct(">qhi")
_STATE_AT = 43
_TRANSACTIONAL = 16


class PreparedBatch:
    """Bytes of a batch in the place of aiokafka's `BatchBuilder`: what it lacks is known when it is sent.

    That is the producer's id, its epoch and the number of the first record, and with them the checksum.
    """

    def __init__(self, buffer: U8, records: int) -> None:
        self._buffer = buffer
        self._records = records
        self._built: bytes | None = None

    def append(self, **_record: Any) -> None:
        """It is full."""

    def close(self) -> None:
        """It is closed from the start."""

    def closed(self) -> bool:
        """Nothing can be appended."""
        return True

    def size(self) -> int:
        """How many bytes it has."""
        return self._buffer.size

    def record_count(self) -> int:
        """How many records it has."""
        return self._records

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        _STATE.pack_into(self._buffer.data, _STATE_AT, producer_id, producer_epoch, base_sequence)
        self._built = None

    def _build(self) -> bytes:
        if self._built is None:
            checksum = crc32c(self._buffer, _CRC_FROM, self._buffer.size)
            struct.pack_into(">I", self._buffer.data, _CRC_AT, checksum)
            self._built = self._buffer.tobytes()
        return self._built


def prepared(
    messages: Messages, *, transactional: bool = True, bytes_max: int = BATCH_BYTES_MAX
) -> list[PreparedBatch]:
    """The batches of some records, each of at most so many bytes; a larger record has a batch of its own.

    Raises: ValueError where a span lies outside its text.
    """
    count = messages.values.start.size
    headers = len(messages.fixed) + len(messages.varying)
    fixed = _varint(headers) + b"".join(_text(name.encode()) + _text(value) for name, value in messages.fixed)
    names = [_text(name.encode()) for name, _ in messages.varying]
    size = np.full(count, 1 + len(fixed) + sum(map(len, names)), np.int64)
    later_ms = _later_ms(messages, count)
    add_times(size, later_ms)
    fields = [
        (unlocked(spans.text), spans.start, spans.length)
        for spans in (messages.keys, messages.values, *(spans for _, spans in messages.varying))
    ]
    for field in fields:
        if field[1].size != count or not add_field(size, *field):
            raise ValueError(f"a text of the records for `{messages.topic}` lies outside its buffer")
    delta, place, first, start = np.empty((4, count), np.int64)
    batches, total = cut(size, bytes_max, delta, place, first, start)
    out = np.empty(total, np.uint8)
    begin_records(out, place, size, later_ms, delta)
    for field in fields[:2]:
        put_field(out, place, *field)
    put_fixed(out, place, _array(fixed))
    for name, field in zip(names, fields[2:], strict=True):
        put_fixed(out, place, _array(name))
        put_field(out, place, *field)
    bounds = zip([*start[:batches].tolist(), total], [*first[:batches].tolist(), count], strict=True)
    return _batches(out, list(bounds), messages.timestamp_ms, later_ms, transactional)


def appended(producer: AIOKafkaProducer, messages: Messages) -> list[BatchBuilder]:
    """The same by aiokafka's own builder, of the size that the producer has: slow and plain."""
    batches: list[BatchBuilder] = []
    for index in range(messages.values.start.size):
        if not batches or not _append(batches[-1], messages, index):
            batches.append(producer.create_batch())
            _append(batches[-1], messages, index)
    for batch in batches:
        batch.close()
    return batches


def ready(messages: Messages) -> Messages:
    """The same for a transactional producer, with their batches made: work that can be done in a thread."""
    if not aiokafka_patch.fits():
        return messages
    return messages._replace(ready=tuple(prepared(messages)))


async def send(
    producer: AIOKafkaProducer, messages: Messages, partition: int, *, transactional: bool = True
) -> list[asyncio.Future[RecordMetadata]]:
    """Hand records over to be sent, uncompressed; a future for each batch, done when the broker has it.

    Its result says at which offset the first record of the batch lies. `transactional` is whether the
    producer is: an open transaction is needed then.
    """
    batches: Sequence[PreparedBatch | BatchBuilder]
    if isinstance(messages.ready, tuple):
        batches = messages.ready
    elif aiokafka_patch.fits():
        batches = prepared(messages, transactional=transactional)
    else:
        batches = appended(producer, messages)
    return [await producer.send_batch(batch, messages.topic, partition=partition) for batch in batches]


def _append(batch: BatchBuilder, messages: Messages, index: int) -> bool:
    """Whether there was room for one more record; there is always for the first."""
    told = batch.append(
        key=messages.keys.bytes_of(index),
        value=messages.values.bytes_of(index),
        timestamp=messages.timestamp_ms if messages.times_ms is None else int(messages.times_ms[index]),
        headers=messages.headers_of(index),
    )
    return told is not None


def _later_ms(messages: Messages, count: int) -> I64:
    """How much later each record is than the timestamp of all."""
    if messages.times_ms is None:
        return np.zeros(count, np.int64)
    later_ms = messages.times_ms - messages.timestamp_ms
    if later_ms.size != count or later_ms.min(initial=0) < 0:
        raise ValueError(f"a record for `{messages.topic}` is earlier than the least timestamp")
    return later_ms


def _batches(
    out: U8, bounds: Sequence[tuple[int, int]], timestamp_ms: int, later_ms: I64, transactional: bool
) -> list[PreparedBatch]:
    """`bounds`: where each batch and its first record start, and at last the ends."""
    batches = []
    for (start, first), (end, after) in pairwise(bounds):
        _HEADER.pack_into(
            out.data,
            start,
            0,
            end - start - _LENGTH_BYTES,
            -1,
            2,
            0,
            _TRANSACTIONAL if transactional else 0,
            after - first - 1,
            timestamp_ms,
            timestamp_ms + int(later_ms[first:after].max()),
            -1,
            -1,
            0,
            after - first,
        )
        batches.append(PreparedBatch(out[start:end], after - first))
    return batches


def _varint(value: int) -> bytes:
    """A number that is not negative, in zigzag code."""
    code = value << 1
    out = bytearray()
    while code > 127:
        out.append(code & 127 | 128)
        code >>= 7
    out.append(code)
    return bytes(out)


def _text(text: bytes) -> bytes:
    return _varint(len(text)) + text


def _array(text: bytes) -> U8:
    return np.frombuffer(bytearray(text), np.uint8)
