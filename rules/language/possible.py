"""Sets of values that part of an expression may take, to tell what can never or must always be true."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from rules.language.model import Literal, Scalar

#: An end of a span: a number and a side, -1 just below it, 0 itself, +1 just above it.
End = tuple[Fraction | float, int]
Span = tuple[End, End]

_LOWEST: End = (-math.inf, 0)
_HIGHEST: End = (math.inf, 0)
EVERYWHERE: tuple[Span, ...] = ((_LOWEST, _HIGHEST),)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers, as disjoint spans in rising order; `whole` says that only integers count."""

    spans: tuple[Span, ...] = EVERYWHERE
    whole: bool = False

    @property
    def size(self) -> int:
        """How much work a set makes."""
        return len(self.spans)

    @property
    def empty(self) -> bool:
        """No number is in the set."""
        return not any(self._holds_any(span) for span in self.spans)

    def _holds_any(self, span: Span) -> bool:
        (low, above), (high, below) = span
        if not self.whole or math.isinf(low) or math.isinf(high):
            return span[0] <= span[1]
        first = math.floor(low) + 1 if above > 0 else math.ceil(low)
        last = math.ceil(high) - 1 if below < 0 else math.floor(high)
        return first <= last

    def both(self, other: Numbers) -> Numbers:
        """The numbers in both sets; a set of whole numbers stays one."""
        spans = [
            (max(mine[0], theirs[0]), min(mine[1], theirs[1]))
            for mine in self.spans
            for theirs in other.spans
            if max(mine[0], theirs[0]) <= min(mine[1], theirs[1])
        ]
        return Numbers(tuple(spans), self.whole or other.whole)

    def outside(self) -> Numbers:
        """All other numbers."""
        spans: list[Span] = []
        low = _LOWEST
        for begin, end in self.spans:
            if begin != _LOWEST:
                spans.append((low, (begin[0], begin[1] - 1)))
            low = (end[0], end[1] + 1)
        if not self.spans or self.spans[-1][1] != _HIGHEST:
            spans.append((low, _HIGHEST))
        return Numbers(tuple(span for span in spans if span[0] <= span[1]))


@dataclass(frozen=True, slots=True)
class Words:
    """Text or booleans: those listed, or with `others` all but those listed."""

    listed: frozenset[Scalar] = frozenset()
    others: bool = True

    @property
    def size(self) -> int:
        """How much work a set makes."""
        return 1

    @property
    def empty(self) -> bool:
        """Nothing is in the set."""
        return not self.listed and not self.others

    def both(self, other: Words) -> Words:
        """The words in both sets."""
        if self.others and other.others:
            return Words(self.listed | other.listed, True)
        if self.others:
            return Words(other.listed - self.listed, False)
        if other.others:
            return Words(self.listed - other.listed, False)
        return Words(self.listed & other.listed, False)

    def outside(self) -> Words:
        """All other words."""
        return Words(self.listed, not self.others)


Values = Numbers | Words


@dataclass(frozen=True, slots=True)
class Possible:
    """The values something may have, and whether it may be missing."""

    values: Values
    missing: bool

    @property
    def none(self) -> bool:
        """Neither a value nor missing is possible."""
        return not self.missing and self.values.empty

    def both(self, other: Possible) -> Possible:
        """What both allow; the two must be of one kind."""
        mine, theirs = self.values, other.values
        if isinstance(mine, Numbers) and isinstance(theirs, Numbers):
            return Possible(mine.both(theirs), self.missing and other.missing)
        if isinstance(mine, Words) and isinstance(theirs, Words):
            return Possible(mine.both(theirs), self.missing and other.missing)
        raise ValueError("numbers and words have nothing in common")


def satisfying(op: str, literal: Literal) -> Values:
    """The values for which `value op literal` is true."""
    value = literal.value
    if isinstance(value, str | bool):
        return Words(frozenset({value}), op == "!=")
    point: Fraction | int = value if isinstance(value, int) else Fraction(value)
    if op == "==":
        return Numbers((((point, 0), (point, 0)),))
    if op == "!=":
        return Numbers((((point, 0), (point, 0)),)).outside()
    if op in ("<", "<="):
        return Numbers(((_LOWEST, (point, -1 if op == "<" else 0)),))
    return Numbers((((point, 1 if op == ">" else 0), _HIGHEST),))


def between(low: float, high: float = math.inf, *, whole: bool) -> Numbers:
    """The numbers from `low` to `high`, both included."""
    return Numbers((((low, 0), (high, 0)),), whole)
