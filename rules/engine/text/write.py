"""Writing of numbers, instants, dates and strings into a byte buffer.

Every function takes the buffer and a position and returns the position after what it wrote. The caller has
made sure that there is room.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.jit import called, lean, wide

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

_QUOTE, _BACKSLASH = 34, 92
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
#: The letter of the short escapes of JSON by control character, 0 where there is none.
_SHORT = np.zeros(32, np.uint8)
_SHORT[8], _SHORT[9], _SHORT[10], _SHORT[12], _SHORT[13] = b"btnfr"
_CONTROL = np.frombuffer(b"\\u00", np.uint8)
_DAY_US = 86_400_000_000
#: Counts of digits.
_2, _4, _6 = wide(2), wide(4), wide(6)


@lean
def put(buf: U8, at: int, source: U8, start: int, length: int) -> int:
    """Copy bytes; unsigned positions spare the loop the check for negative ones."""
    to, begin = np.uint64(at), np.uint64(start)
    for i in range(np.uint64(length)):
        buf[to + i] = source[begin + i]
    return at + length


@called
def put_integer(buf: U8, at: int, value: int) -> int:
    """A decimal integer."""
    if value < 0:
        buf[at] = 45
        at += 1
        value = -value
    digits = 1
    bound = np.int64(10)
    while digits < 19 and value >= bound:
        digits += 1
        bound *= 10
    for i in range(digits - 1, -1, -1):
        buf[at + i] = 48 + value % 10
        value //= 10
    return at + digits


@lean
def put_padded(buf: U8, at: int, value: int, digits: int) -> int:
    """A non-negative integer with leading zeros."""
    for i in range(digits - 1, -1, -1):
        buf[at + i] = 48 + value % 10
        value //= 10
    return at + digits


@called
def put_money(buf: U8, at: int, value: int, digits: int) -> int:
    """Minor units as a quoted decimal with all minor digits (S9.3)."""
    buf[at] = _QUOTE
    at += 1
    if value < 0:
        buf[at] = 45
        at += 1
        value = -value
    scale = np.int64(1)
    for _ in range(digits):
        scale *= 10
    at = put_integer(buf, at, value // scale)
    if digits > 0:
        buf[at] = 46
        at = put_padded(buf, at + 1, value % scale, digits)
    buf[at] = _QUOTE
    return at + 1


@called
def put_date(buf: U8, at: int, period: int) -> int:
    """A period as YYYY-MM-DD; days to civil date in the proleptic Gregorian calendar (H. Hinnant, 2013)."""
    shifted = period + 719468
    era = shifted // 146097
    day_of_era = shifted - era * 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_shifted + 2) // 5 + 1
    month = month_shifted + 3 if month_shifted < 10 else month_shifted - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    at = put_padded(buf, at, year, _4)
    buf[at] = 45
    at = put_padded(buf, at + 1, month, _2)
    buf[at] = 45
    return put_padded(buf, at + 1, day, _2)


@called
def put_instant(buf: U8, at: int, instant_us: int) -> int:
    """An instant as RFC 3339 in UTC with six fraction digits (S9.1), quoted."""
    buf[at] = _QUOTE
    days = instant_us // _DAY_US
    rest = instant_us - days * _DAY_US
    at = put_date(buf, at + 1, days)
    buf[at] = 84
    at = put_padded(buf, at + 1, rest // 3_600_000_000, _2)
    buf[at] = 58
    at = put_padded(buf, at + 1, rest // 60_000_000 % 60, _2)
    buf[at] = 58
    at = put_padded(buf, at + 1, rest // 1_000_000 % 60, _2)
    buf[at] = 46
    at = put_padded(buf, at + 1, rest % 1_000_000, _6)
    buf[at] = 90
    buf[at + 1] = _QUOTE
    return at + 2


@called
def put_string(buf: U8, at: int, source: U8, start: int, length: int) -> int:
    """UTF-8 bytes as a JSON string: quote, backslash and control characters escaped, the rest as it is."""
    to = np.uint64(at)
    one = np.uint64(1)
    buf[to] = _QUOTE
    to += one
    begin = np.uint64(start)
    for i in range(np.uint64(length)):
        byte = source[begin + i]
        if byte >= 32 and byte != _QUOTE and byte != _BACKSLASH:
            buf[to] = byte
            to += one
        elif byte >= 32 or _SHORT[byte] != 0:
            buf[to] = _BACKSLASH
            buf[to + one] = byte if byte >= 32 else _SHORT[byte]
            to += np.uint64(2)
        else:
            for k in range(4):
                buf[to + np.uint64(k)] = _CONTROL[k]
            buf[to + np.uint64(4)] = _HEX[byte >> 4]
            buf[to + np.uint64(5)] = _HEX[byte & 15]
            to += np.uint64(6)
    buf[to] = _QUOTE
    return np.int64(to + one)


@lean
def put_null(buf: U8, at: int) -> int:
    """`null`."""
    buf[at] = 110
    buf[at + 1] = 117
    buf[at + 2] = 108
    buf[at + 3] = 108
    return at + 4
