"""The kernel says what the reference says, byte for byte, of random histories under random packs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine.plan import make_plan
from tests.properties.comparison import (
    compare_history,
    differences,
    kernel_told,
    reference_told,
    told_by,
)
from tests.properties.histories import History, Input, Tick
from tests.properties.kernel_host import KernelHost
from tests.properties.strategies import histories, seeded_history, varied_histories

CHUNK = 50
FAST_CHUNKS, SLOW_CHUNKS = 4, 20

few = settings(max_examples=40)


def compare_seeds(first: int, count: int) -> None:
    """Fail with what differs, and with the command that shows it again."""
    for seed in range(first, first + count):
        found = compare_history(seeded_history(seed))
        if found:
            command = f".venv/bin/python -m tests.properties --seed {seed}"
            pytest.fail("\n".join([*found, f"once more: {command}"]), pytrace=False)


@pytest.mark.parametrize("base", ["known", "new"])
@pytest.mark.parametrize("chunk", range(FAST_CHUNKS))
def test_the_kernel_says_what_the_reference_says(seed_bases: tuple[int, int], base: str, chunk: int) -> None:
    compare_seeds(seed_bases[base == "new"] + CHUNK * chunk, CHUNK)


@pytest.mark.slow
@pytest.mark.parametrize("base", ["known", "new"])
@pytest.mark.parametrize("chunk", range(FAST_CHUNKS, FAST_CHUNKS + SLOW_CHUNKS))
def test_the_kernel_says_what_the_reference_says_of_many_more(
    seed_bases: tuple[int, int], base: str, chunk: int
) -> None:
    compare_seeds(seed_bases[base == "new"] + CHUNK * chunk, CHUNK)


@pytest.mark.parametrize("seed", [11980])
def test_what_once_differed_does_so_no_more(seed: int) -> None:
    """11980: a window of last quarter in the last days of 1969"""
    compare_seeds(seed, 1)


@few
@given(histories())
def test_the_kernel_says_what_the_reference_says_in_short(history: History) -> None:
    """Hypothesis finds less than the seeds do, but makes what it finds short."""
    assert compare_history(history) == []


@few
@given(varied_histories(), st.data())
def test_it_makes_no_difference_where_batches_end(history: History, data: st.DataObject) -> None:
    """S4.5"""
    host = KernelHost(history.pack)
    inputs = list(history.inputs)
    while inputs:
        size = data.draw(st.integers(1, len(inputs)))
        host.run(inputs[:size], data.draw(st.sampled_from([1, 2, 5, 1000])), data.draw(st.booleans()))
        inputs = inputs[size:]
    expected, got = reference_told(history.pack, history.inputs), told_by(host.said)
    expected.rejected.sort()
    got.rejected.sort()
    assert differences(expected, got) == []


@few
@given(varied_histories(), st.data())
def test_ticks_make_no_difference_if_none_is_ahead_of_what_is_to_come(
    history: History, data: st.DataObject
) -> None:
    """S4.2"""
    events = history.events
    if not events:
        return
    with_ticks: list[Input] = []
    for index, event in enumerate(events):
        earliest = min(later.period for later in events[index:])
        if data.draw(st.booleans()):
            with_ticks.append(Tick(earliest - data.draw(st.sampled_from([0, 0, 1, 3]))))
        with_ticks.append(event)
    last = Tick(max(event.period for event in events))
    plain = kernel_told(history.pack, [*events, last])
    assert differences(plain, kernel_told(history.pack, [*with_ticks, last], batch_max=4)) == []


@few
@given(varied_histories())
def test_other_customers_make_no_difference(history: History) -> None:
    """S4.5"""
    together = kernel_told(history.pack, history.inputs)
    for customer in {event.customer_id for event in history.events}:
        own = [each for each in history.inputs if isinstance(each, Tick) or each.customer_id == customer]
        alone = kernel_told(history.pack, own)
        for kind in ("change", "notice", "erased"):
            assert alone.lines.get((kind, customer)) == together.lines.get((kind, customer))


@few
@given(varied_histories(), st.data())
def test_an_engine_goes_on_from_a_snapshot_as_if_nothing_had_been(
    history: History, data: st.DataObject
) -> None:
    """S4.5"""
    cut = data.draw(st.integers(0, len(history.inputs)))
    first, second = KernelHost(history.pack), KernelHost(history.pack)
    first.run(history.inputs[:cut], 7)
    snapshot = first.engine.snapshot()
    second.engine = type(first.engine).restore(make_plan(history.pack), snapshot)
    second.said = first.said
    first.said = type(first.said)()
    first.run(history.inputs[cut:])  # what the first one does afterwards must not reach into the snapshot
    second.run(history.inputs[cut:], 7)
    assert differences(reference_told(history.pack, history.inputs), told_by(second.said)) == []
