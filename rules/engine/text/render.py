"""Changes and notices as JSON lines, straight from what the kernel wrote: the bytes of `bodies.encode`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.text import template as tpl
from rules.engine.text.sha256 import DIGEST_DIGITS, put_digest
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
from rules.jit import called, entered, lean, wide
from rules.words import ahead, copy16, frozen, row_ahead

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

_ABSENT = np.int64(at.ABSENT)
#: Room for numbers, instants, quotes and separators of one line besides fixed texts and strings.
_MARGIN = 1024
#: Python and orjson write doubles alike between these; outside they differ in the form of the exponent.
_PLAIN_MIN, _PLAIN_MAX = 1e-4, 1e15

_MESSAGE_BYTES = 4096
_SCRATCH_WORDS = 72
#: Tables and texts of the template.
(_FIXED, _ID_TEXT, _DIMENSION_NAME, _DIMENSION_TEXT, _DIMENSION_NOTICE_TEXT) = (
    wide(table)
    for table in (
        tpl.FIXED,
        tpl.ID_TEXT,
        tpl.DIMENSION_NAME,
        tpl.DIMENSION_TEXT,
        tpl.DIMENSION_NOTICE_TEXT,
    )
)
(_FROM_TEXT, _TO_TEXT, _TARGET_TEXT, _TAIL_TEXT, _DIRECTION_TEXT, _CAUSE_TEXT, _TYPE_TEXT, _STATE_TEXT) = (
    wide(table)
    for table in (
        tpl.FROM_TEXT,
        tpl.TO_TEXT,
        tpl.TARGET_TEXT,
        tpl.TAIL_TEXT,
        tpl.DIRECTION_TEXT,
        tpl.CAUSE_TEXT,
        tpl.TYPE_TEXT,
        tpl.STATE_TEXT,
    )
)
(
    _HEAD,
    _CUSTOMER,
    _LIFE,
    _PREVIOUS,
    _EVENT,
    _REASONS,
    _METRICS,
    _NO_FROM,
    _NOTICE_HEAD,
    _NOTICE_TO,
    _NOTICE_SINCE,
    _NOTICE_UNTIL,
    _NOTICE_EFFECTIVE,
    _NOTICE_NEXT,
    _TRUE,
    _FALSE,
) = (wide(fixed) for fixed in range(16))


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


@entered
def _comma_ends(text: U8, count: int, ends: I64) -> None:
    """Where the elements of a JSON array begin; the last one is where a further one would."""
    ends[0] = 1
    n = 1
    for i in range(text.size):
        if text[i] == 44:
            ends[n] = i + 1
            n += 1
    ends[count] = text.size


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
    ends = np.empty(values.size + 1, np.int64)
    _comma_ends(text, values.size, ends)
    return Numbers(text, ends, places.size)


@lean
def _put_text(pool: U8, t: I64, buf: U8, to: int, text: int) -> int:
    """A fixed text, sixteen bytes at a time: what is written beyond its end is written over."""
    span = t[tpl.SPANS] + 2 * text
    start, length = t[span], t[span + 1]
    done = np.int64(0)
    while done < length:
        copy16(buf, to + done, pool, start + done)
        done += 16
    return to + length


@called
def _put_named(pool: U8, t: I64, buf: U8, to: int, table: int, index: int) -> int:
    """The text of a table."""
    return _put_text(pool, t, buf, to, t[t[table] + index])


@called
def _put_word(text: U8, ends: I64, buf: U8, to: int, number: int) -> int:
    if number < 0:
        return put_null(buf, to)
    start = ends[number]
    return put_string(buf, to, text, start, ends[number + 1] - start)


@called
def _put_value(
    pool: U8, t: I64, buf: U8, to: int, op: int, value: int, strings: Words, numbers: Numbers, cell: int
) -> int:
    """One value of an evaluation; `cell` is that of the doubles written before."""
    if op == tpl.OP_NUMBER:
        start = numbers.ends[cell]
        return put(buf, to, numbers.text, start, numbers.ends[cell + 1] - 1 - start)
    if value == _ABSENT:
        return put_null(buf, to)
    if op == tpl.OP_MONEY:
        return put_money(buf, to, value, t[tpl.DIGITS])
    if op == tpl.OP_INTEGER:
        return put_integer(buf, to, value)
    if op == tpl.OP_STRING:
        return _put_word(strings.text, strings.ends, buf, to, value)
    return _put_named(pool, t, buf, to, _FIXED, _TRUE if value == 1 else _FALSE)


@lean
def _put_category(pool: U8, t: I64, buf: U8, to: int, dimension: int, category: int) -> int:
    """A category's id, or null before birth."""
    if category < 0:
        return put_null(buf, to)
    return _put_named(pool, t, buf, to, _ID_TEXT, t[t[tpl.DIMENSION_FIRST] + dimension] + category)


@called
def _put_program(
    pool: U8,
    t: I64,
    buf: U8,
    to: int,
    first: int,
    end: int,
    change: I64,
    evaluation: I64,
    strings: Words,
    numbers: Numbers,
) -> int:
    """Run a program of texts and values."""
    cells = change[at.CHANGE_EVALUATION] * numbers.columns
    for i in range(first, end):
        op, argument = t[t[tpl.PROGRAM] + 2 * i], t[t[tpl.PROGRAM] + 2 * i + 1]
        if op == tpl.OP_TEXT:
            to = _put_text(pool, t, buf, to, argument)
        elif op <= tpl.OP_BOOLEAN:
            value = evaluation[at.EVALUATION_HEAD + argument]
            cell = cells + t[t[tpl.NUMBER_COLUMN] + argument]
            to = _put_value(pool, t, buf, to, op, value, strings, numbers, cell)
        elif op == tpl.OP_DAYS_IN:
            days = change[at.CHANGE_DAYS_IN]
            to = put_null(buf, to) if days == _ABSENT else put_integer(buf, to, days)
        elif op == tpl.OP_ACTOR or op == tpl.OP_REASON:
            word = change[at.CHANGE_ACTOR] if op == tpl.OP_ACTOR else change[at.CHANGE_REASON]
            to = _put_word(strings.text, strings.ends, buf, to, word)
        else:
            dimension, category = change[at.CHANGE_DIMENSION], change[at.CHANGE_FROM]
            if op == tpl.OP_DIMENSION:
                dimension = argument
                head = at.EVALUATION_HEAD + t[tpl.VALUES_METRICS] + t[tpl.VALUES_ATTRIBUTES]
                category = evaluation[head + argument]
            to = _put_category(pool, t, buf, to, dimension, category)
    return to


@lean
def _change_message(
    pool: U8, t: I64, life: int, customers: Words, customer: int, change: I64, message: U8
) -> int:
    """Write what S9.2 hashes, `generation|life|customer_id|dimension|sequence`; returns its length."""
    n = put_integer(message, np.int64(0), t[tpl.GENERATION])
    message[n] = 124
    n = put_integer(message, n + 1, life)
    message[n] = 124
    start = customers.ends[customer]
    n = put(message, n + 1, customers.text, start, customers.ends[customer + 1] - start)
    message[n] = 124
    n = _put_named(pool, t, message, n + 1, _DIMENSION_NAME, change[at.CHANGE_DIMENSION])
    message[n] = 124
    return put_integer(message, n + 1, change[at.CHANGE_SEQUENCE])


@lean
def _direction(t: I64, change: I64) -> int:
    """Position in DIRECTIONS (S9.1)."""
    if change[at.CHANGE_FROM] < 0:
        return np.int64(0)
    if t[t[tpl.LADDER] + change[at.CHANGE_DIMENSION]] == 0:
        return np.int64(3)
    return np.int64(1) if change[at.CHANGE_TO] > change[at.CHANGE_FROM] else np.int64(2)


@lean
def _put_change(
    pool: U8,
    t: I64,
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
    first = t[t[tpl.DIMENSION_FIRST] + dimension]
    to = _put_named(pool, t, buf, to, _FIXED, _HEAD)
    life = evaluation[at.EVALUATION_LIFE]
    # hashed at the end: the processor waits where what it wrote byte by byte is read at once
    size = _change_message(pool, t, life, customers, customer, change, message)
    change_id = to
    to += DIGEST_DIGITS
    to = _put_named(pool, t, buf, to, _FIXED, _CUSTOMER)
    to = _put_word(customers.text, customers.ends, buf, to, customer)
    to = _put_named(pool, t, buf, to, _FIXED, _LIFE)
    to = put_integer(buf, to, life)
    to = _put_named(pool, t, buf, to, _DIMENSION_TEXT, dimension)
    to = put_integer(buf, to, change[at.CHANGE_SEQUENCE])
    if change[at.CHANGE_FROM] < 0:
        to = _put_named(pool, t, buf, to, _FIXED, _NO_FROM)
    else:
        to = _put_named(pool, t, buf, to, _FROM_TEXT, first + change[at.CHANGE_FROM])
    to = _put_named(pool, t, buf, to, _TO_TEXT, first + change[at.CHANGE_TO])
    to = _put_named(pool, t, buf, to, _TARGET_TEXT, first + change[at.CHANGE_TARGET])
    to = _put_named(pool, t, buf, to, _DIRECTION_TEXT, _direction(t, change))
    to = put_instant(buf, to, evaluation[at.EVALUATION_INSTANT])
    to = _put_named(pool, t, buf, to, _FIXED, _PREVIOUS)
    if change[at.CHANGE_PREVIOUS_US] == _ABSENT:
        to = put_null(buf, to)
    else:
        to = put_instant(buf, to, change[at.CHANGE_PREVIOUS_US])
    to = _put_named(pool, t, buf, to, _CAUSE_TEXT, change[at.CHANGE_CAUSE])
    event = evaluation[at.EVALUATION_EVENT]
    if event < 0:
        to = put_null(buf, to)
    else:
        to = _put_named(pool, t, buf, to, _FIXED, _EVENT)
        to = put_string(buf, to, triggers.text, triggers.start[event], np.int64(triggers.length[event]))
        to = _put_named(pool, t, buf, to, _TYPE_TEXT, np.int64(triggers.type[event]))
    to = _put_named(pool, t, buf, to, _FIXED, _REASONS)
    for turn in range(3):  # the current category's reason, the target's, the metrics
        place = t[tpl.REASON_FIRST]
        if turn == 0:
            if change[at.CHANGE_REASON_CURRENT] < 0:
                continue
            place += 2 * change[at.CHANGE_REASON_CURRENT]
        elif turn == 1:
            place += 2 * change[at.CHANGE_REASON_TARGET] + 1
        else:
            to = _put_named(pool, t, buf, to, _FIXED, _METRICS)
            place = t[tpl.PUBLISH_FIRST] + dimension
        to = _put_program(pool, t, buf, to, t[place], t[place + 1], change, evaluation, strings, numbers)
        if turn == 0:
            buf[to] = 44
            to += 1
    to = _put_named(pool, t, buf, to, _TAIL_TEXT, first + change[at.CHANGE_TO])
    put_digest(buf, change_id, message, size, scratch)
    buf[to] = 10
    return to + 1


@lean
def _fetch(
    changes: I64, evaluations: I64, order: I64, i: int, customers: Words, triggers: Triggers, numbers: Numbers
) -> None:
    """Ask for what the lines after this one need, each thing a while before what it leads to is asked for.

    Lines of one moment lie far apart in memory: half the time would be waiting for it.
    """
    last = order.size - 1
    row_ahead(changes, order[min(i + 16, last)])
    row_ahead(evaluations, changes[order[min(i + 12, last)], at.CHANGE_EVALUATION])
    near = changes[order[min(i + 8, last)], at.CHANGE_EVALUATION]
    ahead(customers.ends, evaluations[near, at.EVALUATION_ROW], 0)
    ahead(numbers.ends, near * numbers.columns, 0)
    next_ = changes[order[min(i + 4, last)], at.CHANGE_EVALUATION]
    ahead(customers.text, customers.ends[evaluations[next_, at.EVALUATION_ROW]], 0)
    event = evaluations[next_, at.EVALUATION_EVENT]
    if event >= 0:
        ahead(triggers.text, triggers.start[event], 0)
        ahead(triggers.text, triggers.start[event], np.int64(triggers.length[event]))
    ahead(numbers.text, numbers.ends[next_ * numbers.columns], 0)


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
    return _render_changes(
        template.pool,
        template.words,
        changes,
        evaluations,
        order,
        first,
        Words(frozen(customers.text), customers.ends),
        triggers._replace(text=frozen(triggers.text)),
        Words(frozen(strings.text), strings.ends),
        numbers,
        string_max,
        buf,
        ends,
        np.empty(_MESSAGE_BYTES, np.uint8),
        np.empty(_SCRATCH_WORDS, np.uint32),
    )


@entered
def _render_changes(
    pool: U8,
    t: I64,
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
    message: U8,
    scratch: NDArray[np.uint32],
) -> int:
    to = np.int64(0)
    values = t[tpl.VALUES_METRICS] + t[tpl.VALUES_ATTRIBUTES]
    for i in range(first, order.size):
        _fetch(changes, evaluations, order, i, customers, triggers, numbers)
        change = changes[order[i]]
        evaluation = evaluations[change[at.CHANGE_EVALUATION]]
        customer = evaluation[at.EVALUATION_ROW]
        event = evaluation[at.EVALUATION_EVENT]
        room = t[t[tpl.SIZE_MAX] + change[at.CHANGE_DIMENSION]] + _MARGIN
        room += 6 * (customers.ends[customer + 1] - customers.ends[customer])
        room += 6 * string_max * (2 + values)
        if event >= 0:
            room += 6 * np.int64(triggers.length[event])
        if to + room > buf.size:
            return i
        to = _put_change(
            pool, t, buf, to, change, evaluation, customers, triggers, strings, numbers, message, scratch
        )
        ends[i] = to
    return order.size


def render_notices(
    template: Template, notices: I64, order: I64, first: int, customers: Words, buf: U8, ends: I64
) -> int:
    """Write the notices `order[first:]` as lines (S9.7), as many as surely fit; as `render_changes`."""
    text = frozen(customers.text)
    return _render_notices(
        template.pool, template.words, notices, order, first, Words(text, customers.ends), buf, ends
    )


@entered
def _render_notices(
    pool: U8, t: I64, notices: I64, order: I64, first: int, customers: Words, buf: U8, ends: I64
) -> int:
    to = np.int64(0)
    last = order.size - 1
    for i in range(first, order.size):
        row_ahead(notices, order[min(i + 8, last)])
        line = notices[order[i]]
        customer, dimension = line[at.NOTICE_ROW], line[at.NOTICE_DIMENSION]
        size = customers.ends[customer + 1] - customers.ends[customer]
        if to + t[t[tpl.SIZE_MAX] + dimension] + _MARGIN + 6 * size > buf.size:
            return i
        to = _put_named(pool, t, buf, to, _FIXED, _NOTICE_HEAD)
        to = _put_word(customers.text, customers.ends, buf, to, customer)
        to = _put_named(pool, t, buf, to, _FIXED, _LIFE)
        to = put_integer(buf, to, line[at.NOTICE_LIFE])
        to = _put_named(pool, t, buf, to, _DIMENSION_NOTICE_TEXT, dimension)
        to = _put_named(pool, t, buf, to, _STATE_TEXT, line[at.NOTICE_STATE])
        to = _put_category(pool, t, buf, to, dimension, line[at.NOTICE_FROM])
        to = _put_named(pool, t, buf, to, _FIXED, _NOTICE_TO)
        to = _put_category(pool, t, buf, to, dimension, line[at.NOTICE_TO])
        to = _put_named(pool, t, buf, to, _FIXED, _NOTICE_SINCE)
        to = put_date(buf, to, line[at.NOTICE_SINCE])
        to = _put_named(pool, t, buf, to, _FIXED, _NOTICE_UNTIL)
        to = put_date(buf, to, line[at.NOTICE_UNTIL])
        to = _put_named(pool, t, buf, to, _FIXED, _NOTICE_EFFECTIVE)
        to = put_instant(buf, to, line[at.NOTICE_INSTANT])
        to = _put_named(pool, t, buf, to, _FIXED, _NOTICE_NEXT)
        to = put_integer(buf, to, line[at.NOTICE_SEQUENCE])
        buf[to] = 125
        buf[to + 1] = 10
        to += 2
        ends[i] = to
    return order.size
