"""Prepared batches are, byte for byte, what aiokafka's own builder makes of the same records."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.kafka.batches import PreparedBatch, prepared
from workers.kafka.messages import Messages, Spans

BYTES_MAX = 10 << 20
TIME_MS = 1_700_000_000_000


def messages(
    keys: list[bytes | None],
    values: list[bytes | None],
    fixed: tuple[tuple[str, bytes], ...] = (),
    varying: tuple[tuple[str, list[bytes | None]], ...] = (),
) -> Messages:
    return Messages(
        "category-changes",
        Spans.of(keys),
        Spans.of(values),
        fixed,
        tuple((name, Spans.of(texts)) for name, texts in varying),
        TIME_MS,
    )


def plain(
    batch: Messages, first: int = 0, end: int | None = None, *, transactional: bool = True
) -> BatchBuilder:
    """The same records by aiokafka's own builder."""
    builder = BatchBuilder(BYTES_MAX, 0, is_transactional=transactional)
    for i in range(first, batch.values.start.size if end is None else end):
        headers: list[Any] = [
            *batch.fixed,
            *((name, spans.bytes_of(i)) for name, spans in batch.varying),
        ]
        builder.append(
            timestamp=batch.timestamp_ms if batch.times_ms is None else int(batch.times_ms[i]),
            key=batch.keys.bytes_of(i),
            value=batch.values.bytes_of(i),
            headers=headers,
        )
    return builder


def built(batch: Any) -> bytes:
    """Its bytes as a producer sends them."""
    batch._set_producer_state(4711, 3, 70_000)
    return bytes(batch._build())


def test_records_with_keys_values_and_headers() -> None:
    some = messages(
        [b"anna", None, b""],
        [b"{}", None, b"x" * 300],
        (("ce_specversion", b"1.0"), ("content-type", b"application/json")),
        (("ce_id", [b"1", b"22", None]), ("ce_time", [b"t" * 20, b"", b"u" * 200])),
    )
    (batch,) = prepared(some)
    assert built(batch) == built(plain(some))
    assert batch.record_count() == 3
    assert batch.size() == len(built(batch))


def test_records_with_timestamps_of_their_own() -> None:
    later = [0, 1, 63, 64, 8_191, 8_192, 31_536_000_000, 5]
    many = messages([b"k"] * len(later), [b"v"] * len(later))._replace(times_ms=TIME_MS + np.array(later))
    (batch,) = prepared(many)
    assert built(batch) == built(plain(many))


def test_a_record_earlier_than_the_least_timestamp_is_refused() -> None:
    early = messages([b"k"], [b"v"])._replace(times_ms=np.array([TIME_MS - 1]))
    with pytest.raises(ValueError, match="earlier than the least"):
        prepared(early)


def test_a_batch_outside_of_a_transaction() -> None:
    some = messages([b"a"], [b"b"])
    (batch,) = prepared(some, transactional=False)
    assert bytes(batch._build()) == bytes(plain(some, transactional=False)._build())


def test_nothing_is_no_batch() -> None:
    assert prepared(messages([], [])) == []


def test_batches_are_cut_before_they_are_too_large() -> None:
    values: list[bytes | None] = [b"v" * (i % 50) for i in range(3000)]
    some = messages([b"k"] * 3000, values, (("h", b"x"),))
    batches = prepared(some, bytes_max=5000)
    assert len(batches) > 20
    assert max(batch.size() for batch in batches) <= 5000
    first = 0
    for batch in batches:
        end = first + batch.record_count()
        assert built(batch) == built(plain(some, first, end))
        if end < 3000:
            assert len(built(plain(some, first, end + 1))) > 5000
        first = end
    assert first == 3000


def test_a_record_larger_than_a_batch_has_one_of_its_own() -> None:
    some = messages([b"a", b"b", b"c"], [b"x", b"y" * 2000, b"z"])
    batches = prepared(some, bytes_max=1000)
    assert [batch.record_count() for batch in batches] == [1, 1, 1]
    assert built(batches[1]) == built(plain(some, 1, 2))


def test_the_checksum_follows_the_producer() -> None:
    some = messages([b"a"], [b"b"])
    (batch,) = prepared(some)
    for producer in (1, 2):
        batch._set_producer_state(producer, 0, 0)
        sent = DefaultRecordBatch(bytes(batch._build()))
        assert sent.validate_crc()
        assert sent.producer_id == producer
        assert sent.is_transactional


def test_nothing_can_be_appended() -> None:
    (batch,) = prepared(messages([b"a"], [b"b"]))
    assert isinstance(batch, PreparedBatch)
    assert batch.closed()
    batch.append(timestamp=None, key=b"k", value=b"v", headers=[])
    batch.close()
    assert batch.record_count() == 1


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (0, 5), (3, 2), (4, 1)])
def test_a_span_outside_of_its_text_is_refused(start: int, length: int) -> None:
    text = np.frombuffer(b"abcd", np.uint8)
    wrong = Spans(text, np.array([start]), np.array([length]))
    right = Spans.of([b"x"])
    for some in (
        Messages("t", wrong, right, (), (), 0),
        Messages("t", right, wrong, (), (), 0),
        Messages("t", right, right, (), (("h", wrong),), 0),
    ):
        with pytest.raises(ValueError, match="outside"):
            prepared(some)


def test_columns_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        prepared(Messages("t", Spans.of([b"a", b"b"]), Spans.of([b"x"]), (), (), 0))


texts = st.none() | st.binary(max_size=300)
names = st.text(max_size=5)


@settings(max_examples=150)
@given(st.data(), st.integers(1, 300))
def test_any_records_are_the_same_bytes(data: st.DataObject, count: int) -> None:
    def column() -> list[bytes | None]:
        some = data.draw(st.lists(texts, min_size=1, max_size=4))
        return [some[i % len(some)] for i in range(count)]

    fixed = tuple(data.draw(st.lists(st.tuples(names, st.binary(max_size=9)), max_size=3)))
    varying = tuple((data.draw(names), column()) for _ in range(data.draw(st.integers(0, 3))))
    some = messages(column(), column(), fixed, varying)
    (batch,) = prepared(some, bytes_max=BYTES_MAX)
    assert built(batch) == built(plain(some))
