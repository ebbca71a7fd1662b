"""Names and kinds of expressions (S6.2, S6.3): from the syntax tree to the checked tree of the model."""

from __future__ import annotations

import ast
from typing import Literal as Choice

from rules.language.expressions import ExpressionError, Syntax
from rules.language.findings import Code, listed, suggestion
from rules.language.model import (
    CONDITIONS,
    And,
    Arithmetic,
    Compare,
    Expression,
    Extreme,
    Kind,
    Literal,
    Membership,
    Name,
    Negate,
    Not,
    Or,
    Presence,
    Truth,
)
from rules.language.names import Scope
from rules.language.numerals import Numeral

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
                raise self._error(Code.WRONG_KIND, "a list may stand only after `in` or `not in`", node)
        message = f"`{self._short(node)}` is no part of an expression: see the forms an expression may have"
        if isinstance(node, ast.Tuple):
            message = "write a list in square brackets, such as `[1, 2]`, and only after `in` or `not in`"
        raise self._error(Code.EXPRESSION_SYNTAX, message, node)

    def _constant(self, node: ast.Constant) -> Lowered:
        if isinstance(node.value, str):
            return Literal(Kind.STRING, node.value)
        return Numeral(self.syntax.written(node), False, self.syntax.offset(node))

    def _name(self, node: ast.Name) -> Expression:
        if node.id in ("true", "false"):
            return Literal(Kind.BOOLEAN, node.id == "true")
        name = self.scope.name(node.id)
        if name is None:
            raise self._error(*self.scope.explain(node.id), node)
        return self._used(name)

    def _attribute(self, node: ast.Attribute) -> Expression:
        if not isinstance(node.value, ast.Name) or node.value.id != "attr":
            message = f"`{self._short(node)}` is no name: only attributes have a point, such as `attr.region`"
            raise self._error(Code.UNKNOWN_NAME, message, node)
        name = self.scope.attribute(node.attr)
        if name is None:
            raise self._error(*self.scope.explain_attribute(node.attr), node)
        return self._used(name)

    def _unary(self, node: ast.UnaryOp) -> Lowered:
        if isinstance(node.op, ast.Not):
            return Not(self._condition(node.operand))
        if not isinstance(node.op, ast.USub):
            raise self._error(Code.EXPRESSION_SYNTAX, "a plus before a value is not needed: remove it", node)
        operand = self._lower(node.operand)
        if isinstance(operand, Numeral):
            return Numeral(operand.text, not operand.negative, self.syntax.offset(node))
        self._require_numeric(operand, node.operand)
        return Negate(operand.kind, operand)

    def _arithmetic(self, node: ast.BinOp) -> Expression:
        op = _ARITHMETIC.get(type(node.op))
        if op is None:
            message = f"`{self._short(node)}` uses a sign that is not known: use `+`, `-`, `*` or `/`"
            raise self._error(Code.EXPRESSION_SYNTAX, message, node)
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
            raise self._error(Code.UNKNOWN_NAME, f"there is no function `{written}`{hint}", node)
        if len(node.args) != sizes[name] or node.keywords:
            values = "one value" if sizes[name] == 1 else "two values"
            raise self._error(Code.EXPRESSION_SYNTAX, f"`{name}` takes {values}", node)
        if name in ("missing", "present"):
            operand = self._value(node.args[0])
            if isinstance(operand, CONDITIONS):
                message = f"a condition is never missing: ask for a value inside it, as in `{name}(x)`"
                raise self._error(Code.WRONG_KIND, message, node.args[0])
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
                raise self._error(Code.WRONG_KIND, message, left_node)
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
            raise self._error(Code.WRONG_KIND, message, right_node)
        if not numeric and op not in ("==", "!="):
            message = (
                f"{_KIND_WORDS[first.kind]} cannot be compared with `{op}`: use `==`, `!=`, `in` or `not in`"
            )
            raise self._error(Code.WRONG_KIND, message, left_node)
        self._check_category(first, second, right_node)
        self._check_category(second, first, left_node)
        return Compare(op, first, second)

    def _membership(
        self, left: Lowered, left_node: ast.expr, right_node: ast.expr, negated: bool
    ) -> Membership:
        if not isinstance(right_node, ast.List):
            message = f'`{"not in" if negated else "in"}` needs a list, such as `["a", "b"]`'
            raise self._error(Code.WRONG_KIND, message, right_node)
        operand = self._own(left)
        items: list[Literal] = []
        for item_node in right_node.elts:
            lowered = self._lower(item_node)
            item = self._beside(operand, lowered)[1]
            if not isinstance(item, Literal):
                message = (
                    f"a list holds only numbers, text, `true` and `false`, not `{self._short(item_node)}`"
                )
                raise self._error(Code.WRONG_KIND, message, item_node)
            if item.kind != operand.kind and not (item.kind in NUMERIC and operand.kind in NUMERIC):
                message = (
                    f"`{self._short(left_node)}` is {_KIND_WORDS[operand.kind]} and "
                    f"`{self._short(item_node)}` is {_KIND_WORDS[item.kind]}: list values of one kind"
                )
                raise self._error(Code.WRONG_KIND, message, item_node)
            self._check_category(operand, item, item_node)
            items.append(item)
        return Membership(operand, tuple(items), negated)

    def _check_category(self, reference: Expression, other: Expression, node: ast.expr) -> None:
        """A dimension is compared with the ids of its own categories only; others could never be equal."""
        categories = self.scope.categories(reference)
        if categories is None or not isinstance(other, Literal):
            return
        known, where = categories
        if other.value not in known:
            hint = suggestion(str(other.value), known) or f": its categories are {listed(known, 'and')}"
            message = f"{where} has no category `{other.value}`{hint}"
            raise self._error(Code.UNKNOWN_CATEGORY, message, node)

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
        raise self._error(Code.NOT_A_CONDITION, message, node)

    def _value(self, node: ast.expr) -> Expression:
        lowered = self._lower(node)
        return self._own(lowered)

    def _beside(self, left: Lowered, right: Lowered) -> tuple[Expression, Expression]:
        """Two operands of `+`, `-` or a comparison: a number beside money is read as money (S6.3)."""
        currency, digits = self.scope.currency, self.scope.digits
        if isinstance(left, Numeral) and not isinstance(right, Numeral) and right.kind is Kind.MONEY:
            return left.money(currency, digits), right
        if isinstance(right, Numeral) and not isinstance(left, Numeral) and left.kind is Kind.MONEY:
            return left, right.money(currency, digits)
        return self._own(left), self._own(right)

    def _own(self, lowered: Lowered) -> Expression:
        return lowered.plain() if isinstance(lowered, Numeral) else lowered

    def _require_numeric(self, operand: Expression, node: ast.expr) -> None:
        if operand.kind not in NUMERIC:
            message = f"`{self._short(node)}` is {_KIND_WORDS[operand.kind]}, and here a number is needed"
            raise self._error(Code.WRONG_KIND, message, node)

    def _used(self, name: Name) -> Name:
        self.names.setdefault(name)
        return name

    def _short(self, node: ast.expr) -> str:
        written = " ".join(self.syntax.written(node).split())
        return written if len(written) <= 40 else written[:39] + "…"

    def _error(self, code: Code, message: str, node: ast.expr) -> ExpressionError:
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
