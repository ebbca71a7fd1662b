"""Flat JSON objects to the spans of their known fields, in machine code.

The scanner accepts only what it is sure of. A record with an escape, a duplicate field, a control character
or wrong UTF-8 is *doubtful*: it says so, and the slow path decides what the record is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.intake.names import NameTable, find_name, is_name
from rules.jit import entered, lean
from rules.words import word

#: What kind of value a span holds. The last three are no text: the value itself is in `start` (for a decimal
#: the digits, with the number of decimal places in `length`; for a double its bits).
ABSENT, STRING, NUMBER, TRUE, FALSE, NULL, OBJECT, LIST, INTEGER, DECIMAL, DOUBLE = range(11)

#: A position that says that the record is doubtful.
DOUBTFUL = -1

_QUOTE, _BACKSLASH, _COMMA, _COLON, _DOT, _MINUS, _PLUS = 34, 92, 44, 58, 46, 45, 43
_BRACE, _BRACE_END, _BRACKET, _BRACKET_END, _ZERO, _NINE, _SPACE, _DELETE = 123, 125, 91, 93, 48, 57, 32, 127
#: Values nested deeper than this are left to the slow path; the marks of the levels fit in one word.
_NESTING_MAX = 32

_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
_QUOTES = np.uint64(_QUOTE) * _EACH
_BACKSLASHES = np.uint64(_BACKSLASH) * _EACH
_PRINTABLE = np.uint64(128 - _SPACE) * _EACH
#: Multiplied with a one at the bottom of byte k, its top byte is k.
_BYTE_NUMBER = np.uint64(0x0001020304050607)


@lean
def string_end(buf: NDArray[np.uint8], at: int, end: int) -> int:
    """The position of the quote that ends a string, or DOUBTFUL. Looks at eight bytes at once."""
    i = at
    while i < end:
        if i + 8 <= buf.size:
            eight = word(buf, i)
            low = eight & _LOW
            # the top bit of a byte is set where it is none of the bytes that need a look
            plain = (((low ^ _QUOTES) + _LOW) & ((low ^ _BACKSLASHES) + _LOW) & ((low ^ _LOW) + _LOW)) & (
                (low + _PRINTABLE) & ~eight
            )
            odd = ~plain & _HIGH
            if odd == 0:
                i += 8
                continue
            lowest = odd & (~odd + np.uint64(1))
            i += int(np.int64(((lowest >> np.uint64(7)) * _BYTE_NUMBER) >> np.uint64(56)))
            if i >= end:
                return DOUBTFUL
        byte = buf[i]
        if byte == _QUOTE:
            return i
        if byte < _SPACE or byte == _BACKSLASH or byte == _DELETE:
            return DOUBTFUL
        if byte < 128:
            i += 1
        else:
            size = character_size(buf, i, end)
            if size < 0:
                return DOUBTFUL
            i += size
    return DOUBTFUL


@lean
def character_size(buf: NDArray[np.uint8], at: int, end: int) -> int:
    """The number of bytes of a character beyond ASCII; DOUBTFUL if wrong UTF-8 or a control character."""
    first = buf[at]
    if first < 0xC2 or first > 0xF4:
        return DOUBTFUL
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if at + size > end:
        return DOUBTFUL
    second = buf[at + 1]
    lowest, highest = 0x80, 0xBF
    if first == 0xC2 or first == 0xE0:
        lowest = 0xA0
    elif first == 0xF0:
        lowest = 0x90
    elif first == 0xED:
        highest = 0x9F
    elif first == 0xF4:
        highest = 0x8F
    if second < lowest or second > highest:
        return DOUBTFUL
    for i in range(2, size):
        if buf[at + i] & 0xC0 != 0x80:
            return DOUBTFUL
    return size


@lean
def is_plain(buf: NDArray[np.uint8], at: int, length: int) -> bool:
    """Whether bytes that are not JSON are right UTF-8 without control characters."""
    i, end = at, at + length
    while i < end:
        byte = buf[i]
        if byte < _SPACE or byte == _DELETE:
            return False
        size = 1 if byte < 128 else character_size(buf, i, end)
        if size < 0:
            return False
        i += size
    return True


@entered
def is_printable(buf: NDArray[np.uint8]) -> bool:
    """Whether all bytes are printable ASCII."""
    i = 0
    while i + 8 <= buf.size:
        eight = word(buf, i)
        low = eight & _LOW
        if ((low ^ _LOW) + _LOW) & ((low + _PRINTABLE) & ~eight) & _HIGH != _HIGH:
            return False
        i += 8
    while i < buf.size:
        if buf[i] < _SPACE or buf[i] >= _DELETE:
            return False
        i += 1
    return True


@lean
def skip_space(buf: NDArray[np.uint8], at: int, end: int) -> int:
    """The first position at or after `at` that is not JSON white space."""
    i = at
    while i < end and (buf[i] == _SPACE or buf[i] == 10 or buf[i] == 13 or buf[i] == 9):
        i += 1
    return i


@lean
def _digits_end(buf: NDArray[np.uint8], at: int, end: int) -> int:
    i = at
    while i < end and _ZERO <= buf[i] <= _NINE:
        i += 1
    return i


@lean
def number_end(buf: NDArray[np.uint8], at: int, end: int) -> int:
    """The position after a number in JSON grammar, or DOUBTFUL."""
    i = at + 1 if buf[at] == _MINUS else at
    whole = i
    i = _digits_end(buf, i, end)
    if i == whole or (buf[whole] == _ZERO and i > whole + 1):
        return DOUBTFUL
    if i < end and buf[i] == _DOT:
        fraction = i + 1
        i = _digits_end(buf, fraction, end)
        if i == fraction:
            return DOUBTFUL
    if i < end and (buf[i] == 69 or buf[i] == 101):
        i += 1
        if i < end and (buf[i] == _PLUS or buf[i] == _MINUS):
            i += 1
        exponent = i
        i = _digits_end(buf, exponent, end)
        if i == exponent:
            return DOUBTFUL
    return i


@lean
def word_kind(buf: NDArray[np.uint8], at: int, end: int) -> int:
    """TRUE, FALSE or NULL if that is what stands here, else DOUBTFUL."""
    if at + 4 <= end:
        a, b, c, d = buf[at], buf[at + 1], buf[at + 2], buf[at + 3]
        if a == 116 and b == 114 and c == 117 and d == 101:
            return TRUE
        if a == 110 and b == 117 and c == 108 and d == 108:
            return NULL
        if a == 102 and b == 97 and c == 108 and d == 115 and at + 5 <= end and buf[at + 4] == 101:
            return FALSE
    return DOUBTFUL


@lean
def nested_end(buf: NDArray[np.uint8], at: int, end: int) -> int:
    """The position after the object or list that begins here, every value in it checked, or DOUBTFUL."""
    levels = np.uint64(0)  # one bit a level, the innermost at the bottom: 1 is an object
    depth = 0
    i = at
    value_follows = True
    while True:
        i = skip_space(buf, i, end)
        if i >= end:
            return DOUBTFUL
        byte = buf[i]
        if value_follows and (byte == _BRACE or byte == _BRACKET):
            if depth == _NESTING_MAX:
                return DOUBTFUL
            depth += 1
            in_object = byte == _BRACE
            levels = (levels << np.uint64(1)) | np.uint64(in_object)
            i = skip_space(buf, i + 1, end)
            if i >= end:
                return DOUBTFUL
            if buf[i] == (_BRACE_END if in_object else _BRACKET_END):
                value_follows = False
                continue
            if in_object:
                i = _member_value(buf, i, end)
                if i < 0:
                    return DOUBTFUL
            continue
        if value_follows:
            i = _scalar_end(buf, i, end)
            if i < 0:
                return DOUBTFUL
            value_follows = False
            continue
        in_object = levels & np.uint64(1) == np.uint64(1)
        i += 1
        if byte == _COMMA:
            value_follows = True
            if in_object:
                i = _member_value(buf, skip_space(buf, i, end), end)
                if i < 0:
                    return DOUBTFUL
        elif byte == (_BRACE_END if in_object else _BRACKET_END):
            levels >>= np.uint64(1)
            depth -= 1
            if depth == 0:
                return i
        else:
            return DOUBTFUL


@lean
def _member_value(buf: NDArray[np.uint8], at: int, end: int) -> int:
    """From the quote of a key to the position after its colon, or DOUBTFUL."""
    if at >= end or buf[at] != _QUOTE:
        return DOUBTFUL
    i = string_end(buf, at + 1, end)
    if i < 0:
        return DOUBTFUL
    i = skip_space(buf, i + 1, end)
    if i >= end or buf[i] != _COLON:
        return DOUBTFUL
    return i + 1


@lean
def _scalar_end(buf: NDArray[np.uint8], at: int, end: int) -> int:
    byte = buf[at]
    if byte == _QUOTE:
        i = string_end(buf, at + 1, end)
        return i + 1 if i >= 0 else DOUBTFUL
    if byte == _MINUS or _ZERO <= byte <= _NINE:
        return number_end(buf, at, end)
    kind = word_kind(buf, at, end)
    if kind < 0:
        return DOUBTFUL
    return at + 5 if kind == FALSE else at + 4


@lean
def scan_object(
    buf: NDArray[np.uint8],
    at: int,
    end: int,
    names: NameTable,
    order: NDArray[np.int64],
    start: NDArray[np.int64],
    length: NDArray[np.int64],
    kind: NDArray[np.uint8],
) -> int:
    """Find the named fields of the object at `at`: the position after its brace, or DOUBTFUL.

    `start`, `length` and `kind` have an element for every name and receive the spans (strings without their
    quotes). `order` remembers which field came k-th in the object before: records look alike.
    """
    for field in range(kind.size):
        kind[field] = ABSENT
    if at >= end or buf[at] != _BRACE:
        return DOUBTFUL
    i = skip_space(buf, at + 1, end)
    if i < end and buf[i] == _BRACE_END:
        return i + 1
    position = 0
    while True:
        if i >= end or buf[i] != _QUOTE:
            return DOUBTFUL
        key = i + 1
        i = string_end(buf, key, end)
        if i < 0:
            return DOUBTFUL
        field = -1
        if position < order.size:
            field = order[position]
        if field < 0 or not is_name(names, field, buf, key, i - key):
            field = find_name(names, buf, key, i - key)
            if position < order.size:
                order[position] = field
        position += 1
        i += 1
        if i < end and buf[i] != _COLON:
            i = skip_space(buf, i, end)
        if i >= end or buf[i] != _COLON:
            return DOUBTFUL
        i = skip_space(buf, i + 1, end)
        if i >= end:
            return DOUBTFUL
        byte = buf[i]
        begin = i
        if byte == _QUOTE:
            begin = i + 1
            stop = string_end(buf, begin, end)
            i = stop + 1
            found = STRING
        elif byte == _MINUS or _ZERO <= byte <= _NINE:
            stop = number_end(buf, i, end)
            i = stop
            found = NUMBER
        elif byte == _BRACE or byte == _BRACKET:
            stop = nested_end(buf, i, end)
            i = stop
            found = OBJECT if byte == _BRACE else LIST
        else:
            found = word_kind(buf, i, end)
            stop = DOUBTFUL if found < 0 else i + 5 if found == FALSE else i + 4
            i = stop
        if stop < 0:
            return DOUBTFUL
        if field >= 0:
            if kind[field] != ABSENT:
                return DOUBTFUL
            start[field] = begin
            length[field] = stop - begin
            kind[field] = found
        if i < end and buf[i] != _COMMA:
            i = skip_space(buf, i, end)
        if i >= end:
            return DOUBTFUL
        byte = buf[i]
        i += 1
        if byte == _BRACE_END:
            return i
        if byte != _COMMA:
            return DOUBTFUL
        i = skip_space(buf, i, end)
