"""What holds of every history (S4, S9), whatever the pack: laws that the reference itself must keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine.bodies import encode
from rules.engine.event import Event
from rules.engine.outcome import Output
from rules.engine.reference import Reference
from rules.intake.decode import decode_event
from rules.language.model import Pack
from tests.properties.histories import History, Input, Tick
from tests.properties.strategies import varied_histories

few = settings(max_examples=25)


def play(pack: Pack, inputs: Iterable[Input]) -> list[Output]:
    """Everything that an engine says to the inputs, in order."""
    engine = Reference(pack)
    outputs: list[Output] = []
    for each in inputs:
        outputs += engine.apply(each).outputs if isinstance(each, Event) else engine.tick(each.period)
    return outputs


def by_customer(outputs: Iterable[Output]) -> dict[str, list[bytes]]:
    """The bodies of each customer, in order."""
    bodies: dict[str, list[bytes]] = defaultdict(list)
    for output in outputs:
        bodies[output.customer_id].append(encode(output.body))
    return bodies


def bodies_of(outputs: Iterable[Output], kind: str) -> dict[tuple[object, ...], list[dict[str, Any]]]:
    """The bodies of a kind by customer, life and dimension."""
    bodies: dict[tuple[object, ...], list[dict[str, Any]]] = defaultdict(list)
    for output in outputs:
        if output.kind == kind:
            body = output.body
            bodies[(body["customer_id"], body["life"], body["dimension"])].append(body)
    return bodies


@few
@given(varied_histories(), st.data())
def test_where_ticks_fall_makes_no_difference_if_none_is_ahead_of_what_is_to_come(
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
    assert by_customer(play(history.pack, [*with_ticks, last])) == by_customer(
        play(history.pack, [*events, last])
    )


@few
@given(varied_histories())
def test_other_customers_make_no_difference(history: History) -> None:
    """S4.5"""
    together = by_customer(play(history.pack, history.inputs))
    for customer in {event.customer_id for event in history.events}:
        own = [each for each in history.inputs if isinstance(each, Tick) or each.customer_id == customer]
        assert by_customer(play(history.pack, own)).get(customer, []) == together.get(customer, [])


@few
@given(varied_histories())
def test_changes_of_a_dimension_form_a_chain_without_gaps(history: History) -> None:
    """S7.4, S9.1, S9.2"""
    outputs = play(history.pack, history.inputs)
    ids: list[object] = []
    for chain in bodies_of(outputs, "change").values():
        assert [body["sequence"] for body in chain] == list(range(1, len(chain) + 1))
        assert chain[0]["from"] is None
        assert chain[0]["previous_effective_at"] is None
        for before, after in pairwise(chain):
            assert after["from"] == before["to"] != after["to"]
            assert after["from_code"] == before["to_code"]
            assert after["previous_effective_at"] == before["effective_at"]
        ids += [body["change_id"] for body in chain]
    assert len(set(ids)) == len(ids)


@few
@given(varied_histories())
def test_the_effective_instants_of_a_customer_never_go_back(history: History) -> None:
    """S9.1"""
    latest: dict[str, int] = {}
    for output in play(history.pack, history.inputs):
        assert output.effective_us >= latest.get(output.customer_id, output.effective_us)
        latest[output.customer_id] = output.effective_us


@few
@given(varied_histories())
def test_reasons_say_true_of_what_is_reached_and_false_of_what_is_lost(history: History) -> None:
    """S9.3"""
    for chain in bodies_of(play(history.pack, history.inputs), "change").values():
        for body in chain:
            results = [reason["result"] for reason in body["reasons"]]
            if body["direction"] == "down" and body["cause"] != "override":
                assert results == [False, True]
                assert body["reasons"][0]["rule"].startswith(f"{body['dimension']}.{body['from']}.")
            else:
                assert results == [True]
            aim = body["reasons"][-1]["rule"].split(".")[1]
            assert aim == body["target"]


@few
@given(varied_histories())
def test_notices_open_and_close_a_pending_move_and_agree_with_the_change_that_comes(
    history: History,
) -> None:
    """S9.7"""
    pending: dict[tuple[str, str], dict[str, Any]] = {}
    for output in play(history.pack, history.inputs):
        body: dict[str, Any] = output.body
        if output.kind == "erased":
            pending = {
                key: value for key, value in pending.items() if value["customer_id"] != output.customer_id
            }
            continue
        key = (body["customer_id"], body["dimension"])
        known = pending.get(key)
        if output.kind == "change":
            if known is not None:
                assert (known["from"], known["sequence_next"]) == (body["from"], body["sequence"])
            pending.pop(key, None)
        elif body["state"] == "started":
            assert known is None
            pending[key] = body
        else:
            assert known is not None
            assert (known["since"], known["until"], known["from"]) == (
                body["since"],
                body["until"],
                body["from"],
            )
            assert (body["to"] == known["to"]) == (body["state"] == "cancelled")
            pending[key] = body
            if body["state"] == "cancelled":
                del pending[key]


@few
@given(varied_histories())
def test_what_is_rejected_or_a_duplicate_changes_nothing_that_can_be_seen(history: History) -> None:
    """S2.4, S4.3"""
    engine = Reference(history.pack)
    for each in history.inputs:
        if isinstance(each, Tick):
            engine.tick(each.period)
            continue
        before = list(engine.customers())
        answer = engine.apply(each)
        if answer.rejection is not None or answer.duplicate:
            assert answer.outputs == ()
            assert list(engine.customers()) == before


@few
@given(varied_histories())
def test_the_same_history_gives_the_same_bytes(history: History) -> None:
    first, second = ([encode(output.body) for output in play(history.pack, history.inputs)] for _ in range(2))
    assert first == second


@few
@given(varied_histories())
def test_an_event_and_its_line_in_a_file_are_the_same(history: History) -> None:
    for event, line in zip(history.inputs, history.lines, strict=True):
        if isinstance(event, Event):
            assert decode_event(line.encode(), history.pack) == event
