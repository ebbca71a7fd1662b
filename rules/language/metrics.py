"""Metrics (S5): aggregates over facts, and derived metrics."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, field
from typing import cast

from rules.engine.event import LABELS, TYPES, Topic
from rules.language import keys
from rules.language.expressions import ExpressionError, parse
from rules.language.findings import Code, listed, suggestion
from rules.language.kinds import Lowering
from rules.language.model import (
    Aggregate,
    AggregateMetric,
    AttributeRef,
    DerivedMetric,
    Expression,
    Field,
    Kind,
    Metric,
    MetricRef,
    Window,
    WindowUnit,
)
from rules.language.names import Scope, UnresolvedError
from rules.language.reading import Reader, join
from rules.language.source import Mapping, Node, Text

Part = dict[str, tuple[Text, Node]]


@dataclass(frozen=True, slots=True)
class Written:
    """An expression in its place: the scalar, the tree, and the characters in which each node is written."""

    node: Text
    tree: Expression
    spans: dict[int, tuple[int, int]]


@dataclass(slots=True)
class Declared:
    """What the parts of a pack declare, as far as it has been read.

    A name declared with errors is None in `metrics` and `attributes`. `metric_names` and `dimension_names`
    are all names of the pack in their order, so that later ones can be told from unknown ones.
    `words` are the words in the expression of each derived metric, before it is read.
    `expressions` holds, by path, the scalar of each expression, its tree and the spans of the tree's nodes.
    """

    currency: str
    digits: int
    attributes: dict[str, AttributeRef | None]
    metrics: dict[str, MetricRef | None] = field(default_factory=dict)
    metric_names: tuple[str, ...] = ()
    dimension_names: tuple[str, ...] = ()
    labels: dict[str, None] = field(default_factory=dict)
    words: dict[str, set[str]] = field(default_factory=dict)
    expressions: dict[str, Written] = field(default_factory=dict)


def read_metrics(reader: Reader, node: Mapping, declared: Declared) -> list[Metric | None]:
    """The metrics in their order, None for one with errors; fills in `declared`."""
    metrics: list[Metric | None] = []
    if len(node.entries) > keys.METRICS_MAX:
        message = f"a pack has at most {keys.METRICS_MAX} metrics, not {len(node.entries)}: remove some"
        reader.error(Code.LIMIT, node, "metrics", message)
    declared.words = {key.value: _expression_words(value) for key, value in node.entries}
    for key, value in node.entries:
        path = join("metrics", key.value)
        named = reader.identifier(key, path, "name of a metric") and check_name(reader, key, path, "metric")
        metric = _metric(reader, value, path, key.value, declared)
        metrics.append(metric if named else None)
        reference = MetricRef(metric.kind, len(metrics) - 1, key.value) if metric else None
        declared.metrics[key.value] = reference
    if len(declared.labels) > keys.LABELS_MAX:
        message = f"all `where` of a pack name at most {keys.LABELS_MAX} values, not {len(declared.labels)}"
        reader.error(Code.LIMIT, node, "metrics", message)
    return metrics


def _expression_words(node: Node) -> set[str]:
    entries = node.entries if isinstance(node, Mapping) else ()
    texts = [value.value for key, value in entries if key.value == "expr" and isinstance(value, Text)]
    return {word for text in texts for word in re.findall(r"[a-z][a-z0-9_]*", text)}


def check_name(reader: Reader, key: Text, path: str, what: str) -> bool:
    """Whether a metric or dimension may have this name (S13); if not, that is a finding."""
    if keyword.iskeyword(key.value) or key.value in keys.RESERVED_NAMES:
        message = f"`{key.value}` has a meaning of its own and cannot name a {what}: write `{key.value}_`"
        reader.error(Code.NAME_TAKEN, key, path, message)
        return False
    return True


def _metric(reader: Reader, node: Node, path: str, name: str, declared: Declared) -> Metric | None:
    if isinstance(node, Text) and not node.empty:
        message = 'a metric must be a mapping: write `{agg: count, of: order.completed}` or `{expr: "…"}`'
        reader.error(Code.WRONG_SHAPE, node, path, message)
        return None
    written = {key.value for key, _ in node.entries} if isinstance(node, Mapping) else set()
    derived = "expr" in written
    if derived and "agg" in written:
        message = "a metric has either `agg` or `expr`: remove one, or split it into two metrics"
        reader.error(Code.NOT_ALLOWED_HERE, node, path, message)
        return None
    part = reader.part(node, path, "a metric", keys.DERIVED if derived else keys.AGGREGATE)
    if part is None:
        return None
    return (_derived if derived else _aggregate)(reader, node, part, path, name, declared)


def _derived(
    reader: Reader, _node: Node, part: Part, path: str, name: str, declared: Declared
) -> DerivedMetric | None:
    node, at = part["expr"][1], join(path, "expr")
    text = reader.text(node, at, "`expr`", longest=1_000_000)
    if text is None or not isinstance(node, Text):
        return None
    elsewhere = dict.fromkeys(
        declared.dimension_names,
        (
            Code.NOT_ALLOWED_HERE,
            "is a dimension: use it in the conditions of later dimensions, not in a metric",
        ),
    )
    position = declared.metric_names.index(name)
    for later in declared.metric_names[position + 1 :]:
        elsewhere[later] = Code.DECLARED_LATER, "is declared later: move it above this metric"
        if _leads_to(declared.words, later, name):
            elsewhere[later] = Code.CYCLE, f"uses `{name}` in its turn: break the cycle"
    elsewhere[name] = Code.CYCLE, "is this metric itself: a metric cannot use its own value"
    scope = Scope(
        declared.currency, declared.digits, declared.metrics, declared.attributes, elsewhere=elsewhere
    )
    lowering = lower(reader, node, at, text, scope)
    if lowering is None:
        return None
    try:
        tree = lowering.value()
    except ExpressionError as error:
        reader.error(error.code, node, at, error.message, error.offset)
        return None
    except UnresolvedError:
        return None
    declared.expressions[at] = Written(node, tree, lowering.spans)
    title, description = reader.prose(part, "title", path), reader.prose(part, "description", path)
    return DerivedMetric(name, tree.kind, text.strip(), tree, title, description)


def _leads_to(words: dict[str, set[str]], start: str, goal: str) -> bool:
    """Whether the expression of `start`, or one that it uses, names `goal`."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        used = words.get(waiting.pop(), set()) - seen
        if goal in used:
            return True
        seen |= used
        waiting.extend(used)
    return False


def lower(reader: Reader, node: Text, path: str, text: str, scope: Scope) -> Lowering | None:
    """Parse an expression, ready to be lowered; a syntax error is a finding."""
    try:
        return Lowering(parse(text), scope)
    except ExpressionError as error:
        reader.error(error.code, node, path, error.message, error.offset)
        return None


def _aggregate(
    reader: Reader, node: Node, part: Part, path: str, name: str, declared: Declared
) -> AggregateMetric | None:
    before = len(reader.findings)
    if "agg" not in part or "of" not in part:
        return None
    agg = reader.choice(part["agg"][1], join(path, "agg"), "`agg`", keys.AGGREGATES)
    of = _types(reader, part, "of", path)
    minus = _types(reader, part, "minus", path)
    if "minus" in part and agg is not None and agg != "sum":
        message = f"`minus` is for `sum` alone: leave it out, or write `agg: sum` instead of `{agg}`"
        reader.error(Code.NOT_ALLOWED_HERE, part["minus"][0], join(path, "minus"), message)
    for twice in sorted(set(of) & set(minus)):
        message = f"`{twice}` is in both `of` and `minus` and would count nothing: remove it from one"
        reader.error(Code.BAD_VALUE, part["minus"][1], join(path, "minus"), message)
    field_name = _field(reader, node, part, path, agg, (*of, *minus))
    labels = _where(reader, part, path, (*of, *minus), declared)
    window = _window(reader, part, path, agg)
    title, description = reader.prose(part, "title", path), reader.prose(part, "description", path)
    failed = any(finding.severity == "error" for finding in reader.findings[before:])
    if agg is None or window is None or failed:
        return None
    return AggregateMetric(
        name,
        _kind(agg, field_name),
        cast(Aggregate, agg),
        of,
        cast(Field | None, field_name),
        minus,
        labels,
        window,
        title,
        description,
    )


def _kind(agg: str, field_name: str | None) -> Kind:
    """The kind of an aggregate (S5.1, S5.4)."""
    if agg == "avg":
        return Kind.NUMBER
    if agg in keys.FIELD_AGGREGATES and field_name in keys.MONEY_FIELDS:
        return Kind.MONEY
    return Kind.INTEGER


def _types(reader: Reader, part: Part, key: str, path: str) -> tuple[str, ...]:
    """The event types under `of` or `minus`: facts alone, each once."""
    if key not in part:
        return ()
    at = join(path, key)
    nodes = reader.words(part[key][1], at, f"`{key}`") or []
    known: list[str] = []
    for node in reader.distinct(nodes, at, f"`{key}`"):
        name = reader.text(node, at, "an event type")
        if name in keys.FACT_TYPES:
            known.append(name)
        elif name in TYPES:
            message = f"`{name}` is no fact and cannot be counted: use an order, payment or feedback type"
            reader.error(Code.UNKNOWN_TYPE, node, at, message)
        elif name is not None:
            hint = suggestion(name, keys.FACT_TYPES) or f": the types are {listed(keys.FACT_TYPES, 'and')}"
            reader.error(Code.UNKNOWN_TYPE, node, at, f"there is no event type `{name}`{hint}")
    return tuple(known)


def _field(
    reader: Reader, node: Node, part: Part, path: str, agg: str | None, types: tuple[str, ...]
) -> str | None:
    """The field that is summed or compared; every type must have it."""
    if "field" not in part:
        if agg in keys.FIELD_AGGREGATES:
            fields = [name for name, having in keys.FIELDS.items() if having.issuperset(types)]
            message = (
                f"`{agg}` needs a `field`: add {listed(f'field: {name}' for name in fields or keys.FIELDS)}"
            )
            reader.error(Code.MISSING_KEY, node, path, message)
        return None
    at, value = join(path, "field"), part["field"][1]
    name = reader.choice(value, at, "`field`", keys.FIELDS)
    for without in types if name else ():
        if name and without not in keys.FIELDS[name]:
            having = [field_name for field_name, having in keys.FIELDS.items() if without in having]
            hint = f": it has {listed(having, 'and')}" if having else ": it has no numeric field"
            reader.error(Code.WRONG_FIELD, value, at, f"`{without}` has no `{name}`{hint}")
    return name


def _where(
    reader: Reader, part: Part, path: str, types: tuple[str, ...], declared: Declared
) -> tuple[str, ...] | None:
    """The values allowed for the one label that all the types carry."""
    if "where" not in part:
        return None
    at = join(path, "where")
    mapping = reader.mapping(part["where"][1], at, "`where`")
    if mapping is None:
        return None
    topics: list[Topic] = list(dict.fromkeys(TYPES[name] for name in types))
    if len(topics) > 1:
        message = "`where` needs types that carry one label: use those of one topic, or split the metric"
        reader.error(Code.WRONG_LABEL, part["where"][0], at, message)
        return None
    label = LABELS[topics[0]] if topics else None
    if len(mapping.entries) != 1:
        message = f"`where` has exactly one key: write `{{{label or 'channel'}: …}}`"
        reader.error(Code.WRONG_LABEL, part["where"][1], at, message)
        return None
    key, value = mapping.entries[0]
    if label is not None and key.value != label:
        message = f"the types of {topics[0]} carry the label `{label}`, not `{key.value}`: write `{label}`"
        reader.error(Code.WRONG_LABEL, key, at, message)
    values: dict[str, None] = {}
    at = join(at, key.value)
    for node in reader.distinct(reader.words(value, at, f"`{key.value}`") or [], at, f"`{key.value}`"):
        text = reader.text(node, at, "a label", longest=keys.LABEL_LENGTH_MAX, blank=True)
        if text is not None:
            values[text] = None
    declared.labels.update(values)
    return tuple(values)


def _window(reader: Reader, part: Part, path: str, agg: str | None) -> Window | None:
    """The window (S5.2); None after a finding."""
    if "window" not in part:
        return Window()
    at, value = join(path, "window"), part["window"][1]
    known = isinstance(value, Text) and value.value in keys.CALENDAR_WINDOWS
    if known and isinstance(value, Text):
        window = Window(cast(WindowUnit, value.value))
    else:
        others = f", or {listed(keys.CALENDAR_WINDOWS)}"
        wrong = isinstance(value, Text) and suggestion(value.value, keys.CALENDAR_WINDOWS)
        days = reader.days(value, at, "`window`", lowest=1, hint=f"{wrong or others}")
        if days is None:
            return None
        window = Window("days", days)
    if agg in keys.LIFETIME_AGGREGATES and window.unit != "lifetime":
        message = f"`{agg}` looks at the whole lifetime: leave `window` out"
        reader.error(Code.NOT_ALLOWED_HERE, part["window"][0], at, message)
        return None
    return window
