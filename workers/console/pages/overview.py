"""The overview: who is where, how that became, and how fresh it is."""

from __future__ import annotations

from datetime import date, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from workers.console.context import Reading, Visit, Visiting, render
from workers.console.pages.asked import first, known_dimension, parameters_of
from workers.console.pages.charts import Chart, Series, areas, bars
from workers.console.pages.terms import CAUSES, in_language
from workers.sql.queries.shapes import Freshness, Timeline
from workers.sql.queries.whole import (
    changes_by_day,
    distribution_over_time,
    freshness,
    overview,
    period_of_all,
)

router = APIRouter(include_in_schema=False)

_SPANS = {"30": 30, "90": 90, "365": 365, "all": 36_500}
_CAUSE_COLORS = {
    "event": "#4477aa",
    "time": "#ccbb44",
    "override": "#aa3377",
    "rules": "#228833",
    "merge": "#66ccee",
}
#: More days than this are shown by week.
_DAYS_MAX = 400


@router.get("/")
def show(request: Request, visit: Visiting, connection: Reading) -> Response:
    """The page."""
    parameters, state = parameters_of(request), visit.state
    dimension = known_dimension(state.pack, first(parameters, "dimension"))
    span = first(parameters, "span")
    span = span if span in _SPANS else "365"
    fresh = freshness(connection)
    days = _days(visit, fresh, period_of_all(connection), _SPANS[span])
    timeline = by_cause = None
    if days is not None:
        start, end = days
        step = "week" if (date.fromisoformat(end) - date.fromisoformat(start)).days > _DAYS_MAX else "day"
        line = state.kept(
            connection,
            ("timeline", dimension, start, end),
            lambda: distribution_over_time(
                connection, dimension, start, end, "week" if step == "week" else "day"
            ),
        )
        timeline = _areas(visit, dimension, line)
        by_cause = _bars(visit, changes_by_day(connection, start, end))
    spans = [(value, _span_text(visit, value)) for value in _SPANS]
    return render(
        request,
        visit,
        "overview.html",
        overview=state.kept(connection, ("overview",), lambda: overview(connection)),
        freshness=fresh,
        dimension=dimension,
        span=span,
        spans=spans,
        timeline=timeline,
        by_cause=by_cause,
    )


def _span_text(visit: Visit, span: str) -> str:
    if span == "all":
        return visit.say("all time")
    return visit.say("the last %(days)s days", days=span)


def _days(
    visit: Visit, fresh: Freshness, all_days: tuple[str, str] | None, span: int
) -> tuple[str, str] | None:
    """From which day to which: up to the latest that is known, and not from before the first."""
    if all_days is None:
        return None
    end = date.fromisoformat(all_days[1])
    if fresh.watermark_us is not None:
        end = max(end, visit.state.pages.formats[visit.language].day_of(fresh.watermark_us))
    start = max(date.fromisoformat(all_days[0]), end - timedelta(days=span - 1))
    return start.isoformat(), end.isoformat()


def _areas(visit: Visit, dimension: str, line: Timeline) -> Chart | None:
    names, formats = visit.state.pages.names, visit.state.pages.formats[visit.language]
    found = names.find_dimension(dimension)
    known = [each.id for each in found.categories] if found else []
    order = [*known, *sorted(set(line.series) - set(known))]
    series = [
        Series(names.category(dimension, each), names.color(dimension, each), line.series[each])
        for each in order
        if each in line.series
    ]
    return areas(_dates(line), series, formats) if any(each.total for each in series) else None


def _bars(visit: Visit, line: Timeline) -> Chart | None:
    words = in_language(CAUSES, visit.language)
    series = [
        Series(words.get(cause, cause), _CAUSE_COLORS.get(cause, "#7d8590"), line.series[cause])
        for cause in sorted(line.series, key=lambda each: list(CAUSES).index(each) if each in CAUSES else 99)
    ]
    return bars(_dates(line), series, visit.state.pages.formats[visit.language]) if series else None


def _dates(line: Timeline) -> list[date]:
    return [date.fromisoformat(day) for day in line.days]
