"""Records between reading and applying: what may be taken, and how far time has come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.shard.inbox import Inbox
from rules.shard.records import ordered
from tests.unit.shard.records import columns, listed

_FOUR = (0, 0, 0, 0)


def _quiet(inbox: Inbox, *topics: int, clock_us: int = 0) -> None:
    """These topics are empty and read to their end."""
    for topic in topics:
        inbox.hear_end(topic, 0, clock_us)


def test_nothing_is_taken_before_the_end_of_every_topic_is_known() -> None:
    inbox = Inbox(_FOUR)
    inbox.feed(1, columns([(0, 10)]), 1)
    inbox.hear_end(1, 1, None)
    _quiet(inbox, 0, 2)
    assert inbox.take(10).records.offset.size == 0
    _quiet(inbox, 3)
    assert listed(inbox.take(10).records) == [(1, 0, b"0")]


def test_a_topic_that_still_has_records_to_fetch_holds_back_what_could_come_after_them() -> None:
    inbox = Inbox(_FOUR)
    _quiet(inbox, 0, 3)
    inbox.feed(1, columns([(0, 10), (1, 20), (2, 30)]), 3)
    inbox.hear_end(1, 3, None)
    inbox.feed(2, columns([(0, 15)]), 1)
    inbox.hear_end(2, 9, None)  # eight more are there
    assert [(topic, offset) for topic, offset, _ in listed(inbox.take(10).records)] == [(1, 0), (2, 0)]
    assert inbox.take(10).records.offset.size == 0
    inbox.feed(2, columns([(5, 25)]), 9)  # the others were of aborted transactions
    taken = inbox.take(10)
    assert [(topic, offset) for topic, offset, _ in listed(taken.records)] == [(1, 1), (2, 5), (1, 2)]
    assert taken.ranges == ((0, 0), (1, 3), (1, 9), (0, 0))


def test_at_equal_times_the_earlier_topic_goes_first_also_where_it_must_be_waited_for() -> None:
    inbox = Inbox(_FOUR)
    _quiet(inbox, 0, 3)
    inbox.feed(1, columns([(0, 10)]), 1)
    inbox.hear_end(1, 2, None)  # one more, maybe of the same time
    inbox.feed(2, columns([(0, 10)]), 1)
    inbox.hear_end(2, 1, None)
    assert [(topic, offset) for topic, offset, _ in listed(inbox.take(10).records)] == [(1, 0)]


def test_what_was_fed_before_is_not_taken_twice() -> None:
    inbox = Inbox((0, 4, 0, 0))
    _quiet(inbox, 0, 2, 3)
    inbox.feed(1, columns([(3, 10), (4, 20), (5, 30)]), 6)
    inbox.feed(1, columns([(5, 30), (6, 40)]), 7)
    inbox.hear_end(1, 7, None)
    assert [offset for _, offset, _ in listed(inbox.take(10).records)] == [4, 5, 6]
    assert inbox.positions == (0, 7, 0, 0)


class TestWhatIsNoRecord:
    """Markers of transactions and aborted records take offsets; nobody waits for them to become records."""

    def test_markers_at_the_end_of_a_topic_hold_nothing_back_once_they_are_passed(self) -> None:
        inbox = Inbox(_FOUR)
        _quiet(inbox, 0, 3)
        inbox.feed(1, columns([(0, 10)]), 2)  # its marker came with it
        inbox.hear_end(1, 2, 50_000)
        inbox.feed(2, columns([(0, 30)]), 1)
        inbox.hear_end(2, 2, 50_000)
        assert [topic for topic, _, _ in listed(inbox.take(10).records)] == [1, 2]
        inbox.feed(1, columns([(2, 40)]), 4)
        inbox.hear_end(1, 4, 60_000)
        assert inbox.take(10).records.offset.size == 0, "the marker behind the record could be a record"
        inbox.feed(2, columns([]), 2)
        assert listed(inbox.take(10).records) == [(1, 2, b"2")]

    def test_the_position_goes_past_them_with_the_records_of_any_topic(self) -> None:
        inbox = Inbox(_FOUR)
        _quiet(inbox, 0, 3)
        inbox.feed(1, columns([(0, 10), (1, 11)]), 3)
        inbox.hear_end(1, 3, None)
        inbox.feed(2, columns([]), 7)
        inbox.hear_end(2, 7, None)
        assert inbox.take(1).ranges == ((0, 0), (0, 1), (0, 7), (0, 0)), "a record of the first topic waits"
        assert inbox.take(10).ranges == ((0, 0), (1, 3), (7, 7), (0, 0))
        assert inbox.positions == (0, 3, 7, 0)

    def test_alone_they_are_named_only_when_that_is_asked_for(self) -> None:
        inbox = Inbox(_FOUR)
        _quiet(inbox, 0, 2, 3)
        inbox.feed(1, columns([]), 5)
        inbox.hear_end(1, 5, None)
        assert not inbox.take(10).moved
        assert inbox.passed
        assert inbox.take(10, passed=True).ranges == ((0, 0), (0, 5), (0, 0), (0, 0))
        assert not inbox.passed

    def test_they_are_no_lag_and_do_not_hold_the_watermark(self) -> None:
        inbox = Inbox(_FOUR)
        _quiet(inbox, 0, 2, 3, clock_us=90_000)
        inbox.feed(1, columns([(0, 10)]), 3)
        inbox.hear_end(1, 3, 90_000)
        assert inbox.lag(1) == 3
        inbox.take(10)
        inbox.feed(1, columns([]), 5)
        inbox.hear_end(1, 6, 90_000)
        assert inbox.lag(1) == 1, "one more offset is to be read"
        inbox.feed(1, columns([]), 6)
        inbox.hear_end(1, 6, 95_000)
        assert inbox.lag(1) == 0
        assert inbox.watermark(99_000) == 90_000


@given(
    st.lists(st.lists(st.integers(0, 5), max_size=8), min_size=4, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=30),
    st.integers(1, 4),
)
def test_batches_joined_are_all_records_once_each_topic_in_its_order(
    topics: list[list[int]], reads: list[tuple[int, int]], batch: int
) -> None:
    inbox = Inbox(_FOUR)
    fed = [0] * 4
    found: list[tuple[int, int]] = []
    ends = [len(times) for times in topics]

    def take() -> None:
        taken = inbox.take(batch)
        cut = [
            [columns([(i, topics[topic][i]) for i in range(begin, end)])]
            for topic, (begin, end) in enumerate(taken.ranges)
        ]
        assert listed(taken.records) == listed(ordered(cut)), "the ranges alone give the batch again"
        found.extend((topic, offset) for topic, offset, _ in listed(taken.records))

    for topic, count in [*reads, *((topic, 8) for topic in range(4))]:
        first, fed[topic] = fed[topic], min(ends[topic], fed[topic] + count)
        records = [(i, topics[topic][i]) for i in range(first, fed[topic])]
        inbox.feed(topic, columns(records), fed[topic])
        inbox.hear_end(topic, ends[topic], None)
        take()
    for _ in range(sum(ends)):
        take()
    assert sorted(found) == [(topic, i) for topic in range(4) for i in range(ends[topic])]
    for topic in range(4):
        assert [offset for each, offset in found if each == topic] == list(range(ends[topic]))


class TestWatermark:
    """It is the least of: the clock where a topic is read to its end, else its next record."""

    def test_it_is_unknown_until_every_topic_is_heard_of(self) -> None:
        inbox = Inbox(_FOUR)
        _quiet(inbox, 0, 1, 2, clock_us=7_000)
        assert inbox.watermark(9_000) is None
        _quiet(inbox, 3, clock_us=8_000)
        assert inbox.watermark(9_000) == 7_000

    def test_a_record_that_waits_holds_it(self) -> None:
        inbox = Inbox(_FOUR)
        _quiet(inbox, 0, 2, 3, clock_us=90_000)
        inbox.feed(1, columns([(0, 12)]), 1)
        inbox.hear_end(1, 1, 90_000)
        assert inbox.watermark(95_000) == 12_000
        inbox.take(1)
        assert inbox.watermark(95_000) == 90_000

    def test_a_broker_that_is_not_heard_of_any_more_stops_it(self) -> None:
        inbox = Inbox(_FOUR)
        _quiet(inbox, 0, 1, 2, 3, clock_us=50_000)
        assert inbox.watermark(900_000) == 50_000

    def test_it_never_goes_back(self) -> None:
        inbox = Inbox(_FOUR, watermark_us=60_000)
        _quiet(inbox, 0, 1, 2, 3, clock_us=50_000)
        assert inbox.watermark(55_000) == 60_000

    def test_a_timestamp_beyond_all_years_counts_as_the_last_one(self) -> None:
        inbox = Inbox(_FOUR)
        inbox.feed(1, columns([(0, 2**62)]), 1)
        assert inbox.greatest_us == 7_258_118_399_999_000


class TestPatience:
    """History that is fed faster than it happened: an old answer of the broker says nothing about its end."""

    def test_a_record_waits_until_the_other_topics_are_heard_of_later(self) -> None:
        inbox = Inbox(_FOUR, patient=True)
        _quiet(inbox, 0, 1, 2, 3)
        inbox.feed(3, columns([(0, 50)]), 1)
        inbox.hear_end(3, 1, 50_000)
        assert inbox.take(9).records.offset.size == 0
        inbox.feed(1, columns([(0, 20)]), 1)  # it was there all the time
        inbox.hear_end(1, 1, 50_000)
        assert inbox.take(9).records.offset.size == 0
        _quiet(inbox, 0, 2, clock_us=50_000)
        assert [topic for topic, _, _ in listed(inbox.take(9).records)] == [1, 3]

    def test_what_lies_before_the_clock_as_of_then_can_be_taken(self) -> None:
        inbox = Inbox(_FOUR, patient=True)
        _quiet(inbox, 0, 1, 2, clock_us=30_000)
        inbox.feed(3, columns([(0, 20), (1, 29), (2, 31)]), 3)
        inbox.hear_end(3, 3, 31_000)
        assert [offset for _, offset, _ in listed(inbox.take(9).records)] == [0, 1]

    def test_a_timestamp_beyond_all_years_stops_nothing(self) -> None:
        inbox = Inbox(_FOUR, patient=True)
        inbox.feed(3, columns([(0, 2**62), (1, 5)]), 2)
        inbox.hear_end(3, 2, inbox.greatest_us)
        _quiet(inbox, 0, 1, 2, clock_us=inbox.greatest_us or 0)
        assert [offset for _, offset, _ in listed(inbox.take(9).records)] == [0, 1]
