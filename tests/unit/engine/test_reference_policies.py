"""S7: targets, birth and policies, day by day, worked by hand."""

from __future__ import annotations

import pytest

from tests.scene import Scene, pack_text

SPEND = "spend: {agg: sum, of: order.completed, field: amount, minus: order.refunded, window: WINDOW}"
LADDER = """
  tier:
    kind: ladder
    categories:
      low: {}
      mid: {enter: "spend >= 10", keep: "spend >= 8"}
      high: {enter: "spend >= 20"}
"""


def ladder(policies: str = "", *, window: str = "5d", timezone: str = "UTC") -> Scene:
    return Scene(
        pack_text(
            SPEND.replace("WINDOW", window),
            LADDER + policies,
            timezone=timezone,
        )
    )


def test_a_customer_is_born_at_the_target_at_once_whatever_the_policy_says() -> None:
    stage = ladder("    upgrade: {hold: 9d, step: one}")
    stage.order("2024-01-10", 20)
    assert stage.changes == ["2024-01-10T12:00 tier: birth > high (initial, event)"]
    assert stage.notices == []


@pytest.mark.parametrize(
    ("amount", "category"), [("9.99", "low"), ("10.00", "mid"), ("19.99", "mid"), ("20", "high")]
)
def test_a_limit_hit_exactly_is_reached(amount: str, category: str) -> None:
    stage = ladder()
    stage.order("2024-01-10", amount)
    assert stage.category("tier") == category


@pytest.mark.parametrize(("refund", "category"), [("4", "mid"), ("4.01", "low")])
def test_keep_holds_what_enter_would_not_give(refund: str, category: str) -> None:
    stage = ladder()
    stage.order("2024-01-10", 12)
    stage.event("order.refunded", "2024-01-11", amount=refund)
    assert stage.category("tier") == category


def test_keep_gives_nothing_to_those_who_are_below() -> None:
    stage = ladder()
    stage.order("2024-01-10", 9)
    assert stage.category("tier") == "low"


def test_time_alone_moves_at_the_first_instant_of_the_day_it_fell_due() -> None:
    """10 spent on the 10th are in a window of 5 days until the 14th."""
    stage = ladder()
    stage.order("2024-01-10", 10)
    stage.order("2024-03-01", 1)
    assert stage.changes == [
        "2024-01-10T12:00 tier: birth > mid (initial, event)",
        "2024-01-15T00:00 tier: mid > low (down, time)",
    ]


@pytest.mark.parametrize(
    ("timezone", "noon", "expected"),
    [
        ("Europe/London", "2024-03-26T12:00:00Z", "2024-03-31T00:00"),  # clocks turn later that day
        ("Europe/London", "2024-03-27T12:00:00Z", "2024-03-31T23:00"),  # the day after, in summer time
        ("America/Sao_Paulo", "2018-10-30T12:00:00Z", "2018-11-04T03:00"),  # that day begins at one o'clock
        ("Pacific/Apia", "2011-12-24T22:00:00Z", "2011-12-29T10:00"),  # 24 Dec local, due on the 29th
        ("Pacific/Apia", "2011-12-25T22:00:00Z", "2011-12-30T10:00"),  # due on a day that never was
        ("Asia/Kathmandu", "2024-01-10T12:00:00Z", "2024-01-14T18:15"),
    ],
)
def test_days_begin_when_the_time_zone_says(timezone: str, noon: str, expected: str) -> None:
    stage = ladder(timezone=timezone)
    stage.order(noon, 10)
    stage.tick("2024-06-01")
    assert stage.changes[1] == f"{expected} tier: mid > low (down, time)"


def test_a_hold_waits_that_many_days_and_says_so() -> None:
    stage = ladder("    downgrade: {hold: 3d}")
    stage.order("2024-01-10", 10)
    stage.tick("2024-01-17")
    assert stage.notices == ["2024-01-15T00:00 tier: started mid > low 2024-01-15..2024-01-18 next 2"]
    assert len(stage.changes) == 1
    stage.tick("2024-01-18")
    assert stage.changes[1:] == ["2024-01-18T00:00 tier: mid > low (down, time)"]
    assert len(stage.notices) == 1


def test_a_pending_move_is_cancelled_when_its_reason_goes_away_and_begins_anew() -> None:
    stage = ladder("    downgrade: {hold: 3d}")
    stage.order("2024-01-10", 10)
    stage.order("2024-01-16", 10)
    stage.tick("2024-01-24")
    assert stage.notices == [
        "2024-01-15T00:00 tier: started mid > low 2024-01-15..2024-01-18 next 2",
        "2024-01-16T12:00 tier: cancelled mid > low 2024-01-15..2024-01-18 next 2",
        "2024-01-21T00:00 tier: started mid > low 2024-01-21..2024-01-24 next 2",
    ]
    assert stage.changes[1:] == ["2024-01-24T00:00 tier: mid > low (down, time)"]


def test_an_event_on_the_day_it_falls_due_cannot_stop_it() -> None:
    stage = ladder("    downgrade: {hold: 3d}")
    stage.order("2024-01-10", 10)
    stage.order("2024-01-18T00:00:00Z", 10)
    assert stage.changes[1:] == [
        "2024-01-18T00:00 tier: mid > low (down, time)",
        "2024-01-18T00:00 tier: low > mid (up, event)",
    ]


def test_a_pending_move_in_the_same_direction_keeps_its_day_and_tells_a_new_goal() -> None:
    stage = ladder("    upgrade: {hold: 5d}", window="lifetime")
    stage.order("2024-01-10", 1)
    stage.order("2024-01-11", 10)
    stage.order("2024-01-12", 1)
    stage.order("2024-01-13", 10)
    stage.tick("2024-01-16")
    assert stage.notices == [
        "2024-01-11T12:00 tier: started low > mid 2024-01-11..2024-01-16 next 2",
        "2024-01-13T12:00 tier: updated low > high 2024-01-11..2024-01-16 next 2",
    ]
    assert stage.changes[1:] == ["2024-01-16T00:00 tier: low > high (up, time)"]


def test_a_pending_move_that_turns_round_is_replaced() -> None:
    stage = ladder("    upgrade: {hold: 5d}\n    downgrade: {hold: 5d}")
    stage.order("2024-01-10", 10)
    stage.order("2024-01-11", 10)
    stage.event("order.refunded", "2024-01-12", amount="15")
    assert stage.notices == [
        "2024-01-11T12:00 tier: started mid > high 2024-01-11..2024-01-16 next 2",
        "2024-01-12T12:00 tier: cancelled mid > high 2024-01-11..2024-01-16 next 2",
        "2024-01-12T12:00 tier: started mid > low 2024-01-12..2024-01-17 next 2",
    ]


def test_a_pending_move_replaced_by_one_that_is_due_at_once_is_only_cancelled() -> None:
    stage = ladder("    upgrade: {hold: 5d}")
    stage.order("2024-01-10", 10)
    stage.order("2024-01-11", 10)
    stage.event("order.refunded", "2024-01-12", amount="15")
    assert stage.notices[1:] == ["2024-01-12T12:00 tier: cancelled mid > high 2024-01-11..2024-01-16 next 2"]
    assert stage.changes[1:] == ["2024-01-12T12:00 tier: mid > low (down, event)"]


def test_min_dwell_counts_from_the_day_the_category_was_entered() -> None:
    stage = ladder("    downgrade: {min_dwell: 7d}\n    upgrade: {min_dwell: 2d}")
    stage.order("2024-01-10", 10)
    stage.tick("2024-01-20")
    assert stage.notices == ["2024-01-15T00:00 tier: started mid > low 2024-01-15..2024-01-17 next 2"]
    assert stage.changes[1:] == ["2024-01-17T00:00 tier: mid > low (down, time)"]
    stage.order("2024-01-20", 10)
    assert stage.changes[2:] == ["2024-01-20T12:00 tier: low > mid (up, event)"]


@pytest.mark.parametrize(
    ("policy", "due"),
    [
        ("{at: month_start}", "2024-02-01"),
        ("{at: quarter_start}", "2024-04-01"),
        ("{at: year_start}", "2025-01-01"),
        ("{at: month_start, hold: 17d}", "2024-02-01"),
        ("{at: month_start, hold: 18d}", "2024-03-01"),
        ("{at: month_start, hold: 2d, min_dwell: 30d}", "2024-03-01"),
        ("{at: month_start, min_dwell: 22d}", "2024-02-01"),
    ],
)
def test_reviews_wait_for_the_first_day_of_a_month_quarter_or_year(policy: str, due: str) -> None:
    """Mid on 10 January; due from the 15th. The 15th and 17 days are 1 February, the 10th and 22 too."""
    stage = ladder(f"    downgrade: {policy}")
    stage.order("2024-01-10", 10)
    stage.tick("2025-01-01")
    assert stage.notices == [f"2024-01-15T00:00 tier: started mid > low 2024-01-15..{due} next 2"]
    assert stage.changes[1:] == [f"{due}T00:00 tier: mid > low (down, time)"]


def test_a_review_on_the_day_itself_needs_no_waiting() -> None:
    stage = ladder("    downgrade: {at: month_start}")
    stage.order("2024-01-27", 10)
    stage.tick("2024-02-01")
    assert stage.changes[1:] == ["2024-02-01T00:00 tier: mid > low (down, time)"]
    assert stage.notices == []


def test_one_step_at_a_time_shows_where_it_leads() -> None:
    stage = ladder("    upgrade: {step: one, hold: 1d}\n    downgrade: {step: one}", window="3d")
    stage.order("2024-01-10", 1)
    stage.order("2024-01-11", 20)
    stage.tick("2024-01-16")
    assert stage.changes[1:] == [
        "2024-01-12T00:00 tier: low > mid for high (up, time)",
        "2024-01-14T00:00 tier: mid > low (down, time)",
    ]
    assert stage.notices == [
        "2024-01-11T12:00 tier: started low > mid 2024-01-11..2024-01-12 next 2",
        "2024-01-13T00:00 tier: started mid > high 2024-01-13..2024-01-14 next 3",
        "2024-01-14T00:00 tier: cancelled mid > high 2024-01-13..2024-01-14 next 3",
    ]


def test_a_step_whose_goal_moves_but_not_its_next_category_tells_nothing_new() -> None:
    stage = ladder("    upgrade: {step: one, hold: 5d}", window="lifetime")
    stage.order("2024-01-10", 1)
    stage.order("2024-01-11", 10)
    stage.order("2024-01-12", 10)
    stage.tick("2024-01-16")
    assert stage.notices == ["2024-01-11T12:00 tier: started low > mid 2024-01-11..2024-01-16 next 2"]
    assert stage.changes[1:] == ["2024-01-16T00:00 tier: low > mid for high (up, time)"]


def test_only_one_move_at_each_evaluation() -> None:
    stage = ladder("    downgrade: {step: one}", window="3d")
    stage.order("2024-01-10", 20)
    stage.tick("2024-01-14")
    assert stage.changes[1:] == [
        "2024-01-13T00:00 tier: high > mid for low (down, time)",
        "2024-01-14T00:00 tier: mid > low (down, time)",
    ]


FIRST_MATCH = """
  state:
    kind: first_match
    categories:
      lost: {when: "idle >= 9"}
      away: {when: "idle >= 3"}
      here: {}
    change: {hold: 2d}
"""


def test_the_first_true_condition_of_a_first_match_wins_and_the_last_always_matches() -> None:
    stage = Scene(pack_text("idle: {agg: recency, of: order.completed}", FIRST_MATCH))
    stage.order("2024-01-01")
    stage.tick("2024-01-12")
    assert stage.changes == [
        "2024-01-01T12:00 state: birth > here (initial, event)",
        "2024-01-06T00:00 state: here > away (move, time)",
        "2024-01-12T00:00 state: away > lost (move, time)",
    ]
    assert stage.notices == [
        "2024-01-04T00:00 state: started here > away 2024-01-04..2024-01-06 next 2",
        "2024-01-10T00:00 state: started away > lost 2024-01-10..2024-01-12 next 3",
    ]


def test_another_target_of_a_first_match_is_another_move() -> None:
    stage = Scene(
        pack_text(
            "n: {agg: count, of: order.completed}",
            """
  state:
    kind: first_match
    categories:
      three: {when: "n >= 3"}
      two: {when: "n >= 2"}
      one: {}
    change: {hold: 3d}
""",
        )
    )
    stage.order("2024-01-01")
    stage.order("2024-01-02")
    stage.order("2024-01-04")
    assert stage.notices == [
        "2024-01-02T12:00 state: started one > two 2024-01-02..2024-01-05 next 2",
        "2024-01-04T12:00 state: cancelled one > two 2024-01-02..2024-01-05 next 2",
        "2024-01-04T12:00 state: started one > three 2024-01-04..2024-01-07 next 2",
    ]


def test_a_move_that_makes_another_one_due_is_found_at_the_next_evaluation() -> None:
    stage = Scene(
        pack_text(
            "n: {agg: count, of: order.completed}",
            """
  state:
    kind: first_match
    categories:
      c: {when: 'current == "b"'}
      b: {when: 'current == "a"'}
      a: {}
""",
        )
    )
    stage.order("2024-01-01")
    stage.order("2024-01-01T13:00:00Z")
    stage.order("2024-01-01T13:00:00Z")
    assert stage.changes == [
        "2024-01-01T12:00 state: birth > a (initial, event)",
        "2024-01-01T13:00 state: a > b (move, event)",
        "2024-01-01T13:00 state: b > c (move, event)",
    ]
