"""What the worker that holds a customer says of it now: every number, and every condition with its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.console.pages.names import Names
from workers.console.pages.reasons import Reasons, Told


@dataclass(frozen=True, slots=True)
class Line:
    """A condition that was asked and its answer; `words` is empty where today's pack does not have it."""

    category: str
    result: bool
    words: str
    expression: str
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class DimensionNow:
    """A dimension's conditions, as they are answered now."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class LiveView:
    """What a worker answered, or `sentence`: why it did not. `as_of`: the day up to which time was worked."""

    as_of: str | None
    metrics: tuple[Told, ...]
    dimensions: tuple[DimensionNow, ...]
    sentence: str = ""


def unreachable(sentence: str) -> LiveView:
    """No answer."""
    return LiveView(None, (), (), sentence)


def live_view(body: Mapping[str, Any], reasons: Reasons, names: Names) -> LiveView:
    """A worker's answer (`rules.engine.look_body`) for people."""
    dimensions = tuple(
        DimensionNow(names.dimension(dimension), tuple(_lines(dimension, held, reasons, names)))
        for dimension, held in body["dimensions"].items()
    )
    return LiveView(body["as_of"], reasons.told(body["metrics"], ""), dimensions)


def _lines(dimension: str, held: Mapping[str, Any], reasons: Reasons, names: Names) -> list[Line]:
    return [
        Line(
            names.category(dimension, category["category"]),
            bool(condition["result"]),
            reasons.words(condition["rule"], condition["expression"]),
            condition["expression"] or "",
            reasons.told(condition["values"], dimension),
        )
        for category in held["categories"]
        for condition in category["conditions"]
    ]
