"""From the spans of one record's fields to the columns of a batch, in machine code (S2).

Both fast decoders end here. Whatever is not plainly right is DOUBTFUL: the slow path finds out what it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.engine.event import TYPES
from rules.intake.columns import (
    ABSENT as ABSENT_NUMBER,
)
from rules.intake.columns import (
    ATTRIBUTE_BOOLEAN,
    ATTRIBUTE_INTEGER,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_REMOVED,
    ATTRIBUTE_STRING,
)
from rules.intake.names import NameTable, find_name, is_name
from rules.intake.read_spans import (
    BAD,
    double_units,
    read_double,
    read_instant,
    read_integer,
    read_units,
    scale_units,
)
from rules.intake.scan import (
    ABSENT,
    DECIMAL,
    DOUBLE,
    FALSE,
    INTEGER,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    TRUE,
    scan_object,
)
from rules.intake.tables import FIELDS, Rates, Tables
from rules.jit import lean, wide
from rules.language.model import INTEGER_LIMIT
from schemas.values import ID_CHARACTERS_MAX, ITEMS_MAX, LABEL_CHARACTERS_MAX

#: What became of a record: in the columns, left to the slow path, or of an unknown type.
FAST, DOUBTFUL, UNKNOWN = 0, 1, 2

(
    _EVENT_ID,
    _TYPE,
    _OCCURRED_AT,
    _CUSTOMER_ID,
    _ORDER_ID,
    _PAYMENT_ID,
    _FEEDBACK_ID,
    _AMOUNT,
    _DISCOUNT,
    _CURRENCY,
    _ITEMS,
    _CHANNEL,
    _METHOD,
    _SCORE,
    _SEVERITY,
    _TOPIC,
    _ATTRIBUTES,
) = (wide(field) for field in range(len(FIELDS)))

_NAMES = tuple(TYPES)
_CANCELLED = _NAMES.index("order.cancelled")
_ORDERS_END = _NAMES.index("payment.succeeded")
_PAYMENTS_END = _NAMES.index("feedback.rating")
_RATING = _NAMES.index("feedback.rating")
_NPS = _NAMES.index("feedback.nps")
_COMPLAINT = _NAMES.index("feedback.complaint")
_FEEDBACK_END = _NAMES.index("customer.registered")
#: The types from here on are rare and take the slow path.
_PROFILES_END = _NAMES.index("category.assigned")

#: Doubles up to this that have no fraction are integers exactly.
_DOUBLE_EXACT_MAX = 2.0**53

#: Stands for a number that the event does not have.
NO_NUMBER = wide(int(ABSENT_NUMBER))

#: A label that cannot be read.
_LABEL_BAD = -1

#: Bounds of what fields may hold.
_NONE, _ONE, _FIVE, _TEN, _ITEMS_MAX, _INTEGER_LIMIT = (
    wide(bound) for bound in (0, 1, 5, 10, ITEMS_MAX, INTEGER_LIMIT)
)
_NO_RATE = wide(-1)


class Spans(NamedTuple):
    """Where one record's fields are: an element a field, as `scan_object` fills them."""

    start: NDArray[np.int64]
    length: NDArray[np.int64]
    kind: NDArray[np.uint8]


class Memory(NamedTuple):
    """What the last record looked like, as a guess for the next.

    fields, attributes   int64[]   the order of the fields, of the attributes
    last                 int64[2]  the type, the period
    """

    fields: NDArray[np.int64]
    attributes: NDArray[np.int64]
    last: NDArray[np.int64]


class Columns(NamedTuple):
    """The columns of `EventColumns` while they are filled, and what became of each record (`status`).

    `attribute_first[i + 1]` is the number of attributes up to and with record `i`.
    """

    status: NDArray[np.uint8]
    type: NDArray[np.uint8]
    occurred_us: NDArray[np.int64]
    period: NDArray[np.int32]
    amount: NDArray[np.int64]
    discount: NDArray[np.int64]
    items: NDArray[np.int64]
    score: NDArray[np.int64]
    label: NDArray[np.int32]
    customer_start: NDArray[np.int64]
    customer_length: NDArray[np.int32]
    event_start: NDArray[np.int64]
    event_length: NDArray[np.int32]
    attribute_first: NDArray[np.int32]
    attribute_index: NDArray[np.uint8]
    attribute_kind: NDArray[np.uint8]
    attribute_value: NDArray[np.int64]
    attribute_start: NDArray[np.int64]
    attribute_length: NDArray[np.int32]


def new_spans(size: int) -> Spans:
    """Room for the spans of a number of fields."""
    return Spans(np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size, np.uint8))


def new_memory(attributes: int) -> Memory:
    """No guess yet."""
    return Memory(np.full(24, -1, np.int64), np.full(attributes + 8, -1, np.int64), np.zeros(2, np.int64))


def new_columns(records: int, attributes_max: int) -> Columns:
    """Room for so many records with at most so many attributes in all (untouched memory costs nothing)."""
    first = np.empty(records + 1, np.int32)
    first[0] = 0
    return Columns(
        np.empty(records, np.uint8),
        np.empty(records, np.uint8),
        np.empty(records, np.int64),
        np.empty(records, np.int32),
        np.empty(records, np.int64),
        np.empty(records, np.int64),
        np.empty(records, np.int64),
        np.empty(records, np.int64),
        np.empty(records, np.int32),
        np.empty(records, np.int64),
        np.empty(records, np.int32),
        np.empty(records, np.int64),
        np.empty(records, np.int32),
        first,
        np.empty(attributes_max, np.uint8),
        np.empty(attributes_max, np.uint8),
        np.empty(attributes_max, np.int64),
        np.empty(attributes_max, np.int64),
        np.empty(attributes_max, np.int32),
    )


@lean
def _is_absent(spans: Spans, field: int) -> bool:
    return spans.kind[field] == ABSENT or spans.kind[field] == NULL


@lean
def _is_id(spans: Spans, field: int) -> bool:
    """Ids of more bytes than the limit of characters may still be right, but are not usual."""
    return spans.kind[field] == STRING and 1 <= spans.length[field] <= ID_CHARACTERS_MAX


@lean
def _is_optional_id(spans: Spans, field: int) -> bool:
    return _is_absent(spans, field) or _is_id(spans, field)


@lean
def _money(buf: NDArray[np.uint8], spans: Spans, field: int, digits: int) -> int:
    kind = spans.kind[field]
    if kind == STRING or kind == NUMBER:
        return read_units(buf, spans.start[field], spans.length[field], digits)
    if kind == DECIMAL:
        return scale_units(spans.start[field], spans.length[field], digits)
    if kind == INTEGER:
        return scale_units(spans.start[field], _NONE, digits)
    if kind == DOUBLE:
        return double_units(np.int64(spans.start[field]).view(np.float64), digits)
    return BAD


@lean
def _integer(buf: NDArray[np.uint8], spans: Spans, field: int, lowest: int, highest: int) -> int:
    kind = spans.kind[field]
    if kind == NUMBER:
        value = read_integer(buf, spans.start[field], spans.length[field])
    elif kind == INTEGER:
        value = spans.start[field]
    elif kind == DOUBLE:
        number = np.int64(spans.start[field]).view(np.float64)
        if not abs(number) <= _DOUBLE_EXACT_MAX or np.floor(number) != number:
            return BAD
        value = int(number)
    else:
        return BAD
    return value if lowest <= value <= highest else BAD


@lean
def _label(buf: NDArray[np.uint8], spans: Spans, field: int, table: NameTable) -> int:
    """The code of a label: 0 for none or one that no metric names."""
    if _is_absent(spans, field):
        return 0
    if spans.kind[field] != STRING or spans.length[field] > LABEL_CHARACTERS_MAX:
        return _LABEL_BAD
    return find_name(table, buf, spans.start[field], spans.length[field]) + 1


@lean
def _currency(buf: NDArray[np.uint8], spans: Spans, tables: Tables) -> int:
    """The currency's number, that of the pack if there is none, BAD if it has not the form of one."""
    if _is_absent(spans, _CURRENCY):
        return tables.currency
    if spans.kind[_CURRENCY] != STRING or spans.length[_CURRENCY] != 3:
        return BAD
    at = spans.start[_CURRENCY]
    number = 0
    for i in range(3):
        letter = buf[at + i]
        if letter < 65 or letter > 90:
            return BAD
        number |= letter << (8 * i)
    return number


@lean
def _rate_of(rates: Rates, currency: int, period: int) -> tuple[int, int]:
    """The minor digits of a currency and its rate in force on the period, (0, -1) if there is none."""
    for c in range(rates.currency.size):
        if rates.currency[c] == currency:
            k = rates.first[c + 1] - 1
            while k >= rates.first[c]:
                if rates.start[k] <= period:
                    return rates.digits[c], k
                k -= 1
    return 0, -1


@lean
def _converted(rates: Rates, rate: int, units: int) -> int:
    """Minor units of another currency in those of the pack, half to even, or BAD if that needs more bits."""
    numerator, denominator = rates.numerator[rate], rates.denominator[rate]
    if denominator == 0 or (numerator > 0 and units > (2**63 - 1) // numerator):
        return BAD
    product = units * numerator
    quotient = product // denominator
    twice = 2 * (product - quotient * denominator)
    if twice > denominator or (twice == denominator and quotient & 1 == 1):
        quotient += 1
    return quotient


@lean
def _read_money(
    buf: NDArray[np.uint8], spans: Spans, tables: Tables, period: int, amount_needed: bool, has_discount: bool
) -> tuple[int, int, bool]:
    """Amount and discount in the pack's currency, and whether all is well with them (S2.2)."""
    amount = discount = NO_NUMBER
    currency = _currency(buf, spans, tables)
    with_amount = not _is_absent(spans, _AMOUNT)
    with_discount = has_discount and not _is_absent(spans, _DISCOUNT)
    if currency == BAD or (amount_needed and not with_amount):
        return amount, discount, False
    if not with_amount and not with_discount:
        return amount, discount, True
    digits, rate = tables.digits, _NO_RATE
    if currency != tables.currency:
        digits, rate = _rate_of(tables.rates, currency, period)
        if rate < 0:
            return amount, discount, False
    if with_amount:
        amount = _money(buf, spans, _AMOUNT, digits)
        if amount != BAD and rate >= 0:
            amount = _converted(tables.rates, rate, amount)
        if amount == BAD:
            return amount, discount, False
    if with_discount:
        discount = _money(buf, spans, _DISCOUNT, digits)
        if discount != BAD and rate >= 0:
            discount = _converted(tables.rates, rate, discount)
        if discount == BAD:
            return amount, discount, False
    return amount, discount, True


@lean
def _type_of(buf: NDArray[np.uint8], spans: Spans, tables: Tables, memory: Memory) -> int:
    at, length = spans.start[_TYPE], spans.length[_TYPE]
    code = memory.last[0]
    if not is_name(tables.types, code, buf, at, length):
        code = find_name(tables.types, buf, at, length)
        if code >= 0:
            memory.last[0] = code
    return code


@lean
def _period_of(starts: NDArray[np.int64], occurred_us: int, memory: Memory) -> int:
    """The position of the instant's period in `starts` (`rules.calendar.Calendar`)."""
    k = memory.last[1]
    if occurred_us < starts[k] or occurred_us >= starts[k + 1]:
        k = occurred_us // 86_400_000_000 + 1
        while starts[k] > occurred_us:
            k -= 1
        while starts[k + 1] <= occurred_us:
            k += 1
        memory.last[1] = k
    return k


@lean
def _attribute(
    buf: NDArray[np.uint8], spans: Spans, field: int, declared: int, columns: Columns, at: int
) -> bool:
    """Write one attribute to the columns; whether that could be done."""
    kind = spans.kind[field]
    columns.attribute_index[at] = field
    columns.attribute_kind[at] = declared
    columns.attribute_value[at] = 0
    columns.attribute_start[at] = 0
    columns.attribute_length[at] = 0
    if kind == NULL:
        columns.attribute_kind[at] = ATTRIBUTE_REMOVED
        return True
    if declared == ATTRIBUTE_STRING:
        columns.attribute_start[at] = spans.start[field]
        columns.attribute_length[at] = spans.length[field]
        return kind == STRING
    if declared == ATTRIBUTE_BOOLEAN:
        columns.attribute_value[at] = 1 if kind == TRUE else 0
        return kind == TRUE or kind == FALSE
    if declared == ATTRIBUTE_INTEGER:
        value = _integer(buf, spans, field, -_INTEGER_LIMIT, _INTEGER_LIMIT)
        columns.attribute_value[at] = value
        return value != BAD
    if declared == ATTRIBUTE_NUMBER and kind == NUMBER:
        read, number = read_double(buf, spans.start[field], spans.length[field])
        columns.attribute_value[at] = np.float64(number).view(np.int64)
        return read
    return False


@lean
def _attributes(
    buf: NDArray[np.uint8],
    spans: Spans,
    inner: Spans,
    tables: Tables,
    memory: Memory,
    columns: Columns,
    first: int,
) -> int:
    """Write the attributes of a record from `first` on: how many, or DOUBTFUL as a negative number."""
    if _is_absent(spans, _ATTRIBUTES):
        return 0
    if spans.kind[_ATTRIBUTES] != OBJECT:
        return -1
    begin = spans.start[_ATTRIBUTES]
    end = begin + spans.length[_ATTRIBUTES]
    stop = scan_object(
        buf, begin, end, tables.attributes, memory.attributes, inner.start, inner.length, inner.kind
    )
    if stop != end:
        return -1
    count = 0
    for field in range(inner.kind.size):
        if inner.kind[field] != ABSENT:
            if not _attribute(buf, inner, field, tables.attribute_kind[field], columns, first + count):
                return -1
            count += 1
    return count


@lean
def assemble(
    buf: NDArray[np.uint8],
    spans: Spans,
    inner: Spans,
    tables: Tables,
    memory: Memory,
    columns: Columns,
    i: int,
) -> int:
    """Write record `i` to the columns: FAST, DOUBTFUL, or UNKNOWN (the event's span is its type's).

    `inner` is room for the spans of its attributes. The texts of spans are in `buf`.
    """
    attribute_first = columns.attribute_first[i]
    columns.attribute_first[i + 1] = attribute_first
    if spans.kind[_TYPE] != STRING:
        return DOUBTFUL
    type_ = _type_of(buf, spans, tables, memory)
    if type_ < 0:
        columns.event_start[i] = spans.start[_TYPE]
        columns.event_length[i] = spans.length[_TYPE]
        return UNKNOWN
    if type_ >= _PROFILES_END or not _is_id(spans, _EVENT_ID) or not _is_id(spans, _CUSTOMER_ID):
        return DOUBTFUL
    if spans.kind[_OCCURRED_AT] == STRING:
        occurred_us = read_instant(buf, spans.start[_OCCURRED_AT], spans.length[_OCCURRED_AT])
    elif spans.kind[_OCCURRED_AT] == INTEGER:
        occurred_us = spans.start[_OCCURRED_AT]
    else:
        return DOUBTFUL
    if occurred_us == BAD:
        return DOUBTFUL
    place = _period_of(tables.starts, occurred_us, memory)
    amount = discount = items = score = NO_NUMBER
    label = 0
    right = True
    if type_ < _PAYMENTS_END:
        is_order = type_ < _ORDERS_END
        amount, discount, right = _read_money(buf, spans, tables, place - 1, type_ != _CANCELLED, is_order)
        if is_order:
            right &= _is_id(spans, _ORDER_ID)
            if not _is_absent(spans, _ITEMS):
                items = _integer(buf, spans, _ITEMS, _NONE, _ITEMS_MAX)
                right &= items != BAD
            label = _label(buf, spans, _CHANNEL, tables.labels[1])
        else:
            right &= _is_id(spans, _PAYMENT_ID) and _is_optional_id(spans, _ORDER_ID)
            label = _label(buf, spans, _METHOD, tables.labels[2])
    elif type_ < _FEEDBACK_END:
        right = _is_id(spans, _FEEDBACK_ID) and _is_optional_id(spans, _ORDER_ID)
        label = _label(buf, spans, _TOPIC, tables.labels[3])
        if type_ == _RATING:
            score = _integer(buf, spans, _SCORE, _ONE, _FIVE)
            right &= score != BAD
        elif type_ == _NPS:
            score = _integer(buf, spans, _SCORE, _NONE, _TEN)
            right &= score != BAD
        elif type_ == _COMPLAINT:
            score = 1 if _is_absent(spans, _SEVERITY) else _integer(buf, spans, _SEVERITY, _ONE, _FIVE)
            right &= score != BAD
    else:
        count = _attributes(buf, spans, inner, tables, memory, columns, attribute_first)
        if count < 0:
            return DOUBTFUL
        columns.attribute_first[i + 1] = attribute_first + count
    if not right or label < 0:
        return DOUBTFUL
    columns.type[i] = type_
    columns.occurred_us[i] = occurred_us
    columns.period[i] = place - 1
    columns.amount[i] = amount
    columns.discount[i] = discount
    columns.items[i] = items
    columns.score[i] = score
    columns.label[i] = label
    columns.customer_start[i] = spans.start[_CUSTOMER_ID]
    columns.customer_length[i] = spans.length[_CUSTOMER_ID]
    columns.event_start[i] = spans.start[_EVENT_ID]
    columns.event_length[i] = spans.length[_EVENT_ID]
    return FAST
