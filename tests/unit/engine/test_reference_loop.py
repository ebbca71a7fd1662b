"""S3, S4, S9 and S12.1: lateness, duplicates, bodies, numbers, erasure, worked by hand."""

from __future__ import annotations

import hashlib
import json

import pytest

from rules.engine.bodies import encode
from rules.engine.event import Code
from tests.scene import Scene, pack_text

TIER = """
  tier:
    kind: ladder
    categories:
      low: {code: "002"}
      high: {code: "001", enter: "spend >= 10", strategy: {offer: "8 %", steps: [1, 2.5]}}
    publish: [spend, mean, idle, none]
"""
METRICS = """
spend: {agg: sum, of: order.completed, field: amount, window: 5d}
mean: {agg: avg, of: order.completed, field: amount}
idle: {agg: recency, of: order.completed}
none: {agg: max, of: feedback.rating, field: score}
n: {agg: count, of: order.completed}
"""
MORE = "lateness: 3d\nattributes: {region: string, level: integer}"


def shop() -> Scene:
    return Scene(pack_text(METRICS, TIER, more=MORE))


def test_a_late_event_counts_on_its_own_day_and_moves_at_the_instant_already_reached() -> None:
    stage = shop()
    stage.order("2024-01-10", 1)
    stage.tick("2024-01-12")
    answer = stage.order("2024-01-09T08:00:00Z", 9)
    assert answer.late
    assert stage.changes[1:] == ["2024-01-12T00:00 tier: low > high (up, event)"]
    stage.tick("2024-01-14")
    assert stage.changes[2:] == ["2024-01-14T00:00 tier: high > low (down, time)"]


def test_an_event_out_of_order_within_its_day_is_not_late_and_effective_at_never_goes_back() -> None:
    stage = shop()
    stage.order("2024-01-10T12:00:00Z", 1)
    answer = stage.order("2024-01-10T08:00:00Z", 9)
    assert not answer.late
    assert stage.changes[1:] == ["2024-01-10T12:00 tier: low > high (up, event)"]


@pytest.mark.parametrize(("day", "code"), [("2024-01-07", None), ("2024-01-06", Code.TOO_LATE)])
def test_facts_are_taken_as_late_as_the_lateness_allows(day: str, code: Code | None) -> None:
    stage = shop()
    stage.order("2024-01-10", 1)
    answer = stage.order(day, 1)
    assert (answer.rejection.code if answer.rejection else None) == code
    assert answer.late == (code is None)
    assert answer.outputs == ()


def test_what_is_too_late_changes_nothing_and_leaves_no_id_behind() -> None:
    stage = shop()
    stage.order("2024-01-10", 1)
    stage.order("2024-01-06", 20, event_id="x")
    answer = stage.order("2024-01-10", 20, event_id="x")
    assert not answer.duplicate
    assert stage.metric("n") == 2


def test_lateness_counts_from_a_tick_too() -> None:
    stage = shop()
    stage.order("2024-01-10", 1)
    stage.tick("2024-01-14")
    answer = stage.order("2024-01-10", 1)
    assert answer.rejection is not None
    assert "3 days" in answer.rejection.detail


def test_the_same_id_again_is_a_duplicate_and_moves_no_time() -> None:
    stage = shop()
    stage.order("2024-01-10", 1, event_id="x")
    answer = stage.order("2024-01-12", 20, event_id="x")
    assert answer.duplicate
    assert stage.evaluations[-1].period == stage.evaluations[0].period
    assert stage.metric("n") == 1


def test_ids_are_of_a_customer_and_a_topic() -> None:
    stage = shop()
    stage.order("2024-01-10", 1, event_id="x")
    assert not stage.order("2024-01-10", 1, event_id="x", customer="D").duplicate
    assert not stage.event("payment.failed", "2024-01-10", event_id="x", amount="1").duplicate
    assert not stage.event("customer.updated", "2024-01-10", event_id="x").duplicate
    assert stage.event("order.placed", "2024-01-10", event_id="x", amount="1").duplicate


@pytest.mark.parametrize(("day", "duplicate"), [("2024-01-13", True), ("2024-01-14", False)])
def test_an_id_is_remembered_as_long_as_the_lateness(day: str, duplicate: bool) -> None:
    stage = shop()
    stage.order("2024-01-10", 1, event_id="x")
    assert stage.order(day, 1, event_id="x").duplicate is duplicate


def test_a_dropped_duplicate_prolongs_the_memory_of_its_id() -> None:
    """Remembered with the 10th, then the 12th, then the 15th; on the 19th that is more than 3 days ago."""
    stage = shop()
    stage.order("2024-01-10", 1, event_id="x")
    assert stage.order("2024-01-12", 1, event_id="x").duplicate
    assert stage.order("2024-01-15", 1, event_id="x").duplicate
    assert not stage.order("2024-01-19", 1, event_id="x").duplicate


def test_a_late_duplicate_does_not_shorten_the_memory() -> None:
    stage = shop()
    stage.order("2024-01-10", 1, event_id="x")
    assert stage.order("2024-01-08", 1, event_id="x").duplicate
    assert stage.order("2024-01-13", 1, event_id="x").duplicate


def test_events_about_the_customer_are_never_too_late_and_known_by_the_day_they_came() -> None:
    stage = shop()
    stage.order("2024-01-10", 1)
    first = stage.event("customer.updated", "2023-06-01", event_id="x", attributes={"level": 1})
    assert (first.rejection, first.duplicate, first.late) == (None, False, True)
    stage.tick("2024-01-13")
    assert stage.event("customer.updated", "2023-06-01", event_id="x").duplicate
    stage.tick("2024-01-17")
    assert not stage.event("customer.updated", "2023-06-01", event_id="x").duplicate


def attributes(stage: Scene) -> tuple[object, ...]:
    (view,) = stage.engine.customers()
    return view.attributes


def test_the_latest_time_wins_for_each_attribute_by_itself() -> None:
    stage = shop()
    stage.event("customer.registered", "2024-01-10", attributes={"region": "north", "level": 1})
    stage.event("customer.updated", "2024-01-12", attributes={"region": "south"})
    stage.event("customer.updated", "2024-01-11", attributes={"region": "east", "level": 2})
    assert attributes(stage) == ("south", 2)


def test_a_removal_is_remembered_by_its_time_too() -> None:
    stage = shop()
    stage.event("customer.registered", "2024-01-10", attributes={"region": "north"})
    stage.event("customer.updated", "2024-01-12", attributes={"region": None})
    stage.event("customer.updated", "2024-01-11", attributes={"region": "east"})
    assert attributes(stage) == (None, None)
    stage.event("customer.updated", "2024-01-12", attributes={"region": "west"})
    assert attributes(stage) == ("west", None)


def test_a_tick_at_or_before_what_is_known_does_nothing_nor_does_one_without_customers() -> None:
    stage = shop()
    assert stage.tick("2024-01-20") == []
    stage.order("2024-01-10", 10)
    assert stage.tick("2024-01-10") == []
    assert stage.tick("2024-01-01") == []
    assert len(stage.evaluations) == 1


def test_a_tick_goes_period_by_period_and_through_customers_by_the_bytes_of_their_ids() -> None:
    stage = shop()
    for customer, day in (("é", "2024-01-10"), ("z", "2024-01-10"), ("B", "2024-01-11"), ("a", "2024-01-10")):
        stage.order(day, 10, customer=customer)
    outputs = stage.tick("2024-01-20")
    assert [(each.customer_id, each.body["effective_at"]) for each in outputs] == [
        ("a", "2024-01-15T00:00:00.000000Z"),
        ("z", "2024-01-15T00:00:00.000000Z"),
        ("é", "2024-01-15T00:00:00.000000Z"),
        ("B", "2024-01-16T00:00:00.000000Z"),
    ]


def test_the_body_of_a_change_word_for_word() -> None:
    stage = shop()
    stage.order("2024-01-10T08:00:00.25Z", "12.5", customer="Zoë", event_id="first")
    stage.tick("2024-01-15")
    fingerprint = stage.pack.fingerprint
    first, second = (encode(body).decode() for body in stage.bodies("change"))
    digest = hashlib.sha256("1|1|Zoë|tier|1".encode()).hexdigest()[:32]
    assert first == (
        f'{{"change_id":"{digest}","customer_id":"Zoë","life":1,"dimension":"tier","sequence":1,'
        '"from":null,"from_code":null,"to":"high","to_code":"001","target":"high","direction":"initial",'
        '"effective_at":"2024-01-10T08:00:00.250000Z","previous_effective_at":null,"cause":"event",'
        '"trigger":{"event_id":"first","type":"order.completed"},'
        '"reasons":[{"rule":"tier.high.enter","expression":"spend >= 10","result":true,'
        '"values":{"spend":"12.50"}}],"metrics":{"spend":"12.50","mean":12.5,"idle":0,"none":null},'
        '"strategy":{"offer":"8 %","steps":[1,2.5]},'
        f'"pack":{{"name":"worked","version":"1","fingerprint":"{fingerprint}"}},"generation":1}}'
    )
    digest = hashlib.sha256("1|1|Zoë|tier|2".encode()).hexdigest()[:32]
    assert second == (
        f'{{"change_id":"{digest}","customer_id":"Zoë","life":1,"dimension":"tier","sequence":2,'
        '"from":"high","from_code":"001","to":"low","to_code":"002","target":"low","direction":"down",'
        '"effective_at":"2024-01-15T00:00:00.000000Z","previous_effective_at":"2024-01-10T08:00:00.250000Z",'
        '"cause":"time","trigger":null,'
        '"reasons":[{"rule":"tier.high.keep","expression":"spend >= 10","result":false,'
        '"values":{"spend":"0.00"}},'
        '{"rule":"tier.low.otherwise","expression":null,"result":true,"values":{}}],'
        '"metrics":{"spend":"0.00","mean":12.5,"idle":5,"none":null},"strategy":null,'
        f'"pack":{{"name":"worked","version":"1","fingerprint":"{fingerprint}"}},"generation":1}}'
    )


def test_the_body_of_a_notice_word_for_word() -> None:
    stage = Scene(pack_text(METRICS, TIER + "    downgrade: {hold: 2d}", more=MORE))
    stage.order("2024-01-10", 10)
    stage.tick("2024-01-15")
    (notice,) = stage.bodies("notice")
    assert encode(notice).decode() == (
        '{"customer_id":"C","life":1,"dimension":"tier","state":"started","from":"high","to":"low",'
        '"since":"2024-01-15","until":"2024-01-17","effective_at":"2024-01-15T00:00:00.000000Z",'
        '"sequence_next":2}'
    )


def test_sequences_run_without_gaps_for_each_dimension_by_itself() -> None:
    other = "  other: {kind: first_match, categories: {odd: {when: 'n in [1, 3]'}, even: {}}}\n"
    stage = Scene(pack_text(METRICS, TIER.rstrip() + "\n" + other, more=MORE))
    stage.order("2024-01-10", 1)
    stage.order("2024-01-11", 1)
    stage.order("2024-01-12", 10)
    assert [(body["dimension"], body["sequence"]) for body in stage.bodies("change")] == [
        ("tier", 1),
        ("other", 1),
        ("other", 2),
        ("tier", 2),
        ("other", 3),
    ]


ERASED = "customer.erased"


def test_an_erasure_works_through_time_first_and_then_forgets_everything() -> None:
    stage = shop()
    stage.order("2024-01-10", 10)
    stage.event(ERASED, "2024-01-16T06:00:00Z", reason="asked", actor="ann")
    assert stage.changes[1:] == ["2024-01-15T00:00 tier: high > low (down, time)"]
    (message,) = stage.bodies("erased")
    assert encode(message).decode() == (
        '{"type":"customer.erased","customer_id":"C","life":1,'
        '"effective_at":"2024-01-16T06:00:00.000000Z","reason":"asked","actor":"ann"}'
    )
    assert list(stage.engine.customers()) == []
    assert stage.tick("2024-02-01") == []


def test_a_pending_move_of_the_erased_goes_without_notice() -> None:
    stage = Scene(pack_text(METRICS, TIER + "    downgrade: {hold: 9d}", more=MORE))
    stage.order("2024-01-10", 10)
    stage.event(ERASED, "2024-01-16")
    assert [body["state"] for body in stage.bodies("notice")] == ["started"]


@pytest.mark.parametrize(
    ("at", "code"),
    [("2024-01-16T12:00:00Z", Code.ERASED), ("2024-01-16T12:00:00.000001Z", None)],
)
def test_what_happened_up_to_the_erasure_is_rejected_and_what_came_later_is_a_new_life(
    at: str, code: Code | None
) -> None:
    stage = shop()
    stage.order("2024-01-10", 1, event_id="x")
    stage.event(ERASED, "2024-01-16")
    answer = stage.order(at, 1, event_id="x")
    assert (answer.rejection.code if answer.rejection else None) == code
    lives = [(body["life"], body["sequence"]) for body in stage.bodies("change")]
    assert lives == [(1, 1)] + ([(2, 1)] if code is None else [])


def test_a_second_life_knows_nothing_of_the_first_but_its_end() -> None:
    stage = shop()
    stage.event("customer.registered", "2024-01-10", attributes={"region": "north"})
    stage.order("2024-01-10", 10)
    stage.event(ERASED, "2024-01-12")
    stage.order("2024-01-14", 1)
    assert stage.category("tier") == "low"
    assert (stage.metric("n"), attributes(stage)) == (1, (None, None))
    late = stage.order("2024-01-11", 1)
    assert late.rejection is not None
    assert late.rejection.code is Code.ERASED
    stage.event(ERASED, "2024-01-15")
    stage.order("2024-01-16", 1)
    assert [body["life"] for body in stage.bodies("erased")] == [1, 2]
    assert stage.bodies("change")[-1]["life"] == 3


def test_a_late_erasure_ends_at_the_instant_already_reached() -> None:
    stage = shop()
    stage.order("2024-01-10", 1)
    answer = stage.event(ERASED, "2024-01-08")
    assert answer.late
    assert stage.bodies("erased")[0]["effective_at"] == "2024-01-10T12:00:00.000000Z"
    again = stage.order("2024-01-10", 1)
    assert again.rejection is not None
    assert again.rejection.code is Code.ERASED


def test_erasing_someone_unknown_only_leaves_a_mark() -> None:
    stage = shop()
    answer = stage.event(ERASED, "2024-01-10")
    assert answer.outputs == ()
    assert stage.order("2024-01-09", 1).rejection is not None
    stage.event(ERASED, "2024-01-12")
    assert stage.order("2024-01-11", 1).rejection is not None
    stage.order("2024-01-13", 1)
    assert stage.bodies("change")[0]["life"] == 1


def test_the_same_erasure_again_is_rejected_as_all_else_up_to_it() -> None:
    stage = shop()
    stage.order("2024-01-10", 1)
    stage.event(ERASED, "2024-01-12", event_id="gone")
    answer = stage.event(ERASED, "2024-01-12", event_id="gone")
    assert answer.rejection is not None
    assert answer.rejection.code is Code.ERASED


def test_a_rejection_for_erasure_says_nothing_about_the_customer() -> None:
    stage = shop()
    stage.event(ERASED, "2024-01-10")
    answer = stage.order("2024-01-09", 1)
    assert answer.rejection is not None
    assert json.dumps(answer.rejection.detail) == '"`occurred_at` is not after the erasure of this customer"'


def test_an_event_that_says_nothing_still_brings_a_customer_to_life() -> None:
    stage = shop()
    stage.event("category.released", "2024-01-10", dimension="tier")
    assert stage.changes == ["2024-01-10T12:00 tier: birth > low (initial, event)"]
