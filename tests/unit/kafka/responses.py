"""Bytes as a broker sends them, made with aiokafka's own builders, and what aiokafka itself reads in them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition

from rules.shard.records import RecordColumns

ORDERS = TopicPartition("orders", 0)
CONTROL, TRANSACTION, APPEND_TIME = 32, 16, 8
COMMIT, ABORT = b"\0\0\0\1", b"\0\0\0\0"


@dataclass(frozen=True)
class Row:
    """A record as it is sent."""

    key: bytes | None = None
    value: bytes | None = None
    timestamp_ms: int = 1_700_000_000_000
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True)
class Batch:
    """A batch as it lies in the log; `last` is the offset it ends with if records were compacted away."""

    rows: tuple[Row, ...]
    base: int = 0
    compression: int = 0
    magic: int = 2
    producer: int = -1
    attributes: int = 0
    greatest_ms: int | None = None
    offsets: tuple[int, ...] | None = None
    last: int | None = None

    def raw(self) -> bytes:
        """Its bytes."""
        if self.magic < 2:
            return self._old()
        builder = DefaultRecordBatchBuilder(2, self.compression, 0, self.producer, 0, 0, 10 << 20)
        for delta, row in zip(self.offsets or range(len(self.rows)), self.rows, strict=True):
            builder.append(delta, row.timestamp_ms, row.key, row.value, list(row.headers))
        raw = builder.build()
        struct.pack_into(">q", raw, 0, self.base)
        (attributes,) = struct.unpack_from(">h", raw, 21)
        struct.pack_into(">h", raw, 21, attributes | self.attributes)
        if self.last is not None:
            struct.pack_into(">i", raw, 23, self.last - self.base)
        if self.greatest_ms is not None:
            struct.pack_into(">q", raw, 35, self.greatest_ms)
        struct.pack_into(">I", raw, 17, calc_crc32c(raw[21:]))
        return bytes(raw)

    def _old(self) -> bytes:
        builder = LegacyRecordBatchBuilder(self.magic, self.compression, 10 << 20)
        for i, row in enumerate(self.rows):
            builder.append(i, row.timestamp_ms, row.key, row.value)
        raw = builder.build()
        struct.pack_into(">q", raw, 0, self.base + len(self.rows) - 1 if self.compression else self.base)
        return bytes(raw)

    def in_transaction(self) -> Batch:
        return replace(self, attributes=self.attributes | TRANSACTION)


def marker(kind: bytes, base: int, producer: int) -> Batch:
    """The end of a transaction."""
    return Batch((Row(kind, b"\0" * 6),), base, producer=producer, attributes=CONTROL | TRANSACTION)


def read_plainly(
    raw: bytes, fetch_offset: int = 0, aborted: Sequence[tuple[int, int]] = (), *, read_committed: bool = True
) -> tuple[list[Any], int]:
    """The records that aiokafka reads, as objects, and the offset after them."""
    records = fetcher.PartitionRecords(
        ORDERS, MemoryRecords(raw), list(aborted), fetch_offset, None, None, True, int(read_committed)
    )
    return list(records), records.next_fetch_offset


def rows_of(columns: RecordColumns) -> list[tuple[int, int, bytes | None, bytes | None]]:
    """Offset, timestamp, key and value of each record."""

    def part(start: int, length: int) -> bytes | None:
        return None if length < 0 else columns.buffer[start : start + length].tobytes()

    return [
        (offset, timestamp_ms, part(*key), part(*value))
        for offset, timestamp_ms, key, value in zip(
            columns.offset.tolist(),
            columns.timestamp_ms.tolist(),
            zip(columns.key_start.tolist(), columns.key_length.tolist(), strict=True),
            zip(columns.value_start.tolist(), columns.value_length.tolist(), strict=True),
            strict=True,
        )
    ]
