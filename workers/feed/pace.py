"""How fast events are sent: so many a second, or so much of the log's time in a second of ours."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workers.cli.errors import UserError

_TIME = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(s|m|h|d)/s")
_EVENTS = re.compile(r"([0-9]{1,9})/s")
_UNIT_US = {"s": 10**6, "m": 60 * 10**6, "h": 3_600 * 10**6, "d": 86_400 * 10**6}


@dataclass(frozen=True, slots=True)
class Pace:
    """One of both, or none: as fast as it goes."""

    log_us_per_s: float | None = None
    events_per_s: float | None = None


AS_FAST_AS_IT_GOES = Pace()


def read_pace(text: str) -> Pace:
    """The pace that `5d/s`, `12h/s`, `1000/s` or `max` means. Raises UserError."""
    if text == "max":
        return AS_FAST_AS_IT_GOES
    time, events = _TIME.fullmatch(text), _EVENTS.fullmatch(text)
    if time is not None and float(time[1]):
        return Pace(log_us_per_s=float(time[1]) * _UNIT_US[time[2]])
    if events is not None and int(events[1]):
        return Pace(events_per_s=int(events[1]))
    raise UserError(
        f"`--pace {text}` is no pace: write `5d/s` for five days of events a second, `1000/s` for so many "
        "events, or `max`"
    )
