"""Random packs as text: small, but with every aggregate, window, form of expression and policy in reach."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from rules.engine.event import LABELS, TYPES
from rules.language.model import Kind
from tests.properties.chooser import Chooser, chance

TIMEZONES = (
    "UTC",
    "Europe/London",
    "America/Sao_Paulo",  # turned its clocks at midnight: days that begin at one o'clock
    "Africa/Casablanca",  # changes its offset twice around Ramadan
    "Pacific/Apia",  # skipped 2011-12-30
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # shifts by half an hour
)
CURRENCIES = {"GBP": 2, "JPY": 0, "KWD": 3}
ATTRIBUTES = {"tag": "string", "level": "integer", "ratio": "number", "vip": "boolean"}
LABEL_VALUES = ("web", "app", "é")
TAGS = ("a", "b", "c")

AGGREGATES = ("count", "sum", "avg", "min", "max", "days", "first", "last", "recency", "tenure")
FIELD_TYPES = {
    "amount": ("order.completed", "order.refunded", "order.cancelled", "payment.succeeded", "payment.failed"),
    "discount": ("order.completed", "order.placed", "order.cancelled"),
    "items": ("order.completed", "order.refunded", "order.cancelled"),
    "score": ("feedback.rating", "feedback.nps"),
    "severity": ("feedback.complaint",),
}
PLAIN_TYPES = ("order.completed", "order.placed", "payment.failed", "payment.overdue", "feedback.complaint")
WINDOWS = ("lifetime", "1d", "2d", "3d", "5d", "7d", "30d", "this_month", "last_month", "this_quarter")
CALENDAR_WINDOWS = ("last_quarter", "this_year", "last_year")
OPERATORS = (">=", ">", "<=", "<", "==", "!=")
EQUALITY = ("==", "!=")
LISTS = ("in", "not in")
SMALL = (1, 2, 3, 0, 4, 5)
LARGE = (10, 5, 15, 20, 1, 25, 30, 2, 50, 0)


@dataclass(frozen=True)
class Names:
    """What an expression may name: numeric names with their kinds, booleans, own and earlier categories."""

    digits: int
    metrics: tuple[tuple[str, Kind], ...] = ()
    booleans: tuple[str, ...] = ("attr.vip",)
    own: tuple[str, ...] = ()
    earlier: dict[str, tuple[str, ...]] = field(default_factory=dict)


NUMERIC_ATTRIBUTES = (("attr.level", Kind.INTEGER), ("attr.ratio", Kind.NUMBER))


def pack_text(choose: Chooser) -> str:
    """The text of a random valid pack."""
    currency = choose.one(list(CURRENCIES))
    names = Names(CURRENCIES[currency])
    metrics: dict[str, object] = {}
    for index in range(choose.number(1, 4)):
        metrics[f"m{index}"], kind = _aggregate(choose)
        names = replace(names, metrics=((f"m{index}", kind), *names.metrics))
    for index in range(choose.number(0, 2)):
        if chance(choose, 5):
            metrics[f"x{index}"] = {"expr": _condition(choose, names, 1)}
            names = replace(names, booleans=(f"x{index}", *names.booleans))
        else:
            text, kind = _numeric(choose, names, 2)
            metrics[f"x{index}"] = {"expr": text}
            names = replace(names, metrics=((f"x{index}", kind), *names.metrics))
    dimensions: dict[str, object] = {}
    for index in range(choose.number(1, 3)):
        dimensions[f"d{index}"], ids = _dimension(choose, names, tuple(metrics))
        names = replace(names, earlier={**names.earlier, f"d{index}": ids})
    pack = {
        "name": "random",
        "version": "1",
        "timezone": choose.one(TIMEZONES),
        "currency": currency,
        "lateness": choose.one(("3d", "1d", "7d", "30d")),
        "attributes": ATTRIBUTES,
        "metrics": metrics,
        "dimensions": dimensions,
    }
    return json.dumps(pack, ensure_ascii=False, indent=1)


def _aggregate(choose: Chooser) -> tuple[dict[str, object], Kind]:
    """A metric over facts, and the kind of its value."""
    agg = choose.one(AGGREGATES)
    metric: dict[str, object] = {"agg": agg}
    kind = Kind.INTEGER
    types: tuple[str, ...] = PLAIN_TYPES
    if agg not in ("count", "days", "recency", "tenure"):
        name = choose.one(list(FIELD_TYPES))
        metric["field"], types = name, FIELD_TYPES[name]
        kind = Kind.MONEY if name in ("amount", "discount") else Kind.INTEGER
        kind = Kind.NUMBER if agg == "avg" else kind
    first = choose.one(types)
    of, minus = [first], list[str]()
    for other in types:
        place = choose.one(("nowhere", "nowhere", "of", "minus"))
        if other != first and TYPES[other] == TYPES[first]:
            if place == "of":
                of.append(other)
            elif place == "minus" and agg == "sum":
                minus.append(other)
    metric["of"] = of if len(of) > 1 else first
    if minus:
        metric["minus"] = minus
    if chance(choose, 5):
        values = sorted({choose.one(LABEL_VALUES), choose.one(LABEL_VALUES)})
        metric["where"] = {LABELS[TYPES[first]]: values if len(values) > 1 else values[0]}
    if agg not in ("first", "last", "recency", "tenure"):
        metric["window"] = choose.one(CALENDAR_WINDOWS if chance(choose, 6) else WINDOWS)
    return metric, kind


def _literal(choose: Chooser, kind: Kind, digits: int) -> str:
    """A number that sums of the events' amounts, items and scores often hit exactly."""
    whole = choose.one(SMALL if kind is Kind.INTEGER else LARGE)
    if not chance(choose, 4):
        return str(whole)
    return f"{whole}.0" if digits == 0 else f"{whole}.{choose.one(('5', '0', '1', '25'[:digits]))}"


def _numeric(choose: Chooser, names: Names, depth: int) -> tuple[str, Kind]:
    """A numeric expression with at least one name in it, and its kind (S6.3)."""
    form = (
        choose.one(("name", "name", "name", "+", "-", "*", "/", "minus", "min", "max")) if depth else "name"
    )
    if form == "name":
        return choose.one(NUMERIC_ATTRIBUTES if chance(choose, 6) else names.metrics)
    left, kind = _numeric(choose, names, depth - 1)
    if form == "minus":
        return f"-{left}", kind
    if chance(choose, 2):
        right = _literal(choose, kind, names.digits)
        other = Kind.NUMBER if "." in right else Kind.INTEGER
        other = Kind.MONEY if kind is Kind.MONEY and form in "+-" else other
    else:
        right, other = _numeric(choose, names, depth - 1)
    if form in ("min", "max"):
        return f"{form}({left}, {right})", kind if kind is other else Kind.NUMBER
    return f"({left} {form} {right})", _result(form, kind, other)


def _result(op: str, left: Kind, right: Kind) -> Kind:
    if op == "/" or Kind.NUMBER in (left, right) or (op == "*" and left is right is Kind.MONEY):
        return Kind.NUMBER
    return Kind.INTEGER if left is right is Kind.INTEGER else Kind.MONEY


def _condition(choose: Chooser, names: Names, depth: int) -> str:
    forms = [*["limit"] * 5, "numbers", "text", "boolean", "presence", "range", "list"]
    forms += ["current", "days_in_category"] if names.own else []
    forms += ["earlier"] if names.earlier else []
    forms += ["and", "or", "not"] if depth else []
    match choose.one(forms):
        case "not":
            return f"not ({_condition(choose, names, depth - 1)})"
        case "and" | "or" as word:
            left, right = (_condition(choose, names, depth - 1) for _ in range(2))
            return f"({left}) {word} ({right})"
        case "limit":
            left, kind = _numeric(choose, names, min(depth, 1))
            return f"{left} {choose.one(OPERATORS)} {_literal(choose, kind, names.digits)}"
        case form:
            return _simple_condition(choose, names, form)


def _simple_condition(choose: Chooser, names: Names, form: str) -> str:
    left, kind = _numeric(choose, names, 0)
    match form:
        case "numbers":
            return f"{left} {choose.one(OPERATORS)} {_numeric(choose, names, 1)[0]}"
        case "range":
            first, last = (_literal(choose, kind, names.digits) for _ in range(2))
            return f"{first} <= {left} < {last}"
        case "list":
            items = ", ".join(_literal(choose, kind, names.digits) for _ in range(choose.number(1, 3)))
            return f"{left} {choose.one(LISTS)} [{items}]"
        case "text":
            equal = f'attr.tag {choose.one(EQUALITY)} "{choose.one(TAGS)}"'
            return choose.one((equal, f'attr.tag {choose.one(LISTS)} ["a", "b"]'))
        case "boolean":
            name = choose.one(names.booleans)
            return choose.one((name, f"not {name}", f"{name} == true", f"{name} in [false]"))
        case "presence":
            return f"{choose.one(('missing', 'present'))}({choose.one((left, 'attr.tag'))})"
        case "days_in_category":
            return f"days_in_category {choose.one(OPERATORS)} {choose.number(0, 5)}"
        case "current":
            return _about_category(choose, "current", names.own)
        case _:
            dimension = choose.one(sorted(names.earlier))
            return _about_category(choose, dimension, names.earlier[dimension])


def _about_category(choose: Chooser, name: str, categories: tuple[str, ...]) -> str:
    one, other = choose.one(categories), choose.one(categories)
    if chance(choose, 3):
        return f'{name} {choose.one(LISTS)} ["{one}", "{other}"]'
    return f'{name} {choose.one(EQUALITY)} "{one}"'


def _dimension(
    choose: Chooser, names: Names, metrics: tuple[str, ...]
) -> tuple[dict[str, object], tuple[str, ...]]:
    ids = tuple(f"c{index}" for index in range(choose.number(2, 4)))
    names = replace(names, own=ids)
    is_ladder = not chance(choose, 2)
    categories = _rungs(choose, names, ids) if is_ladder else _matches(choose, names, ids)
    for index, category in enumerate(categories.values()):
        if chance(choose, 4):
            category["code"] = f"00{index}" if index % 2 else f"00{index}.1"
        if chance(choose, 4):
            category["strategy"] = {"offer": f"{index} €", "steps": [1, 2.5, None, True]}
    dimension: dict[str, object] = {
        "kind": "ladder" if is_ladder else "first_match",
        "categories": categories,
    }
    if is_ladder:
        dimension["upgrade"] = _policy(choose, is_ladder=True)
        dimension["downgrade"] = _policy(choose, is_ladder=True)
    else:
        dimension["change"] = _policy(choose, is_ladder=False)
    if chance(choose, 2):
        dimension["publish"] = sorted({choose.one(metrics), choose.one(metrics)}, reverse=True)
    return dimension, ids


def _rungs(choose: Chooser, names: Names, ids: tuple[str, ...]) -> dict[str, dict[str, object]]:
    """Categories of a ladder: rising limits of one number, as people write them, or any conditions."""
    categories: dict[str, dict[str, object]] = {ids[0]: {}}
    if not chance(choose, 3):
        number, kind = _numeric(choose, names, choose.one((0, 0, 1)))
        limits = sorted(choose.one(SMALL if kind is Kind.INTEGER else LARGE) for _ in ids[1:])
        for each, limit in zip(ids[1:], limits, strict=True):
            categories[each] = {"enter": f"{number} >= {limit}"}
            if chance(choose, 2):
                categories[each]["keep"] = f"{number} >= {choose.one(SMALL if limit < 6 else (5, limit))}"
    else:
        for each in ids[1:]:
            categories[each] = {"enter": _condition(choose, names, 1)}
            if chance(choose, 2):
                categories[each]["keep"] = _condition(choose, names, 1)
    return categories


def _matches(choose: Chooser, names: Names, ids: tuple[str, ...]) -> dict[str, dict[str, object]]:
    categories: dict[str, dict[str, object]] = {}
    for each in ids[:-1]:
        categories[each] = {"when": _condition(choose, names, 1)}
    return categories | {ids[-1]: {}}


def _policy(choose: Chooser, *, is_ladder: bool) -> dict[str, object]:
    policy: dict[str, object] = {}
    hold = choose.one((0, 0, 1, 2, 5))
    dwell = choose.one((0, 0, 0, 1, 3, 7))
    review = choose.one((None, None, None, None, None, None, "month_start", "quarter_start", "year_start"))
    if hold:
        policy["hold"] = f"{hold}d"
    if dwell:
        policy["min_dwell"] = f"{dwell}d"
    if review:
        policy["at"] = review
    if is_ladder and chance(choose, 3):
        policy["step"] = "one"
    return policy
