"""Whether conditions can be true together, as far as can be told from each value taken by itself.

`can_hold` is wrong on one side only: where it says no, no customer can ever satisfy the conditions; where it
says yes, it may only not have found the contradiction (between different metrics, or in arithmetic).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from rules.language.model import (
    CONDITIONS,
    AggregateMetric,
    And,
    AttributeRef,
    Compare,
    CurrentRef,
    DaysInCategoryRef,
    Dimension,
    DimensionRef,
    Expression,
    Kind,
    Literal,
    Membership,
    MetricRef,
    Not,
    Or,
    Pack,
    Presence,
    Truth,
)
from rules.language.possible import Numbers, Possible, Values, Words, between, satisfying

#: Work of one search and depth of its branches, by feel: real packs need a few dozen steps.
_STEPS_MAX = 5_000
_BRANCHES_MAX = 250

_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SCORES = {"feedback.rating": (1, 5), "feedback.nps": (0, 10)}
_LONGEST_WINDOWS = {"month": 31, "quarter": 92, "year": 366}

Goal = tuple[Expression, bool]
_TRUE_ONLY = Words(frozenset({True}), False)
_TRUTHS = Words(frozenset({True, False}), False)


class _GaveUpError(Exception):
    """The search took too long to be worth it."""


class Logic:
    """Answers about the conditions of one dimension of a pack, or of its metrics."""

    def __init__(self, pack: Pack, dimension: Dimension | None = None) -> None:
        self._pack = pack
        self._dimension = dimension
        self._steps = 0

    def can_hold(self, true: Iterable[Expression], false: Iterable[Expression] = ()) -> bool:
        """Whether some customer could make all of `true` true and all of `false` false."""
        goals: list[Goal] = [(condition, True) for condition in true]
        goals += [(condition, False) for condition in false]
        self._steps = 0
        try:
            return self._search(goals, [], {}, 0)
        except _GaveUpError:
            return True

    def implies(self, first: Expression, second: Expression) -> bool:
        """Whether everyone who satisfies the first must satisfy the second; false where it cannot be told."""
        return not self.can_hold([first], [second])

    # --- the search --------------------------------------------------------------------------------------

    def _search(
        self,
        goals: list[Goal],
        choices: list[tuple[Goal, ...]],
        known: dict[Expression, Possible],
        depth: int,
    ) -> bool:
        """Take all goals that leave no choice, then try the alternatives of the first that does."""
        if depth > _BRANCHES_MAX:
            raise _GaveUpError
        while goals:
            self._steps += 1
            if self._steps > _STEPS_MAX:
                raise _GaveUpError
            condition, wanted = goals.pop()
            match condition:
                case Not():
                    goals.append((condition.operand, not wanted))
                case And() | Or():
                    parts = tuple((operand, wanted) for operand in condition.operands)
                    if isinstance(condition, And) == wanted:
                        goals.extend(parts)
                    else:
                        choices.append(parts)
                case _:
                    if (inner := self._inner(condition)) is not None:
                        goals.append((inner, wanted))
                    elif not self._assume(condition, wanted, known):
                        return False
        if not choices:
            return True
        return any(self._search([choice], choices[1:], dict(known), depth + 1) for choice in choices[0])

    def _inner(self, condition: Expression) -> Expression | None:
        """The tree of a derived metric that is itself a condition."""
        if isinstance(condition, Truth) and isinstance(condition.operand, MetricRef):
            metric = self._pack.metrics[condition.operand.index]
            if not isinstance(metric, AggregateMetric) and isinstance(metric.tree, CONDITIONS):
                return metric.tree
        return None

    def _assume(self, condition: Expression, wanted: bool, known: dict[Expression, Possible]) -> bool:
        """Add what one comparison says to what is known; False where that leaves nothing possible."""
        term, inside, when_missing = _reading(condition)
        if isinstance(term, Literal):
            holds = not Possible(satisfying("==", term), False).both(Possible(inside, False)).none
            return holds is wanted
        allowed = Possible(inside if wanted else inside.outside(), when_missing is wanted)
        before = known.get(term) or self._domain(term)
        self._steps += before.values.size * allowed.values.size
        after = before.both(allowed)
        known[term] = after
        return not after.none

    # --- what values are possible at all -----------------------------------------------------------------

    def _domain(self, term: Expression) -> Possible:
        match term:
            case MetricRef():
                return self._metric_domain(term)
            case AttributeRef():
                return Possible(_any_of(term.kind), True)
            case CurrentRef():
                ids = self._dimension.categories if self._dimension else ()
                return Possible(Words(frozenset(category.id for category in ids), False), True)
            case DaysInCategoryRef():
                return Possible(between(0, whole=True), True)
            case DimensionRef():
                categories = self._pack.dimensions[term.index].categories
                return Possible(Words(frozenset(category.id for category in categories), False), False)
        if isinstance(term, CONDITIONS):
            return Possible(_TRUTHS, False)
        return Possible(_any_of(term.kind), True)

    def _metric_domain(self, term: MetricRef) -> Possible:
        metric = self._pack.metrics[term.index]
        if not isinstance(metric, AggregateMetric):
            return Possible(_any_of(metric.kind), not isinstance(metric.tree, CONDITIONS))
        if metric.agg == "days":
            return Possible(between(0, _window_days(metric), whole=True), False)
        if metric.agg == "count" or (metric.agg == "sum" and not metric.minus):
            return Possible(between(0, whole=True), False)
        if metric.agg == "sum":
            return Possible(_any_of(metric.kind), False)
        if metric.agg in ("recency", "tenure"):
            return Possible(between(0, whole=True), True)
        low, high = _field_range(metric)
        return Possible(between(low, high, whole=metric.kind is not Kind.NUMBER), True)


def _reading(condition: Expression) -> tuple[Expression, Values, bool]:
    """A comparison as: the value it is about, the values that make it true, and whether missing does."""
    match condition:
        case Compare(op, left, Literal() as literal) if not isinstance(left, Literal):
            return left, satisfying(op, literal), False
        case Compare(op, Literal() as literal, right):
            return right, satisfying(_FLIPPED[op], literal), False
        case Membership(operand, items, negated):
            rest = Possible(_any_of(operand.kind), False)
            for item in items:
                rest = rest.both(Possible(satisfying("!=", item), False))
            return operand, rest.values if negated else rest.values.outside(), False
        case Truth(operand):
            return operand, _TRUE_ONLY, False
        case Presence(operand, negated):
            everything = _any_of(operand.kind)
            return operand, everything if negated else everything.outside(), not negated
    return condition, _TRUE_ONLY, False


def _any_of(kind: Kind) -> Values:
    if kind is Kind.BOOLEAN:
        return _TRUTHS
    if kind is Kind.STRING:
        return Words()
    return Numbers(whole=kind is not Kind.NUMBER)


def _field_range(metric: AggregateMetric) -> tuple[float, float]:
    """The smallest and largest value of the metric's field in any fact (S2.1)."""
    if metric.field == "severity":
        return 1, 5
    if metric.field == "score":
        ranges = [_SCORES[name] for name in metric.of]
        return min(low for low, _ in ranges), max(high for _, high in ranges)
    return 0, 10**9 if metric.field == "items" else math.inf


def _window_days(metric: AggregateMetric) -> float:
    """The most periods that the window can hold."""
    if metric.window.unit == "days":
        return metric.window.days
    return _LONGEST_WINDOWS.get(metric.window.unit.partition("_")[2], math.inf)
