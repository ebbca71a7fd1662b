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

    `pool` holds all bytes, and COPY_SLACK more. `words` is what the machine code reads: the head by the
    names below, numbers and the places where its tables begin. SPANS rows (start, length) by text; the others
    are texts by what they are about: FIXED by the FIXED_ names; by dimension DIMENSION_TEXT,
    DIMENSION_NOTICE_TEXT, DIMENSION_NAME, and no texts: DIMENSION_FIRST (its first category in the flat
    table), LADDER, SIZE_MAX (bytes of the longest change's fixed texts); by category in the flat table
    FROM_TEXT, TO_TEXT, TARGET_TEXT, TAIL_TEXT (strategy to generation), ID_TEXT (the quoted id);
    DIRECTION_TEXT, CAUSE_TEXT by their positions, TYPE_TEXT by type code, STATE_TEXT by notice state.
    PROGRAM rows (op, argument); REASON_FIRST[2 * reason + result] and PUBLISH_FIRST[dimension] are where
    programs begin, each ending where the next one begins. NUMBER_COLUMN is `number_column`: the column of the
    pre-rendered doubles that holds a value, -1 for others.
    """

    pool: U8
    words: I64
    number_column: I64


#: What a copy of sixteen bytes at a time may read and write beyond the end.
COPY_SLACK = 16
(
    DIGITS,
    GENERATION,
    VALUES_METRICS,
    VALUES_ATTRIBUTES,
    SPANS,
    FIXED,
    DIMENSION_TEXT,
    DIMENSION_FIRST,
    DIMENSION_NOTICE_TEXT,
    LADDER,
    DIMENSION_NAME,
    FROM_TEXT,
    TO_TEXT,
    TARGET_TEXT,
    TAIL_TEXT,
    ID_TEXT,
    DIRECTION_TEXT,
    CAUSE_TEXT,
    TYPE_TEXT,
    STATE_TEXT,
    PROGRAM,
    REASON_FIRST,
    PUBLISH_FIRST,
    NUMBER_COLUMN,
    SIZE_MAX,
) = range(25)
_HEAD_WORDS = 25

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
    tables = {
        FIXED: texts.each(_FIXED[key] for key in sorted(_FIXED)),
        DIMENSION_TEXT: texts.each(f',"dimension":{quoted(d.id)},"sequence":' for d in pack.dimensions),
        DIMENSION_FIRST: firsts.astype(np.int64),
        DIMENSION_NOTICE_TEXT: texts.each(f',"dimension":{quoted(d.id)},"state":' for d in pack.dimensions),
        LADDER: np.array([d.kind == "ladder" for d in pack.dimensions], np.int64),
        DIMENSION_NAME: texts.each(d.id for d in pack.dimensions),
        FROM_TEXT: texts.each(f',"from":{quoted(c.id)},"from_code":{quoted(c.code)}' for _, c in categories),
        TO_TEXT: texts.each(f',"to":{quoted(c.id)},"to_code":{quoted(c.code)}' for _, c in categories),
        TARGET_TEXT: texts.each(f',"target":{quoted(c.id)}' for _, c in categories),
        TAIL_TEXT: texts.each(_tail(c, source, generation) for _, c in categories),
        ID_TEXT: texts.each(quoted(c.id) for _, c in categories),
        DIRECTION_TEXT: texts.each(f',"direction":"{word}","effective_at":' for word in DIRECTIONS),
        CAUSE_TEXT: texts.each(f',"cause":"{word}","trigger":' for word in at.CAUSES),
        TYPE_TEXT: texts.each(f',"type":"{name}"}}' for name in TYPES),
        STATE_TEXT: texts.each(f'"{word}","from":' for word in at.NOTICE_STATES),
        PROGRAM: np.array(program, np.int64).reshape(-1, 2),
        REASON_FIRST: np.array(reason_first, np.int64),
        PUBLISH_FIRST: np.array(publish_first, np.int64),
        NUMBER_COLUMN: column,
        SPANS: np.array(texts.spans, np.int64).reshape(-1, 2),
    }
    tables[SIZE_MAX] = _sizes(pack, tables, reason_sizes)
    words = np.zeros(_HEAD_WORDS, np.int64)
    words[:SPANS] = (pack.digits, generation, len(pack.metrics), len(pack.attributes))
    listed = [tables[table].ravel() for table in range(SPANS, _HEAD_WORDS)]
    words[SPANS:] = np.cumsum([_HEAD_WORDS, *(table.size for table in listed[:-1])])
    pool = np.frombuffer(bytes(texts.pool) + bytes(COPY_SLACK), np.uint8)
    return Template(pool, np.concatenate([words, *listed]), column)


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


def _sizes(pack: Pack, tables: dict[int, I64], reason_sizes: list[int]) -> I64:
    """By dimension, the most bytes the fixed texts of one change can take, values of fixed size included."""
    longest = tables[SPANS][:, 1]
    reason_first, publish_first = tables[REASON_FIRST], tables[PUBLISH_FIRST]

    def program_size(first: int, end: int) -> int:
        lines = tables[PROGRAM][first:end]
        return int(longest[lines[lines[:, 0] == OP_TEXT, 1]].sum()) + 48 * len(lines)

    sizes = []
    count = 0
    for index, dimension in enumerate(pack.dimensions):
        span = range(2 * at.REASON_KINDS * count, 2 * at.REASON_KINDS * (count + len(dimension.categories)))
        count += len(dimension.categories)
        reasons = max(program_size(reason_first[i], reason_first[i] + reason_sizes[i]) for i in span)
        publish = program_size(publish_first[index], publish_first[index + 1])
        tails = tables[TAIL_TEXT][count - len(dimension.categories) : count]
        sizes.append(2 * reasons + publish + int(longest[tails].max()) + 4096)
    return np.array(sizes, np.int64)
