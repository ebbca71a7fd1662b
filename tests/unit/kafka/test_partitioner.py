"""A key goes where Kafka's own clients send it."""

from __future__ import annotations

import numpy as np
import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from workers.kafka.partitioner import murmur2, partition_of, partitions_of

#: From the tests of Apache Kafka's own client (`UtilsTest.testMurmur2`).
KNOWN = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]


@pytest.mark.parametrize(("key", "expected"), KNOWN)
def test_the_hash_is_that_of_the_java_client(key: bytes, expected: int) -> None:
    found = murmur2(np.frombuffer(key, np.uint8), np.zeros(1, np.int64), np.array([len(key)]))
    assert int(found.view(np.int32)[0]) == expected


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(1, 64))
def test_keys_go_where_the_default_partitioner_sends_them(keys: list[bytes], partitions: int) -> None:
    truth = DefaultPartitioner()
    places = list(range(partitions))
    length = np.array([len(key) for key in keys], np.int64)
    start = np.cumsum(length) - length
    found = partitions_of(np.frombuffer(b"".join(keys), np.uint8), start, length, partitions)
    assert found.tolist() == [truth(key, places, places) for key in keys]


def test_one_key_alone_goes_to_the_same_place() -> None:
    assert [partition_of(key, 12) for key, _ in KNOWN] == [(value & 0x7FFFFFFF) % 12 for _, value in KNOWN]
