"""S8: pins, floors, their end, and what is not earned by them, worked by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rules.engine.event import Rejection
from rules.intake.decode import decode_event
from tests.scene import Scene, pack_text

LADDER = """
  tier:
    kind: ladder
    categories:
      low: {}
      mid: {enter: "spend >= 10", keep: "spend >= 5"}
      high: {enter: "spend >= 20", keep: "spend >= 15"}
"""
POLICY = "    downgrade: {hold: 2d}\n"


def ladder(policies: str = "") -> Scene:
    return Scene(
        pack_text(
            "spend: {agg: sum, of: order.completed, field: amount, minus: order.refunded}", LADDER + policies
        )
    )


def assign(stage: Scene, at: str, category: str, mode: str = "pin", **more: Any) -> None:
    stage.event("category.assigned", at, dimension="tier", category=category, mode=mode, **more)


def refund(stage: Scene, at: str, amount: int) -> None:
    stage.event("order.refunded", at, amount=str(amount))


def release(stage: Scene, at: str) -> None:
    stage.event("category.released", at, dimension="tier")


def test_a_pin_moves_at_once_and_holds_against_the_rules() -> None:
    stage = ladder()
    stage.order("2024-01-10", 1)
    assign(stage, "2024-01-11", "high")
    refund(stage, "2024-01-12", 1)
    assert stage.changes[1:] == ["2024-01-11T12:00 tier: low > high (up, override)"]


def test_a_pin_down_is_a_down_move_with_one_reason() -> None:
    stage = ladder()
    stage.order("2024-01-10", 20)
    assign(stage, "2024-01-11", "low")
    assert stage.changes[1:] == ["2024-01-11T12:00 tier: high > low (down, override)"]
    assert stage.bodies("change")[1]["reasons"] == [
        {
            "rule": "tier.low.pin",
            "expression": None,
            "result": True,
            "values": {"actor": "ann", "reason": "because"},
        }
    ]


def test_the_rules_decide_again_from_the_day_until() -> None:
    stage = ladder()
    stage.order("2024-01-10", 1)
    assign(stage, "2024-01-11", "high", until="2024-01-14")
    stage.tick("2024-01-20")
    assert stage.changes[2:] == ["2024-01-14T00:00 tier: high > low (down, time)"]


def test_a_release_is_an_event_and_so_evaluates() -> None:
    stage = ladder()
    stage.order("2024-01-10", 1)
    assign(stage, "2024-01-11", "high")
    release(stage, "2024-01-13")
    assert stage.changes[2:] == ["2024-01-13T12:00 tier: high > low (down, event)"]
    assert stage.bodies("change")[2]["trigger"]["type"] == "category.released"


def test_after_an_override_the_policy_counts_again() -> None:
    stage = ladder(POLICY)
    stage.order("2024-01-10", 1)
    assign(stage, "2024-01-11", "high", until="2024-01-14")
    stage.tick("2024-01-20")
    assert stage.changes[2:] == ["2024-01-16T00:00 tier: high > low (down, time)"]
    assert stage.notices == ["2024-01-14T00:00 tier: started high > low 2024-01-14..2024-01-16 next 3"]


def test_a_pin_cancels_a_pending_move_even_where_it_moves_nobody() -> None:
    stage = ladder(POLICY)
    stage.order("2024-01-10", 10)
    refund(stage, "2024-01-11", 10)
    assign(stage, "2024-01-12", "mid")
    assert len(stage.changes) == 1
    assert stage.notices == [
        "2024-01-11T12:00 tier: started mid > low 2024-01-11..2024-01-13 next 2",
        "2024-01-12T12:00 tier: cancelled mid > low 2024-01-11..2024-01-13 next 2",
    ]


def test_a_floor_lifts_at_once_cancels_what_is_pending_and_holds() -> None:
    stage = ladder("    upgrade: {hold: 5d}\n")
    stage.order("2024-01-10", 1)
    stage.order("2024-01-11", 19)
    assign(stage, "2024-01-12", "mid", "floor")
    assert stage.changes[1:] == ["2024-01-12T12:00 tier: low > mid (up, override)"]
    assert stage.notices[1:] == ["2024-01-12T12:00 tier: cancelled low > high 2024-01-11..2024-01-16 next 2"]
    stage.tick("2024-01-18")
    assert stage.notices[2:] == ["2024-01-13T00:00 tier: started mid > high 2024-01-13..2024-01-18 next 3"]
    assert stage.changes[2:] == ["2024-01-18T00:00 tier: mid > high (up, time)"]


def test_a_floor_stops_a_move_down_and_policy_applies() -> None:
    stage = ladder(POLICY)
    stage.order("2024-01-10", 20)
    assign(stage, "2024-01-11", "mid", "floor")
    refund(stage, "2024-01-12", 20)
    stage.tick("2024-01-20")
    assert stage.changes[1:] == ["2024-01-14T00:00 tier: high > mid (down, time)"]
    reasons = stage.bodies("change")[1]["reasons"]
    assert reasons == [
        {"rule": "tier.high.keep", "expression": "spend >= 15", "result": False, "values": {"spend": "0.00"}},
        {
            "rule": "tier.mid.floor",
            "expression": None,
            "result": True,
            "values": {"actor": "ann", "reason": "because"},
        },
    ]


@pytest.mark.parametrize(
    ("mode", "category", "spent", "born"),
    [
        ("pin", "high", 0, "birth > high (initial, override)"),
        ("pin", "low", 0, "birth > low (initial, override)"),
        ("floor", "mid", 0, "birth > mid (initial, override)"),
        ("floor", "low", 0, "birth > low (initial, event)"),
    ],
)
def test_an_override_may_decide_at_birth(mode: str, category: str, spent: int, born: str) -> None:
    stage = ladder()
    assign(stage, "2024-01-10", category, mode)
    assert stage.changes == [f"2024-01-10T12:00 tier: {born}"]


def test_an_override_that_has_ended_at_birth_decides_nothing() -> None:
    stage = ladder()
    assign(stage, "2024-01-10", "high", until="2024-01-10")
    assert stage.changes == ["2024-01-10T12:00 tier: birth > low (initial, event)"]


def test_a_later_assignment_replaces_the_earlier_one() -> None:
    stage = ladder()
    stage.order("2024-01-10", 1)
    assign(stage, "2024-01-11", "high")
    assign(stage, "2024-01-12", "mid", until="2024-01-13")
    stage.tick("2024-01-13")
    assert stage.changes[2:] == [
        "2024-01-12T12:00 tier: high > mid (down, override)",
        "2024-01-13T00:00 tier: mid > low (down, time)",
    ]


def test_an_older_assignment_that_comes_late_does_not_undo_a_newer_one() -> None:
    stage = ladder()
    stage.order("2024-01-10", 1)
    assign(stage, "2024-01-12", "mid")
    assign(stage, "2024-01-11", "high")
    assert stage.category("tier") == "mid"
    release(stage, "2024-01-12T11:59:59Z")
    assert stage.category("tier") == "mid"


def test_an_older_assignment_does_not_undo_a_newer_release() -> None:
    stage = ladder()
    stage.order("2024-01-10", 1)
    release(stage, "2024-01-12")
    assign(stage, "2024-01-11", "high")
    assert stage.category("tier") == "low"


def test_of_two_at_the_same_time_the_one_applied_last_wins() -> None:
    stage = ladder()
    stage.order("2024-01-10", 1)
    assign(stage, "2024-01-12", "high")
    assign(stage, "2024-01-12", "mid")
    assert stage.category("tier") == "mid"


def test_goodwill_is_not_earned_who_was_pinned_must_enter() -> None:
    """7 would keep mid, but never entered it."""
    stage = ladder()
    stage.order("2024-01-10", 7)
    assign(stage, "2024-01-11", "high", until="2024-01-13")
    stage.tick("2024-01-13")
    assert stage.changes[1:] == [
        "2024-01-11T12:00 tier: low > high (up, override)",
        "2024-01-13T00:00 tier: high > low (down, time)",
    ]
    rules = [reason["rule"] for reason in stage.bodies("change")[2]["reasons"]]
    assert rules == ["tier.high.enter", "tier.low.otherwise"]


def test_who_earned_a_category_before_a_pin_keeps_it_after() -> None:
    stage = ladder()
    stage.order("2024-01-10", 10)
    refund(stage, "2024-01-10T13:00:00Z", 3)
    assign(stage, "2024-01-11", "high", until="2024-01-13")
    stage.tick("2024-01-13")
    assert stage.changes[2:] == ["2024-01-13T00:00 tier: high > mid (down, time)"]
    rules = [reason["rule"] for reason in stage.bodies("change")[2]["reasons"]]
    assert rules == ["tier.high.enter", "tier.mid.keep"]


def test_a_rank_may_be_earned_while_pinned_to_it() -> None:
    stage = ladder()
    stage.order("2024-01-10", 7)
    assign(stage, "2024-01-11", "mid", until="2024-01-15")
    stage.order("2024-01-12", 3)
    refund(stage, "2024-01-13", 4)
    stage.tick("2024-01-16")
    assert stage.category("tier") == "mid"
    assert len(stage.changes) == 2


def test_a_floor_at_birth_is_not_earned() -> None:
    stage = ladder()
    assign(stage, "2024-01-10", "mid", "floor", until="2024-01-12")
    stage.order("2024-01-11", 7)
    stage.tick("2024-01-12")
    assert stage.changes[1:] == ["2024-01-12T00:00 tier: mid > low (down, time)"]


def test_where_a_floor_stops_the_fall_only_the_rank_below_is_earned() -> None:
    """From high to the floor mid, while the rules aim at low; then 7 would keep mid but not enter it."""
    stage = ladder()
    stage.order("2024-01-10", 20)
    assign(stage, "2024-01-11", "mid", "floor", until="2024-01-15")
    refund(stage, "2024-01-12", 16)
    stage.order("2024-01-13", 3)
    stage.tick("2024-01-15")
    assert stage.changes[1:] == [
        "2024-01-12T12:00 tier: high > mid (down, event)",
        "2024-01-15T00:00 tier: mid > low (down, time)",
    ]


def test_a_fall_that_the_floor_did_not_stop_earns_the_category_it_leads_to() -> None:
    stage = ladder()
    stage.order("2024-01-10", 20)
    assign(stage, "2024-01-11", "mid", "floor", until="2024-01-15")
    refund(stage, "2024-01-12", 13)
    stage.tick("2024-01-15")
    assert stage.changes[1:] == ["2024-01-12T12:00 tier: high > mid (down, event)"]
    assert stage.category("tier") == "mid"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"dimension": "tiers", "category": "mid"}, "dimension"),
        ({"dimension": "tier", "category": "middle"}, "category"),
        ({"dimension": "state", "category": "all", "mode": "floor"}, "mode"),
    ],
)
def test_an_assignment_to_nothing_is_rejected(fields: dict[str, str], named: str) -> None:
    state = "  state: {kind: first_match, categories: {many: {when: 'spend > 5'}, all: {}}}\n"
    stage = Scene(
        pack_text("spend: {agg: sum, of: order.completed, field: amount}", LADDER.rstrip() + "\n" + state)
    )
    record = {
        "event_id": "e",
        "type": "category.assigned",
        "occurred_at": "2024-01-10T12:00:00Z",
        "customer_id": "C",
        "reason": "r",
        "actor": "a",
        **fields,
    }
    answer = decode_event(json.dumps(record).encode(), stage.pack)
    assert isinstance(answer, Rejection)
    assert (answer.code, named in answer.detail) == ("schema", True)
