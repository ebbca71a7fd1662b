"""The words of a case line, and its times."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from rules.calendar import (
    PERIOD_FIRST,
    PERIOD_LAST,
    calendar,
    date_from_period,
    format_instant,
    period_from_date,
)

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|->|[=,]|[^\s,="]+')
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:\d\d)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LineError(Exception):
    """What is wrong with a line, as a sentence."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line; `quoted` tells `"3"` from `3` and `"->"` from `->`."""

    text: str
    quoted: bool = False

    def is_sign(self, sign: str) -> bool:
        """Whether this is the unquoted sign or keyword."""
        return not self.quoted and self.text == sign


class Words:
    """The words of a line, taken from the left."""

    def __init__(self, words: list[Word]) -> None:
        self._words = words
        self._next = 0

    def __bool__(self) -> bool:
        return self._next < len(self._words)

    def peek(self, ahead: int = 0) -> Word | None:
        """The next word (or one further ahead) without taking it; None at the end."""
        index = self._next + ahead
        return self._words[index] if index < len(self._words) else None

    def take(self, what: str) -> Word:
        """Take the next word; raises LineError naming what is missing at the end of the line."""
        word = self.peek()
        if word is None:
            raise LineError(f"the line ends where {what} should follow")
        self._next += 1
        return word

    def take_sign(self, sign: str, where: str) -> None:
        """Take the sign; raises LineError if something else stands there."""
        word = self.take(f"`{sign}`")
        if not word.is_sign(sign):
            raise LineError(f"write `{sign}` {where} instead of `{word.text}`")

    def skip(self, sign: str) -> bool:
        """Take the sign if it is next."""
        word = self.peek()
        if word is not None and word.is_sign(sign):
            self._next += 1
            return True
        return False


def split_words(line: str) -> Words:
    """Split a line into words; a word that begins with `#` starts a comment."""
    words: list[Word] = []
    position = 0
    while position < len(line):
        if line[position].isspace():
            position += 1
            continue
        if line[position] == "#":
            break
        match = _WORD.match(line, position)
        if match is None:
            raise LineError("close the quote that begins with `" + line[position : position + 12] + "`")
        text = match.group()
        if text.startswith('"'):
            try:
                words.append(Word(json.loads(text), quoted=True))
            except ValueError:
                raise LineError(f'write {text} as a JSON string: escapes are \\" and \\\\') from None
        else:
            words.append(Word(text))
        position = match.end()
    return Words(words)


def read_date(word: Word) -> date:
    """A date `YYYY-MM-DD`; raises LineError for anything else and for dates that no event can have."""
    try:
        if _DATE.fullmatch(word.text):
            day = date.fromisoformat(word.text)
            if PERIOD_FIRST <= period_from_date(day) <= PERIOD_LAST:
                return day
    except ValueError:
        pass
    raise LineError(f"`{word.text}` is not a date from 1970 to 2199: write it as `2024-05-31`")


def read_time(words: Words, timezone: str) -> tuple[str, int | None]:
    """Take a date and, if one follows, a time; local to the zone unless it carries an offset.

    Returns RFC 3339 text and microseconds since the epoch, or the bare date and None where no time follows.
    """
    first = words.take("a date")
    day = read_date(Word(first.text[:10] if first.text[10:11] in ("T", "t") else first.text))
    if len(first.text) > len("2024-05-31"):
        clock = first.text[11:]
    else:
        following = words.peek()
        if following is None or following.quoted or not _TIME.fullmatch(following.text):
            return day.isoformat(), None
        clock = words.take("a time").text
    match = _TIME.fullmatch(clock)
    if match is None:
        raise LineError(f"`{clock}` is not a time: write it as `10:00`, `10:00:30.5` or `10:00Z`")
    time_text, offset = match.groups()
    if time_text.count(":") == 1:
        time_text += ":00"
    text = f"{day.isoformat()}T{time_text}"
    try:
        moment = datetime.fromisoformat(text + offset) if offset else _localize(text, timezone)
    except ValueError:
        raise LineError(f"`{text}` is not a time of a day") from None
    if not offset:
        gap = moment.utcoffset() or timedelta()
        # RFC 3339 has no offsets with seconds, which old local times had.
        written = moment if gap.total_seconds() % 60 == 0 else moment.astimezone(UTC)
        text = written.isoformat()
    return text + (offset or ""), (moment - _EPOCH) // timedelta(microseconds=1)


def _localize(text: str, timezone: str) -> datetime:
    """The local time as an instant; raises LineError where the clock was turned over it."""
    zone = ZoneInfo(timezone)
    local = datetime.fromisoformat(text).replace(tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise LineError(f"`{text}` does not exist in {timezone}: the clock was turned forward over it")
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        raise LineError(f"`{text}` comes twice in {timezone}: add the offset, as in `01:30-04:00`")
    return local


def show_time(instant: str, timezone: str) -> str:
    """A published instant as a case would write it: the date alone where a day begins, else local time."""
    moment = datetime.fromisoformat(instant)
    instant_us = (moment - _EPOCH) // timedelta(microseconds=1)
    days = calendar(timezone)
    period = days.period_of(instant_us)
    if days.start_us(period) == instant_us:
        return date_from_period(period).isoformat()
    local = moment.astimezone(ZoneInfo(timezone))
    text = local.replace(tzinfo=None).isoformat(sep=" ").removesuffix(":00")
    try:
        _localize(local.replace(tzinfo=None).isoformat(), timezone)
    except LineError:
        return format_instant(instant_us)
    return text
