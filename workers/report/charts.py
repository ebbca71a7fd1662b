"""Charts as inline SVG: shapes stretch with the page, labels are HTML and keep their size."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from rules.language.model import Dimension
from workers.report.html import Markup, element, join

#: The side of the square in which shapes are drawn before they are stretched.
SIDE = 1000.0
#: Colours that can be told apart by most eyes, on light and on dark ground; more categories repeat them.
PALETTE = (
    *("#4477c9", "#e0823d", "#4ea65a", "#c9577f", "#8d6cc2"),
    *("#b59b2b", "#3fa6b5", "#a8683f", "#7d8590", "#b95fb4"),
)
#: The ends of the ramp for ladders, lowest and highest category.
RAMP = ((0xB9, 0xD2, 0xF0), (0x2B, 0x5F, 0xB3))
#: A chart of flows with more than this many ribbons cannot be read.
RIBBONS_MAX = 24
#: Vertical room between two bars of a chart of flows, and the least height of a bar, in parts of SIDE.
_GAP, _BAR_MIN = 30.0, 6.0
#: Heights on the page: of a label of two lines, and for each bar of a chart of flows.
_LABEL_PX, _BAR_PX = 36, 48
_X_LABELS = 6
#: A label that begins after this part of the axis would stand over its end; on a phone that is sooner.
_X_LABEL_LAST, _X_LABEL_LAST_NARROW = 0.94, 0.8


@dataclass(frozen=True, slots=True)
class Series:
    """One row of numbers with its name and colour."""

    name: str
    color: str
    values: Sequence[int]


def colors(dimension: Dimension) -> dict[str, str]:
    """A colour for each category: a ramp for ladders, different ones otherwise."""
    ids = [category.id for category in dimension.categories]
    if dimension.kind == "first_match":
        return {each: PALETTE[index % len(PALETTE)] for index, each in enumerate(ids)}
    steps = max(1, len(ids) - 1)
    return {each: _mix(index / steps) for index, each in enumerate(ids)}


def area_chart(title: str, days: Sequence[date], step: str, series: Sequence[Series]) -> Markup:
    """Numbers over time, stacked: the first series lies at the bottom."""
    top = _top(series)
    base = [0.0] * len(days)
    shapes = []
    for each in series:
        upper = [low + value for low, value in zip(base, each.values, strict=True)]
        outline = [*_points(upper, top), *reversed(list(_points(base, top)))]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in outline) + "Z"
        shapes.append(element("path", element("title", each.name), d=path, fill=each.color))
        base = upper
    return _figure(title, days, step, series, shapes, top, "areas")


def bar_chart(title: str, days: Sequence[date], step: str, series: Sequence[Series]) -> Markup:
    """Numbers by step of time as stacked bars."""
    top = _top(series)
    width = SIDE / max(1, len(days))
    bar = width * (0.8 if len(days) < 120 else 1)
    base = [0.0] * len(days)
    shapes = []
    for each in series:
        path = "".join(
            f"M{index * width:.1f} {_y(low, top):.1f}h{bar:.1f}V{_y(low + value, top):.1f}h-{bar:.1f}z"
            for index, (low, value) in enumerate(zip(base, each.values, strict=True))
            if value
        )
        shapes.append(element("path", element("title", each.name), d=path, fill=each.color))
        base = [low + value for low, value in zip(base, each.values, strict=True)]
    return _figure(title, days, step, series, shapes, top, "bars")


def flow_chart(
    title: str, flows: Sequence[tuple[str, str, int]], names: dict[str, str], fills: dict[str, str]
) -> Markup:
    """Moves as ribbons from the categories on the left to those on the right, in the order of `names`."""
    shown = flows[:RIBBONS_MAX]
    left = _stack({each: sum(n for a, _, n in shown if a == each) for each in names})
    right = _stack({each: sum(n for _, b, n in shown if b == each) for each in names})
    order = list(names)
    shapes = [
        element("rect", x=x, y=f"{top:.1f}", width=12, height=f"{height:.1f}", fill=fills[each])
        for x, side in ((0, left), (SIDE - 12, right))
        for each, (top, height, _) in side.items()
    ]
    used_left, used_right = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for source, to, moves in sorted(shown, key=lambda flow: (order.index(flow[0]), order.index(flow[1]))):
        left_top, left_height, left_total = left[source]
        right_top, right_height, right_total = right[to]
        high, low = left_height * moves / left_total, right_height * moves / right_total
        a, b = left_top + used_left[source], right_top + used_right[to]
        used_left[source] += high
        used_right[to] += low
        label = f"{names[source]} → {names[to]}: {moves:,}"
        path = (
            f"M12 {a:.1f}C500 {a:.1f} 500 {b:.1f} 988 {b:.1f}"
            f"V{b + low:.1f}C500 {b + low:.1f} 500 {a + high:.1f} 12 {a + high:.1f}Z"
        )
        shapes.append(element("path", element("title", label), d=path, fill=fills[to], class_="ribbon"))
    height = _LABEL_PX + _BAR_PX * max(len(left), len(right))
    return element(
        "figure",
        element(
            "div",
            _flow_labels(left, names, height, "from"),
            _svg(title, shapes),
            _flow_labels(right, names, height, "to"),
            class_="flows",
            style=f"height:{height}px",
        ),
    )


def _mix(part: float) -> str:
    low, high = RAMP
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(low, high, strict=True))


def _top(series: Sequence[Series]) -> float:
    """The upper end of the scale: the next round number above the highest stack."""
    highest = max((sum(column) for column in zip(*(each.values for each in series), strict=True)), default=0)
    unit = 10 ** max(0, len(str(highest)) - 1)
    return next(
        float(factor * unit)
        for factor in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
        if factor * unit >= highest
    )


def _y(value: float, top: float) -> float:
    return SIDE * (1 - value / top)


def _points(values: Sequence[float], top: float) -> Iterator[tuple[float, float]]:
    if len(values) == 1:
        values = [values[0], values[0]]
    for index, value in enumerate(values):
        yield SIDE * index / (len(values) - 1), _y(value, top)


def _svg(title: str, shapes: Sequence[Markup]) -> Markup:
    return element(
        "svg",
        element("title", title),
        *shapes,
        viewBox=f"0 0 {SIDE:.0f} {SIDE:.0f}",
        preserveAspectRatio="none",
        role="img",
        aria_label=title,
    )


def _figure(
    title: str,
    days: Sequence[date],
    step: str,
    series: Sequence[Series],
    shapes: Sequence[Markup],
    top: float,
    kind: str,
) -> Markup:
    data = {
        "kind": kind,
        "days": [f"{step} of {day}" if step != "day" else str(day) for day in days],
        "series": [{"name": each.name, "color": each.color, "values": list(each.values)} for each in series],
    }
    script = Markup(json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"))
    ticks = [top, top / 2, 0]
    return element(
        "figure",
        element(
            "div",
            element(
                "div",
                *(
                    element("span", _tick(tick), style=f"top:{100 * (1 - tick / top):.1f}%")
                    for tick in ticks
                    if tick == int(tick)
                ),
                class_="y-axis",
            ),
            element("div", _svg(title, shapes), class_="plot"),
            element("div", *_day_labels(days, kind), class_="x-axis"),
            class_="chart",
        ),
        legend(series),
        element("script", script, type="application/json"),
    )


def legend(series: Sequence[Series]) -> Markup:
    """Names beside their colours, the topmost first."""
    return element(
        "ul",
        *(element("li", swatch(each.color), each.name) for each in reversed(series)),
        class_="legend",
    )


def swatch(color: str) -> Markup:
    """A small square of a colour."""
    return element("i", class_="swatch", style=f"background:{color}")


def _tick(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:,.0f}"


def _day_labels(days: Sequence[date], kind: str) -> Iterator[Markup]:
    """Labels at the starts of months, or at days where there are only few, as many as have room."""
    starts = [index for index, day in enumerate(days) if index == 0 or day.month != days[index - 1].month]
    if len(starts) > 1 and starts[1] < len(days) / 12:
        starts = starts[1:]
    if len(starts) < 3:
        starts = list(range(len(days)))
    every = -(-len(starts) // _X_LABELS)
    long = (days[-1] - days[0]).days > 60
    steps = max(1, len(days) - 1) if kind == "areas" else max(1, len(days))
    for index in starts[::every]:
        text = days[index].strftime("%b %Y") if long else days[index].strftime("%-d %b")
        part = index / steps
        if part < _X_LABEL_LAST:
            late = "late" if part > _X_LABEL_LAST_NARROW else None
            yield element("span", text, class_=late, style=f"left:{100 * part:.2f}%")


def _stack(totals: dict[str, int]) -> dict[str, tuple[float, float, int]]:
    """Bars above each other in proportion to the totals: top, height and total by name."""
    filled = {name: total for name, total in totals.items() if total}
    room = SIDE - _GAP * (len(filled) - 1) - _BAR_MIN * len(filled)
    scale = room / max(1, sum(filled.values()))
    stacked, top = {}, 0.0
    for name, total in filled.items():
        height = _BAR_MIN + total * scale
        stacked[name] = (top, height, total)
        top += height + _GAP
    return stacked


def _flow_labels(
    side: dict[str, tuple[float, float, int]], names: dict[str, str], height: int, kind: str
) -> Markup:
    """Names and totals beside the bars, moved apart where bars are too thin for them."""
    room = _LABEL_PX / height * SIDE
    places: list[float] = []
    for top, tall, _ in side.values():
        places.append(max(top + tall / 2, places[-1] + room if places else room / 2))
    end = SIDE - room / 2
    for index in reversed(range(len(places))):
        places[index] = min(places[index], end)
        end = places[index] - room
    return element(
        "div",
        *(
            element(
                "span",
                join(names[each], " ", element("b", f"{total:,}")),
                style=f"top:{place / SIDE * 100:.2f}%",
            )
            for (each, (_, _, total)), place in zip(side.items(), places, strict=True)
        ),
        class_=f"flow-labels {kind}",
    )
