"""The head of a pack: time zone, currency, rates and attributes."""

from __future__ import annotations

import keyword
import re
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from rules.calendar import period_from_date
from rules.language.findings import Code, suggestion
from rules.language.keys import ATTRIBUTE_KINDS, ATTRIBUTES_MAX
from rules.language.model import Attribute, Kind, Rate
from rules.language.reading import Reader, join
from rules.language.source import Node, Text
from rules.money import CONVERTED_MAX, MINOR_DIGITS, MONEY_MAX, convert

_RATE = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_timezone(reader: Reader, node: Node) -> str | None:
    """The name of an IANA time zone that the time zone data know."""
    name = reader.text(node, "timezone", "`timezone`")
    if name is None:
        return None
    known = available_timezones()
    try:
        if name in known:
            ZoneInfo(name)
            return name
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    hint = suggestion(name, known) or ": write an IANA name such as `Europe/London` or `UTC`"
    reader.error(Code.UNKNOWN_TIMEZONE, node, "timezone", f"there is no time zone `{name}`{hint}")
    return None


def read_currency(reader: Reader, node: Text, path: str) -> str | None:
    """An ISO 4217 code whose minor digits are known."""
    name = reader.text(node, path, "a currency")
    if name is None or name in MINOR_DIGITS:
        return name
    hint = suggestion(name, MINOR_DIGITS) or ": write an ISO 4217 code such as `EUR`"
    reader.error(Code.UNKNOWN_CURRENCY, node, path, f"there is no currency `{name}`{hint}")
    return None


def read_rates(reader: Reader, node: Node, currency: str | None) -> dict[str, tuple[Rate, ...]]:
    """The rates of other currencies (S2.2), each by rising start; `currency` is the pack's, if known."""
    rates: dict[str, tuple[Rate, ...]] = {}
    mapping = reader.mapping(node, "rates", "`rates`")
    for key, value in mapping.entries if mapping else ():
        path = join("rates", key.value)
        other = read_currency(reader, key, path)
        if other is not None and other == currency:
            message = f"`{other}` is the pack's own currency and needs no rate: remove it"
            reader.error(Code.BAD_RATE, key, path, message)
        table = reader.mapping(value, path, "the rates of a currency")
        if table is not None and not table.entries:
            message = f'a currency needs at least one rate: write `{key.value}: {{"2024-01-01": "0.86"}}`'
            reader.error(Code.BAD_RATE, value, path, message)
        entries = table.entries if table else ()
        read = [
            _rate(reader, start, rate, join(path, start.value), other, currency) for start, rate in entries
        ]
        if other is not None:
            rates[other] = tuple(sorted((rate for rate in read if rate), key=lambda rate: rate.start))
    return rates


def _rate(
    reader: Reader, start: Text, node: Node, path: str, other: str | None, currency: str | None
) -> Rate | None:
    begin = _start(reader, start, path)
    text = reader.text(node, path, "a rate")
    if text is None:
        return None
    match = _RATE.fullmatch(text)
    if match is None or not text.strip("0."):
        message = f'`{text}` is no rate: write a decimal above 0, at most 18 digits a side, such as `"0.86"`'
        reader.error(Code.BAD_RATE, node, path, message)
        return None
    fraction = (match.group(2) or "").rstrip("0")
    rate = Rate(begin or 0, int(match.group(1) + fraction), len(fraction))
    if other is not None and currency is not None:
        largest = convert(MONEY_MAX, MINOR_DIGITS[other], rate, MINOR_DIGITS[currency])
        if largest > CONVERTED_MAX:
            message = f"the rate `{text}` is too large: money of that size cannot be summed exactly"
            reader.error(Code.BAD_RATE, node, path, message)
            return None
    return rate if begin is not None else None


def _start(reader: Reader, node: Text, path: str) -> int | None:
    """The period from which a rate is in force."""
    text = reader.text(node, path, "the date of a rate")
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return period_from_date(date.fromisoformat(text))
    except ValueError:
        pass
    message = f'`{text}` is not a date: write it as `"2024-01-31"`'
    reader.error(Code.BAD_RATE, node, path, message)
    return None


def read_attributes(reader: Reader, node: Node) -> list[tuple[str, Attribute | None]]:
    """The declared attributes in their order; None beside a name whose kind is not known."""
    attributes: list[tuple[str, Attribute | None]] = []
    mapping = reader.mapping(node, "attributes", "`attributes`")
    entries = mapping.entries if mapping else ()
    if len(entries) > ATTRIBUTES_MAX:
        message = f"a pack has at most {ATTRIBUTES_MAX} attributes, not {len(entries)}: remove some"
        reader.error(Code.LIMIT, node, "attributes", message)
    for key, value in entries:
        path = join("attributes", key.value)
        if not reader.identifier(key, path, "name of an attribute"):
            continue
        if keyword.iskeyword(key.value):
            message = f"`{key.value}` is a keyword and cannot name an attribute: write `{key.value}_`"
            reader.error(Code.NAME_TAKEN, key, path, message)
        kind = reader.choice(value, path, "the kind of an attribute", ATTRIBUTE_KINDS)
        attributes.append((key.value, Attribute(key.value, Kind(kind)) if kind else None))
    return attributes
