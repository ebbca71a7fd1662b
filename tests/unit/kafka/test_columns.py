"""Columns of a fetch response hold what aiokafka's objects hold, record for record."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from aiokafka.errors import CorruptRecordException, KafkaError, UnsupportedCodecError
from aiokafka.record.util import calc_crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.kafka.responses import (
    ABORT,
    APPEND_TIME,
    COMMIT,
    Batch,
    Row,
    marker,
    read_plainly,
    rows_of,
)
from workers.kafka.columns import columns_of, read_response

SOME = (Row(b"anna", b"{}"), Row(None, b"x"), Row(b"bert", None), Row(b"", b""), Row(b"k", b"v" * 300))
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def assert_same(raw: bytes, fetch_offset: int = 0, aborted: Sequence[tuple[int, int]] = ()) -> int:
    """Both ways give the same records and the same position; how many records."""
    piece = read_response(raw, fetch_offset, aborted)
    assert piece is not None
    objects, next_offset = read_plainly(raw, fetch_offset, aborted)
    # where batches end before the offset that was asked for, aiokafka's position goes back
    objects = [record for record in objects if record.offset >= fetch_offset]
    assert rows_of(piece.columns) == rows_of(columns_of(objects))
    assert piece.next_offset == max(next_offset, fetch_offset)
    return len(objects)


@pytest.mark.parametrize("compression", CODECS.values(), ids=CODECS)
def test_records_of_every_compression_are_read(compression: int) -> None:
    raw = Batch(SOME, 100, compression).raw() + Batch(SOME, 105).raw() + Batch(SOME, 110, compression).raw()
    assert assert_same(raw, 100) == 15


def test_keys_and_values_may_be_null_or_empty() -> None:
    piece = read_response(Batch(SOME).raw(), 0, None)
    assert piece is not None
    assert [row[2:] for row in rows_of(piece.columns)][:4] == [
        (b"anna", b"{}"),
        (None, b"x"),
        (b"bert", None),
        (b"", b""),
    ]


def test_headers_are_skipped() -> None:
    headers = (("ce_id", b"1"), ("empty", b""), ("none", None), ("long", b"x" * 500))
    assert assert_same(Batch((Row(b"a", b"1", headers=headers), Row(b"b", b"2"))).raw()) == 2


def test_records_before_the_offset_asked_for_are_dropped() -> None:
    raw = Batch(SOME, 100).raw() + Batch(SOME, 105).raw()
    assert assert_same(raw, 103) == 7
    assert assert_same(raw, 107) == 3


def test_the_position_moves_past_records_that_were_compacted_away() -> None:
    raw = Batch(SOME[:2], 100, offsets=(1, 5), last=109).raw()
    assert assert_same(raw, 100) == 2
    piece = read_response(raw, 100, None)
    assert piece is not None
    assert piece.columns.offset.tolist() == [101, 105]
    assert piece.next_offset == 110


def test_a_batch_may_have_lost_all_its_records() -> None:
    batch = bytearray(Batch(SOME[:1], 100, last=107).raw()[:61])
    struct.pack_into(">i", batch, 8, 61 - 12)
    struct.pack_into(">i", batch, 57, 0)
    struct.pack_into(">I", batch, 17, calc_crc32c(batch[21:]))
    assert assert_same(bytes(batch), 100) == 0


def test_a_batch_that_is_cut_off_is_left_for_the_next_response() -> None:
    whole, cut = Batch(SOME, 100).raw(), Batch(SOME, 105).raw()
    for length in (1, 11, 12, 16, 17, 60, 61, len(cut) - 1):
        assert assert_same(whole + cut[:length], 100) == 5


def test_the_time_of_appending_stands_for_the_records_own() -> None:
    raw = Batch(SOME, 0, attributes=APPEND_TIME, greatest_ms=1_800_000_000_123).raw()
    piece = read_response(raw, 0, None)
    assert piece is not None
    assert set(piece.columns.timestamp_ms.tolist()) == {1_800_000_000_123}
    assert assert_same(raw) == 5


def test_records_of_aborted_transactions_and_markers_are_left_out() -> None:
    aborted = Batch(SOME, 0, producer=7).in_transaction()
    committed = Batch(SOME, 5, producer=8).in_transaction()
    without = Batch(SOME, 10, producer=-1)
    later = Batch(SOME, 17, producer=7).in_transaction()
    raw = (
        b"".join(
            batch.raw()
            for batch in (aborted, committed, without, marker(ABORT, 15, 7), marker(COMMIT, 16, 8), later)
        )
        + marker(COMMIT, 22, 7).raw()
    )
    assert assert_same(raw, 0, [(7, 0)]) == 15
    piece = read_response(raw, 0, [(7, 0)])
    assert piece is not None
    assert piece.next_offset == 23


def test_two_transactions_of_one_producer_may_be_aborted() -> None:
    batches = [
        Batch(SOME, 0, producer=7).in_transaction(),
        marker(ABORT, 5, 7),
        Batch(SOME, 6, producer=7).in_transaction(),
        marker(ABORT, 11, 7),
        Batch(SOME, 12, producer=7).in_transaction(),
    ]
    assert assert_same(b"".join(batch.raw() for batch in batches), 0, [(7, 6), (7, 0)]) == 5


def test_uncommitted_records_are_read_where_that_is_wanted() -> None:
    raw = Batch(SOME, 0, producer=7).in_transaction().raw() + marker(ABORT, 5, 7).raw()
    piece = read_response(raw, 0, [(7, 0)], read_committed=False)
    assert piece is not None
    objects, next_offset = read_plainly(raw, 0, [(7, 0)], read_committed=False)
    assert rows_of(piece.columns) == rows_of(columns_of(objects))
    assert piece.next_offset == next_offset == 6


@pytest.mark.parametrize("magic", [0, 1])
def test_old_formats_are_left_to_the_plain_way(magic: int) -> None:
    assert read_response(Batch(SOME[:2], 0, magic=magic).raw(), 0, None) is None
    assert read_response(Batch(SOME, 0).raw() + Batch(SOME[:2], 5, magic=magic).raw(), 0, None) is None


def damage_in(raw: bytes) -> KafkaError | None:
    """What is wrong with the very first batch, of which nothing is read."""
    piece = read_response(raw, 0, None)
    assert piece is not None
    assert (piece.columns.offset.size, piece.next_offset) == (0, 0)
    return piece.damage


def test_a_changed_byte_is_found() -> None:
    raw = bytearray(Batch(SOME).raw())
    raw[70] ^= 1
    assert str(damage_in(bytes(raw))).endswith("checksum")


@pytest.mark.parametrize("size", [-(2**31), -1, 0, 4, 5, 20, 48])
def test_a_batch_shorter_than_its_header_is_found(size: int) -> None:
    raw = bytearray(Batch(SOME).raw())
    struct.pack_into(">i", raw, 8, size)
    assert isinstance(damage_in(bytes(raw)), CorruptRecordException)


def test_an_unknown_compression_is_said() -> None:
    damage = damage_in(replace(Batch(SOME), attributes=5).raw())
    assert isinstance(damage, UnsupportedCodecError)
    assert "compression 5" in str(damage)


def test_what_does_not_unpack_is_said() -> None:
    damage = damage_in(replace(Batch(SOME), attributes=4).raw())
    assert isinstance(damage, CorruptRecordException)
    assert "zstd" in str(damage)


def damaged_ways() -> dict[str, bytes]:
    """A batch from offset 110 on that cannot be read, in each of the ways in which that is noticed."""
    whole = Batch(SOME, 110).raw()
    changed = bytearray(whole)
    changed[-1] ^= 1
    short = bytearray(whole)
    struct.pack_into(">i", short, 8, 20)
    too_many = bytearray(whole)
    struct.pack_into(">i", too_many, 57, 100_000)
    longer_record = bytearray(whole)
    longer_record[61] = 0x7E
    for each in (too_many, longer_record):
        struct.pack_into(">I", each, 17, calc_crc32c(each[21:]))
    return {
        "checksum": bytes(changed),
        "shorter than its header": bytes(short),
        "more records than bytes": bytes(too_many),
        "a record of another size": bytes(longer_record),
        "does not unpack": replace(Batch(SOME, 110), attributes=4).raw(),
        "unknown compression": replace(Batch(SOME, 110), attributes=5).raw(),
    }


@pytest.mark.parametrize("way", damaged_ways())
@pytest.mark.parametrize("compression", [0, 4])
def test_what_comes_before_a_damaged_batch_is_read(way: str, compression: int) -> None:
    """Of the good batches nothing is lost, aborted ones and the marker among them; nothing after is read."""
    before = (
        Batch(SOME, 100, compression).raw()
        + Batch(SOME[:4], 105, producer=7).in_transaction().raw()
        + marker(ABORT, 109, 7).raw()
    )
    piece = read_response(before + damaged_ways()[way] + Batch(SOME, 115).raw(), 102, [(7, 105)])
    assert piece is not None
    assert piece.columns.offset.tolist() == [102, 103, 104]
    assert piece.next_offset == 110
    assert piece.damage is not None


def test_nothing_gives_nothing() -> None:
    piece = read_response(b"", 12, None)
    assert piece is not None
    assert piece.next_offset == 12
    assert piece.columns.offset.size == 0


def test_the_buffer_has_the_type_of_any_other_array() -> None:
    raw = Batch(SOME).raw()
    piece = read_response(raw, 0, None)
    assert piece is not None
    assert piece.columns.buffer.flags.writeable
    assert np.shares_memory(piece.columns.buffer, np.frombuffer(raw, np.uint8))


@given(st.binary(max_size=40), st.integers(0, 5), st.data())
def test_damage_that_no_checksum_finds_never_reads_beyond_the_bytes(
    damage: bytes, count_less: int, data: st.DataObject
) -> None:
    """Either it is found, or what is read lies in the buffer."""
    raw = bytearray(Batch(SOME).raw())
    at = data.draw(st.integers(61, len(raw)))
    raw[at : at + len(damage)] = damage
    struct.pack_into(">i", raw, 8, len(raw) - 12)
    struct.pack_into(">i", raw, 57, 5 - count_less)
    piece = read_response(bytes(raw), 0, None, check_crcs=False)
    assert piece is not None
    columns = piece.columns
    assert (columns.key_start + np.maximum(columns.key_length, 0) <= columns.value_start).all()
    assert (columns.value_start + np.maximum(columns.value_length, 0) <= columns.buffer.size).all()
    assert (columns.key_start >= 61).all()


times = st.one_of(st.integers(0, 2**41), st.integers(-(2**62), 2**62))
rows = st.builds(
    Row,
    st.none() | st.binary(max_size=20),
    st.none() | st.binary(max_size=200),
    times,
    st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=9)), max_size=3).map(tuple),
)


@st.composite
def logs(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, int]], int]:
    """A stretch of a log with transactions of three producers, what was aborted, and the offset after it."""
    raw, offset = b"", draw(st.integers(0, 2**40))
    open_now: dict[int, int] = {}
    aborted: list[tuple[int, int]] = []
    for _ in range(draw(st.integers(1, 8))):
        producer = draw(st.sampled_from([-1, 7, 8, 9]))
        if producer in open_now and draw(st.booleans()):
            ends = draw(st.sampled_from([ABORT, COMMIT]))
            first = open_now.pop(producer)
            if ends == ABORT:
                aborted.append((producer, first))
            raw += marker(ends, offset, producer).raw()
            offset += 1
            continue
        content = tuple(draw(st.lists(rows, min_size=1, max_size=6)))
        batch = Batch(content, offset, draw(st.sampled_from(list(CODECS.values()))), producer=producer)
        if producer >= 0:
            open_now.setdefault(producer, offset)
            batch = batch.in_transaction()
        raw += batch.raw()
        offset += len(content)
    for producer in open_now:
        raw += marker(COMMIT, offset, producer).raw()
        offset += 1
    return raw, draw(st.permutations(aborted)), offset


@settings(max_examples=150)
@given(logs(), st.integers(0, 30), st.integers(0, 200))
def test_any_log_reads_the_same_both_ways(
    log: tuple[bytes, list[tuple[int, int]], int], later: int, cut: int
) -> None:
    raw, aborted, end = log
    base = struct.unpack_from(">q", raw)[0]
    assert_same(raw, base, aborted)
    fetch_offset = min(base + later, end - 1)
    kept = raw[: max(len(raw) - cut, 0)]
    if len(kept) > 20:
        assert_same(kept, fetch_offset, aborted)
