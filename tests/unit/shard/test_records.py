"""The order of a batch: always the least head, by timestamp, topic and offset."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.shard.records import ordered
from tests.unit.shard.records import columns, listed

_TOPICS = st.lists(st.lists(st.integers(0, 6), max_size=6), min_size=4, max_size=4)


def _least_heads(topics: list[list[int]]) -> list[tuple[int, int]]:
    """The same by the words of the definition: (topic, offset) one by one."""
    heads = [0] * len(topics)
    order: list[tuple[int, int]] = []
    while True:
        waiting = [
            (topics[topic][head], topic) for topic, head in enumerate(heads) if head < len(topics[topic])
        ]
        if not waiting:
            return order
        _, topic = min(waiting)
        order.append((topic, heads[topic]))
        heads[topic] += 1


@given(_TOPICS, st.data())
def test_records_of_several_topics_are_taken_by_the_least_head_however_they_were_read(
    topics: list[list[int]], data: st.DataObject
) -> None:
    inputs = []
    for times in topics:
        records = list(enumerate(times))
        cut = data.draw(st.integers(0, len(records)))
        inputs.append([columns(records[:cut]), columns(records[cut:])])
    found = listed(ordered(inputs))
    assert [(topic, offset) for topic, offset, _ in found] == _least_heads(topics)
    assert all(value == str(offset).encode() for _, offset, value in found)


def test_keys_and_values_that_are_null_stay_null_beside_others() -> None:
    found = ordered(
        [[columns([(0, 5, None, None)])], [columns([(7, 4, None, b"v"), (8, 6, b"k", None)])], [], []]
    )
    assert listed(found) == [(1, 7, b"v"), (0, 0, b""), (1, 8, b"")]
    assert found.key_length.tolist() == [-1, -1, 1]
    assert found.value_length.tolist() == [1, -1, -1]
