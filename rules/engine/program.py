"""Expressions to stack programs: what the kernel interprets.

An instruction is four integers `(op, a, b, c)`. A program leaves one entry on the stack: a value and the
earliest period at which that value could be another one if nothing happened in between. Derived metrics that
a condition needs are computed first, in the order of their declaration, and remembered for the evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rules.engine import layout as at
from rules.language.model import (
    AggregateMetric,
    And,
    Arithmetic,
    AttributeRef,
    Compare,
    CurrentRef,
    DaysInCategoryRef,
    DerivedMetric,
    DimensionRef,
    Expression,
    Extreme,
    Kind,
    Literal,
    Membership,
    Metric,
    MetricRef,
    Negate,
    Not,
    Or,
    Pack,
    Presence,
    Truth,
)

Instruction = tuple[int, int, int, int]

_COMPARISONS = {"==": at.EQ, "!=": at.NE, "<": at.LT, "<=": at.LE, ">": at.GT, ">=": at.GE}
_MIRRORED = {at.EQ: at.EQ, at.NE: at.NE, at.LT: at.GT, at.LE: at.GE, at.GT: at.LT, at.GE: at.LE}
_ARITHMETIC_I = {"+": at.ADD_I, "-": at.SUB_I, "*": at.MUL_I}
_ARITHMETIC_F = {"+": at.ADD_F, "-": at.SUB_F, "*": at.MUL_F, "/": at.DIV_F}


@dataclass(slots=True)
class Constants:
    """The constants of all programs of a plan. `intern` gives a string the number that stands for it."""

    intern: Callable[[str], int]
    integers: list[int] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)

    def integer(self, value: int) -> int:
        """The position of an integer constant."""
        self.integers.append(value)
        return len(self.integers) - 1

    def number(self, value: float) -> int:
        """The position of a double constant."""
        self.numbers.append(value)
        return len(self.numbers) - 1


class Compiler:
    """Compiles the expressions of one pack."""

    def __init__(self, pack: Pack, constants: Constants, guarded: bool) -> None:
        """`guarded`: sums of money could wrap, so their next flip is not looked for among wrapped ones."""
        self._guarded = guarded
        self._pack = pack
        self._constants = constants
        self._code: list[Instruction] = []

    def condition(self, tree: Expression) -> list[Instruction]:
        """The program of a condition, the derived metrics it needs computed first."""
        self._code = []
        for index in sorted(derived_metrics(self._pack, tree)):
            self._remembered(index)
        self._push(tree)
        return self._code

    def derived(self, index: int) -> list[Instruction]:
        """The program of a derived metric whose own inputs are computed already."""
        self._code = []
        self._push(self._derived(index).tree)
        return self._code

    def _derived(self, index: int) -> DerivedMetric:
        metric = self._pack.metrics[index]
        if not isinstance(metric, DerivedMetric):
            raise TypeError(f"`{metric.name}` is not a derived metric")
        return metric

    def _emit(self, op: int, a: int = 0, b: int = 0, c: int = 0) -> int:
        self._code.append((op, a, b, c))
        return len(self._code) - 1

    def _land(self, jump: int) -> None:
        """Let a jump lead to the next instruction (targets are relative to the program's start)."""
        op, _, b, c = self._code[jump]
        op, _, b, c = self._code[jump]
        self._code[jump] = (op, len(self._code), b, c)

    def _remembered(self, index: int) -> None:
        metric = self._derived(index)
        jump = self._emit(at.IF_KNOWN, 0, index)
        self._push(metric.tree)
        self._emit(at.STORE_F if metric.kind is Kind.NUMBER else at.STORE_I, index)
        self._land(jump)

    def _push(self, node: Expression) -> None:
        match node:
            case (
                Literal() | MetricRef() | AttributeRef() | CurrentRef() | DaysInCategoryRef() | DimensionRef()
            ):
                self._leaf(node)
            case Negate():
                self._push(node.operand)
                self._emit(at.NEG_F if node.kind is Kind.NUMBER else at.NEG_I)
            case Arithmetic():
                self._arithmetic(node)
            case Extreme():
                self._extreme(node)
            case Compare():
                self._compare(node)
            case Membership():
                self._membership(node)
            case Truth():
                self._push(node.operand)
                self._emit(at.TRUTH)
            case Not():
                self._push(node.operand)
                self._emit(at.NOT)
            case And():
                self._junction(node.operands, at.JUMP_FALSE, at.MERGE_AND)
            case Or():
                self._junction(node.operands, at.JUMP_TRUE, at.MERGE_OR)
            case Presence():
                self._push(node.operand)
                op = at.MISSING_F if node.operand.kind is Kind.NUMBER else at.MISSING_I
                self._emit(op, int(node.negated))

    def _leaf(self, node: Expression) -> None:
        number = node.kind is Kind.NUMBER
        match node:
            case Literal(value=value):
                if number:
                    self._emit(at.PUSH_F, self._constants.number(float(value)))
                else:
                    self._emit(at.PUSH_I, self._constants.integer(self._integer(value)))
            case MetricRef(index=index):
                self._emit(at.PUSH_METRIC_F if number else at.PUSH_METRIC_I, index)
            case AttributeRef(index=index):
                self._emit(at.PUSH_ATTRIBUTE_F if number else at.PUSH_ATTRIBUTE_I, index)
            case CurrentRef():
                self._emit(at.PUSH_CURRENT)
            case DaysInCategoryRef():
                self._emit(at.PUSH_DAYS_IN)
            case DimensionRef(index=index):
                self._emit(at.PUSH_DIMENSION, index)

    def _integer(self, value: float | str | bool) -> int:
        return self._constants.intern(value) if isinstance(value, str) else int(value)

    def _to_number(self, kind: Kind) -> None:
        if kind is Kind.INTEGER:
            self._emit(at.INTEGER_TO_F)
        elif kind is Kind.MONEY:
            self._emit(at.MONEY_TO_F)

    def _arithmetic(self, node: Arithmetic) -> None:
        left, right = node.left.kind, node.right.kind
        if node.kind is Kind.NUMBER:
            quotient = node.op == "/" and left is Kind.MONEY and right is Kind.MONEY
            for side in (node.left, node.right):
                self._push(side)
                self._to_number(Kind.INTEGER if quotient else side.kind)
            self._emit(_ARITHMETIC_F[node.op])
            return
        scaled = node.kind is Kind.MONEY and node.op in "+-"
        for side in (node.left, node.right):
            self._push(side)
            if scaled and side.kind is Kind.INTEGER:
                self._emit(at.SCALE)
        self._emit(_ARITHMETIC_I[node.op])

    def _extreme(self, node: Extreme) -> None:
        number = node.kind is Kind.NUMBER
        for side in (node.left, node.right):
            self._push(side)
            if number:
                self._to_number(side.kind)
        if node.op == "min":
            self._emit(at.MIN_F if number else at.MIN_I)
        else:
            self._emit(at.MAX_F if number else at.MAX_I)

    def _compare(self, node: Compare) -> None:
        op = _COMPARISONS[node.op]
        left, right = node.left, node.right
        if isinstance(left, Literal) and not isinstance(right, Literal):
            left, right, op = right, left, _MIRRORED[op]
        if self._fused(left, right, op):
            return
        kinds = (left.kind, right.kind)
        if Kind.NUMBER in kinds:
            for side in (left, right):
                self._push(side)
                self._to_number(side.kind)
            self._emit(at.COMPARE_F, op)
            return
        self._push(left)
        self._push(right)
        if kinds == (Kind.INTEGER, Kind.MONEY):
            self._emit(at.COMPARE_SCALED, op, 0)
        elif kinds == (Kind.MONEY, Kind.INTEGER):
            self._emit(at.COMPARE_SCALED, op, 1)
        else:
            self._emit(at.COMPARE_I, op)

    def _fused(self, left: Expression, right: Expression, op: int) -> bool:
        """One instruction for a name beside a number; of day counts and window sums the very next flip is
        known."""
        if not isinstance(right, Literal):
            return False
        if isinstance(left, MetricRef) and left.kind is Kind.NUMBER:
            self._emit(at.COMPARE_METRIC_F, left.index, op, self._constants.number(self._major(right)))
            return True
        if right.kind not in (Kind.INTEGER, Kind.MONEY):
            return False
        value = int(right.value)
        if isinstance(left, DaysInCategoryRef):
            self._emit(at.COMPARE_DAYS, -1, op, self._constants.integer(value))
            return True
        if not isinstance(left, MetricRef) or left.kind is not right.kind:
            return False
        fused = self._how_fused(self._pack.metrics[left.index])
        self._emit(fused, left.index, op, self._constants.integer(value))
        return True

    def _how_fused(self, metric: Metric) -> int:
        if not isinstance(metric, AggregateMetric):
            return at.COMPARE_METRIC_I
        if metric.agg in ("recency", "tenure"):
            return at.COMPARE_DAYS
        sure = not (self._guarded and metric.kind is Kind.MONEY)
        summed = metric.agg in ("count", "sum", "days") and not metric.minus
        return at.COMPARE_WINDOW if sure and summed and metric.window.unit == "days" else at.COMPARE_METRIC_I

    def _membership(self, node: Membership) -> None:
        kind = node.operand.kind
        if kind is Kind.NUMBER:
            self._in_numbers(node)
        elif all(item.kind is kind for item in node.items):
            first = len(self._constants.integers)
            self._constants.integers.extend(self._integer(item.value) for item in node.items)
            self._push(node.operand)
            self._emit(at.IN_I, first, len(node.items), int(node.negated))
        else:
            self._mixed_membership(node)

    def _in_numbers(self, node: Membership) -> None:
        first = len(self._constants.numbers)
        self._constants.numbers.extend(self._major(item) for item in node.items)
        self._push(node.operand)
        self._emit(at.IN_F, first, len(node.items), int(node.negated))

    def _major(self, item: Literal) -> float:
        if item.kind is Kind.MONEY:
            return float(int(item.value)) / float(10**self._pack.digits)
        return float(item.value)

    def _mixed_membership(self, node: Membership) -> None:
        """Items of another kind than the operand: each compared as by `==` (S6.3)."""
        equal = Or(tuple(Compare("==", node.operand, item) for item in node.items))
        if node.negated:
            self._push(And((Presence(node.operand, negated=True), Not(equal))))
        else:
            self._push(equal)

    def _junction(self, operands: tuple[Expression, ...], jump: int, merge: int) -> None:
        jumps = []
        self._push(operands[0])
        for operand in operands[1:]:
            jumps.append(self._emit(jump))
            self._push(operand)
            self._emit(merge)
        for position in jumps:
            self._land(position)


def children(node: Expression) -> tuple[Expression, ...]:
    """The expressions directly inside an expression."""
    match node:
        case Negate() | Truth() | Not() | Presence() | Membership():
            return (node.operand,)
        case Arithmetic() | Extreme() | Compare():
            return (node.left, node.right)
        case And() | Or():
            return node.operands
        case _:
            return ()


def leaves(node: Expression) -> list[Expression]:
    """The names and literals of an expression, from left to right."""
    found: list[Expression] = []
    todo = [node]
    while todo:
        here = todo.pop()
        inside = children(here)
        todo.extend(reversed(inside))
        if not inside:
            found.append(here)
    return found


def derived_metrics(pack: Pack, node: Expression) -> set[int]:
    """The derived metrics an expression needs, directly or through others, as indexes into `Pack.metrics`."""
    found: set[int] = set()
    todo = leaves(node)
    while todo:
        leaf = todo.pop()
        if isinstance(leaf, MetricRef) and leaf.index not in found:
            metric = pack.metrics[leaf.index]
            if isinstance(metric, DerivedMetric):
                found.add(leaf.index)
                todo.extend(leaves(metric.tree))
    return found


def stack_depth(code: list[Instruction]) -> int:
    """The most entries a program can have on the stack: jumps never leave more than falling through does."""
    depth = deepest = 0
    for op, *_ in code:
        if op <= at.PUSH_DIMENSION or at.COMPARE_DAYS <= op <= at.COMPARE_METRIC_F:
            depth += 1
        elif (
            at.ADD_I <= op <= at.MUL_I
            or op in (at.MIN_I, at.MAX_I)
            or at.ADD_F <= op <= at.DIV_F
            or op in (at.MIN_F, at.MAX_F)
        ) or op in (
            at.COMPARE_I,
            at.COMPARE_F,
            at.COMPARE_SCALED,
            at.MERGE_AND,
            at.MERGE_OR,
            at.STORE_I,
            at.STORE_F,
        ):
            depth -= 1
        deepest = max(deepest, depth)
    return deepest
