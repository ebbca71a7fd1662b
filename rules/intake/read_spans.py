"""Instants, money and numbers from spans of bytes, in machine code: exact, or BAD for the slow path."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from rules.jit import lean
from rules.money import MONEY_MAX

#: Says that the slow path has to look; no value that is read is negative where this is used.
BAD = -(2**63)

_ZERO, _NINE, _DOT, _MINUS, _PLUS = 48, 57, 46, 45, 43
_YEAR_FIRST, _YEAR_LAST = 1969, 2200
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
#: Days from 1970-01-01 to the first of January of the years from 1969 on.
_YEAR_DAYS = np.array(
    [date(year, 1, 1).toordinal() - _EPOCH_ORDINAL for year in range(_YEAR_FIRST, _YEAR_LAST + 2)], np.int64
)
#: Days before each month of a common year, and at its end.
_MONTH_DAYS = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365], np.int64)
_INSTANT_END_S = (date(2200, 1, 1).toordinal() - _EPOCH_ORDINAL) * 86_400
_POWERS = np.array([10**k for k in range(19)], np.int64)
_DOUBLE_POWERS = np.array([10.0**k for k in range(23)])
#: No money within 10^12 minor units has more digits before its point.
_WHOLE_DIGITS_MAX = 13
#: Integers of so many digits are below 2^62.
_INTEGER_DIGITS_MAX = 18
#: Decimals of so many digits are integers below 2^53: dividing one by a power of ten up to 10^22 rounds once.
_DOUBLE_DIGITS_MAX = 15


@lean
def _two_digits(buf: NDArray[np.uint8], at: int) -> int:
    tens, ones = buf[at] - _ZERO, buf[at + 1] - _ZERO
    if tens < 0 or tens > 9 or ones < 0 or ones > 9:
        return 10_000
    return tens * 10 + ones


@lean
def read_day(buf: NDArray[np.uint8], at: int) -> int:
    """The ten bytes YYYY-MM-DD as days since 1970-01-01, or BAD. Years 1969 to 2200."""
    if buf[at + 4] != _MINUS or buf[at + 7] != _MINUS:
        return BAD
    year = _two_digits(buf, at) * 100 + _two_digits(buf, at + 2)
    month = _two_digits(buf, at + 5)
    day = _two_digits(buf, at + 8)
    if year < _YEAR_FIRST or year > _YEAR_LAST or month < 1 or month > 12 or day < 1:
        return BAD
    leap = _YEAR_DAYS[year - _YEAR_FIRST + 1] - _YEAR_DAYS[year - _YEAR_FIRST] == 366
    before = _MONTH_DAYS[month] + (1 if leap and month > 2 else 0)
    after = _MONTH_DAYS[month + 1] + (1 if leap and month > 1 else 0)
    if day > after - before:
        return BAD
    return _YEAR_DAYS[year - _YEAR_FIRST] + before + day - 1


@lean
def read_instant(buf: NDArray[np.uint8], at: int, length: int) -> int:
    """An RFC 3339 instant in microseconds since 1970-01-01T00:00Z, or BAD (S2.1)."""
    if length < 20 or length > 32:
        return BAD
    days = read_day(buf, at)
    if days == BAD or (buf[at + 10] | 32) != 116 or buf[at + 13] != 58 or buf[at + 16] != 58:
        return BAD
    hour, minute, second = _two_digits(buf, at + 11), _two_digits(buf, at + 14), _two_digits(buf, at + 17)
    if hour > 23 or minute > 59 or second > 59:
        return BAD
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    end = at + length
    i = at + 19
    micros = 0
    if buf[i] == _DOT:
        first = i + 1
        i = first
        while i < end and _ZERO <= buf[i] <= _NINE:
            micros = micros * 10 + (buf[i] - _ZERO)
            i += 1
        if i == first or i - first > 6 or i == end:
            return BAD
        micros *= _POWERS[6 - (i - first)]
    if (buf[i] | 32) == 122:
        if i + 1 != end:
            return BAD
    else:
        sign = buf[i]
        if (sign != _PLUS and sign != _MINUS) or i + 6 != end or buf[i + 3] != 58:
            return BAD
        hour, minute = _two_digits(buf, i + 1), _two_digits(buf, i + 4)
        if hour > 23 or minute > 59:
            return BAD
        ahead = hour * 3600 + minute * 60
        seconds += ahead if sign == _MINUS else -ahead
    if seconds < 0 or seconds >= _INSTANT_END_S:
        return BAD
    return seconds * 1_000_000 + micros


@lean
def read_units(buf: NDArray[np.uint8], at: int, length: int, digits: int) -> int:
    """Money in minor units of a currency with `digits` minor digits, or BAD (S2.2)."""
    end = at + length
    i = at
    value = 0
    while i < end and _ZERO <= buf[i] <= _NINE:
        value = value * 10 + (buf[i] - _ZERO)
        i += 1
        if i - at > _WHOLE_DIGITS_MAX:
            return BAD
    if i == at or (buf[at] == _ZERO and i > at + 1):
        return BAD
    places = 0
    if i < end:
        if buf[i] != _DOT or i + 1 == end:
            return BAD
        for k in range(i + 1, end):
            digit = buf[k] - _ZERO
            if digit < 0 or digit > 9:
                return BAD
            if places < digits:
                value = value * 10 + digit
                places += 1
            elif digit != 0:
                return BAD
    return scale_units(value, places, digits)


@lean
def scale_units(value: int, places: int, digits: int) -> int:
    """`value / 10**places` in minor units of a currency with `digits` minor digits, or BAD (S2.2)."""
    while places > digits:
        if value % 10 != 0:
            return BAD
        value //= 10
        places -= 1
    if value < 0 or value > MONEY_MAX:
        return BAD
    value *= _POWERS[digits - places]
    return value if value <= MONEY_MAX else BAD


@lean
def double_units(number: float, digits: int) -> int:
    """Money that a double stands for by its shortest text, in minor units, or BAD.

    A decimal of at most 15 digits that rounds to the double is its shortest text or equal to it, as no two of
    them round to the same double.
    """
    if not 0.0 <= number <= 1e12:
        return BAD
    units = np.rint(number * _DOUBLE_POWERS[digits])
    if units > MONEY_MAX or units / _DOUBLE_POWERS[digits] != number:
        return BAD
    return int(units)


@lean
def read_integer(buf: NDArray[np.uint8], at: int, length: int) -> int:
    """An integer of a JSON number without point and exponent, or BAD."""
    negative = buf[at] == _MINUS
    first = at + 1 if negative else at
    end = at + length
    if end - first > _INTEGER_DIGITS_MAX:
        return BAD
    value = 0
    for i in range(first, end):
        digit = buf[i] - _ZERO
        if digit < 0 or digit > 9:
            return BAD
        value = value * 10 + digit
    return -value if negative else value


@lean
def read_double(buf: NDArray[np.uint8], at: int, length: int) -> tuple[bool, float]:
    """The double nearest to a JSON number without exponent, and whether it could be read."""
    negative = buf[at] == _MINUS
    first = at + 1 if negative else at
    end = at + length
    if end - first > _DOUBLE_DIGITS_MAX + 1:
        return False, 0.0
    value = 0
    digits = places = 0
    point = False
    for i in range(first, end):
        if buf[i] == _DOT and not point:
            point = True
            continue
        digit = buf[i] - _ZERO
        if digit < 0 or digit > 9:
            return False, 0.0
        value = value * 10 + digit
        digits += 1
        places += 1 if point else 0
    if digits > _DOUBLE_DIGITS_MAX:
        return False, 0.0
    number = np.float64(value) / _DOUBLE_POWERS[places]
    return True, -number if negative else number
