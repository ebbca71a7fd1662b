"""The fields of an event, and the values they may hold: ids, instants, dates, money, labels (S2.1 to S2.3).

Every reader takes a decoded JSON value (numbers as int, Decimal or float) and gives the checked one, or
raises ValueError with the end of a sentence that begins with the field's name.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

#: Every field that an event of some type has, in the order of S2.1; all others are ignored.
FIELDS = (
    "event_id",
    "type",
    "occurred_at",
    "customer_id",
    "order_id",
    "payment_id",
    "feedback_id",
    "amount",
    "discount",
    "currency",
    "items",
    "channel",
    "method",
    "score",
    "severity",
    "topic",
    "attributes",
    "dimension",
    "category",
    "mode",
    "until",
    "reason",
    "actor",
    "into",
)

#: Ids have 1 to this many characters.
ID_CHARACTERS_MAX = 128
#: Labels have at most this many characters.
LABEL_CHARACTERS_MAX = 64
#: A reason or an actor has at most this many characters.
REMARK_CHARACTERS_MAX = 256
#: The largest `items` of an order.
ITEMS_MAX = 10**9

_MONEY = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MONEY_PARTS = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?)0*([0-9]*))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_DAY_S = 86_400
#: 2200-01-01T00:00Z in seconds: the first instant after the last that an event may have.
_INSTANT_END_S = (date(2200, 1, 1).toordinal() - _EPOCH_ORDINAL) * _DAY_S
#: Powers of ten beyond this are beyond every limit and every double, so larger ones need not be kept.
_EXPONENT_MAX = 400


def shown(value: object) -> str:
    """The user's own value in backticks, cut after 40 characters."""
    text = value if isinstance(value, str) else _plain(value)
    return f"`{text[:40]}…`" if len(text) > 40 else f"`{text}`"


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return str(value)


def decimal_of_text(text: str) -> Decimal:
    """Text in JSON number grammar as an exact decimal, in time that does not depend on its exponent.

    A number beyond 10^400 becomes 10^400 and one below 10^-400 but not zero 10^-400, with its sign: no limit
    and no double can tell them apart.
    """
    match = _MONEY_PARTS.fullmatch(text)
    if match is None:
        raise ValueError("is not a number")
    sign, whole, fraction, exponent_sign, exponent_digits = match.groups(default="")
    exponent = int(exponent_digits[:18] or "0") if len(exponent_digits) < 18 else 10**18
    exponent = (-exponent if exponent_sign == "-" else exponent) - len(fraction)
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return Decimal(f"{sign}0")
    if exponent + len(digits) > _EXPONENT_MAX:
        return Decimal(f"{sign}1e{_EXPONENT_MAX}")
    if exponent + len(digits) < -_EXPONENT_MAX:
        return Decimal(f"{sign}1e-{_EXPONENT_MAX}")
    return Decimal(text)


def decimal_of(value: object) -> Decimal | None:
    """A JSON number as an exact decimal (a double by its shortest text), None for anything else."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        number = Decimal(repr(value))
        return number if number.is_finite() else None
    return None


def integer_of(value: object) -> int | None:
    """A JSON number with zero fraction as an integer, None for anything else (S2.1)."""
    number = decimal_of(value)
    if number is None or number != number.to_integral_value():
        return None
    return int(number)


def read_id(value: object) -> str:
    """An id: a string of 1 to 128 characters without control characters (Unicode category Cc)."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {shown(value)}")
    if not 1 <= len(value) <= ID_CHARACTERS_MAX:
        raise ValueError(f"must have 1 to {ID_CHARACTERS_MAX} characters, not {len(value)}")
    if _CONTROL.search(value):
        raise ValueError("must not hold control characters")
    return value


def read_instant(value: object) -> int:
    """An RFC 3339 instant with an offset, in microseconds since 1970-01-01T00:00Z (S2.1)."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string with date, time and offset, not {shown(value)}")
    match = _INSTANT.fullmatch(value)
    if match is None:
        raise ValueError(f"must look like 2026-03-01T16:00:00Z, with an offset, not {shown(value)}")
    day, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    clock = int(hour), int(minute), int(second)
    offset = (int(offset_hour), int(offset_minute)) if sign else (0, 0)
    if clock[0] > 23 or clock[1] > 59 or clock[2] > 59 or offset[0] > 23 or offset[1] > 59:
        raise ValueError(f"is not a time of the clock: {shown(value)}")
    # fromisoformat knows no year 0, which no offset brings into range
    seconds = _ordinal(day, value) * _DAY_S + clock[0] * 3600 + clock[1] * 60 + clock[2]
    ahead = offset[0] * 3600 + offset[1] * 60
    seconds += ahead if sign == "-" else -ahead
    if not 0 <= seconds < _INSTANT_END_S:
        raise ValueError(f"must lie in the years 1970 to 2199 in UTC, not {shown(value)}")
    return seconds * 1_000_000 + int((fraction or "").ljust(6, "0"))


def read_date(value: object) -> int:
    """A calendar date as YYYY-MM-DD, in days since 1970-01-01."""
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        raise ValueError(f"must be a date like 2026-03-01, not {shown(value)}")
    return _ordinal(value, value)


def _ordinal(day: str, value: str) -> int:
    try:
        return date.fromisoformat(day).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        raise ValueError(f"is not a day of the calendar: {shown(value)}") from None


def read_money(value: object) -> Decimal:
    """A decimal of at least 0: a JSON number, or a string in JSON number grammar (S2.2)."""
    if isinstance(value, str) and _MONEY.fullmatch(value):
        number: Decimal | None = decimal_of_text(value)
    else:
        number = decimal_of(value)
    if number is None:
        raise ValueError(f"must be a decimal number, or a string that holds one, not {shown(value)}")
    if number < 0:
        raise ValueError(f"must not be negative, but is {shown(value)}")
    return number


def read_currency(value: object) -> str:
    """A currency: three capital letters."""
    if not isinstance(value, str) or _CURRENCY.fullmatch(value) is None:
        raise ValueError(f"must be three capital letters like EUR, not {shown(value)}")
    return value


def read_object(value: object) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"must be an object, not {shown(value)}")
    return value
