"""A change reads as one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from workers.report.words import change_in_words, instant_in_words, value_in_words


def a_change(**parts: Any) -> dict[str, Any]:
    return {
        "dimension": "value_tier",
        "from": "silver",
        "to": "gold",
        "target": "gold",
        "direction": "up",
        "cause": "event",
        "trigger": {"event_id": "E1", "type": "order.completed"},
        "reasons": [a_reason()],
        "metrics": {"spend_365d": "80.00"},
        **parts,
    }


def a_reason(**parts: Any) -> dict[str, Any]:
    return {
        "rule": "value_tier.gold.enter",
        "expression": "spend_365d >= 500",
        "result": True,
        "values": {"spend_365d": "512.00"},
        **parts,
    }


LOST = a_reason(rule="value_tier.gold.keep", result=False, values={"spend_365d": "80.00"})
LEFT = a_reason(rule="value_tier.bronze.otherwise", expression=None, values={})
PIN = a_reason(
    rule="value_tier.gold.pin", expression=None, values={"actor": "anna", "reason": "long illness"}
)
FLOOR = a_reason(rule="value_tier.silver.floor", expression=None, values={"actor": None, "reason": None})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            a_change(),
            (
                "value_tier rises from silver to gold with order.completed: "
                "`spend_365d >= 500` holds (spend_365d 512.00)"
            ),
        ),
        (
            a_change(
                **{"from": "gold", "to": "bronze", "target": "bronze"},
                direction="down",
                cause="time",
                trigger=None,
                reasons=[LOST, LEFT],
            ),
            (
                "value_tier falls from gold to bronze as time passes: "
                "`spend_365d >= 500` no longer holds (spend_365d 80.00); "
                "no condition of another category holds, so bronze remains (spend_365d 80.00)"
            ),
        ),
        (
            a_change(**{"from": None}, direction="initial"),
            "value_tier starts as gold with order.completed: `spend_365d >= 500` holds (spend_365d 512.00)",
        ),
        (
            a_change(target="platinum", cause="rules", trigger=None),
            (
                "value_tier rises from silver to gold on the way to platinum under new rules: "
                "`spend_365d >= 500` holds (spend_365d 512.00)"
            ),
        ),
        (
            a_change(cause="override", reasons=[PIN]),
            "value_tier rises from silver to gold: pinned to gold by anna, because: long illness",
        ),
        (
            a_change(
                **{"from": "bronze", "to": "silver"}, target="silver", cause="override", reasons=[FLOOR]
            ),
            "value_tier rises from bronze to silver: kept at silver or above",
        ),
    ],
    ids=["up by an event", "down by time", "first", "one step", "pin", "floor without an actor"],
)
def test_a_change_reads_as(change: dict[str, Any], sentence: str) -> None:
    assert change_in_words(change) == sentence


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "missing"), (True, "true"), (False, "false"), (3, "3"), ("5.00", "5.00"), (2 / 3, "0.666667")],
)
def test_a_value_reads_as(value: object, text: str) -> None:
    assert value_in_words(value) == text


def test_an_instant_is_shown_to_the_minute() -> None:
    assert instant_in_words("2026-03-01T16:00:59.000000Z") == "2026-03-01 16:00"
