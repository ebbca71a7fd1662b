"""What is found about one customer in files gives the changes that a replay of all of it gives."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.calendar import PERIOD_LAST
from rules.engine.bodies import encode
from rules.engine.event import Event
from rules.engine.outcome import Output
from rules.engine.reference import Reference
from tests.properties.histories import History
from tests.properties.strategies import varied_histories
from workers.files.sources import find_event_files
from workers.replay.one_customer import Found, find_customer
from workers.replay.outputs import CHANGES, NOTICES
from workers.replay.reference_replay import run_reference
from workers.replay.summary import Order

ORDERS: tuple[Order, ...] = ("occurred", "arrival")


@settings(max_examples=25)
@given(varied_histories(), st.sampled_from(ORDERS), st.sampled_from([None, 0, 5, 40]))
def test_one_customer_by_itself_moves_as_among_all(
    history: History, order: Order, until_after: int | None
) -> None:
    """S4.5, S10"""
    first = min((event.period for event in history.events), default=0)
    until = None if until_after is None else min(first + until_after, PERIOD_LAST)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        half = len(history.lines) // 2
        for part, lines in (("a", history.lines[:half]), ("b", history.lines[half:])):
            (folder / f"{part}.ndjson").write_text("\n".join(lines), encoding="utf-8")
        run_reference(history.pack, [folder], folder / "out", order=order, until=until)
        expected = sorted(
            line for file in (CHANGES, NOTICES) for line in (folder / "out" / file).read_bytes().splitlines()
        )
        files = find_event_files([folder])
        found = []
        for customer in {event.customer_id for event in history.events}:
            found += _alone(history, find_customer(files, history.pack, customer, order=order, until=until))
    assert sorted(found) == expected


def _alone(history: History, found: Found) -> list[bytes]:
    engine = Reference(history.pack)
    outputs: list[Output] = []
    for each in found.inputs:
        outputs += engine.apply(each).outputs if isinstance(each, Event) else engine.tick(each.period)
    if found.last_period is not None:
        outputs += engine.tick(found.last_period)
    return [encode(output.body) for output in outputs if output.kind != "erased"]
