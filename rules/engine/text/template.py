"""What of a body follows from the pack alone, as bytes; and the little programs for what does not.

A reason's values and a dimension's published metrics are programs of `(op, argument)`: fixed text, or the
value with a number among the values of an evaluation (metrics, then attributes, then categories).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.event import TYPES
from rules.language.model import (
    AttributeRef,
    Category,
    Condition,
    CurrentRef,
    DaysInCategoryRef,
    Dimension,
    DimensionRef,
    Kind,
    MetricRef,
    Name,
    Pack,
)

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

(
    OP_TEXT,
    OP_INTEGER,
    OP_MONEY,
    OP_NUMBER,
    OP_STRING,
    OP_BOOLEAN,
    OP_CURRENT,
    OP_DAYS_IN,
    OP_DIMENSION,
    OP_ACTOR,
    OP_REASON,
) = range(11)

_VALUE_OPS = {
    Kind.INTEGER: OP_INTEGER,
    Kind.MONEY: OP_MONEY,
    Kind.NUMBER: OP_NUMBER,
    Kind.STRING: OP_STRING,
    Kind.BOOLEAN: OP_BOOLEAN,
}
DIRECTIONS = ("initial", "up", "down", "move")


class Template(NamedTuple):
    """Fixed texts and programs of a pack.

    `pool` holds all bytes; `spans[text]` = (start, length). `fixed` = texts of the change's head, the erased
    and common parts by the FIXED_ names. By dimension: `dimension_text`, `dimension_first` (first category in
    the flat table), `ladder`. By category in the flat table: `from_text`, `to_text`, `target_text`,
    `tail_text` (strategy to generation), `id_text` (the quoted id). `direction_text`, `cause_text` by their
    positions, `type_text` by type code, `state_text` by notice state.
    `program[op, argument]`; `reason_first[2 * reason + result]` and `publish_first[dimension]` are where
    programs begin, each ending where the next one begins.
    `number_column[value]` is the column of the pre-rendered doubles that holds a value, -1 for others.
    `size_max[dimension]`: bytes of the longest change's fixed texts; `slots`: most values in one change.
    """

    pool: U8
    spans: I64
    fixed: I64
    dimension_text: I64
    dimension_first: I64
    dimension_notice_text: I64
    ladder: I64
    dimension_name: I64
    from_text: I64
    to_text: I64
    target_text: I64
    tail_text: I64
    id_text: I64
    direction_text: I64
    cause_text: I64
    type_text: I64
    state_text: I64
    program: I64
    reason_first: I64
    publish_first: I64
    number_column: I64
    size_max: I64
    digits: int
    generation: int
    values_metrics: int
    values_attributes: int


(
    FIXED_HEAD,
    FIXED_CUSTOMER,
    FIXED_LIFE,
    FIXED_PREVIOUS,
    FIXED_EVENT,
    FIXED_REASONS,
    FIXED_METRICS,
    FIXED_NO_FROM,
    FIXED_NOTICE_HEAD,
    FIXED_NOTICE_TO,
    FIXED_NOTICE_SINCE,
    FIXED_NOTICE_UNTIL,
    FIXED_NOTICE_EFFECTIVE,
    FIXED_NOTICE_NEXT,
    FIXED_TRUE,
    FIXED_FALSE,
) = range(16)

_FIXED = {
    FIXED_HEAD: '{"change_id":"',
    FIXED_CUSTOMER: '","customer_id":',
    FIXED_LIFE: ',"life":',
    FIXED_PREVIOUS: ',"previous_effective_at":',
    FIXED_EVENT: '{"event_id":',
    FIXED_REASONS: ',"reasons":[',
    FIXED_METRICS: '],"metrics":{',
    FIXED_NO_FROM: ',"from":null,"from_code":null',
    FIXED_NOTICE_HEAD: '{"customer_id":',
    FIXED_NOTICE_TO: ',"to":',
    FIXED_NOTICE_SINCE: ',"since":"',
    FIXED_NOTICE_UNTIL: '","until":"',
    FIXED_NOTICE_EFFECTIVE: '","effective_at":',
    FIXED_NOTICE_NEXT: ',"sequence_next":',
    FIXED_TRUE: "true",
    FIXED_FALSE: "false",
}


def quoted(value: object) -> str:
    """A value as compact JSON, characters beyond ASCII as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Texts:
    def __init__(self) -> None:
        self.pool = bytearray()
        self.spans: list[tuple[int, int]] = []

    def add(self, text: str) -> int:
        data = text.encode()
        self.spans.append((len(self.pool), len(data)))
        self.pool += data
        return len(self.spans) - 1

    def each(self, texts: Iterable[str]) -> I64:
        return np.array([self.add(text) for text in texts], np.int64)


def make_template(pack: Pack, generation: int) -> Template:
    """Everything that the bodies of a pack's changes have in common."""
    texts = _Texts()
    program: list[tuple[int, int]] = []
    metrics, attributes = len(pack.metrics), len(pack.attributes)
    categories = [(dimension, category) for dimension in pack.dimensions for category in dimension.categories]
    reason_first, reason_sizes = _reasons(pack, texts, program)
    publish_first = []
    for dimension in pack.dimensions:
        publish_first.append(len(program))
        _values(
            texts,
            program,
            [(pack.metrics[i].name, _VALUE_OPS[pack.metrics[i].kind], i) for i in dimension.publish],
        )
    publish_first.append(len(program))
    source = f'"pack":{quoted({"name": pack.name, "version": pack.version, "fingerprint": pack.fingerprint})}'
    numbers = [metric.kind is Kind.NUMBER for metric in pack.metrics]
    numbers += [attribute.kind is Kind.NUMBER for attribute in pack.attributes]
    shown = {argument for op, argument in program if op == OP_NUMBER}
    wanted = [number and index in shown for index, number in enumerate(numbers)]
    column = np.where(wanted, np.cumsum(wanted, dtype=np.int64) - 1, -1).astype(np.int64)
    firsts = np.cumsum([0] + [len(d.categories) for d in pack.dimensions], dtype=np.int64)[:-1]
    template = Template(
        pool=np.zeros(0, np.uint8),
        spans=np.zeros((0, 2), np.int64),
        fixed=texts.each(_FIXED[key] for key in sorted(_FIXED)),
        dimension_text=texts.each(f',"dimension":{quoted(d.id)},"sequence":' for d in pack.dimensions),
        dimension_first=firsts.astype(np.int64),
        dimension_notice_text=texts.each(f',"dimension":{quoted(d.id)},"state":' for d in pack.dimensions),
        ladder=np.array([d.kind == "ladder" for d in pack.dimensions], np.int64),
        dimension_name=texts.each(d.id for d in pack.dimensions),
        from_text=texts.each(f',"from":{quoted(c.id)},"from_code":{quoted(c.code)}' for _, c in categories),
        to_text=texts.each(f',"to":{quoted(c.id)},"to_code":{quoted(c.code)}' for _, c in categories),
        target_text=texts.each(f',"target":{quoted(c.id)}' for _, c in categories),
        tail_text=texts.each(_tail(c, source, generation) for _, c in categories),
        id_text=texts.each(quoted(c.id) for _, c in categories),
        direction_text=texts.each(f',"direction":"{word}","effective_at":' for word in DIRECTIONS),
        cause_text=texts.each(f',"cause":"{word}","trigger":' for word in at.CAUSES),
        type_text=texts.each(f',"type":"{name}"}}' for name in TYPES),
        state_text=texts.each(f'"{word}","from":' for word in at.NOTICE_STATES),
        program=np.array(program, np.int64).reshape(-1, 2),
        reason_first=np.array(reason_first, np.int64),
        publish_first=np.array(publish_first, np.int64),
        number_column=column,
        size_max=np.zeros(len(pack.dimensions), np.int64),
        digits=pack.digits,
        generation=generation,
        values_metrics=metrics,
        values_attributes=attributes,
    )
    spans = np.array(texts.spans, np.int64).reshape(-1, 2)
    template = template._replace(pool=np.frombuffer(bytes(texts.pool), np.uint8), spans=spans)
    return template._replace(size_max=_sizes(pack, template, reason_sizes))


def _tail(category: Category, source: str, generation: int) -> str:
    strategy = "null" if category.strategy_json is None else quoted(json.loads(category.strategy_json))
    return f'}},"strategy":{strategy},{source},"generation":{generation}}}'


def _values(texts: _Texts, program: list[tuple[int, int]], values: Iterable[tuple[str, int, int]]) -> None:
    """A program that writes `"name":value` pairs."""
    for position, (name, op, argument) in enumerate(values):
        program.append((OP_TEXT, texts.add(f"{',' if position else ''}{quoted(name)}:")))
        program.append((op, argument))


def _named(pack: Pack, name: Name) -> tuple[str, int, int]:
    match name:
        case MetricRef():
            return name.name, _VALUE_OPS[name.kind], name.index
        case AttributeRef():
            return name.name, _VALUE_OPS[name.kind], len(pack.metrics) + name.index
        case CurrentRef():
            return name.name, OP_CURRENT, 0
        case DaysInCategoryRef():
            return name.name, OP_DAYS_IN, 0
        case DimensionRef():
            return name.name, OP_DIMENSION, name.index


def _reasons(pack: Pack, texts: _Texts, program: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """The programs of all reasons, false and true, and their lengths in instructions."""
    firsts: list[int] = []
    for dimension in pack.dimensions:
        for category in dimension.categories:
            for kind, word in enumerate(at.REASON_WORDS):
                for result in (False, True):
                    firsts.append(len(program))
                    _reason(pack, texts, program, dimension, category, kind, word, result)
    firsts.append(len(program))
    return firsts, [end - first for first, end in pairwise(firsts)]


def _reason(
    pack: Pack,
    texts: _Texts,
    program: list[tuple[int, int]],
    dimension: Dimension,
    category: Category,
    kind: int,
    word: str,
    result: bool,
) -> None:
    conditions: dict[int, Condition | None] = {
        at.REASON_ENTER: category.enter,
        at.REASON_KEEP: category.keep or category.enter,
        at.REASON_WHEN: category.when,
    }
    condition = conditions.get(kind)
    rule = quoted(f"{dimension.id}.{category.id}.{word}")
    text = quoted(None if condition is None else condition.text)
    program.append(
        (OP_TEXT, texts.add(f'{{"rule":{rule},"expression":{text},"result":{quoted(result)},"values":{{'))
    )
    if kind in (at.REASON_PIN, at.REASON_FLOOR):
        _values(texts, program, [("actor", OP_ACTOR, 0), ("reason", OP_REASON, 0)])
    elif condition is not None:
        _values(texts, program, [_named(pack, name) for name in condition.names])
    program.append((OP_TEXT, texts.add("}}")))


def _sizes(pack: Pack, template: Template, reason_sizes: list[int]) -> I64:
    """By dimension, the most bytes the fixed texts of one change can take, values of fixed size included."""
    longest = template.spans[:, 1]

    def program_size(first: int, end: int) -> int:
        lines = template.program[first:end]
        return int(longest[lines[lines[:, 0] == OP_TEXT, 1]].sum()) + 48 * len(lines)

    sizes = []
    count = 0
    for index, dimension in enumerate(pack.dimensions):
        span = range(2 * at.REASON_KINDS * count, 2 * at.REASON_KINDS * (count + len(dimension.categories)))
        count += len(dimension.categories)
        reasons = max(
            program_size(template.reason_first[i], template.reason_first[i] + reason_sizes[i]) for i in span
        )
        publish = program_size(template.publish_first[index], template.publish_first[index + 1])
        tails = template.tail_text[count - len(dimension.categories) : count]
        sizes.append(2 * reasons + publish + int(longest[tails].max()) + 4096)
    return np.array(sizes, np.int64)
