"""The pace of ticks: large slices while nothing else happens, small ones beside live records."""

from __future__ import annotations

from workers.live.pace import BUSY, IDLE, LATELY_S, TickPace


def test_a_shard_that_never_got_a_record_takes_large_slices() -> None:
    assert TickPace().evaluations(0.0) == IDLE


def test_slices_are_small_as_long_as_records_came_lately() -> None:
    pace = TickPace()
    pace.fed(100.0)
    assert pace.evaluations(100.0) == BUSY
    assert pace.evaluations(100.0 + 0.9 * LATELY_S) == BUSY
    assert pace.evaluations(100.0 + LATELY_S) == IDLE


def test_beside_live_records_one_slice_at_a_time_is_on_its_way() -> None:
    pace = TickPace()
    pace.fed(100.0)
    pace.taken()
    assert pace.evaluations(100.1) == 0
    pace.committed()
    assert pace.evaluations(100.2) == BUSY


def test_a_slice_on_its_way_holds_nothing_up_once_no_more_records_come() -> None:
    pace = TickPace()
    pace.fed(100.0)
    pace.taken()
    assert pace.evaluations(100.0 + LATELY_S) == IDLE
