"""What is allowed but hardly meant: conditions never true, categories out of reach, rules without effect.

All of these are warnings. They are made only where it can be told for certain (see `rules.language.logic`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rules.language.findings import Code, listed
from rules.language.logic import Logic
from rules.language.metrics import Written
from rules.language.model import (
    CONDITIONS,
    AggregateMetric,
    And,
    Arithmetic,
    AttributeRef,
    Category,
    Compare,
    Condition,
    Dimension,
    Expression,
    Extreme,
    Kind,
    Literal,
    Membership,
    MetricRef,
    Negate,
    Not,
    Or,
    Pack,
    Presence,
    Truth,
)
from rules.language.reading import Reader, join


def check_meaning(reader: Reader, pack: Pack, expressions: Mapping[str, Written]) -> None:
    """Add the warnings about a pack without errors; `expressions` are its expressions by path."""
    metric_logic = Logic(pack)
    for path, written in expressions.items():
        if path.startswith("metrics."):
            _check_expression(reader, metric_logic, path, written)
    for dimension in pack.dimensions:
        path = join("dimensions", dimension.id)
        logic = Logic(pack, dimension)
        for at, written in expressions.items():
            if at.startswith(f"{path}."):
                _check_expression(reader, logic, at, written)
        if dimension.kind == "ladder":
            _check_ladder(reader, logic, dimension, path)
        else:
            _check_first_match(reader, logic, dimension, path)
        _check_policies(reader, dimension, path)
    _check_unused(reader, pack, expressions)


# --- single expressions -----------------------------------------------------------------------------------


def _check_expression(reader: Reader, logic: Logic, path: str, written: Written) -> None:
    if isinstance(written.tree, CONDITIONS):
        _check_truth(reader, logic, path, written, written.tree)
    for node in _nodes(written.tree):
        if _inexact(node):
            what = _quoted(written, node)
            message = f"{what} asks a computed number for an exact value: compare with `>=` or `<=`"
            _warn(reader, Code.INEXACT_EQUALITY, path, written, node, message)


def _check_truth(reader: Reader, logic: Logic, path: str, written: Written, node: Expression) -> bool:
    """Report the smallest parts that are never or always true; whether there was one."""
    if isinstance(node, Truth) and isinstance(node.operand, Literal):
        return False
    if isinstance(node, And | Or):
        inner = [_check_truth(reader, logic, path, written, operand) for operand in node.operands]
        if any(inner):
            return True
    elif isinstance(node, Not):
        return _check_truth(reader, logic, path, written, node.operand)
    if not logic.can_hold([node]):
        why = ": its parts contradict each other" if isinstance(node, And) else ": no value is like that"
        message = f"{_quoted(written, node)} can never be true{why}"
        _warn(reader, Code.NEVER_TRUE, path, written, node, message)
        return True
    if not logic.can_hold([], [node]):
        message = f"{_quoted(written, node)} is always true: leave it out, or correct it"
        _warn(reader, Code.ALWAYS_TRUE, path, written, node, message)
        return True
    return False


def _inexact(node: Expression) -> bool:
    """Whether a computed double is compared for equality; with 0, which is exact, that is sound."""
    if isinstance(node, Compare) and node.op in ("==", "!="):
        sides: tuple[Expression, ...] = (node.left, node.right)
    elif isinstance(node, Membership):
        sides = (node.operand, *node.items)
    else:
        return False
    if any(isinstance(side, Literal) and side.value == 0 for side in sides):
        return False
    return any(side.kind is Kind.NUMBER and not isinstance(side, AttributeRef | Literal) for side in sides)


def _nodes(tree: Expression) -> Iterator[Expression]:
    """Every node of a tree, outer ones first."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        match node:
            case And(operands) | Or(operands):
                waiting.extend(reversed(operands))
            case Compare() | Arithmetic() | Extreme():
                waiting.extend((node.right, node.left))
            case Not() | Negate() | Truth() | Presence() | Membership():
                waiting.append(node.operand)


def _quoted(written: Written, node: Expression) -> str:
    start, end = written.spans.get(id(node), (0, len(written.node.value)))
    return f"`{' '.join(written.node.value[start:end].split())}`"


def _warn(reader: Reader, code: Code, path: str, written: Written, node: Expression, message: str) -> None:
    start, _ = written.spans.get(id(node), (0, 0))
    reader.warning(code, written.node, path, message, start)


# --- categories -------------------------------------------------------------------------------------------


def _check_first_match(reader: Reader, logic: Logic, dimension: Dimension, path: str) -> None:
    """Categories that an earlier one always takes before them (S7.1)."""
    earlier: list[tuple[Category, Expression]] = []
    for category in dimension.categories:
        own = [category.when.tree] if category.when else []
        before = [tree for _, tree in earlier]
        if logic.can_hold(own) and not logic.can_hold(own, before):
            takers = [other.id for other, tree in earlier if not logic.can_hold(own, [tree])]
            if takers:
                why = f"whoever it fits, {listed(takers[:1])} takes first"
            else:
                why = "the categories before it take everyone together"
            message = (
                f"`{category.id}` can never be reached by rules: {why}; move it up, or correct the conditions"
            )
            at = join(path, f"categories.{category.id}")
            reader.warning(Code.UNREACHABLE, reader.places[at], at, message)
        if category.when:
            earlier.append((category, category.when.tree))


def _check_ladder(reader: Reader, logic: Logic, dimension: Dimension, path: str) -> None:
    """`keep` beside `enter`, and `enter` from rank to rank (S7.1)."""
    lower: list[tuple[Category, Condition]] = []
    for category in dimension.categories:
        at = join(path, f"categories.{category.id}")
        if category.enter is None:
            continue
        if category.keep and _stricter(logic, category.keep.tree, category.enter.tree):
            message = (
                f"`keep` of `{category.id}` is stricter than its `enter`, so that customers would enter and "
                "fall at the next evaluation: make `keep` the easier one"
            )
            reader.warning(Code.KEEP_STRICTER, reader.places[f"{at}.keep"], f"{at}.keep", message)
        if logic.can_hold([category.enter.tree]):
            for other, enter in lower:
                if logic.implies(enter.tree, category.enter.tree):
                    message = (
                        f"whoever may enter `{other.id}` may enter `{category.id}` too, so that nobody rises "
                        f"to `{other.id}`: make `enter` stricter from rank to rank"
                    )
                    reader.warning(Code.NOT_RISING, reader.places[f"{at}.enter"], f"{at}.enter", message)
                    break
            lower.append((category, category.enter))


def _stricter(logic: Logic, keep: Expression, enter: Expression) -> bool:
    """Whether `keep` asks for all that `enter` does, and for more."""
    return logic.can_hold([keep]) and logic.implies(keep, enter) and not logic.implies(enter, keep)


# --- policies and metrics ---------------------------------------------------------------------------------


def _check_policies(reader: Reader, dimension: Dimension, path: str) -> None:
    """Settings of policies that change nothing (S7.3)."""
    policies = {"upgrade": dimension.upgrade, "downgrade": dimension.downgrade}
    if dimension.kind == "first_match":
        policies = {"change": dimension.upgrade}
    for key, policy in policies.items():
        at = join(path, key)
        if at not in reader.places:
            continue
        if len(dimension.categories) == 1:
            message = f"`{key}` has no effect: with one category nobody ever moves"
            reader.warning(Code.NO_EFFECT, reader.places[at], at, message)
            continue
        if 0 < policy.min_dwell <= policy.hold:
            where = join(at, "min_dwell")
            message = (
                f"`min_dwell: {policy.min_dwell}d` has no effect beside `hold: {policy.hold}d`, which never "
                "ends sooner: make it longer than `hold`, or leave it out"
            )
            reader.warning(Code.NO_EFFECT, reader.places[where], where, message)
        if policy.step_one and len(dimension.categories) == 2:
            where = join(at, "step")
            message = "`step: one` has no effect: with two categories every move is one step"
            reader.warning(Code.NO_EFFECT, reader.places[where], where, message)


def _check_unused(reader: Reader, pack: Pack, expressions: Mapping[str, Written]) -> None:
    """Metrics that no expression uses and no dimension publishes."""
    used = {index for dimension in pack.dimensions for index in dimension.publish}
    for written in expressions.values():
        used.update(node.index for node in _nodes(written.tree) if isinstance(node, MetricRef))
    for index, metric in enumerate(pack.metrics):
        if index not in used:
            at = join("metrics", metric.name)
            cost = " and costs memory" if isinstance(metric, AggregateMetric) else ""
            message = (
                f"`{metric.name}` is used by no condition and published nowhere{cost}: use it, or remove it"
            )
            reader.warning(Code.UNUSED_METRIC, reader.places[at], at, message)
