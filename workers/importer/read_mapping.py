"""Read a mapping file: its YAML into a checked `Mapping`, or an error that names the line and column."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NoReturn, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rules.engine.event import TYPES
from rules.language.findings import listed, suggestion
from rules.language.source import Document, Node, Sequence, Text
from rules.language.source import Mapping as Tree
from rules.money import MINOR_DIGITS
from schemas.events import MODELS
from workers.cli.errors import UserError
from workers.importer.model import (
    Ambiguous,
    AttributeKind,
    Clock,
    Column,
    Condition,
    Constant,
    EventRule,
    FieldRule,
    Layout,
    Mapping,
    Nonexistent,
    Place,
    Slot,
    Source,
    Template,
)

MONEY = frozenset({"amount", "discount"})
_CLOCK_KEYS = frozenset({"format", "timezone", "ambiguous", "nonexistent"})
_SLOT = re.compile(r"\{\{|\}\}|\{([^{}:]+)(?::0?([0-9]{1,2}))?\}")
_OPERATOR = re.compile(r"(<=|>=|==|!=|<|>)\s*(.+)")
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]*")
_EPOCHS = ("epoch_s", "epoch_ms", "epoch_us")


def read_mapping(text: str, source: str) -> Mapping:
    """The mapping in the text; `source` names it in errors. Raises `UserError` for the first error."""
    return _Reader(text, source).mapping()


def fields_of(kind: str) -> dict[str, bool]:
    """The fields of an event type and whether each is required, without `type` and `attributes`."""
    model = MODELS[kind].model_fields
    return {name: info.is_required() for name, info in model.items() if name not in {"type", "attributes"}}


class _Reader:
    def __init__(self, text: str, source: str) -> None:
        self.document = Document(text)
        self.source = source
        self.clock = Clock()
        for finding in self.document.findings:
            raise UserError(
                f"{source}:{finding.line}:{finding.column}: {finding.message}".replace(
                    "the pack", "the mapping"
                )
            )

    def place(self, node: Node) -> Place:
        return Place(*self.document.place(node.start))

    def fail(self, node: Node, message: str) -> NoReturn:
        place = self.place(node)
        raise UserError(f"{self.source}:{place.line}:{place.column}: {message}")

    def mapping(self) -> Mapping:
        root = self.document.root
        if root is None:
            raise UserError(f"{self.source}: the mapping is empty: give `events`")
        keys = ("timezone", "ambiguous", "nonexistent", "currency", "numbers", "csv", "excel", "events")
        tree = self.tree(root, "the mapping", keys)
        self.clock = self.read_clock(tree, Clock())
        currency = self.text(tree["currency"]) if "currency" in tree else None
        if currency is not None and currency not in MINOR_DIGITS:
            self.fail(
                tree["currency"], f"`{currency}` is not a currency: give an ISO 4217 code such as `USD`"
            )
        events = tree.get("events")
        if not isinstance(events, Sequence) or not events.items:
            self.fail(events or root, "give `events`, a list of the events to make")
        rules = tuple(self.event(item, currency) for item in events.items)
        return Mapping(self.source, currency, self.layout(tree), rules)

    def layout(self, tree: dict[str, Node]) -> Layout:
        csv = self.tree(tree["csv"], "`csv`", ("separator", "encoding")) if "csv" in tree else {}
        excel = self.tree(tree["excel"], "`excel`", ("sheet", "header_row")) if "excel" in tree else {}
        numbers = (
            self.tree(tree["numbers"], "`numbers`", ("decimal", "thousands")) if "numbers" in tree else {}
        )
        one = {key: self.text(node) for key, node in (csv | numbers).items() if key != "encoding"}
        for key, value in one.items():
            if len(value) != 1 or (key != "separator" and value not in ".,' \u00a0\u202f"):
                self.fail((csv | numbers)[key], f"`{key}` must be one character, such as `,`")
        encoding = self.text(csv["encoding"]) if "encoding" in csv else "utf-8"
        try:
            "".encode(encoding)
        except LookupError:
            self.fail(
                csv["encoding"], f"`{encoding}` is not an encoding: give one such as `utf-8` or `cp1252`"
            )
        decimal, thousands = one.get("decimal", "."), one.get("thousands")
        if decimal == thousands or decimal not in ".,":
            self.fail(tree["numbers"], "`decimal` must be `.` or `,` and `thousands` another character")
        row = self.text(excel["header_row"]) if "header_row" in excel else None
        if row is not None and (not row.isdecimal() or int(row) < 1):
            self.fail(excel["header_row"], "`header_row` must be the number of a row, counted from 1")
        sheet = self.text(excel["sheet"]) if "sheet" in excel else None
        return Layout(one.get("separator"), encoding, decimal, thousands, sheet, int(row) if row else None)

    def event(self, node: Node, currency: str | None) -> EventRule:
        tree = self.tree(node, "an event", None)
        if "type" not in tree:
            self.fail(node, "give the event's `type`, such as `order.completed`")
        kind = self.text(tree["type"])
        if kind not in TYPES:
            self.fail(
                tree["type"],
                f"`{kind}` is not an event type{suggestion(kind, TYPES) or f': known are {listed(TYPES)}'}",
            )
        if kind == "customer.merged":
            self.fail(tree["type"], "`customer.merged` is not supported yet: leave it out")
        known = fields_of(kind)
        keyed = self.keys(node)
        for key, text in keyed.items():
            if key not in {"type", "from", "when", "attributes", *known}:
                self.fail(
                    text,
                    f"`{kind}` has no field `{key}`{suggestion(key, known) or f': it has {listed(known)}'}",
                )
        if "attributes" in tree and "attributes" not in MODELS[kind].model_fields:
            self.fail(
                keyed["attributes"],
                f"`{kind}` has no attributes: use `customer.registered` or `customer.updated`",
            )
        for name, required in known.items():
            if required and name not in tree and name != "event_id":
                self.fail(node, f"`{kind}` needs `{name}`: say which column holds it")
        if currency is None and "currency" not in tree and MONEY & tree.keys():
            self.fail(node, "say which `currency` the money has, here or for the whole mapping")
        fields = tuple(self.field(name, tree[name], name) for name in known if name in tree)
        attributes = self.attributes(tree["attributes"]) if "attributes" in tree else ()
        when = self.conditions(tree["when"]) if "when" in tree else ()
        files = self.text(tree["from"]) if "from" in tree else "*"
        return EventRule(kind, self.place(node), files, when, fields, attributes)

    def attributes(self, node: Node) -> tuple[FieldRule, ...]:
        tree = self.tree(node, "`attributes`", None)
        for name, key in self.keys(node).items():
            if not _ATTRIBUTE.fullmatch(name):
                self.fail(key, f"`{name}` cannot be an attribute: use small letters, digits and `_`")
        return tuple(self.field(name, value, None) for name, value in tree.items())

    def field(self, name: str, node: Node, field: str | None) -> FieldRule:
        """One field; `field` is None for an attribute, which may say `as`."""
        if isinstance(node, Text):
            return FieldRule(name, self.short(node), self.place(node), clock=self.clock)
        keys = ["column", "template", "constant", "map", "default"]
        keys += ["unit", "absolute"] if field in MONEY else []
        keys += sorted(_CLOCK_KEYS) if field == "occurred_at" else ["format"] if field == "until" else []
        keys += ["as"] if field is None else []
        tree = self.tree(node, f"`{name}`", keys)
        sources = [key for key in ("column", "template", "constant") if key in tree]
        if len(sources) != 1:
            self.fail(node, f"`{name}` must have one of `column`, `template` or `constant`")
        return FieldRule(
            name,
            self.source_of(sources[0], tree[sources[0]]),
            self.place(node),
            minor=self.choice(tree, "unit", ("major", "minor"), "major") == "minor",
            absolute=self.choice(tree, "absolute", ("true", "false"), "false") == "true",
            clock=self.read_clock(tree, self.clock),
            table=self.translations(tree["map"]) if "map" in tree else None,
            default=self.text(tree["default"]) if "default" in tree else None,
            kind=cast(
                AttributeKind, self.choice(tree, "as", ("string", "integer", "number", "boolean"), "string")
            )
            if "as" in tree
            else None,
        )

    def short(self, node: Text) -> Source:
        """A bare text: a template where it has braces, else a column."""
        return self.source_of("template" if "{" in node.value else "column", node)

    def source_of(self, key: str, node: Node) -> Source:
        value = self.text(node)
        if key == "constant":
            return Constant(value)
        if not value:
            self.fail(node, "give the name of a column")
        return Column(value) if key == "column" else self.template(node, value)

    def template(self, node: Node, value: str) -> Template:
        parts: list[str | Slot] = []
        at = 0
        for match in _SLOT.finditer(value):
            parts.append(value[at : match.start()])
            at = match.end()
            name = match.group(1)
            parts.append(match.group()[0] if name is None else Slot(name, int(match.group(2) or 0)))
        parts.append(value[at:])
        if any(isinstance(part, str) and len(part) > 1 and set(part) & set("{}") for part in parts) or (
            not any(isinstance(part, Slot) for part in parts)
        ):
            self.fail(node, f"`{value}` is not a template: write columns in braces, such as `ORD-{{number}}`")
        return Template(tuple(part for part in parts if part))

    def translations(self, node: Node) -> dict[str, str]:
        return {key: self.text(value) for key, value in self.tree(node, "`map`", None).items()}

    def read_clock(self, tree: dict[str, Node], base: Clock) -> Clock:
        pattern = self.text(tree["format"]) if "format" in tree else base.format
        if "format" in tree and pattern not in _EPOCHS:
            self.check_pattern(tree["format"], pattern or "")
        timezone = self.text(tree["timezone"]) if "timezone" in tree else base.timezone
        if "timezone" in tree:
            try:
                ZoneInfo(timezone or "")
            except (ZoneInfoNotFoundError, ValueError, OSError):
                self.fail(
                    tree["timezone"], f"`{timezone}` is not a time zone: give one such as `Europe/Berlin`"
                )
        return Clock(
            pattern,
            timezone,
            cast(Ambiguous, self.choice(tree, "ambiguous", ("report", "earliest", "latest"), base.ambiguous)),
            cast(Nonexistent, self.choice(tree, "nonexistent", ("report", "later"), base.nonexistent)),
        )

    def check_pattern(self, node: Node, pattern: str) -> None:
        sample = datetime(2017, 3, 4, 5, 6, 7, tzinfo=UTC)
        if "%" not in pattern or sample.strftime(pattern) == pattern:
            self.fail(
                node,
                f"`{pattern}` is not a time format: write one such as `%d.%m.%Y %H:%M`, or {listed(_EPOCHS)}",
            )

    def conditions(self, node: Node) -> tuple[Condition, ...]:
        tree = self.tree(node, "`when`", None)
        return tuple(self.condition(name, value) for name, value in tree.items())

    def condition(self, name: str, node: Node) -> Condition:
        place = self.place(node)
        if isinstance(node, Sequence):
            return Condition(name, place, "one_of", tuple(self.text(item) for item in node.items))
        if isinstance(node, Tree):
            tree = self.tree(node, f"the condition on `{name}`", ("present", "not"))
            if len(tree) != 1:
                self.fail(node, "give either `present` or `not`")
            if "present" in tree:
                present = self.choice(tree, "present", ("true", "false"), "true") == "true"
                return Condition(name, place, "present", present=present)
            listing = tree["not"]
            items = listing.items if isinstance(listing, Sequence) else (listing,)
            return Condition(name, place, "none_of", tuple(self.text(item) for item in items))
        match = _OPERATOR.fullmatch(node.value)
        if match is None:
            return Condition(name, place, "one_of", (self.text(node),))
        operator, value = match.groups()
        if operator == "!=":
            return Condition(name, place, "none_of", (value,))
        try:
            limit = float(value)
        except ValueError:
            self.fail(node, f"`{operator}` compares numbers, and `{value}` is none")
        return Condition(name, place, "compare", operator=operator, limit=limit)  # type: ignore[arg-type]

    def tree(self, node: Node, what: str, keys: Iterable[str] | None) -> dict[str, Node]:
        if not isinstance(node, Tree):
            self.fail(node, f"{what} must be a mapping of `key: value`")
        if keys is not None:
            known = list(keys)
            for key, _ in node.entries:
                if key.value not in known:
                    hint = suggestion(key.value, known) or f": known are {listed(known)}"
                    self.fail(key, f"{what} has no `{key.value}`{hint}")
        return {key.value: value for key, value in node.entries}

    def keys(self, node: Node) -> dict[str, Text]:
        return {key.value: key for key, _ in node.entries} if isinstance(node, Tree) else {}

    def text(self, node: Node) -> str:
        if not isinstance(node, Text) or node.empty:
            self.fail(node, "give a text here")
        return node.value

    def choice(self, tree: dict[str, Node], key: str, options: tuple[str, ...], default: str) -> str:
        if key not in tree:
            return default
        value = self.text(tree[key])
        if value not in options:
            self.fail(tree[key], f"`{key}` must be {listed(options)}, not `{value}`")
        return value
