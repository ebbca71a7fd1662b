"""Dimensions (S7): categories with their conditions, policies and strategies."""

from __future__ import annotations

import json
import math
import re
from typing import Literal, cast

from rules.language import keys
from rules.language.expressions import ExpressionError
from rules.language.findings import Code, suggestion
from rules.language.metrics import Declared, Part, Written, check_name, lower
from rules.language.model import (
    INTEGER_LIMIT,
    Category,
    Condition,
    Dimension,
    DimensionRef,
    Policy,
)
from rules.language.names import Scope, UnresolvedError
from rules.language.reading import Reader, join
from rules.language.source import Mapping, Node, Sequence, Text

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_CONDITION_KEYS = ("enter", "keep", "when")
_POLICY_KEYS = ("upgrade", "downgrade", "change")

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Earlier = dict[str, tuple[DimensionRef, tuple[str, ...]] | None]


def read_dimensions(reader: Reader, node: Mapping, declared: Declared) -> list[Dimension | None]:
    """The dimensions in their order, None for one with errors."""
    if not node.entries:
        message = "a pack needs at least one dimension: add one with its `kind` and `categories`"
        reader.error(Code.MISSING_KEY, node, "dimensions", message)
    if len(node.entries) > keys.DIMENSIONS_MAX:
        message = f"a pack has at most {keys.DIMENSIONS_MAX} dimensions, not {len(node.entries)}: remove some"
        reader.error(Code.LIMIT, node, "dimensions", message)
    earlier: Earlier = {}
    dimensions: list[Dimension | None] = []
    for index, (key, value) in enumerate(node.entries):
        path = join("dimensions", key.value)
        named = reader.identifier(key, path, "id of a dimension")
        if named and check_name(reader, key, path, "dimension") and key.value in declared.metrics:
            message = f"`{key.value}` is a metric already: give the dimension another id"
            reader.error(Code.NAME_TAKEN, key, path, message)
        dimension, ids = _dimension(reader, key, value, path, declared, earlier)
        dimensions.append(dimension)
        earlier[key.value] = (DimensionRef(index, key.value), ids) if ids else None
    return dimensions


def _dimension(
    reader: Reader, key: Text, node: Node, path: str, declared: Declared, earlier: Earlier
) -> tuple[Dimension | None, tuple[str, ...]]:
    """The dimension, and the ids of its categories even where something else of it is wrong."""
    before = len(reader.findings)
    part = reader.part(node, path, "a dimension", keys.DIMENSION)
    if part is None:
        return None, ()
    kind = None
    if "kind" in part:
        kind = reader.choice(part["kind"][1], join(path, "kind"), "`kind`", keys.DIMENSION_KINDS)
    at = join(path, "categories")
    mapping = reader.mapping(part["categories"][1], at, "`categories`") if "categories" in part else None
    ids = tuple(entry.value for entry, _ in mapping.entries) if mapping else ()
    categories: list[Category | None] = []
    if mapping is not None:
        scope = _scope(declared, earlier, key.value, ids)
        categories = _categories(reader, mapping, at, kind, declared, scope)
    upgrade, downgrade = _policies(reader, part, path, kind)
    publish = _publish(reader, part, path, declared)
    title, description = reader.prose(part, "title", path), reader.prose(part, "description", path)
    failed = any(finding.severity == "error" for finding in reader.findings[before:])
    if kind is None or failed or None in categories:
        return None, ids
    whole = tuple(category for category in categories if category is not None)
    known = cast(Literal["ladder", "first_match"], kind)
    dimension = Dimension(key.value, known, whole, upgrade, downgrade, publish, title, description)
    return dimension, ids


def _scope(declared: Declared, earlier: Earlier, name: str, ids: tuple[str, ...]) -> Scope:
    later = Code.DECLARED_LATER, "is declared later: move that dimension above this one"
    elsewhere = {other: later for other in declared.dimension_names if other not in earlier}
    own = "is this dimension itself: write `current` for its category before this evaluation"
    elsewhere[name] = Code.NOT_ALLOWED_HERE, own
    return Scope(
        declared.currency,
        declared.digits,
        declared.metrics,
        declared.attributes,
        dict(earlier),
        ids,
        elsewhere,
    )


# --- categories -------------------------------------------------------------------------------------------


def _categories(
    reader: Reader, mapping: Mapping, path: str, kind: str | None, declared: Declared, scope: Scope
) -> list[Category | None]:
    """The categories in their order, None for one whose conditions are in error."""
    count = len(mapping.entries)
    if not count:
        message = "a dimension needs at least one category: add one"
        reader.error(Code.MISSING_KEY, mapping, path, message)
    if count > keys.CATEGORIES_MAX:
        message = f"a dimension has at most {keys.CATEGORIES_MAX} categories, not {count}: remove some"
        reader.error(Code.LIMIT, mapping, path, message)
    codes: dict[str, str] = {}
    categories: list[Category | None] = []
    for rank, (key, value) in enumerate(mapping.entries):
        at = join(path, key.value)
        reader.identifier(key, at, "id of a category")
        part = reader.part(value, at, "a category", keys.CATEGORY)
        if part is None:
            categories.append(None)
            continue
        if kind is not None:
            _check_conditions(reader, key, part, at, kind, rank, count)
        code = _code(reader, part, at, key.value, codes)
        conditions = {name: _condition(reader, part, name, at, declared, scope) for name in _CONDITION_KEYS}
        strategy = _strategy(reader, part, at)
        title, description = reader.prose(part, "title", at), reader.prose(part, "description", at)
        if any(name in part and conditions[name] is None for name in _CONDITION_KEYS):
            categories.append(None)
        else:
            categories.append(
                Category(
                    key.value,
                    code,
                    **conditions,
                    strategy_json=strategy,
                    title=title,
                    description=description,
                )
            )
    return categories


def _check_conditions(
    reader: Reader, key: Text, part: Part, path: str, kind: str, rank: int, count: int
) -> None:
    """Which of `enter`, `keep` and `when` the category has and must have (S7.1)."""
    wrong = ("when",) if kind == "ladder" else ("enter", "keep")
    for name in wrong:
        if name in part:
            better = "`enter` and `keep`" if kind == "ladder" else "`when`"
            message = f"a category of a {kind} has no `{name}`: use {better}"
            reader.error(Code.NOT_ALLOWED_HERE, part[name][0], join(path, name), message)
    if kind == "ladder":
        for name in ("enter", "keep") if rank == 0 else ():
            if name in part:
                message = f"the lowest category of a ladder has no condition: remove `{name}`"
                reader.error(Code.NOT_ALLOWED_HERE, part[name][0], join(path, name), message)
        if rank > 0 and "enter" not in part:
            message = f"`{key.value}` needs `enter`: only the lowest category, the first, has no condition"
            reader.error(Code.MISSING_KEY, key, path, message)
    elif rank == count - 1 and "when" in part:
        message = "the last category always matches and has no `when`: remove it, or add a category after it"
        reader.error(Code.NOT_ALLOWED_HERE, part["when"][0], join(path, "when"), message)
    elif rank < count - 1 and "when" not in part:
        message = f"`{key.value}` needs `when`: only the last category has no condition"
        reader.error(Code.MISSING_KEY, key, path, message)


def _code(reader: Reader, part: Part, path: str, name: str, codes: dict[str, str]) -> str | None:
    if "code" not in part:
        return None
    at, node = join(path, "code"), part["code"][1]
    code = reader.line(node, at, "`code`", longest=keys.CODE_LENGTH_MAX)
    if code is not None and code in codes:
        message = f"the code `{code}` is that of `{codes[code]}` already: codes are unique within a dimension"
        reader.error(Code.CODE_COLLISION, node, at, message)
    elif code is not None:
        codes[code] = name
    return code


def _condition(
    reader: Reader, part: Part, key: str, path: str, declared: Declared, scope: Scope
) -> Condition | None:
    if key not in part:
        return None
    at, node = join(path, key), part[key][1]
    text = reader.text(node, at, f"`{key}`", longest=1_000_000)
    if text is None or not isinstance(node, Text):
        return None
    lowering = lower(reader, node, at, text, scope)
    if lowering is None:
        return None
    try:
        tree = lowering.condition()
    except ExpressionError as error:
        reader.error(error.code, node, at, error.message, error.offset)
        return None
    except UnresolvedError:
        return None
    declared.expressions[at] = Written(node, tree, lowering.spans)
    return Condition(text.strip(), tree, tuple(lowering.names))


# --- policies and publish ---------------------------------------------------------------------------------


def _policies(reader: Reader, part: Part, path: str, kind: str | None) -> tuple[Policy, Policy]:
    """The policies for going up and down; a first_match has one for both."""
    own = {"ladder": ("upgrade", "downgrade"), "first_match": ("change",)}.get(kind or "", _POLICY_KEYS)
    policies: dict[str, Policy] = {}
    for key in _POLICY_KEYS:
        if key not in part:
            continue
        if key not in own:
            better = "`upgrade` and `downgrade`" if kind == "ladder" else "`change`"
            message = f"a {kind} has no `{key}`: use {better}"
            reader.error(Code.NOT_ALLOWED_HERE, part[key][0], join(path, key), message)
        policies[key] = _policy(reader, part[key][1], join(path, key), kind)
    if kind == "first_match":
        change = policies.get("change", Policy())
        return change, change
    return policies.get("upgrade", Policy()), policies.get("downgrade", Policy())


def _policy(reader: Reader, node: Node, path: str, kind: str | None) -> Policy:
    part = reader.part(node, path, "a policy", keys.POLICY)
    if part is None:
        return Policy()
    days = {"hold": 0, "min_dwell": 0}
    for key in days:
        if key in part:
            days[key] = reader.days(part[key][1], join(path, key), f"`{key}`") or 0
    at = step = None
    if "at" in part:
        at = reader.choice(part["at"][1], join(path, "at"), "`at`", keys.REVIEWS)
    if "step" in part:
        step = reader.choice(part["step"][1], join(path, "step"), "`step`", keys.STEPS)
        if kind == "first_match":
            message = "`step` is for ladders: categories of a first_match have no order to step through"
            reader.error(Code.NOT_ALLOWED_HERE, part["step"][0], join(path, "step"), message)
    reader.prose(part, "title", path)
    reader.prose(part, "description", path)
    review = cast(Literal["month_start", "quarter_start", "year_start"] | None, at)
    return Policy(days["hold"], days["min_dwell"], review, step == "one")


def _publish(reader: Reader, part: Part, path: str, declared: Declared) -> tuple[int, ...]:
    """The metrics that go with every change, as indexes."""
    if "publish" not in part:
        return ()
    at, node = join(path, "publish"), part["publish"][1]
    if isinstance(node, Sequence) and not node.items:
        return ()
    indexes: list[int] = []
    for item in reader.distinct(reader.words(node, at, "`publish`") or [], at, "`publish`"):
        name = reader.text(item, at, "the name of a metric")
        if name is None:
            continue
        if name not in declared.metrics:
            hint = suggestion(name, declared.metrics) or ": list names of metrics"
            reader.error(Code.UNKNOWN_NAME, item, at, f"there is no metric `{name}`{hint}")
        elif (metric := declared.metrics[name]) is not None:
            indexes.append(metric.index)
    return tuple(indexes)


# --- strategies -------------------------------------------------------------------------------------------


def _strategy(reader: Reader, part: Part, path: str) -> str | None:
    """The strategy as compact JSON in the written order, or None."""
    if "strategy" not in part:
        return None
    at = join(path, "strategy")
    mapping = reader.mapping(part["strategy"][1], at, "`strategy`")
    if mapping is None:
        return None
    value = _json(reader, mapping, at)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _json(reader: Reader, node: Node, path: str) -> Json:
    if isinstance(node, Mapping):
        for key, _ in node.entries:
            reader.text(key, join(path, key.value), "a key of a strategy", blank=True)
        return {key.value: _json(reader, value, join(path, key.value)) for key, value in node.entries}
    if isinstance(node, Sequence):
        return [_json(reader, item, path) for item in node.items]
    if node.plain == "string":
        return node.value
    if node.plain == "null":
        return None
    if node.plain == "boolean":
        return node.value.lower() == "true"
    if node.plain == "integer" and _INTEGER.fullmatch(node.value) and len(node.value) <= 20:
        number = int(node.value)
        if abs(number) <= INTEGER_LIMIT:
            return number
    if node.plain == "number" and _NUMBER.fullmatch(node.value) and math.isfinite(float(node.value)):
        return float(node.value)
    message = f"`{node.value}` is not a plain value: write a decimal in range, or put it in quotes"
    reader.error(Code.UNQUOTED, node, path, message)
    return None
