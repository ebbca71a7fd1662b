"""The random histories reach what they are meant to, so that comparing engines on them says something."""

from __future__ import annotations

from collections import Counter

from rules.engine.event import Event
from rules.engine.reference import Evaluation, Reference
from rules.language.model import AggregateMetric
from tests.properties.histories import History
from tests.properties.packs import AGGREGATES
from tests.properties.strategies import seeded_history

HISTORIES = 300
#: At least so many of the histories show it; about half of what was measured.
EXPECTED = {
    "cause event": 200,
    "cause time": 75,
    "cause override": 50,
    "direction initial": 200,
    "direction up": 40,
    "direction down": 30,
    "direction move": 60,
    "notice started": 80,
    "notice cancelled": 50,
    "notice updated": 2,
    "rejected too_late": 50,
    "rejected erased": 12,
    "duplicate": 80,
    "late": 80,
    "erased": 30,
    "second life": 20,
    "pending at the end": 50,
    "override at the end": 35,
    "target is not to": 4,
    "two reasons": 30,
    "a pin": 45,
    "a floor": 12,
    "a floor that lifts": 12,
    "same instant": 3,
    "tick": 100,
    **{f"agg {name}": 30 for name in AGGREGATES},
}


def test_histories_reach_every_cause_direction_rejection_and_aggregate() -> None:
    seen: Counter[str] = Counter()
    for seed in range(HISTORIES):
        seen.update(_shown(seeded_history(seed)))
    short = {name: seen[name] for name, least in EXPECTED.items() if seen[name] < least}
    assert not short


def _shown(history: History) -> set[str]:
    shown: set[str] = set()
    for metric in history.pack.metrics:
        if isinstance(metric, AggregateMetric):
            shown.add(f"agg {metric.agg}")

    def observe(evaluation: Evaluation) -> None:
        for decision in evaluation.decisions:
            override = decision.override
            if override and override.mode == "floor" and override.category > decision.rules_target:
                shown.add("a floor that lifts")

    engine = Reference(history.pack, observer=observe)
    for item in history.inputs:
        if isinstance(item, Event):
            answer = engine.apply(item)
            outputs = list(answer.outputs)
            shown |= {"duplicate"} if answer.duplicate else set()
            shown |= {"late"} if answer.late else set()
            if answer.rejection is not None:
                shown.add(f"rejected {answer.rejection.code}")
        else:
            outputs = engine.tick(item.period)
            shown.add("tick")
        for output in outputs:
            body = output.body
            if output.kind == "change":
                shown |= {f"cause {body['cause']}", f"direction {body['direction']}"}
                shown |= {"second life"} if body["life"] == 2 else set()
                shown |= {"target is not to"} if body["target"] != body["to"] else set()
                shown |= {"same instant"} if body["effective_at"] == body["previous_effective_at"] else set()
                reasons = body["reasons"]
                assert isinstance(reasons, list)
                shown |= {"two reasons"} if len(reasons) == 2 else set()
                for reason in reasons:
                    shown |= {f"a {word}" for word in ("pin", "floor") if reason["rule"].endswith(f".{word}")}
            elif output.kind == "notice":
                shown.add(f"notice {body['state']}")
            else:
                shown.add("erased")
    for view in engine.customers():
        for dimension in view.dimensions:
            shown |= {"pending at the end"} if dimension.pending_to is not None else set()
            shown |= {"override at the end"} if dimension.override_mode is not None else set()
    return shown
