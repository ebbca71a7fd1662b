"""A response to a fetch, record batches of format v2 back to back, as columns instead of an object a record.

What is kept and what is left out follows aiokafka's `PartitionRecords`, record for record: batches of aborted
transactions, control batches, and records before the offset that was asked for are left out, and the position
moves past them. The layout of a batch: https://kafka.apache.org/documentation/#recordbatch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from aiokafka import codec
from aiokafka.errors import CorruptRecordException, KafkaError, UnsupportedCodecError
from aiokafka.structs import ConsumerRecord
from numpy.typing import NDArray

from rules.jit import called, compiled, lean
from rules.shard.records import RecordColumns
from workers.kafka.arrays import unlocked
from workers.kafka.crc32c import crc32c

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

#: The columns of a table of batches, int64[batches, FIELDS]: where a batch starts and ends in the response,
#: numbers of its header, whether its checksum is right and whether its records are taken (0 or 1), and where
#: those lie, uncompressed.
(
    START,
    END,
    MAGIC,
    BASE,
    AFTER,
    ATTRIBUTES,
    FIRST_MS,
    GREATEST_MS,
    PRODUCER,
    COUNT,
    WHOLE,
    TAKEN,
    AT,
    AT_END,
) = range(14)
FIELDS = 14

_HEADER_BYTES = 61
#: Before what the length of a batch counts: its base offset and that length.
_LENGTH_BYTES = 12
#: After that length, up to the number of the format and with it.
_MAGIC_BYTES = 5
#: No record takes less: its length, attributes, two deltas, the lengths of key and value, number of headers.
_RECORD_BYTES_MIN = 7
_CODEC_BITS, _APPEND_TIME_BIT, _TRANSACTION_BIT, _CONTROL_BIT = 7, 8, 16, 32
_NAMES = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
_DECODE: dict[int, tuple[Callable[[], bool], Callable[[Any], bytes]]] = {
    1: (codec.has_gzip, codec.gzip_decode),
    2: (codec.has_snappy, codec.snappy_decode),
    3: (codec.has_lz4, codec.lz4_decode),
    4: (codec.has_zstd, codec.zstd_decode),
}


class Piece(NamedTuple):
    """What one response held of a partition; `next_offset` is past all of it, also past what was left out.

    `damage`: why nothing can be read from `next_offset` on; what comes before it is whole all the same.
    """

    columns: RecordColumns
    next_offset: int
    damage: KafkaError | None = None


def read_response(
    raw: bytes,
    fetch_offset: int,
    aborted: Sequence[tuple[int, int]] | None,
    *,
    read_committed: bool = True,
    check_crcs: bool = True,
) -> Piece | None:
    """The records of a response from `fetch_offset` on; None if it has something older than format v2.

    `aborted`: producer id and first offset of each aborted transaction, as the broker sends them. A batch
    that is cut off at the end of the response is left for the next one; where one is damaged, or packed in a
    way that is not known here, the piece ends before it and says so.
    """
    buffer = unlocked(np.frombuffer(raw, np.uint8))
    batches = find_batches(buffer, check_crcs)
    damage: KafkaError | None = None
    broken = (batches[:, MAGIC] == 2) & (batches[:, WHOLE] == 0)
    if broken.any():
        # what comes after it may be anything, as its length may be wrong
        batches, damage = batches[: broken.argmax()], CorruptRecordException("invalid checksum")
    if (batches[:, MAGIC] != 2).any():
        return None
    pairs = sorted(aborted or (), key=lambda pair: pair[1]) if read_committed else []
    choose(
        buffer,
        batches,
        np.array([producer for producer, _ in pairs], np.int64),
        np.array([first for _, first in pairs], np.int64),
    )
    try:
        return Piece(*_records(buffer, batches, fetch_offset), damage)
    except (CorruptRecordException, UnsupportedCodecError):
        whole, damage = _before_damage(buffer, batches, fetch_offset)
        return Piece(*_records(buffer, batches[:whole], fetch_offset), damage)


def _records(buffer: U8, batches: I64, fetch_offset: int) -> tuple[RecordColumns, int]:
    """The records of batches, and the offset after them. Raises what is wrong with one of them."""
    buffer = _uncompressed(buffer, batches)
    if (batches[:, COUNT] * _RECORD_BYTES_MIN > batches[:, AT_END] - batches[:, AT]).any():
        raise CorruptRecordException("more records than their bytes can hold")
    columns = np.empty((6, int(batches[:, COUNT].sum())), np.int64)
    taken, next_offset = read_records(buffer, batches, fetch_offset, *columns)
    if taken < 0:
        raise CorruptRecordException("a record has another size than it says")
    return RecordColumns(buffer, *(column[:taken] for column in columns)), next_offset


def _before_damage(buffer: U8, batches: I64, fetch_offset: int) -> tuple[int, KafkaError | None]:
    """How many batches come before the first that cannot be read, and what is wrong with that one."""
    for row in range(batches.shape[0]):
        try:
            _records(buffer, batches[row : row + 1], fetch_offset)
        except (CorruptRecordException, UnsupportedCodecError) as error:
            return row, error.with_traceback(None)
    return batches.shape[0], None


def columns_of(records: Sequence[ConsumerRecord[bytes | None, bytes | None]]) -> RecordColumns:
    """The same columns from aiokafka's objects: slow and plain, for old formats, and to compare with.

    A record without a timestamp has -1, as Kafka writes it.
    """
    parts: list[bytes] = []
    rows: list[tuple[int, ...]] = []
    size = 0
    for record in records:
        row = [record.offset, -1 if record.timestamp is None else record.timestamp]
        for part in (record.key, record.value):
            row += [size, -1 if part is None else len(part)]
            parts.append(part or b"")
            size += len(parts[-1])
        rows.append(tuple(row))
    columns = np.array(rows, np.int64).reshape(len(rows), 6).T.copy()
    return RecordColumns(np.frombuffer(bytearray(b"".join(parts)), np.uint8), *columns)


def _uncompressed(buffer: U8, batches: I64) -> U8:
    """The buffer in which the records of all batches lie; sets `AT` and `AT_END`."""
    batches[:, AT] = batches[:, START] + _HEADER_BYTES
    batches[:, AT_END] = batches[:, END]
    packed = batches[:, ATTRIBUTES] & _CODEC_BITS
    if not packed[batches[:, COUNT] > 0].any():
        return buffer
    parts: list[U8] = []
    size = 0
    for batch, code in zip(batches, packed.tolist(), strict=True):
        part = buffer[batch[AT] : batch[AT_END]]
        if not batch[COUNT]:
            part = part[:0]
        elif code:
            part = np.frombuffer(_decode(code, part.tobytes()), np.uint8)
        parts.append(part)
        batch[AT] = size
        size += part.size
        batch[AT_END] = size
    return np.concatenate(parts)


def _decode(code: int, packed: bytes) -> bytes:
    if code not in _DECODE:
        raise UnsupportedCodecError(f"compression {code} is not known")
    is_there, decode = _DECODE[code]
    if not is_there():
        raise UnsupportedCodecError(f"records are compressed with {_NAMES[code]}: install `cramjam`")
    try:
        return decode(packed)
    except Exception as error:
        raise CorruptRecordException(f"invalid {_NAMES[code]}: {error}") from error


@lean
def _number(buffer: U8, i: int, size: int) -> int:
    """A big-endian number of `size` bytes, with its sign."""
    value = np.int64(buffer[i])
    if value > 127:
        value -= 256
    for k in range(1, size):
        value = value << 8 | np.int64(buffer[i + k])
    return value


@lean
def _varint(buffer: U8, i: int, end: int) -> tuple[int, int]:
    """A number in zigzag code of at most ten bytes, and the place after it: beyond `end` if it is cut off."""
    value = np.int64(0)
    shift = 0
    while i < end and shift < 70:
        byte = np.int64(buffer[i])
        i += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1 & 0x7FFFFFFFFFFFFFFF) ^ -(value & 1), i
        shift += 7
    return np.int64(0), end + 1


@compiled
def find_batches(buffer: U8, check: bool) -> I64:
    """The table of the batches that lie in the buffer as a whole, int64[batches, FIELDS].

    A batch too short for its header counts as one with a wrong checksum, and as the last one.
    """
    count = 0
    i = 0
    while i + _LENGTH_BYTES + _MAGIC_BYTES <= buffer.size:
        length = _number(buffer, i + 8, 4)
        if i + _LENGTH_BYTES + length > buffer.size:
            break
        count += 1
        if length < _MAGIC_BYTES:
            break
        i += _LENGTH_BYTES + length
    table = np.zeros((count, FIELDS), np.int64)
    i = 0
    for row in range(count):
        batch = table[row]
        batch[START] = i
        batch[BASE] = _number(buffer, i, 8)
        batch[END] = i + _LENGTH_BYTES + _number(buffer, i + 8, 4)
        batch[MAGIC] = buffer[i + 16]
        if batch[MAGIC] == 2 and batch[END] - i >= _HEADER_BYTES:
            batch[ATTRIBUTES] = _number(buffer, i + 21, 2)
            batch[AFTER] = batch[BASE] + _number(buffer, i + 23, 4) + 1
            batch[FIRST_MS] = _number(buffer, i + 27, 8)
            batch[GREATEST_MS] = _number(buffer, i + 35, 8)
            batch[PRODUCER] = _number(buffer, i + 43, 8)
            batch[COUNT] = max(_number(buffer, i + 57, 4), 0)
            said = _number(buffer, i + 17, 4) & 0xFFFFFFFF
            batch[WHOLE] = not check or crc32c(buffer, i + 21, batch[END]) == said
        i = batch[END]
    return table


@compiled
def choose(buffer: U8, batches: I64, aborted_producer: I64, aborted_first: I64) -> None:
    """Set `TAKEN` of each batch: not of control batches, nor from the first record of an abort to its marker.

    What is not taken counts as having no records.
    `aborted_producer`, `aborted_first` int64[aborted]: by rising first offset.
    """
    open_now = np.zeros(aborted_producer.size, np.bool_)
    begun = 0
    for row in range(batches.shape[0]):
        batch = batches[row]
        while begun < aborted_first.size and aborted_first[begun] <= batch[BASE]:
            open_now[begun] = True
            begun += 1
        control = batch[ATTRIBUTES] & _CONTROL_BIT != 0
        aborted = False
        if begun > 0:
            ends = control and _is_abort_marker(buffer, batch[START] + _HEADER_BYTES, batch[END])
            for k in range(begun):
                if aborted_producer[k] == batch[PRODUCER]:
                    if ends:
                        open_now[k] = False
                    aborted |= open_now[k]
        batch[TAKEN] = not control and not (aborted and batch[ATTRIBUTES] & _TRANSACTION_BIT != 0)
        if not batch[TAKEN]:
            batch[COUNT] = 0


@called
def _is_abort_marker(buffer: U8, i: int, end: int) -> bool:
    """Whether the first record of a control batch has the key of an abort: version 0, type 0."""
    _, i = _varint(buffer, i, end)
    _, i = _varint(buffer, i + 1, end)
    _, i = _varint(buffer, i, end)
    size, i = _varint(buffer, i, end)
    return size >= 4 and i + 4 <= end and _number(buffer, i, 4) == 0


@compiled
def read_records(
    buffer: U8,
    batches: I64,
    next_offset: int,
    offset: I64,
    timestamp_ms: I64,
    key_start: I64,
    key_length: I64,
    value_start: I64,
    value_length: I64,
) -> tuple[int, int]:
    """Fill the columns, int64[records of taken batches], with records from `next_offset` on.

    Returns how many there are, -1 if the bytes are not what they should be, and the offset after all batches.
    """
    n = 0
    for row in range(batches.shape[0]):
        batch = batches[row]
        i, batch_end = batch[AT], batch[AT_END]
        base, first_ms = batch[BASE], batch[FIRST_MS]
        appended = batch[ATTRIBUTES] & _APPEND_TIME_BIT != 0
        for _ in range(batch[COUNT]):
            size, i = _varint(buffer, i, batch_end)
            if size < 0 or size > batch_end - i:
                return -1, next_offset
            end = i + size
            delta_ms, i = _varint(buffer, i + 1, end)
            delta, i = _varint(buffer, i, end)
            key_size, i = _varint(buffer, i, end)
            if key_size > end - i:
                return -1, next_offset
            key_start[n] = i
            key_length[n] = max(key_size, -1)
            value_size, i = _varint(buffer, i + max(key_size, 0), end)
            if value_size >= end - i:
                return -1, next_offset
            value_start[n] = i
            value_length[n] = max(value_size, -1)
            i = end
            offset[n] = base + delta
            timestamp_ms[n] = batch[GREATEST_MS] if appended else first_ms + delta_ms
            if offset[n] >= next_offset:
                next_offset = offset[n] + 1
                n += 1
        if batch[COUNT] and i != batch_end:
            return -1, next_offset
        next_offset = max(next_offset, batch[AFTER])
    return n, next_offset
