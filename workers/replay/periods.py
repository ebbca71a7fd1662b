"""Days as users type them."""

from __future__ import annotations

from datetime import date

from rules.calendar import PERIOD_FIRST, PERIOD_LAST, period_from_date
from workers.cli.errors import UserError


def period_of_day(text: str, option: str) -> int:
    """The period of a day such as `2026-03-31`; raises `UserError` naming the option."""
    try:
        period = period_from_date(date.fromisoformat(text))
    except ValueError as error:
        raise UserError(
            f"`{option} {text}` is no day: write it as YYYY-MM-DD, such as `2026-03-31`"
        ) from error
    if not PERIOD_FIRST <= period <= PERIOD_LAST:
        raise UserError(f"`{option} {text}` is out of range: give a day from 1970 to 2199")
    return period
