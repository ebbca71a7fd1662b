"""Numbers, money and instants as a language writes them; instants in the pack's time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent
from markupsafe import Markup

from rules.language.model import Pack
from workers.console.pages.translations import LOCALES

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MISSING = "–"
_DAY = {"en": "d MMM y", "zh": "y年M月d日"}
_CLOCK = {"en": "d MMM y, HH:mm", "zh": "y年M月d日 HH:mm"}


class Formats:
    """How one language writes the values of one pack."""

    def __init__(self, language: str, pack: Pack) -> None:
        self._language = language
        self._locale = Locale.parse(LOCALES[language])
        self._currency, self._digits = pack.currency, pack.digits
        self.zone: tzinfo = ZoneInfo(pack.timezone)

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of templates."""
        return {
            "number": self.number,
            "compact": self.compact,
            "percent": self.percent,
            "money": self.money,
            "major": self.major,
            "day": self.day,
            "moment": self.moment,
            "clock": self.clock,
            "ago": self.ago,
            "day_of": self.day_of,
            "as_instant": as_instant,
        }

    def number(self, value: float | Decimal | None) -> str:
        """A count or another number with its separators."""
        return _MISSING if value is None else format_decimal(value, locale=self._locale)

    def compact(self, value: float) -> str:
        """A number of an axis, short: `12K`, `1.2M`."""
        if abs(value) < 10_000:
            return self.number(value)
        for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= size:
                return f"{value / size:g}{letter}"
        return self.number(value)

    def percent(self, share: float | None, digits: int = 1) -> str:
        """A share from 0 to 1."""
        if share is None:
            return _MISSING
        return format_percent(share, f"#,##0.{'0' * digits}%" if digits else "#,##0%", locale=self._locale)

    def money(self, minor: int | None) -> str:
        """Minor units of the pack's currency, to the last digit."""
        if minor is None:
            return _MISSING
        amount = Decimal(minor).scaleb(-self._digits)
        return format_currency(amount, self._currency, locale=self._locale, currency_digits=True)

    def amount(self, text: str) -> str:
        """Money as bodies carry it: a decimal string of the pack's currency."""
        return format_currency(Decimal(text), self._currency, locale=self._locale, currency_digits=True)

    def major(self, minor: int | None) -> str:
        """Minor units of the pack's currency, rounded to whole ones: for large sums."""
        if minor is None:
            return _MISSING
        amount = round(Decimal(minor).scaleb(-self._digits))
        return format_currency(
            amount, self._currency, "¤#,##0;-¤#,##0", locale=self._locale, currency_digits=False
        )

    def day(self, value: date | str | None) -> str | Markup:
        """A calendar day."""
        if value is None:
            return _MISSING
        found = date.fromisoformat(value[:10]) if isinstance(value, str) else value
        text = format_date(found, _DAY[self._language], locale=self._locale)
        return Markup('<time datetime="{}">{}</time>').format(found.isoformat(), text)

    def month_label(self, value: date, *, long: bool) -> str:
        """A label of an axis: the month where the axis is long, else the day."""
        return format_skeleton("yMMM" if long else "MMMd", _noon(value), locale=self._locale)

    def moment(self, value: int | str | datetime | None) -> str | Markup:
        """An instant (microseconds since 1970, RFC 3339 or a datetime) in the pack's zone; UTC as title."""
        if value is None:
            return _MISSING
        found = as_instant(value)
        utc = found.astimezone(UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
        return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
            found.astimezone(UTC).isoformat(), utc, self.clock(found)
        )

    def clock(self, value: int | str | datetime) -> str:
        """An instant as plain text, to the minute."""
        found = as_instant(value).astimezone(self.zone)
        return format_datetime(found, _CLOCK[self._language], locale=self._locale)

    def day_of(self, value: int | str | datetime) -> date:
        """The day of an instant in the pack's zone."""
        return as_instant(value).astimezone(self.zone).date()

    def ago(self, value: int | str | datetime, now: datetime) -> str:
        """How long an instant has been over, such as `3 minutes ago`; just past ones count as no time."""
        passed = min(timedelta(), as_instant(value) - now)
        return format_timedelta(passed, add_direction=True, locale=self._locale)


def as_instant(value: int | str | datetime) -> datetime:
    """An instant from microseconds since 1970, RFC 3339 text or a datetime with an offset."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, int):
        return _EPOCH + timedelta(microseconds=value)
    return datetime.fromisoformat(value)


def _noon(value: date) -> datetime:
    return datetime(value.year, value.month, value.day, 12, tzinfo=UTC)
