"""Conditions and metrics in plain English, for people who do not read YAML."""

from __future__ import annotations

from collections.abc import Iterable

from rules.engine.event import LABELS, TYPES
from rules.language.model import (
    AggregateMetric,
    And,
    Arithmetic,
    AttributeRef,
    Compare,
    Condition,
    CurrentRef,
    DaysInCategoryRef,
    Dimension,
    DimensionRef,
    Expression,
    Extreme,
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
    Window,
)
from rules.money import format_minor

_TYPES = {
    "order.placed": "placed orders",
    "order.completed": "completed orders",
    "order.cancelled": "cancelled orders",
    "order.refunded": "refunded orders",
    "payment.succeeded": "successful payments",
    "payment.failed": "failed payments",
    "payment.refunded": "refunded payments",
    "payment.overdue": "overdue payments",
    "feedback.rating": "ratings",
    "feedback.nps": "NPS answers",
    "feedback.complaint": "complaints",
    "feedback.complaint_resolved": "resolved complaints",
}
_AGGREGATES = {
    "count": "the number of {of}",
    "sum": "the sum of the {fields} of {of}",
    "avg": "the average {field} of {of}",
    "min": "the smallest {field} of {of}",
    "max": "the largest {field} of {of}",
    "days": "the number of days with {of}",
    "first": "the {field} of the first of all {of}",
    "last": "the {field} of the last of all {of}",
    "recency": "the days since the latest of all {of}",
    "tenure": "the days since the first of all {of}",
}
_PLURALS = {"amount": "amounts", "discount": "discounts", "score": "scores", "severity": "severities"}
_COMPARISONS = {
    "==": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
}
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPERATIONS = {"+": "plus", "-": "less", "*": "times", "/": "divided by"}


class Wording:
    """Words for the parts of one pack."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack

    # --- conditions --------------------------------------------------------------------------------------

    def condition(self, condition: Condition | Expression) -> str:
        """A condition as part of a sentence: `spend over the last 365 days is at least 200.00 GBP`."""
        return self._condition(condition.tree if isinstance(condition, Condition) else condition)

    def _condition(self, node: Expression) -> str:
        match node:
            case And(operands):
                return " and ".join(self._part(operand, Or) for operand in operands)
            case Or(operands):
                return " or ".join(self._part(operand, And) for operand in operands)
            case Not(operand):
                return f"it is not so that {self._part(operand, And, Or)}"
            case Compare(op, left, right):
                if isinstance(left, Literal) and not isinstance(right, Literal):
                    return f"{self.value(right)} {_COMPARISONS[_FLIPPED[op]]} {self.value(left)}"
                return f"{self.value(left)} {_COMPARISONS[op]} {self.value(right)}"
            case Membership(operand, items, negated):
                listed = join_words((self.value(item) for item in items), "nor" if negated else "or")
                verb = "is neither" if negated and len(items) > 1 else "is not" if negated else "is"
                return f"{self.value(operand)} {verb} {listed or 'anything of an empty list'}"
            case Truth(Literal() as literal):
                return "always" if literal.value else "never"
            case Truth(operand):
                return f"{self.value(operand)} is true"
            case Presence(operand, negated):
                return f"{self.value(operand)} is {'known' if negated else 'not known'}"
        return self.value(node)

    def _part(self, node: Expression, *bracketed: type) -> str:
        words = self._condition(node)
        return f"({words})" if isinstance(node, bracketed) else words

    def value(self, node: Expression) -> str:
        """A value as the subject or object of a sentence."""
        match node:
            case Literal():
                return self._literal(node)
            case MetricRef(index=index):
                return metric_label(self._pack.metrics[index])
            case AttributeRef(index=index):
                return spoken(self._pack.attributes[index].name)
            case CurrentRef():
                return "the category so far"
            case DaysInCategoryRef():
                return "the number of days in the category so far"
            case DimensionRef(index=index):
                return dimension_label(self._pack.dimensions[index])
            case Negate(operand=operand):
                return f"minus {self._operand(operand)}"
            case Arithmetic(op=op, left=left, right=right):
                return f"{self._operand(left)} {_OPERATIONS[op]} {self._operand(right)}"
            case Extreme(op=op, left=left, right=right):
                which = "smaller" if op == "min" else "larger"
                return f"the {which} of {self._operand(left)} and {self._operand(right)}"
        return f"({self._condition(node)})"

    def _operand(self, node: Expression) -> str:
        words = self.value(node)
        return f"({words})" if isinstance(node, Arithmetic | Extreme | Negate) else words

    def _literal(self, literal: Literal) -> str:
        value = literal.value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return f"`{value}`"
        if literal.kind == "money" and isinstance(value, int):
            return f"{format_minor(value, self._pack.digits)} {self._pack.currency}"
        return str(value)

    # --- metrics -----------------------------------------------------------------------------------------

    def metric(self, metric: Metric) -> str:
        """What a metric is: `the number of completed orders over the last 90 days`."""
        if not isinstance(metric, AggregateMetric):
            return self.value(metric.tree)
        field = metric.field or ""
        of = join_words((_TYPES[name] for name in metric.of), "and")
        words = _AGGREGATES[metric.agg].format(of=of, field=field, fields=_PLURALS.get(field, field))
        if metric.minus:
            words += f", less that of {join_words((_TYPES[name] for name in metric.minus), 'and')},"
        if metric.field and "{field" not in _AGGREGATES[metric.agg]:
            words += f" that state their {metric.field}"
        if metric.labels is not None:
            label = LABELS[TYPES[metric.of[0]]]
            words += f" with the {label} {join_words((f'`{value}`' for value in metric.labels), 'or')}"
        return f"{words}{window_words(metric.window)}"


def metric_label(metric: Metric) -> str:
    """A short name of a metric: its title, or its own name and window in words."""
    if metric.title:
        return _small(metric.title)
    if isinstance(metric, AggregateMetric):
        suffix = f"_{metric.window.days}d" if metric.window.unit == "days" else f"_{metric.window.unit}"
        if metric.window.unit == "lifetime":
            return spoken(metric.name)
        return spoken(metric.name.removesuffix(suffix)) + window_words(metric.window)
    name, _, tail = metric.name.rpartition("_")
    if name and tail[:-1].isdigit() and tail.endswith("d"):
        return spoken(name) + window_words(Window("days", int(tail[:-1])))
    return spoken(metric.name)


def dimension_label(dimension: Dimension) -> str:
    """A short name of a dimension: its title, or its id in words."""
    return _small(dimension.title) if dimension.title else spoken(dimension.id)


def window_words(window: Window) -> str:
    """A window as the end of a phrase, with a blank before it; nothing for the whole lifetime."""
    if window.unit == "lifetime":
        return ""
    if window.unit == "days":
        return " today" if window.days == 1 else f" over the last {window.days} days"
    which, _, unit = window.unit.partition("_")
    return f" in {which} calendar {unit}" if which == "this" else f" in the {which} calendar {unit}"


def spoken(name: str) -> str:
    """A name in words: `value_tier` is `value tier`."""
    return name.replace("_", " ")


def join_words(words: Iterable[str], joint: str) -> str:
    """Words as a list in a sentence."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {joint} {items[-1]}"


def capital(text: str) -> str:
    """Text with a capital first letter, as a sentence or heading begins."""
    return text[:1].upper() + text[1:]


def _small(title: str) -> str:
    """A title inside a sentence; an abbreviation keeps its capitals."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title
