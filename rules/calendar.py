"""Periods: calendar days of a time zone as integers (days since 1970-01-01), as S1 defines them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

DAY_US = 86_400_000_000
_DAY_S = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

#: The first period any event can have: in a zone behind UTC the epoch falls on the day before.
PERIOD_FIRST = -1
#: The last period any event or tick can have: 2199-12-31, and the day after it in zones ahead of UTC.
PERIOD_LAST = date(2200, 1, 1).toordinal() - _EPOCH_ORDINAL
#: No window, hold, dwell or lateness is longer than this, so that every period in use has a table entry.
DAYS_MAX = 36_500
#: The first period with a month, quarter and year: `last_year` of the first period begins after it.
PERIOD_TABLE_FIRST = PERIOD_FIRST - 800
#: The last period with a month, quarter and year: a hold begun on the last day still has a calendar.
PERIOD_TABLE_LAST = PERIOD_LAST + 2 * DAYS_MAX
#: Two changes of a zone's offset that undo each other within this time would be missed; tzdata has none.
_SAMPLE_DAYS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The days of one time zone.

    `starts[d - PERIOD_FIRST]` is S(d) in microseconds UTC (int64), for d from PERIOD_FIRST to
    PERIOD_LAST + 1.
    """

    timezone: str
    starts: NDArray[np.int64]

    def start_us(self, period: int) -> int:
        """S(d): the first instant whose local date is at or after the period, in microseconds UTC."""
        return int(self.starts[period - PERIOD_FIRST])

    def period_of(self, instant_us: int) -> int:
        """p(t): the largest period d with S(d) ≤ t."""
        return int(np.searchsorted(self.starts, instant_us, side="right")) - 1 + PERIOD_FIRST


@cache
def calendar(timezone: str) -> Calendar:
    """Build the calendar of an IANA time zone; raises `zoneinfo.ZoneInfoNotFoundError` for an unknown one."""
    changes = _offset_changes(ZoneInfo(timezone))
    starts = np.empty(PERIOD_LAST + 2 - PERIOD_FIRST, np.int64)
    filled = 0
    for index, (begin, offset) in enumerate(changes):
        end = changes[index + 1][0] if index + 1 < len(changes) else 2**62 // 1_000_000
        reached = min((end - 1 + offset) // _DAY_S - PERIOD_FIRST + 1, starts.size)
        if reached > filled:
            days = np.arange(filled, reached, dtype=np.int64) + PERIOD_FIRST
            starts[filled:reached] = np.maximum(days * _DAY_S - offset, begin)
            filled = reached
    starts *= 1_000_000
    starts.setflags(write=False)
    return Calendar(timezone, starts)


def _offset_changes(zone: ZoneInfo) -> list[tuple[int, int]]:
    """The instants (seconds) at which the zone's offset (seconds) changes, the first before every period."""

    def offset(instant: int) -> int:
        gap = (_EPOCH + timedelta(seconds=instant)).astimezone(zone).utcoffset()
        return int(gap.total_seconds()) if gap is not None else 0

    first, last = (PERIOD_FIRST - 2) * _DAY_S, (PERIOD_LAST + 3) * _DAY_S
    changes = [(first, offset(first))]
    low = first
    while low < last:
        high = low + _SAMPLE_DAYS * _DAY_S
        if offset(high) != changes[-1][1]:
            before, after = low, high
            while after - before > 1:
                middle = (before + after) // 2
                if offset(middle) == changes[-1][1]:
                    before = middle
                else:
                    after = middle
            changes.append((after, offset(after)))
            low = after
        else:
            low = high
    return changes


def period_from_date(day: date) -> int:
    """The period of a calendar date."""
    return day.toordinal() - _EPOCH_ORDINAL


def date_from_period(period: int) -> date:
    """The calendar date of a period."""
    return date.fromordinal(period + _EPOCH_ORDINAL)


def month_start(period: int) -> int:
    """The first period of the calendar month that holds the period."""
    return period_from_date(date_from_period(period).replace(day=1))


def quarter_start(period: int) -> int:
    """The first period of the calendar quarter that holds the period."""
    day = date_from_period(period)
    return period_from_date(day.replace(month=day.month - (day.month - 1) % 3, day=1))


def year_start(period: int) -> int:
    """The first period of the calendar year that holds the period."""
    return period_from_date(date_from_period(period).replace(month=1, day=1))


def format_instant(instant_us: int) -> str:
    """An instant as RFC 3339 in UTC with six fraction digits (S9.1)."""
    moment = _EPOCH + timedelta(microseconds=instant_us)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}Z"
