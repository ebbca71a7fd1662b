"""Bytes to JSON values, exactly as S2.1 and S2.4 want it: the slow and obvious way."""

from __future__ import annotations

import json
import re
from decimal import Decimal

from schemas.values import decimal_of_text

#: Objects and lists may be nested this deep: no event needs more than two levels.
NESTING_MAX = 64

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_STRING = re.compile(r'"[^"]*"?')
_BRACKET = re.compile(r"([\[{])|[\]}]")


class MalformedError(ValueError):
    """The bytes are not JSON; the text is a sentence for the dead letter."""


def parse_json(raw: bytes) -> object:
    """The value that the bytes hold: dict, list, str, Decimal (every number, exactly), bool or None.

    Duplicate keys: the last wins. Raises `MalformedError` for everything that S2.4 calls `malformed_json`.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedError(f"the record is not UTF-8: the byte at {error.start} is wrong") from None
    if text.startswith("\ufeff"):
        raise MalformedError("the record begins with a byte order mark")
    _check_nesting(text)
    try:
        value: object = json.loads(
            text, parse_int=decimal_of_text, parse_float=decimal_of_text, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise MalformedError(f"the record is not JSON: {_problem(error)}") from None
    _check_surrogates(text)
    return value


def _problem(error: json.JSONDecodeError) -> str:
    return f"{error.msg.removesuffix(' at').lower()} at character {error.pos + 1}"


def _refuse_constant(name: str) -> Decimal:
    raise MalformedError(f"the record is not JSON: `{name}` is not a JSON value")


def _check_nesting(text: str) -> None:
    if text.count("{") + text.count("[") <= NESTING_MAX:
        return
    # without its escaped backslashes and quotes a string ends at its next quote; a regular expression that
    # knows escapes would take seconds for a megabyte of them
    outside = _STRING.sub("", text.replace("\\\\", "").replace('\\"', ""))
    depth = 0
    for bracket in _BRACKET.finditer(outside):
        depth += 1 if bracket[1] else -1
        if depth > NESTING_MAX:
            raise MalformedError(f"the record is nested deeper than {NESTING_MAX} levels")


def _check_surrogates(text: str) -> None:
    """In valid JSON a backslash begins an escape, so the escapes can be walked without the values."""
    if "\\u" not in text:
        return
    for escape in _ESCAPE.finditer(text):
        if escape[1]:
            raise MalformedError(f"the record holds the lone surrogate `\\u{escape[1]}`")
