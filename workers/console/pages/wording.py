"""Conditions, metrics and policies of a pack in Chinese; in English they are `rules.language.words`.

Titles are the pack's own and stay in the language in which they were written.
"""

from __future__ import annotations

from rules.engine.event import LABELS, TYPES
from rules.language.model import (
    AggregateMetric,
    And,
    Arithmetic,
    AttributeRef,
    Compare,
    CurrentRef,
    DaysInCategoryRef,
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
    Policy,
    Presence,
    Truth,
    Window,
)
from rules.language.summary import policy_words
from rules.language.words import Wording, spoken
from rules.money import format_minor

_TYPES = {
    "order.placed": "已下的订单",
    "order.completed": "已完成的订单",
    "order.cancelled": "已取消的订单",
    "order.refunded": "已退款的订单",
    "payment.succeeded": "成功的付款",
    "payment.failed": "失败的付款",
    "payment.refunded": "已退回的付款",
    "payment.overdue": "逾期的付款",
    "feedback.rating": "评分",
    "feedback.nps": "NPS 回答",
    "feedback.complaint": "投诉",
    "feedback.complaint_resolved": "已解决的投诉",
}
_FIELDS = {"amount": "金额", "discount": "折扣", "items": "件数", "score": "分数", "severity": "严重程度"}
_LABELS = {"channel": "渠道", "method": "付款方式", "topic": "主题"}
_AGGREGATES = {
    "count": "{window}{of}的数量",
    "sum": "{window}{of}的{field}总和",
    "avg": "{window}{of}的平均{field}",
    "min": "{window}{of}的最小{field}",
    "max": "{window}{of}的最大{field}",
    "days": "{window}有{of}的天数",
    "first": "第一笔{of}的{field}",
    "last": "最近一笔{of}的{field}",
    "recency": "距最近一笔{of}的天数",
    "tenure": "距第一笔{of}的天数",
}
_COMPARISONS = {"==": "等于", "!=": "不等于", "<": "小于", "<=": "不超过", ">": "大于", ">=": "不低于"}
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPERATIONS = {"+": "加", "-": "减", "*": "乘以", "/": "除以"}
_CALENDAR = {
    "this_month": "本月",
    "last_month": "上月",
    "this_quarter": "本季度",
    "last_quarter": "上季度",
    "this_year": "今年",
    "last_year": "去年",
}
_REVIEWS = {"month_start": "月", "quarter_start": "季度", "year_start": "年"}


class ChineseWording(Wording):
    """Words for the parts of one pack, in Chinese."""

    def __init__(self, pack: Pack) -> None:
        super().__init__(pack)
        self._pack = pack

    def _condition(self, node: Expression) -> str:
        match node:
            case And(operands):
                return "，并且".join(self._part(operand, Or) for operand in operands)
            case Or(operands):
                return "，或者".join(self._part(operand, And) for operand in operands)
            case Not(operand):
                return f"并非{self._part(operand, And, Or)}"
            case Compare(op, left, right):
                if isinstance(left, Literal) and not isinstance(right, Literal):
                    return f"{self.value(right)} {_COMPARISONS[_FLIPPED[op]]} {self.value(left)}"
                return f"{self.value(left)} {_COMPARISONS[op]} {self.value(right)}"
            case Membership(operand, items, negated):
                listed = "、".join(self.value(item) for item in items) or "空列表中的任何一个"
                which = "之一" if len(items) > 1 else ""
                return f"{self.value(operand)} {'不是' if negated else '是'} {listed}{which}"
            case Truth(Literal() as literal):
                return "总是" if literal.value else "从不"
            case Truth(operand):
                return f"{self.value(operand)} 为真"
            case Presence(operand, negated):
                return f"{self.value(operand)} {'已知' if negated else '未知'}"
        return self.value(node)

    def _part(self, node: Expression, *bracketed: type) -> str:
        words = self._condition(node)
        return f"（{words}）" if isinstance(node, bracketed) else words

    def value(self, node: Expression) -> str:
        """A value as the subject or object of a sentence."""
        match node:
            case Literal():
                return self._literal(node)
            case MetricRef(index=index):
                return chinese_metric_label(self._pack.metrics[index])
            case AttributeRef(index=index):
                return spoken(self._pack.attributes[index].name)
            case CurrentRef():
                return "此前的类别"
            case DaysInCategoryRef():
                return "在当前类别中的天数"
            case DimensionRef(index=index):
                dimension = self._pack.dimensions[index]
                return dimension.title or spoken(dimension.id)
            case Negate(operand=operand):
                return f"负的 {self._operand(operand)}"
            case Arithmetic(op=op, left=left, right=right):
                return f"{self._operand(left)} {_OPERATIONS[op]} {self._operand(right)}"
            case Extreme(op=op, left=left, right=right):
                return (
                    f"{self._operand(left)} 与 {self._operand(right)} 中较{'小' if op == 'min' else '大'}者"
                )
        return f"（{self._condition(node)}）"

    def _operand(self, node: Expression) -> str:
        words = self.value(node)
        return f"（{words}）" if isinstance(node, Arithmetic | Extreme | Negate) else words

    def _literal(self, literal: Literal) -> str:
        value = literal.value
        if isinstance(value, bool):
            return "真" if value else "假"
        if isinstance(value, str):
            return f"“{value}”"
        if literal.kind == "money" and isinstance(value, int):
            return f"{format_minor(value, self._pack.digits)} {self._pack.currency}"
        return str(value)

    def metric(self, metric: Metric) -> str:
        """What a metric is."""
        if not isinstance(metric, AggregateMetric):
            return self.value(metric.tree)
        of = "和".join(_TYPES[name] for name in metric.of)
        if metric.labels is not None:
            label = _LABELS[LABELS[TYPES[metric.of[0]]]]
            of = f"{label}为{'或'.join(f'“{value}”' for value in metric.labels)}的{of}"
        words = _AGGREGATES[metric.agg].format(
            of=of, field=_FIELDS.get(metric.field or "", ""), window=_window(metric.window)
        )
        if metric.minus:
            words += f"，减去{'和'.join(_TYPES[name] for name in metric.minus)}的同一项"
        return words


def wording(language: str, pack: Pack) -> Wording:
    """The words of a pack in a language."""
    return ChineseWording(pack) if language == "zh" else Wording(pack)


def chinese_metric_label(metric: Metric) -> str:
    """A short name of a metric: its title, or its own name and window."""
    if metric.title:
        return metric.title
    if isinstance(metric, AggregateMetric) and metric.window.unit != "lifetime":
        window = metric.window
        suffix = f"_{window.days}d" if window.unit == "days" else f"_{window.unit}"
        return f"{_window(window)} {spoken(metric.name.removesuffix(suffix))}"
    return spoken(metric.name)


def policy_in_words(language: str, policy: Policy) -> str:
    """When moves of a policy happen, as the end of a sentence."""
    if language != "zh":
        return policy_words(policy)
    parts = []
    if policy.hold:
        parts.append(f"条件连续满足 {policy.hold} 天之后")
    if policy.min_dwell:
        parts.append(f"在类别中至少停留 {policy.min_dwell} 天之后")
    if policy.at:
        parts.append(f"在每{_REVIEWS[policy.at]}的第一天")
    if not parts:
        parts.append("立即")
    if policy.step_one:
        parts.append("每次只移动一级")
    return "，".join(parts)


def _window(window: Window) -> str:
    if window.unit == "lifetime":
        return ""
    if window.unit == "days":
        return "今天" if window.days == 1 else f"最近 {window.days} 天内"
    return _CALENDAR[window.unit]
