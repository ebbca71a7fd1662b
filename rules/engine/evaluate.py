"""Values of expressions (S6): exact integers and money, doubles rounded once each, missing as None."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_never

from rules.language.model import (
    INTEGER_LIMIT,
    And,
    Arithmetic,
    AttributeRef,
    Compare,
    CurrentRef,
    DaysInCategoryRef,
    DimensionRef,
    Expression,
    Extreme,
    Kind,
    Literal,
    Membership,
    MetricRef,
    Name,
    Negate,
    Not,
    Or,
    Presence,
    Scalar,
    Truth,
)

#: A value of an expression; None is missing.
Value = Scalar | None

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names of an expression stand for at one evaluation (S6.1).

    `metrics` and `attributes` are in the order of the pack; a derived metric sees those before it.
    `categories` are the category ids of the dimensions decided so far in this evaluation. `digits` are the
    minor digits of the pack's currency.
    """

    digits: int
    metrics: tuple[Value, ...]
    attributes: tuple[Value, ...]
    categories: tuple[str, ...] = ()
    current: str | None = None
    days_in_category: int | None = None

    def value(self, name: Name) -> Value:
        """The value of a name, None where it is missing."""
        match name:
            case MetricRef(index=index):
                return self.metrics[index]
            case AttributeRef(index=index):
                return self.attributes[index]
            case DimensionRef(index=index):
                return self.categories[index]
            case CurrentRef():
                return self.current
            case DaysInCategoryRef():
                return self.days_in_category
            case _:
                assert_never(name)


def within_limit(value: int) -> int | None:
    """An integer or money result, missing beyond ±2^62 (S6.3)."""
    return value if -INTEGER_LIMIT <= value <= INTEGER_LIMIT else None


def finite(value: float) -> float | None:
    """A double, missing if it is not finite (S6.3)."""
    return value if math.isfinite(value) else None


def as_double(value: Scalar, kind: Kind, digits: int) -> float:
    """A number as a double; money in major units, by one division (S6.3)."""
    if kind is Kind.MONEY:
        return float(value) / float(10**digits)
    return float(value)


def value_of(tree: Expression, scope: Scope) -> Value:
    """The value of an expression; a condition gives True or False, anything else may be missing (S6.2)."""
    match tree:
        case Literal(value=constant):
            return constant
        case MetricRef() | AttributeRef() | CurrentRef() | DaysInCategoryRef() | DimensionRef():
            return scope.value(tree)
        case Negate(operand=operand):
            value: Any = value_of(operand, scope)
            return None if value is None else -value
        case Arithmetic():
            return _arithmetic(tree, scope)
        case Extreme():
            return _extreme(tree, scope)
        case _:
            return holds(tree, scope)


def holds(condition: Expression, scope: Scope) -> bool:
    """Whether a condition is true; missing operands make it false, never missing (S6.2)."""
    match condition:
        case Compare(op=op, left=left, right=right):
            pair = _comparable(left, right, scope)
            return pair is not None and _COMPARISONS[op](*pair)
        case Membership(operand=operand, items=items, negated=negated):
            pairs = [_comparable(operand, item, scope) for item in items]
            if value_of(operand, scope) is None:
                return False
            return any(pair is not None and pair[0] == pair[1] for pair in pairs) is not negated
        case Truth(operand=operand):
            return value_of(operand, scope) is True
        case Not(operand=operand):
            return not holds(operand, scope)
        case And(operands=operands):
            return all(holds(operand, scope) for operand in operands)
        case Or(operands=operands):
            return any(holds(operand, scope) for operand in operands)
        case Presence(operand=operand, negated=negated):
            return (value_of(operand, scope) is None) is not negated
        case _:
            return value_of(condition, scope) is True


def _comparable(left: Expression, right: Expression, scope: Scope) -> tuple[Any, Any] | None:
    """The two operands made comparable, or None if one is missing.

    Doubles where one of them is a double, else exact, with whole major units as money beside money (S6.3).
    """
    first: Any = value_of(left, scope)
    second: Any = value_of(right, scope)
    if first is None or second is None:
        return None
    kinds = {left.kind, right.kind}
    if Kind.NUMBER in kinds:
        return as_double(first, left.kind, scope.digits), as_double(second, right.kind, scope.digits)
    if kinds == {Kind.INTEGER, Kind.MONEY}:
        return _minor(first, left.kind, scope.digits), _minor(second, right.kind, scope.digits)
    return first, second


def _minor(value: int, kind: Kind, digits: int) -> int:
    """Money as it is, an integer as that many whole major units of money."""
    return value if kind is Kind.MONEY else value * 10**digits


def _arithmetic(node: Arithmetic, scope: Scope) -> Value:
    left: Any = value_of(node.left, scope)
    right: Any = value_of(node.right, scope)
    if left is None or right is None:
        return None
    if node.kind is Kind.NUMBER:
        if node.op == "/" and node.left.kind is Kind.MONEY and node.right.kind is Kind.MONEY:
            return _double_result("/", float(left), float(right))
        return _double_result(
            node.op,
            as_double(left, node.left.kind, scope.digits),
            as_double(right, node.right.kind, scope.digits),
        )
    if node.op == "*":
        return within_limit(left * right)
    if node.kind is Kind.MONEY:
        left = _minor(left, node.left.kind, scope.digits)
        right = _minor(right, node.right.kind, scope.digits)
    return within_limit(left + right if node.op == "+" else left - right)


def _double_result(op: str, left: float, right: float) -> float | None:
    match op:
        case "+":
            return finite(left + right)
        case "-":
            return finite(left - right)
        case "*":
            return finite(left * right)
        case _:
            return None if right == 0 else finite(left / right)


def _extreme(node: Extreme, scope: Scope) -> Value:
    left: Any = value_of(node.left, scope)
    right: Any = value_of(node.right, scope)
    if left is None or right is None:
        return None
    if node.left.kind is not node.right.kind:
        left = as_double(left, node.left.kind, scope.digits)
        right = as_double(right, node.right.kind, scope.digits)
    # Of two equal values the first stays, which only shows for 0.0 beside -0.0.
    least_or_most: Value = min(left, right) if node.op == "min" else max(left, right)
    return least_or_most
