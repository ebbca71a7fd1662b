"""Changes and notices as JSON lines, straight from what the kernel wrote: the bytes of `bodies.encode`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.text import template as tpl
from rules.engine.text.sha256 import put_digest
from rules.engine.text.template import Template
from rules.engine.text.write import (
    put,
    put_date,
    put_instant,
    put_integer,
    put_money,
    put_null,
    put_string,
)
from rules.jit import called, compiled, lean

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

_ABSENT = np.int64(at.ABSENT)
#: Room for numbers, instants, quotes and separators of one line besides fixed texts and strings.
_MARGIN = 1024
#: Python and orjson write doubles alike between these; outside they differ in the form of the exponent.
_PLAIN_MIN, _PLAIN_MAX = 1e-4, 1e15


class Words(NamedTuple):
    """Texts the lines refer to: `text[ends[i] : ends[i + 1]]` is the i-th."""

    text: U8
    ends: I64


class Triggers(NamedTuple):
    """The events that evaluations refer to: id spans in `text`, and type codes."""

    text: U8
    start: I64
    length: NDArray[np.int32]
    type: U8


class Numbers(NamedTuple):
    """Doubles as text: `text[ends[i] : ends[i + 1] - 1]` for line times columns plus column."""

    text: U8
    ends: I64
    columns: int


@compiled
def _comma_ends(text: U8, count: int) -> I64:
    """Where the elements of a JSON array begin; the last one is where a further one would."""
    ends = np.empty(count + 1, np.int64)
    ends[0] = 1
    n = 1
    for i in range(text.size):
        if text[i] == 44:
            ends[n] = i + 1
            n += 1
    ends[count] = text.size
    return ends


def render_numbers(evaluations: I64, template: Template) -> Numbers:
    """The doubles of all evaluations in their shortest form that reads back equal; NaN as null."""
    places = np.flatnonzero(template.number_column >= 0)
    if places.size == 0 or evaluations.shape[0] == 0:
        return Numbers(np.frombuffer(b"[]", np.uint8), np.zeros(1, np.int64), 0)
    values = evaluations[:, at.EVALUATION_HEAD + places].view(np.float64).ravel()
    size = np.abs(values)
    odd = (size != 0) & ((size < _PLAIN_MIN) | (size >= _PLAIN_MAX))
    if odd.any():
        pieces = [repr(x) if x == x else "null" for x in values.tolist()]
        data = f"[{','.join(pieces)}]".encode()
    else:
        data = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)
    text = np.frombuffer(data, np.uint8)
    return Numbers(text, _comma_ends(text, values.size), places.size)


@called
def _copy(pool: U8, spans: I64, buf: U8, to: int, text: int) -> int:
    return put(buf, to, pool, spans[text, 0], spans[text, 1])


@lean
def _put_text(template: Template, buf: U8, to: int, text: int) -> int:
    return _copy(template.pool, template.spans, buf, to, text)


@called
def _put_word(words: Words, buf: U8, to: int, number: int) -> int:
    if number < 0:
        return put_null(buf, to)
    start = words.ends[number]
    return put_string(buf, to, words.text, start, words.ends[number + 1] - start)


@lean
def _put_value(
    template: Template,
    buf: U8,
    to: int,
    op: int,
    value: int,
    strings: Words,
    numbers: Numbers,
    line: int,
    place: int,
) -> int:
    """One value of an evaluation."""
    if op == tpl.OP_NUMBER:
        cell = line * numbers.columns + template.number_column[place]
        start = numbers.ends[cell]
        return put(buf, to, numbers.text, start, numbers.ends[cell + 1] - 1 - start)
    if value == _ABSENT:
        return put_null(buf, to)
    if op == tpl.OP_MONEY:
        return put_money(buf, to, value, template.digits)
    if op == tpl.OP_INTEGER:
        return put_integer(buf, to, value)
    if op == tpl.OP_STRING:
        return _put_word(strings, buf, to, value)
    return _put_text(template, buf, to, template.fixed[tpl.FIXED_TRUE if value == 1 else tpl.FIXED_FALSE])


@lean
def _put_program(
    template: Template,
    buf: U8,
    to: int,
    first: int,
    end: int,
    change: I64,
    evaluation: I64,
    line: int,
    strings: Words,
    numbers: Numbers,
) -> int:
    """Run a program of texts and values."""
    for i in range(first, end):
        op, argument = template.program[i, 0], template.program[i, 1]
        if op == tpl.OP_TEXT:
            to = _put_text(template, buf, to, argument)
        elif op <= tpl.OP_BOOLEAN:
            value = evaluation[at.EVALUATION_HEAD + argument]
            to = _put_value(template, buf, to, op, value, strings, numbers, line, argument)
        elif op == tpl.OP_DAYS_IN:
            days = change[at.CHANGE_DAYS_IN]
            to = put_null(buf, to) if days == _ABSENT else put_integer(buf, to, days)
        elif op == tpl.OP_ACTOR:
            to = _put_word(strings, buf, to, change[at.CHANGE_ACTOR])
        elif op == tpl.OP_REASON:
            to = _put_word(strings, buf, to, change[at.CHANGE_REASON])
        else:
            dimension = change[at.CHANGE_DIMENSION] if op == tpl.OP_CURRENT else argument
            category = change[at.CHANGE_FROM]
            if op == tpl.OP_DIMENSION:
                head = at.EVALUATION_HEAD + template.values_metrics + template.values_attributes
                category = evaluation[head + argument]
            if category < 0:
                to = put_null(buf, to)
            else:
                to = _put_text(
                    template, buf, to, template.id_text[template.dimension_first[dimension] + category]
                )
    return to


@lean
def _put_change_id(
    template: Template,
    buf: U8,
    to: int,
    life: int,
    customers: Words,
    customer: int,
    change: I64,
    message: U8,
    scratch: NDArray[np.uint32],
) -> int:
    """S9.2: the hash of `generation|life|customer_id|dimension|sequence`."""
    n = put_integer(message, 0, template.generation)
    message[n] = 124
    n = put_integer(message, n + 1, life)
    message[n] = 124
    start = customers.ends[customer]
    n = put(message, n + 1, customers.text, start, customers.ends[customer + 1] - start)
    message[n] = 124
    n = _put_text(template, message, n + 1, template.dimension_name[change[at.CHANGE_DIMENSION]])
    message[n] = 124
    n = put_integer(message, n + 1, change[at.CHANGE_SEQUENCE])
    return put_digest(buf, to, message, n, scratch[:8], scratch[8:])


@lean
def _direction(template: Template, change: I64) -> int:
    """Position in DIRECTIONS (S9.1)."""
    if change[at.CHANGE_FROM] < 0:
        return 0
    if template.ladder[change[at.CHANGE_DIMENSION]] == 0:
        return 3
    return 1 if change[at.CHANGE_TO] > change[at.CHANGE_FROM] else 2


@lean
def _put_change(
    template: Template,
    buf: U8,
    to: int,
    change: I64,
    evaluation: I64,
    customers: Words,
    triggers: Triggers,
    strings: Words,
    numbers: Numbers,
    message: U8,
    scratch: NDArray[np.uint32],
) -> int:
    """One change in the key order of S9."""
    dimension, customer = change[at.CHANGE_DIMENSION], evaluation[at.EVALUATION_ROW]
    line = change[at.CHANGE_EVALUATION]
    first = template.dimension_first[dimension]
    fixed = template.fixed
    to = _put_text(template, buf, to, fixed[tpl.FIXED_HEAD])
    to = _put_change_id(
        template, buf, to, evaluation[at.EVALUATION_LIFE], customers, customer, change, message, scratch
    )
    to = _put_text(template, buf, to, fixed[tpl.FIXED_CUSTOMER])
    to = _put_word(customers, buf, to, customer)
    to = _put_text(template, buf, to, fixed[tpl.FIXED_LIFE])
    to = put_integer(buf, to, evaluation[at.EVALUATION_LIFE])
    to = _put_text(template, buf, to, template.dimension_text[dimension])
    to = put_integer(buf, to, change[at.CHANGE_SEQUENCE])
    if change[at.CHANGE_FROM] < 0:
        to = _put_text(template, buf, to, fixed[tpl.FIXED_NO_FROM])
    else:
        to = _put_text(template, buf, to, template.from_text[first + change[at.CHANGE_FROM]])
    to = _put_text(template, buf, to, template.to_text[first + change[at.CHANGE_TO]])
    to = _put_text(template, buf, to, template.target_text[first + change[at.CHANGE_TARGET]])
    to = _put_text(template, buf, to, template.direction_text[_direction(template, change)])
    to = put_instant(buf, to, evaluation[at.EVALUATION_INSTANT])
    to = _put_text(template, buf, to, fixed[tpl.FIXED_PREVIOUS])
    if change[at.CHANGE_PREVIOUS_US] == _ABSENT:
        to = put_null(buf, to)
    else:
        to = put_instant(buf, to, change[at.CHANGE_PREVIOUS_US])
    to = _put_text(template, buf, to, template.cause_text[change[at.CHANGE_CAUSE]])
    event = evaluation[at.EVALUATION_EVENT]
    if event < 0:
        to = put_null(buf, to)
    else:
        to = _put_text(template, buf, to, fixed[tpl.FIXED_EVENT])
        to = put_string(buf, to, triggers.text, triggers.start[event], triggers.length[event])
        to = _put_text(template, buf, to, template.type_text[triggers.type[event]])
    to = _put_text(template, buf, to, fixed[tpl.FIXED_REASONS])
    for turn in range(3):  # the current category's reason, the target's, the metrics
        if turn == 0:
            place = 2 * change[at.CHANGE_REASON_CURRENT]
            if place < 0:
                continue
            begin, end = template.reason_first[place], template.reason_first[place + 1]
        elif turn == 1:
            place = 2 * change[at.CHANGE_REASON_TARGET] + 1
            begin, end = template.reason_first[place], template.reason_first[place + 1]
        else:
            to = _put_text(template, buf, to, fixed[tpl.FIXED_METRICS])
            begin, end = template.publish_first[dimension], template.publish_first[dimension + 1]
        to = _put_program(template, buf, to, begin, end, change, evaluation, line, strings, numbers)
        if turn == 0:
            buf[to] = 44
            to += 1
    to = _put_text(template, buf, to, template.tail_text[first + change[at.CHANGE_TO]])
    buf[to] = 10
    return to + 1


@compiled
def render_changes(
    template: Template,
    changes: I64,
    evaluations: I64,
    order: I64,
    first: int,
    customers: Words,
    triggers: Triggers,
    strings: Words,
    numbers: Numbers,
    string_max: int,
    buf: U8,
    ends: I64,
) -> int:
    """Write the changes `order[first:]` as lines, as many as surely fit.

    `ends[i]` becomes the end of line i in the buffer (relative to this call's start). Returns the position in
    `order` to go on with. `string_max` is the length of the longest interned string.
    """
    message = np.empty(4096, np.uint8)
    scratch = np.empty(72, np.uint32)
    to = 0
    for i in range(first, order.size):
        change = changes[order[i]]
        evaluation = evaluations[change[at.CHANGE_EVALUATION]]
        customer = evaluation[at.EVALUATION_ROW]
        event = evaluation[at.EVALUATION_EVENT]
        room = template.size_max[change[at.CHANGE_DIMENSION]] + _MARGIN
        room += 6 * (customers.ends[customer + 1] - customers.ends[customer])
        room += 6 * string_max * (2 + template.values_metrics + template.values_attributes)
        if event >= 0:
            room += 6 * np.int64(triggers.length[event])
        if to + room > buf.size:
            return i
        to = _put_change(
            template, buf, to, change, evaluation, customers, triggers, strings, numbers, message, scratch
        )
        ends[i] = to
    return order.size


@compiled
def render_notices(
    template: Template, notices: I64, order: I64, first: int, customers: Words, buf: U8, ends: I64
) -> int:
    """Write the notices `order[first:]` as lines (S9.7), as many as surely fit; as `render_changes`."""
    to = 0
    for i in range(first, order.size):
        line = notices[order[i]]
        customer, dimension = line[at.NOTICE_ROW], line[at.NOTICE_DIMENSION]
        size = customers.ends[customer + 1] - customers.ends[customer]
        if to + template.size_max[dimension] + _MARGIN + 6 * size > buf.size:
            return i
        fixed = template.fixed
        category = template.dimension_first[dimension]
        to = _put_text(template, buf, to, fixed[tpl.FIXED_NOTICE_HEAD])
        to = _put_word(customers, buf, to, customer)
        to = _put_text(template, buf, to, fixed[tpl.FIXED_LIFE])
        to = put_integer(buf, to, line[at.NOTICE_LIFE])
        to = _put_text(template, buf, to, template.dimension_notice_text[dimension])
        to = _put_text(template, buf, to, template.state_text[line[at.NOTICE_STATE]])
        to = _put_text(template, buf, to, template.id_text[category + line[at.NOTICE_FROM]])
        to = _put_text(template, buf, to, fixed[tpl.FIXED_NOTICE_TO])
        to = _put_text(template, buf, to, template.id_text[category + line[at.NOTICE_TO]])
        to = _put_text(template, buf, to, fixed[tpl.FIXED_NOTICE_SINCE])
        to = put_date(buf, to, line[at.NOTICE_SINCE])
        to = _put_text(template, buf, to, fixed[tpl.FIXED_NOTICE_UNTIL])
        to = put_date(buf, to, line[at.NOTICE_UNTIL])
        to = _put_text(template, buf, to, fixed[tpl.FIXED_NOTICE_EFFECTIVE])
        to = put_instant(buf, to, line[at.NOTICE_INSTANT])
        to = _put_text(template, buf, to, fixed[tpl.FIXED_NOTICE_NEXT])
        to = put_integer(buf, to, line[at.NOTICE_SEQUENCE])
        buf[to] = 125
        buf[to + 1] = 10
        to += 2
        ends[i] = to
    return order.size
