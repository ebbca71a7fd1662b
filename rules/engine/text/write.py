"""Writing of numbers, instants, dates and strings into a byte buffer.

Every function takes the buffer and a position and returns the position after what it wrote. The caller has
made sure that there is room.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.jit import called, lean
from rules.words import copy_bytes, needs_escape, put_word, word

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

_QUOTE, _BACKSLASH = 34, 92
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
#: The letter of the short escapes of JSON by control character, 0 where there is none.
_SHORT = np.zeros(32, np.uint8)
_SHORT[8], _SHORT[9], _SHORT[10], _SHORT[12], _SHORT[13] = b"btnfr"
_CONTROL = np.frombuffer(b"\\u00", np.uint8)
_DAY_US = 86_400_000_000
_ZERO, _TEN, _SIXTY, _HUNDRED = np.uint64(48), np.uint64(10), np.uint64(60), np.uint64(100)


@lean
def put(buf: U8, at: int, source: U8, start: int, length: int) -> int:
    """Bytes as they are."""
    copy_bytes(buf, at, source, start, length)
    return at + length


@lean
def put_padded(buf: U8, at: int, value: int, digits: int) -> int:
    """A non-negative integer with leading zeros."""
    rest = np.uint64(value)
    for i in range(digits - 1, -1, -1):
        tens = rest // _TEN
        buf[at + i] = _ZERO + rest - tens * _TEN
        rest = tens
    return at + digits


@called
def put_integer(buf: U8, at: int, value: int) -> int:
    """A decimal integer."""
    if value < 0:
        buf[at] = 45
        at += 1
        value = -value
    digits = np.int64(1)
    bound = np.int64(10)
    while digits < 19 and value >= bound:
        digits += 1
        bound *= 10
    return put_padded(buf, at, value, digits)


@lean
def _put_pair(buf: U8, at: int, value: np.uint64) -> None:
    """Two digits; unsigned numbers are divided without a look at signs."""
    tens = value // _TEN
    buf[at] = _ZERO + tens
    buf[at + 1] = _ZERO + value - tens * _TEN


@called
def put_money(buf: U8, at: int, value: int, digits: int) -> int:
    """Minor units as a quoted decimal with all minor digits (S9.3)."""
    buf[at] = _QUOTE
    at += 1
    if value < 0:
        buf[at] = 45
        at += 1
        value = -value
    units = np.uint64(value)
    if digits == 2:  # which most currencies have: the compiler knows how to divide by a number it sees
        whole = units // _HUNDRED
        rest = units - whole * _HUNDRED
    else:
        scale = np.uint64(1)
        for _ in range(digits):
            scale *= _TEN
        whole = units // scale
        rest = units - whole * scale
    at = put_integer(buf, at, np.int64(whole))
    if digits > 0:
        buf[at] = 46
        at = put_padded(buf, at + 1, np.int64(rest), digits)
    buf[at] = _QUOTE
    return at + 1


@called
def put_date(buf: U8, at: int, period: int) -> int:
    """A period as YYYY-MM-DD; days to civil date in the proleptic Gregorian calendar (H. Hinnant, 2013)."""
    shifted = np.uint64(period + 719468)
    era = shifted // np.uint64(146097)
    day_of_era = shifted - era * np.uint64(146097)
    leaps = day_of_era // np.uint64(1460) - day_of_era // np.uint64(36524) + day_of_era // np.uint64(146096)
    year_of_era = (day_of_era - leaps) // np.uint64(365)
    before = np.uint64(365) * year_of_era + year_of_era // np.uint64(4) - year_of_era // _HUNDRED
    day_of_year = day_of_era - before
    month_shifted = (np.uint64(5) * day_of_year + np.uint64(2)) // np.uint64(153)
    day = day_of_year - (np.uint64(153) * month_shifted + np.uint64(2)) // np.uint64(5) + np.uint64(1)
    early = month_shifted >= _TEN
    month = month_shifted - np.uint64(9) if early else month_shifted + np.uint64(3)
    year = year_of_era + era * np.uint64(400) + (np.uint64(1) if early else np.uint64(0))
    century = year // _HUNDRED
    _put_pair(buf, at, century)
    _put_pair(buf, at + 2, year - century * _HUNDRED)
    buf[at + 4] = 45
    _put_pair(buf, at + 5, month)
    buf[at + 7] = 45
    _put_pair(buf, at + 8, day)
    return at + 10


@called
def put_instant(buf: U8, at: int, instant_us: int) -> int:
    """An instant as RFC 3339 in UTC with six fraction digits (S9.1), quoted."""
    buf[at] = _QUOTE
    days = instant_us // _DAY_US
    rest = np.uint64(instant_us - days * _DAY_US)
    at = put_date(buf, at + 1, days)
    seconds = rest // np.uint64(1_000_000)
    micros = rest - seconds * np.uint64(1_000_000)
    minutes = seconds // _SIXTY
    hours = minutes // _SIXTY
    buf[at] = 84
    _put_pair(buf, at + 1, hours)
    buf[at + 3] = 58
    _put_pair(buf, at + 4, minutes - hours * _SIXTY)
    buf[at + 6] = 58
    _put_pair(buf, at + 7, seconds - minutes * _SIXTY)
    buf[at + 9] = 46
    pairs = micros // _HUNDRED
    first = pairs // _HUNDRED
    _put_pair(buf, at + 10, first)
    _put_pair(buf, at + 12, pairs - first * _HUNDRED)
    _put_pair(buf, at + 14, micros - pairs * _HUNDRED)
    buf[at + 16] = 90
    buf[at + 17] = _QUOTE
    return at + 18


@called
def put_string(buf: U8, at: int, source: U8, start: int, length: int) -> int:
    """UTF-8 bytes as a JSON string: quote, backslash and control characters escaped, the rest as it is.

    Eight bytes at a time while none is escaped, at the end the last eight.
    """
    buf[at] = _QUOTE
    done, last = np.int64(0), np.int64(length) - 8
    while done < length and last >= 0:
        eight = min(done, last)
        found = word(source, start + eight)
        if needs_escape(found):
            break
        put_word(buf, at + 1 + eight, np.int64(found))
        done = eight + 8
    to, one = np.uint64(at + 1 + done), np.uint64(1)
    for i in range(np.uint64(start + done), np.uint64(start + length)):
        byte = source[i]
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
