"""What is read of a record before it is sent: the same in machine code as by a parser."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.engine.event import TOPICS, TYPES
from workers.feed.heads import NO_TIME, UNKNOWN, UNREADABLE, read_heads

INSTANT = "2026-03-01T16:00:00Z"
INSTANT_US = 1_772_380_800_000_000
Head = tuple[int, int, bytes | None]


def heads(*records: bytes) -> list[Head]:
    length = np.array([len(record) for record in records], np.int64)
    start = np.cumsum(length) - length
    found = read_heads(np.frombuffer(b"".join(records), np.uint8), start, length)
    keys = [
        found.text[begin : begin + size].tobytes() if size >= 0 else None
        for begin, size in zip(found.key_start.tolist(), found.key_length.tolist(), strict=True)
    ]
    return list(zip(found.topic.tolist(), found.occurred_us.tolist(), keys, strict=True))


@pytest.mark.parametrize("kind", TYPES)
def test_the_type_says_the_topic(kind: str) -> None:
    record = json.dumps({"type": kind, "occurred_at": INSTANT, "customer_id": "c-1"}).encode()
    assert heads(record) == [(TOPICS.index(TYPES[kind]), INSTANT_US, b"c-1")]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b"", (UNREADABLE, NO_TIME, None)),
        (b"{", (UNREADABLE, NO_TIME, None)),
        (b"[1]", (UNREADABLE, NO_TIME, None)),
        (b"\xff", (UNREADABLE, NO_TIME, None)),
        (b'{"type":"order.completed"}x', (UNREADABLE, NO_TIME, None)),
        (b'{"type":7,"customer_id":"c"}', (UNREADABLE, NO_TIME, b"c")),
        (b'{"type":"order.teleported","customer_id":"c"}', (UNKNOWN, NO_TIME, b"c")),
        (b'{"type":"order.completed","customer_id":7}', (1, NO_TIME, None)),
        (b'{"type":"order.completed","customer_id":""}', (1, NO_TIME, None)),
        (b'{"type":"order.completed","customer_id":"c","occurred_at":"soon"}', (1, NO_TIME, b"c")),
        (b' { "type" : "payment.failed" , "customer_id" : "c" } ', (2, NO_TIME, b"c")),
        (rb'{"type":"payment.f\u0061iled","customer_id":"\u00e9"}', (2, NO_TIME, "é".encode())),
        (b'{"type":"x","type":"payment.failed","customer_id":"a","customer_id":"b"}', (2, NO_TIME, b"b")),
    ],
)
def test_odd_records_are_read_as_far_as_they_go(record: bytes, expected: Head) -> None:
    assert heads(record) == [expected]


TEXTS = st.one_of(st.sampled_from([*TYPES, INSTANT, "2026-03-01T16:00:00.5+02:00", "c"]), st.text(max_size=5))
VALUES = st.one_of(TEXTS, st.none(), st.integers(), st.lists(TEXTS, max_size=2))
FIELDS = st.dictionaries(st.sampled_from(["type", "occurred_at", "customer_id", "amount"]), VALUES)


@given(st.lists(st.tuples(FIELDS, st.booleans(), st.sampled_from([b"", b" ", b"}", b"\\"])), max_size=8))
def test_machine_code_reads_what_a_parser_reads(parts: list[tuple[dict[str, object], bool, bytes]]) -> None:
    from workers.feed.heads import _parse

    records = [json.dumps(fields, ensure_ascii=escaped).encode() + end for fields, escaped, end in parts]
    for record, found in zip(records, heads(*records), strict=True):
        assert found == _parse(record)
