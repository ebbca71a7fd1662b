"""The shapes of charts over time, as numbers that a template draws: they are there before any script is.

Shapes lie in a square of `SIDE` by `SIDE` that the page stretches; labels are text beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from workers.console.pages.formats import Formats

SIDE = 1000
_LABELS_MAX = 6
#: A label that begins after this part of the axis would stand over its end; on a phone that is sooner.
_LAST, _LAST_NARROW = 0.93, 0.8
_ROUND = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Series:
    """One row of counts with its name and colour."""

    name: str
    color: str
    values: Sequence[int]

    @property
    def total(self) -> int:
        """The sum of the counts."""
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a part (0 to 1) of an axis; a `late` one has no room on a phone. `index`: of its day."""

    part: float
    text: str
    index: int = 0
    late: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart over days. `paths` has one SVG path a series, in their order."""

    kind: str
    days: Sequence[date]
    series: Sequence[Series]
    paths: Sequence[str]
    ticks: Sequence[Label]
    labels: Sequence[Label]

    def data(self) -> dict[str, object]:
        """What the script of interactive charts reads."""
        return {
            "kind": self.kind,
            "days": [day.isoformat() for day in self.days],
            "labels": [
                {"day": self.days[each.index].isoformat(), "text": each.text, "late": each.late}
                for each in self.labels
            ],
            "series": [
                {"name": each.name, "color": each.color, "values": list(each.values)} for each in self.series
            ],
        }


def areas(days: Sequence[date], series: Sequence[Series], formats: Formats) -> Chart:
    """Counts over time as stacked areas, the first at the bottom."""
    top, base, paths = _top(series), [0] * len(days), []
    steps = max(1, len(days) - 1)
    for each in series:
        upper = [low + value for low, value in zip(base, each.values, strict=True)]
        outline = [(index, value) for index, value in enumerate(upper)]
        outline += [(index, value) for index, value in reversed(list(enumerate(base)))]
        points = (f"{SIDE * index / steps:.1f} {_y(value, top):.1f}" for index, value in outline)
        paths.append(f"M{'L'.join(points)}Z")
        base = upper
    return Chart("areas", days, series, paths, _ticks(top, formats), _labels(days, steps, formats))


def bars(days: Sequence[date], series: Sequence[Series], formats: Formats) -> Chart:
    """Counts by day as stacked bars."""
    top, base, paths = _top(series), [0] * len(days), []
    width = SIDE / max(1, len(days))
    bar = width * (0.8 if len(days) < 120 else 1)
    for each in series:
        paths.append(
            "".join(
                f"M{index * width:.1f} {_y(low, top):.1f}h{bar:.1f}V{_y(low + value, top):.1f}h-{bar:.1f}z"
                for index, (low, value) in enumerate(zip(base, each.values, strict=True))
                if value
            )
        )
        base = [low + value for low, value in zip(base, each.values, strict=True)]
    return Chart("bars", days, series, paths, _ticks(top, formats), _labels(days, max(1, len(days)), formats))


def _top(series: Sequence[Series]) -> float:
    """The upper end of the scale: the next round number above the highest stack."""
    columns = zip(*(each.values for each in series), strict=True)
    highest = max((sum(column) for column in columns), default=0)
    unit = 10 ** max(0, len(str(highest)) - 1)
    return next(float(factor * unit) for factor in _ROUND if factor * unit >= highest)


def _y(value: float, top: float) -> float:
    return SIDE * (1 - value / top)


def _ticks(top: float, formats: Formats) -> list[Label]:
    return [Label(1 - tick / top, formats.compact(tick)) for tick in (top, top / 2, 0) if tick == int(tick)]


def _labels(days: Sequence[date], steps: int, formats: Formats) -> list[Label]:
    """Labels at the starts of months, or at days where there are few months, as many as have room."""
    if not days:
        return []
    starts = [index for index, day in enumerate(days) if index == 0 or day.month != days[index - 1].month]
    if len(starts) > 1 and starts[1] < len(days) / 12:
        starts = starts[1:]
    if len(starts) < 3:
        starts = list(range(len(days)))
    long = (days[-1] - days[0]).days > 60
    parts = [(index, index / steps) for index in starts[:: -(-len(starts) // _LABELS_MAX)]]
    return [
        Label(part, formats.month_label(days[index], long=long), index, part > _LAST_NARROW)
        for index, part in parts
        if part < _LAST
    ]
