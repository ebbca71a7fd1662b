"""The cores of shards, fed in any pieces and ticking in any slices, say what the reference says."""

from __future__ import annotations

import pytest

from tests.live.checking import check
from tests.live.histories import random_events
from tests.live.pretended import publish

CHUNK = 10
FAST_CHUNKS, SLOW_CHUNKS = 3, 40


@pytest.mark.parametrize("base", ["known", "new"])
@pytest.mark.parametrize(
    "chunk",
    [
        *range(FAST_CHUNKS),
        *(pytest.param(n, marks=pytest.mark.slow) for n in range(FAST_CHUNKS, FAST_CHUNKS + SLOW_CHUNKS)),
    ],
)
def test_however_records_are_cut_the_history_is_that_of_the_reference(
    seed_bases: tuple[int, int], base: str, chunk: int
) -> None:
    """S4.5, S10"""
    for seed in range(
        seed_bases[base == "new"] + CHUNK * chunk, seed_bases[base == "new"] + CHUNK * chunk + CHUNK
    ):
        events = random_events(seed)
        found = check(publish(events.pack, events.sent, seed=seed), events.pack)
        assert not found, f"seed {seed}\n" + "\n".join(found)
