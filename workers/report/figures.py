"""The figures of a replay's output: who is where, how it came about, what is due, what was refused."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import polars as pl

from rules.language.model import Dimension, Pack
from workers.history import last_changes

CAUSES = ("event", "time", "override", "rules", "merge")

#: A chart has at most about this many steps; longer histories are shown by week or month.
STEPS_MAX = 400
_STEPS = ((1, "day"), (7, "week"), (30, "month"))

#: What a move is to the charts: when, in which dimension, from where, to where, and why.
_FIELDS: dict[str, pl.DataType] = {
    "dimension": pl.String(),
    "from": pl.String(),
    "to": pl.String(),
    "cause": pl.String(),
    "effective_at": pl.String(),
}


@dataclass(frozen=True, slots=True)
class DimensionFigures:
    """One dimension. Lists by category follow `Timeline.days`; flows are (from, to, moves), most first.

    `first` counts first categories; `pending` are (from, to, due, customers) by due date.
    """

    dimension: Dimension
    now: dict[str, int]
    over_time: dict[str, list[int]]
    flows: tuple[tuple[str, str, int], ...]
    first: dict[str, int]
    pending: tuple[tuple[str, str, date, int], ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The steps of the charts: the first day of each, how many days one has, and its name."""

    days: tuple[date, ...]
    step_days: int
    step: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that tables and charts show.

    `by_cause` counts moves, without first categories; its lists follow `timeline.days`.
    """

    pack: Pack
    summary: dict[str, Any]
    timeline: Timeline
    by_cause: dict[str, list[int]]
    dimensions: tuple[DimensionFigures, ...]
    dead_letters: tuple[dict[str, Any], ...]
    last_changes: tuple[dict[str, Any], ...]


def read_figures(out: Path, pack: Pack, *, last: int = 20, letters: int = 20) -> Figures:
    """Sum up a replay's output folder under the pack that made it.

    Reads the history once, a few fields of each change, without holding it in memory. Days are days of the
    pack's time zone. `last` and `letters`: how many changes and dead letters to keep as they are.
    """
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    moves = _moves(out / "changes.ndjson", pack.timezone)
    gone = _gone(out, pack.timezone)
    timeline = _timeline(moves, summary["until"])
    customers = pl.scan_parquet(out / "customers.parquet")
    with (out / "dead-letters.ndjson").open(encoding="utf-8") as file:
        dead_letters = tuple(json.loads(line) for line in islice(file, letters))
    return Figures(
        pack=pack,
        summary=summary,
        timeline=timeline,
        by_cause=_by_cause(moves, timeline),
        dimensions=tuple(_dimension(each, moves, gone, timeline, customers) for each in pack.dimensions),
        dead_letters=dead_letters,
        last_changes=tuple(last_changes(out / "changes.ndjson", last)),
    )


def _moves(file: Path, timezone: str) -> pl.DataFrame:
    """How many moves of each sort there were: day, dimension, from, to, cause, len."""
    groups = ["day", "dimension", "from", "to", "cause"]
    if file.stat().st_size == 0:
        return pl.DataFrame(schema={"day": pl.Date, **dict.fromkeys(groups[1:], pl.String), "len": pl.UInt32})
    changes = pl.scan_ndjson(file, schema=_FIELDS)
    return changes.with_columns(day=_local_day(timezone)).group_by(groups).len().collect(engine="streaming")


def _local_day(timezone: str) -> pl.Expr:
    instant = pl.col("effective_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us")
    return instant.dt.replace_time_zone("UTC").dt.convert_time_zone(timezone).dt.date()


def _gone(out: Path, timezone: str) -> pl.DataFrame:
    """Erased customers by the categories they had: day, dimension, to, len."""
    schema = {"day": pl.Date, "dimension": pl.String, "to": pl.String, "len": pl.UInt32}
    file = out / "erased.ndjson"
    if not file.exists() or file.stat().st_size == 0:
        return pl.DataFrame(schema=schema)
    life = {"customer_id": pl.String(), "life": pl.Int64()}
    erased = pl.scan_ndjson(file, schema={**life, "effective_at": pl.String()})
    changes = pl.scan_ndjson(
        out / "changes.ndjson",
        schema={**life, "dimension": pl.String(), "sequence": pl.Int64(), "to": pl.String()},
    )
    last = (
        changes.join(erased.select(list(life)), on=list(life), how="semi")
        .group_by(*life, "dimension")
        .agg(pl.col("to").sort_by("sequence").last())
    )
    return (
        last.join(erased.with_columns(day=_local_day(timezone)), on=list(life))
        .group_by("day", "dimension", "to")
        .len()
        .collect(engine="streaming")
    )


def _timeline(moves: pl.DataFrame, until: str | None) -> Timeline:
    if moves.is_empty():
        return Timeline((), 1, "day")
    first, end = moves.select(first=pl.col("day").min(), end=pl.col("day").max()).row(0)
    end = end if until is None else max(end, date.fromisoformat(until))
    span = (end - first).days + 1
    days, name = next((step for step in _STEPS if span <= STEPS_MAX * step[0]), _STEPS[-1])
    steps = (first + timedelta(days=offset) for offset in range(0, span, days))
    return Timeline(tuple(steps), days, name)


def _spread(rows: list[tuple[date, int]], timeline: Timeline) -> list[int]:
    """Numbers by day summed into the steps of the timeline; what comes after its end is left out."""
    sums = [0] * len(timeline.days)
    for day, number in rows:
        step = (day - timeline.days[0]).days // timeline.step_days
        if step < len(sums):
            sums[step] += number
    return sums


def _by_cause(moves: pl.DataFrame, timeline: Timeline) -> dict[str, list[int]]:
    later = moves.filter(pl.col("from").is_not_null())
    found = {
        cause: _spread(later.filter(pl.col("cause") == cause).select("day", "len").rows(), timeline)
        for cause in CAUSES
    }
    return {cause: numbers for cause, numbers in found.items() if any(numbers)}


def _dimension(
    dimension: Dimension,
    all_moves: pl.DataFrame,
    all_gone: pl.DataFrame,
    timeline: Timeline,
    customers: pl.LazyFrame,
) -> DimensionFigures:
    moves = all_moves.filter(pl.col("dimension") == dimension.id)
    gone = all_gone.filter(pl.col("dimension") == dimension.id)
    now = dict(customers.group_by(dimension.id).len().collect(engine="streaming").rows())
    flows: Counter[tuple[str, str]] = Counter()
    first: Counter[str] = Counter()
    for source, to, number in moves.select("from", "to", "len").iter_rows():
        if source is None:
            first[to] += number
        else:
            flows[source, to] += number
    ids = [category.id for category in dimension.categories]
    return DimensionFigures(
        dimension=dimension,
        now={each: now.get(each, 0) for each in ids},
        over_time={each: _level(each, moves, gone, timeline) for each in ids},
        flows=tuple((source, to, number) for (source, to), number in flows.most_common()),
        first={each: first[each] for each in ids if first[each]},
        pending=_pending(dimension.id, customers),
    )


def _level(category: str, moves: pl.DataFrame, gone: pl.DataFrame, timeline: Timeline) -> list[int]:
    """How many customers are in a category at the end of each step."""
    came = _spread(moves.filter(pl.col("to") == category).select("day", "len").rows(), timeline)
    left = _spread(moves.filter(pl.col("from") == category).select("day", "len").rows(), timeline)
    ended = _spread(gone.filter(pl.col("to") == category).select("day", "len").rows(), timeline)
    return list(accumulate(a - b - c for a, b, c in zip(came, left, ended, strict=True)))


def _pending(dimension: str, customers: pl.LazyFrame) -> tuple[tuple[str, str, date, int], ...]:
    to, until = f"{dimension}.pending_to", f"{dimension}.pending_until"
    waiting = customers.filter(pl.col(to).is_not_null()).group_by(dimension, to, until).len()
    return tuple(waiting.sort(until, dimension, to).collect(engine="streaming").rows())
