"""Names and kinds of expressions (S6.2, S6.3): from the syntax tree to the checked tree of the model."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal as Choice

from rules.language.expressions import ExpressionError, Syntax
from rules.language.findings import Code, listed, suggestion
from rules.language.model import (
    CONDITIONS,
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
    Truth,
)
from rules.money import minor_units

NUMERIC = frozenset({Kind.INTEGER, Kind.MONEY, Kind.NUMBER})

_ARITHMETIC: dict[type[ast.operator], Choice["+", "-", "*", "/"]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_COMPARISONS: dict[type[ast.cmpop], Choice["==", "!=", "<", "<=", ">", ">="]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_KIND_WORDS = {
    Kind.INTEGER: "an integer",
    Kind.MONEY: "money",
    Kind.NUMBER: "a number",
    Kind.STRING: "text",
    Kind.BOOLEAN: "true or false",
}


class UnresolvedError(Exception):
    """The expression uses something whose own declaration is wrong; that has been reported already."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may name.

    A metric or attribute that is declared with errors is None. `dimensions` are the earlier ones with the ids
    of their categories, None where those are in error. `current` holds the category ids of the own dimension,
    None in metrics. `elsewhere` says of other names why they cannot be used here. `digits` are the minor
    digits of `currency`.
    """

    currency: str
    digits: int
    metrics: Mapping[str, MetricRef | None]
    attributes: Mapping[str, AttributeRef | None]
    dimensions: Mapping[str, tuple[DimensionRef, tuple[str, ...]] | None] = field(default_factory=dict)
    current: tuple[str, ...] | None = None
    elsewhere: Mapping[str, tuple[Code, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number as written, with its sign, until what stands beside it says how to read it."""

    text: str
    negative: bool
    offset: int

    @property
    def written(self) -> str:
        """The number with its sign."""
        return ("-" if self.negative else "") + self.text


Lowered = Expression | Numeral


class Lowering:
    """Turns one syntax tree into a checked tree.

    Afterwards `names` holds the names used, in the order of their first appearance, and `spans` the part of
    the text, from and to which character, in which each node (by `id`) of the tree is written.
    """

    def __init__(self, syntax: Syntax, scope: Scope) -> None:
        self.syntax = syntax
        self.scope = scope
        self.names: dict[Name, None] = {}
        self.spans: dict[int, tuple[int, int]] = {}

    def condition(self) -> Expression:
        """The whole expression as a condition; raises `ExpressionError` or `UnresolvedError`."""
        return self._condition(self.syntax.root)

    def value(self) -> Expression:
        """The whole expression as a value of any kind; raises `ExpressionError` or `UnresolvedError`."""
        return self._value(self.syntax.root)

    # --- the forms ---------------------------------------------------------------------------------------

    def _lower(self, node: ast.expr) -> Lowered:
        lowered = self._form(node)
        if not isinstance(lowered, Numeral):
            self._place(lowered, node, node)
        return lowered

    def _place(self, lowered: Expression, first: ast.expr, last: ast.expr) -> None:
        self.spans[id(lowered)] = (self.syntax.offset(first), self.syntax.end(last))

    def _form(self, node: ast.expr) -> Lowered:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.Attribute():
                return self._attribute(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.BoolOp():
                operands = tuple(self._condition(operand) for operand in node.values)
                return And(operands) if isinstance(node.op, ast.And) else Or(operands)
            case ast.Compare():
                return self._comparison(node)
            case ast.Call():
                return self._call(node)
            case ast.List():
                raise self._error(Code.WRONG_KIND, node, "a list may stand only after `in` or `not in`")
        message = f"`{self._short(node)}` is no part of an expression: see the forms an expression may have"
        if isinstance(node, ast.Tuple):
            message = "write a list in square brackets, such as `[1, 2]`, and only after `in` or `not in`"
        raise self._error(Code.EXPRESSION_SYNTAX, node, message)

    def _constant(self, node: ast.Constant) -> Lowered:
        if isinstance(node.value, str):
            return Literal(Kind.STRING, node.value)
        return Numeral(self.syntax.written(node), False, self.syntax.offset(node))

    def _name(self, node: ast.Name) -> Expression:
        name, scope = node.id, self.scope
        if name in ("true", "false"):
            return Literal(Kind.BOOLEAN, name == "true")
        if scope.current is not None and name == "current":
            return self._used(CurrentRef())
        if scope.current is not None and name == "days_in_category":
            return self._used(DaysInCategoryRef())
        if name in scope.metrics:
            metric = scope.metrics[name]
            if metric is None:
                raise UnresolvedError
            return self._used(metric)
        if name in scope.dimensions:
            dimension = scope.dimensions[name]
            if dimension is None:
                raise UnresolvedError
            return self._used(dimension[0])
        raise self._unknown(node)

    def _unknown(self, node: ast.Name) -> ExpressionError:
        name, scope = node.id, self.scope
        if name in scope.elsewhere:
            code, why = scope.elsewhere[name]
            return self._error(code, node, f"`{name}` {why}")
        if name in ("current", "days_in_category"):
            message = f"`{name}` is known only in the conditions of a dimension: leave it out here"
            return self._error(Code.UNKNOWN_NAME, node, message)
        if name in scope.attributes or name == "attr":
            known = name if name in scope.attributes else "NAME"
            return self._error(Code.UNKNOWN_NAME, node, f"write an attribute as `attr.{known}`")
        if name in ("none", "null"):
            message = f"`{name}` is no value of an expression: write `missing(x)` or `present(x)`"
            return self._error(Code.UNKNOWN_NAME, node, message)
        if name in ("missing", "present", "min", "max"):
            return self._error(Code.EXPRESSION_SYNTAX, node, f"`{name}` needs brackets: write `{name}(…)`")
        known_names = [*scope.metrics, *scope.dimensions, *(f"attr.{item}" for item in scope.attributes)]
        if scope.current is not None:
            known_names += ["current", "days_in_category"]
        hint = suggestion(name, known_names) or ": declare a metric of that name, or correct it"
        return self._error(Code.UNKNOWN_NAME, node, f"there is no `{name}`{hint}")

    def _attribute(self, node: ast.Attribute) -> Expression:
        if not isinstance(node.value, ast.Name) or node.value.id != "attr":
            message = f"`{self._short(node)}` is no name: only attributes have a point, such as `attr.region`"
            raise self._error(Code.UNKNOWN_NAME, node, message)
        if node.attr not in self.scope.attributes:
            known = self.scope.attributes
            hint = suggestion(node.attr, known) or ": declare it under `attributes`"
            raise self._error(Code.UNKNOWN_NAME, node, f"there is no attribute `{node.attr}`{hint}")
        attribute = self.scope.attributes[node.attr]
        if attribute is None:
            raise UnresolvedError
        return self._used(attribute)

    def _unary(self, node: ast.UnaryOp) -> Lowered:
        if isinstance(node.op, ast.Not):
            return Not(self._condition(node.operand))
        if not isinstance(node.op, ast.USub):
            raise self._error(Code.EXPRESSION_SYNTAX, node, "a plus before a value is not needed: remove it")
        operand = self._lower(node.operand)
        if isinstance(operand, Numeral):
            return Numeral(operand.text, not operand.negative, self.syntax.offset(node))
        self._require_numeric(operand, node.operand)
        return Negate(operand.kind, operand)

    def _arithmetic(self, node: ast.BinOp) -> Expression:
        op = _ARITHMETIC.get(type(node.op))
        if op is None:
            message = f"`{self._short(node)}` uses a sign that is not known: use `+`, `-`, `*` or `/`"
            raise self._error(Code.EXPRESSION_SYNTAX, node, message)
        left, right = self._lower(node.left), self._lower(node.right)
        if op in ("+", "-"):
            first, second = self._beside(left, right)
        else:
            first, second = self._own(left), self._own(right)
        self._require_numeric(first, node.left)
        self._require_numeric(second, node.right)
        return Arithmetic(_result_kind(op, first.kind, second.kind), op, first, second)

    def _call(self, node: ast.Call) -> Expression:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        sizes = {"missing": 1, "present": 1, "min": 2, "max": 2}
        if name not in sizes:
            written = self._short(node.func)
            hint = suggestion(written, sizes) or f": only {listed(sizes, 'and')} are known"
            raise self._error(Code.UNKNOWN_NAME, node, f"there is no function `{written}`{hint}")
        if len(node.args) != sizes[name] or node.keywords:
            values = "one value" if sizes[name] == 1 else "two values"
            raise self._error(Code.EXPRESSION_SYNTAX, node, f"`{name}` takes {values}")
        if name in ("missing", "present"):
            operand = self._value(node.args[0])
            if isinstance(operand, CONDITIONS):
                message = f"a condition is never missing: ask for a value inside it, as in `{name}(x)`"
                raise self._error(Code.WRONG_KIND, node.args[0], message)
            return Presence(operand, negated=name == "present")
        left, right = self._value(node.args[0]), self._value(node.args[1])
        self._require_numeric(left, node.args[0])
        self._require_numeric(right, node.args[1])
        kind = left.kind if left.kind == right.kind else Kind.NUMBER
        return Extreme(kind, "min" if name == "min" else "max", left, right)

    # --- comparisons -------------------------------------------------------------------------------------

    def _comparison(self, node: ast.Compare) -> Expression:
        parts: list[Expression] = []
        left_node = node.left
        left = self._lower(left_node)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(left_node, ast.List):
                message = "a list may stand only at the end, after `in` or `not in`"
                raise self._error(Code.WRONG_KIND, left_node, message)
            if isinstance(op, ast.In | ast.NotIn):
                part: Expression = self._membership(left, left_node, right_node, isinstance(op, ast.NotIn))
                right: Lowered = left
            else:
                right = self._lower(right_node)
                part = self._compare(_COMPARISONS[type(op)], left, left_node, right, right_node)
            self._place(part, left_node, right_node)
            parts.append(part)
            left, left_node = right, right_node
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _compare(
        self,
        op: Choice["==", "!=", "<", "<=", ">", ">="],
        left: Lowered,
        left_node: ast.expr,
        right: Lowered,
        right_node: ast.expr,
    ) -> Compare:
        first, second = self._beside(left, right)
        numeric = first.kind in NUMERIC and second.kind in NUMERIC
        if not numeric and first.kind != second.kind:
            message = (
                f"`{self._short(left_node)}` is {_KIND_WORDS[first.kind]} and `{self._short(right_node)}` is "
                f"{_KIND_WORDS[second.kind]}: compare values of one kind"
            )
            raise self._error(Code.WRONG_KIND, right_node, message)
        if not numeric and op not in ("==", "!="):
            message = (
                f"{_KIND_WORDS[first.kind]} cannot be compared with `{op}`: use `==`, `!=`, `in` or `not in`"
            )
            raise self._error(Code.WRONG_KIND, left_node, message)
        self._check_category(first, second, right_node)
        self._check_category(second, first, left_node)
        return Compare(op, first, second)

    def _membership(
        self, left: Lowered, left_node: ast.expr, right_node: ast.expr, negated: bool
    ) -> Membership:
        if not isinstance(right_node, ast.List):
            message = f'`{"not in" if negated else "in"}` needs a list, such as `["a", "b"]`'
            raise self._error(Code.WRONG_KIND, right_node, message)
        operand = self._own(left)
        items: list[Literal] = []
        for item_node in right_node.elts:
            lowered = self._lower(item_node)
            item = self._beside(operand, lowered)[1]
            if not isinstance(item, Literal):
                message = (
                    f"a list holds only numbers, text, `true` and `false`, not `{self._short(item_node)}`"
                )
                raise self._error(Code.WRONG_KIND, item_node, message)
            if item.kind != operand.kind and not (item.kind in NUMERIC and operand.kind in NUMERIC):
                message = (
                    f"`{self._short(left_node)}` is {_KIND_WORDS[operand.kind]} and "
                    f"`{self._short(item_node)}` is {_KIND_WORDS[item.kind]}: list values of one kind"
                )
                raise self._error(Code.WRONG_KIND, item_node, message)
            self._check_category(operand, item, item_node)
            items.append(item)
        return Membership(operand, tuple(items), negated)

    def _check_category(self, reference: Expression, other: Expression, node: ast.expr) -> None:
        """A dimension is compared with the ids of its own categories only; others could never be equal."""
        if not isinstance(other, Literal) or not isinstance(reference, CurrentRef | DimensionRef):
            return
        if isinstance(reference, CurrentRef):
            known, where = self.scope.current or (), "this dimension"
        else:
            entry = self.scope.dimensions[reference.name]
            known, where = entry[1] if entry else (), f"`{reference.name}`"
        if other.value not in known:
            hint = suggestion(str(other.value), known) or f": its categories are {listed(known, 'and')}"
            message = f"{where} has no category `{other.value}`{hint}"
            raise self._error(Code.UNKNOWN_CATEGORY, node, message)

    # --- operands ----------------------------------------------------------------------------------------

    def _condition(self, node: ast.expr) -> Expression:
        lowered = self._value(node)
        if isinstance(lowered, CONDITIONS):
            return lowered
        if lowered.kind is Kind.BOOLEAN:
            truth = Truth(lowered)
            self._place(truth, node, node)
            return truth
        example = "gold" if lowered.kind is Kind.STRING else "1"
        quoted = f'== "{example}"' if lowered.kind is Kind.STRING else f">= {example}"
        message = (
            f"`{self._short(node)}` is {_KIND_WORDS[lowered.kind]}, not a condition: compare it, as in "
            f"`{self._short(node)} {quoted}`"
        )
        raise self._error(Code.NOT_A_CONDITION, node, message)

    def _value(self, node: ast.expr) -> Expression:
        lowered = self._lower(node)
        return self._own(lowered)

    def _beside(self, left: Lowered, right: Lowered) -> tuple[Expression, Expression]:
        """Two operands of `+`, `-` or a comparison: a number beside money is read as money (S6.3)."""
        if isinstance(left, Numeral) and not isinstance(right, Numeral) and right.kind is Kind.MONEY:
            return self._read_money(left), right
        if isinstance(right, Numeral) and not isinstance(left, Numeral) and left.kind is Kind.MONEY:
            return left, self._read_money(right)
        return self._own(left), self._own(right)

    def _own(self, lowered: Lowered) -> Expression:
        return self._read(lowered) if isinstance(lowered, Numeral) else lowered

    def _read(self, numeral: Numeral) -> Literal:
        """A number by its own form: an integer, or with a point a double."""
        if "." in numeral.text:
            value = float(numeral.text)
            if value > INTEGER_LIMIT or not math.isfinite(value):
                raise self._out_of_range(numeral)
            return Literal(Kind.NUMBER, -value if numeral.negative else value)
        whole = int(numeral.text)
        if whole > INTEGER_LIMIT:
            raise self._out_of_range(numeral)
        return Literal(Kind.INTEGER, -whole if numeral.negative else whole)

    def _read_money(self, numeral: Numeral) -> Literal:
        """A number beside money, exactly, in minor units."""
        units = minor_units(Decimal(numeral.text), self.scope.digits)
        if units is None:
            decimals = f"at most {self.scope.digits} decimals" if self.scope.digits else "no decimals"
            message = (
                f"`{numeral.written}` is finer than {self.scope.currency} can be: write it with {decimals}"
            )
            raise ExpressionError(Code.LITERAL_TOO_FINE, numeral.offset, message)
        if units > INTEGER_LIMIT:
            raise self._out_of_range(numeral)
        return Literal(Kind.MONEY, -units if numeral.negative else units)

    def _out_of_range(self, numeral: Numeral) -> ExpressionError:
        message = f"`{numeral.written}` is out of range: no value is beyond 2 to the power of 62"
        return ExpressionError(Code.LITERAL_RANGE, numeral.offset, message)

    def _require_numeric(self, operand: Expression, node: ast.expr) -> None:
        if operand.kind not in NUMERIC:
            message = f"`{self._short(node)}` is {_KIND_WORDS[operand.kind]}, and here a number is needed"
            raise self._error(Code.WRONG_KIND, node, message)

    def _used(self, name: Name) -> Name:
        self.names.setdefault(name)
        return name

    def _short(self, node: ast.expr) -> str:
        written = " ".join(self.syntax.written(node).split())
        return written if len(written) <= 40 else written[:39] + "…"

    def _error(self, code: Code, node: ast.expr, message: str) -> ExpressionError:
        return ExpressionError(code, self.syntax.offset(node), message)


def _result_kind(op: str, left: Kind, right: Kind) -> Kind:
    """The kind of an arithmetic result (S6.3)."""
    if op == "/" or Kind.NUMBER in (left, right):
        return Kind.NUMBER
    if left is Kind.INTEGER and right is Kind.INTEGER:
        return Kind.INTEGER
    if op == "*" and left is Kind.MONEY and right is Kind.MONEY:
        return Kind.NUMBER
    return Kind.MONEY
