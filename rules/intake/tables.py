"""What the fast decoders need of a pack, made ready once: names, labels, rates and the days of its zone."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.calendar import DAY_US, calendar
from rules.engine.event import TYPES
from rules.engine.plan import label_codes
from rules.intake.columns import (
    ATTRIBUTE_BOOLEAN,
    ATTRIBUTE_INTEGER,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_STRING,
)
from rules.intake.names import NameTable, name_table
from rules.language.model import Kind, Pack
from rules.money import MINOR_DIGITS
from schemas.values import FIELDS as EVENT_FIELDS

#: The fields that the fast decoders read; those behind them are only for types that take the slow path.
FIELDS = EVENT_FIELDS[: EVENT_FIELDS.index("attributes") + 1]

_ATTRIBUTE_KINDS = {
    Kind.INTEGER: ATTRIBUTE_INTEGER,
    Kind.NUMBER: ATTRIBUTE_NUMBER,
    Kind.STRING: ATTRIBUTE_STRING,
    Kind.BOOLEAN: ATTRIBUTE_BOOLEAN,
}


class Rates(NamedTuple):
    """Currencies and their rates; those of currency `c` are the elements first[c] to first[c + 1], by start.

    currency     int64[c]    the three letters as a number
    digits       int64[c]    its minor digits
    first        int64[c+1]
    start        int64[r]    the period from which on a rate is in force
    numerator    int64[r]    minor units of the pack's currency are those of the other times
    denominator  int64[r]    numerator / denominator; 0 where they do not fit (left to the slow path)
    """

    currency: NDArray[np.int64]
    digits: NDArray[np.int64]
    first: NDArray[np.int64]
    start: NDArray[np.int64]
    numerator: NDArray[np.int64]
    denominator: NDArray[np.int64]


class Tables(NamedTuple):
    """The arrays for the compiled code; `labels` has a table per topic in the order of `TOPICS`.

    `starts` are those of `rules.calendar.Calendar`; `currency` and `digits` belong to the pack's currency.
    """

    fields: NameTable
    types: NameTable
    attributes: NameTable
    attribute_kind: NDArray[np.uint8]
    labels: tuple[NameTable, NameTable, NameTable, NameTable]
    starts: NDArray[np.int64]
    currency: int
    digits: int
    rates: Rates


@dataclass(frozen=True, slots=True, eq=False)
class Intake:
    """A pack ready for the fast decoders.

    `label_codes` holds by topic the label values in the order of their codes 1, 2, …; `max_ahead_us` is the
    pack's `max_ahead` in microseconds.
    """

    pack: Pack
    tables: Tables
    label_codes: dict[str, tuple[str, ...]]
    max_ahead_us: int


def intake_of(pack: Pack) -> Intake:
    """Make a pack ready."""
    codes = label_codes(pack)
    tables = Tables(
        fields=name_table(FIELDS),
        types=name_table(tuple(TYPES)),
        attributes=name_table([attribute.name for attribute in pack.attributes]),
        attribute_kind=np.array([_ATTRIBUTE_KINDS[a.kind] for a in pack.attributes], np.uint8),
        labels=(
            name_table(()),
            name_table(codes["orders"]),
            name_table(codes["payments"]),
            name_table(codes["feedback"]),
        ),
        starts=calendar(pack.timezone).starts,
        currency=currency_number(pack.currency),
        digits=pack.digits,
        rates=_rates(pack),
    )
    return Intake(pack, tables, codes, pack.max_ahead * DAY_US)


def currency_number(currency: str) -> int:
    """Three letters as a number: the first in the lowest byte."""
    return int.from_bytes(currency.encode(), "little")


def _rates(pack: Pack) -> Rates:
    first, start, numerator, denominator = [0], [], [], []
    for currency, rates in pack.rates.items():
        for rate in rates:
            above = rate.numerator * 10**pack.digits
            below = 10 ** (rate.scale + MINOR_DIGITS[currency])
            common = gcd(above, below)
            fits = above // common < 2**62 and below // common < 2**62
            start.append(rate.start)
            numerator.append(above // common if fits else 0)
            denominator.append(below // common if fits else 0)
        first.append(len(start))
    return Rates(
        currency=np.array([currency_number(currency) for currency in pack.rates], np.int64),
        digits=np.array([MINOR_DIGITS[currency] for currency in pack.rates], np.int64),
        first=np.array(first, np.int64),
        start=np.array(start, np.int64),
        numerator=np.array(numerator, np.int64),
        denominator=np.array(denominator, np.int64),
    )
