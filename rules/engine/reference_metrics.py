"""Metrics as the reference computes them: each time anew, from the list of the customer's facts (S5)."""

from __future__ import annotations

from collections.abc import Sequence

from rules.calendar import month_start, quarter_start, year_start
from rules.engine.evaluate import Scope, Value, as_double, finite, value_of, within_limit
from rules.engine.event import Event
from rules.language.model import AggregateMetric, DerivedMetric, Kind, Pack, Window

_STARTS = {"month": month_start, "quarter": quarter_start, "year": year_start}
_BEFORE_ALL = -(10**9)


def metric_values(
    pack: Pack, facts: Sequence[Event], attributes: tuple[Value, ...], period: int
) -> tuple[Value, ...]:
    """Every metric of the pack at a period, in pack order; `facts` in the order of their application."""
    values: list[Value] = []
    for metric in pack.metrics:
        if isinstance(metric, DerivedMetric):
            values.append(value_of(metric.tree, Scope(pack.digits, tuple(values), attributes)))
        else:
            values.append(aggregate(metric, facts, period, pack.digits))
    return tuple(values)


def window_periods(window: Window, period: int) -> tuple[int, int]:
    """The first and the last period of a window at a period (S5.2)."""
    if window.unit == "lifetime":
        return _BEFORE_ALL, period
    if window.unit == "days":
        return period - window.days + 1, period
    which, unit = window.unit.split("_")
    start = _STARTS[unit](period)
    return (start, period) if which == "this" else (_STARTS[unit](start - 1), start - 1)


def aggregate(metric: AggregateMetric, facts: Sequence[Event], period: int, digits: int) -> Value:
    """One metric over facts (S5.1)."""
    matching = _matching(metric, metric.of, facts, period)
    match metric.agg:
        case "count":
            return len(matching)
        case "sum":
            return within_limit(
                sum(_field(metric, fact) for fact in matching)
                - sum(_field(metric, fact) for fact in _matching(metric, metric.minus, facts, period))
            )
        case "days":
            return len({fact.period for fact in matching})
    if not matching:
        return None
    match metric.agg:
        case "avg":
            return _average(metric, [_field(metric, fact) for fact in matching], digits)
        case "min":
            return min(_field(metric, fact) for fact in matching)
        case "max":
            return max(_field(metric, fact) for fact in matching)
        case "first":  # of equal times min and max keep the one they meet first: the one applied first, last
            return _field(metric, min(matching, key=lambda fact: fact.occurred_us))
        case "last":
            return _field(metric, max(reversed(matching), key=lambda fact: fact.occurred_us))
        case "recency":
            return period - max(fact.period for fact in matching)
        case _:
            return period - min(fact.period for fact in matching)


def _matching(
    metric: AggregateMetric, types: tuple[str, ...], facts: Sequence[Event], period: int
) -> list[Event]:
    """The facts of the given types that the metric looks at, in the order in which they were applied."""
    first, last = window_periods(metric.window, period)
    return [
        fact
        for fact in facts
        if fact.type in types
        and first <= fact.period <= last
        and (metric.labels is None or fact.label in metric.labels)
        and (metric.field is None or getattr(fact, metric.field) is not None)
    ]


def _field(metric: AggregateMetric, fact: Event) -> int:
    value: int = getattr(fact, metric.field or "")
    return value


def _average(metric: AggregateMetric, values: list[int], digits: int) -> float | None:
    total = within_limit(sum(values))
    if total is None:
        return None
    kind = Kind.MONEY if metric.field in ("amount", "discount") else Kind.INTEGER
    return finite(as_double(total, kind, digits) / float(len(values)))
