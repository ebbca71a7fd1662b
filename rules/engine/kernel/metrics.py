"""Aggregate metrics at a period: the value, and the earliest period at which it could differ."""

from __future__ import annotations

import numpy as np

from rules.calendar import PERIOD_TABLE_FIRST
from rules.engine import layout as at
from rules.engine.kernel.arrays import I64, NOW_PERIOD, NOW_STAMP, State, Work
from rules.engine.kernel.facts import lower_bound
from rules.engine.kernel.slabs import slab_offset, slab_used
from rules.engine.plan_arrays import MONEY_SCALE, PlanArrays
from rules.jit import lean

_ABSENT = np.int64(at.ABSENT)
_NAN_BITS = np.float64(np.nan).view(np.int64)
#: How many entries of a ring a comparison looks ahead for its next flip before it settles for a bound. By
#: feel: past it, evaluating once too often costs less than looking on.
_LOOK_AHEAD = 16


@lean
def number(bits: int) -> float:
    """The double with these bits."""
    return np.int64(bits).view(np.float64)


@lean
def bits(value: float) -> int:
    """A double's bits; every double that is not finite is missing (S6.3) and becomes one and the same NaN."""
    if np.isfinite(value):
        return np.float64(value).view(np.int64)
    return _NAN_BITS


@lean
def limited(value: int) -> int:
    """An integer or money result, missing beyond the limit of S6.3."""
    if value > at.LIMIT or value < -at.LIMIT:
        return _ABSENT
    return value


@lean
def wrapped(high: int) -> bool:
    """Whether a sum whose high parts add up to this is beyond the limit, and may have wrapped."""
    return high > at.HIGH_LIMIT or high < -at.HIGH_LIMIT


@lean
def calendar_start(plan: PlanArrays, unit: int, period: int) -> int:
    """The first period of the calendar month (0), quarter (1) or year (2) that holds the period."""
    return np.int64(plan.months[period - PERIOD_TABLE_FIRST, unit])


@lean
def next_start(plan: PlanArrays, unit: int, period: int) -> int:
    """The first period of the next month, quarter or year."""
    begin = calendar_start(plan, unit, period)
    ahead = 31 if unit == 0 else (92 if unit == 1 else 366)
    return calendar_start(plan, unit, begin + ahead)


@lean
def window_start(plan: PlanArrays, view: int, period: int) -> int:
    """The first period inside a view's window."""
    window = plan.views[view, 1]
    if window == at.WINDOW_DAYS:
        return period - plan.views[view, 2] + 1
    unit = (window - 1) >> 1
    begin = calendar_start(plan, unit, period)
    if (window - 1) & 1:
        return calendar_start(plan, unit, begin - 1)
    return begin


@lean
def look(plan: PlanArrays, state: State, work: Work, row: I64, view: int) -> None:
    """Find the entries inside a view's window: `view_low` to `view_high` (exclusive), once an evaluation."""
    if work.view_stamps[view] == work.now[NOW_STAMP]:
        return
    work.view_stamps[view] = work.now[NOW_STAMP]
    ring = plan.views[view, 0]
    slab = row[plan.rings[ring, 0]]
    if slab == 0:
        work.view_low[view] = 0
        work.view_high[view] = 0
        return
    words = plan.rings[ring, 1]
    offset, used = slab_offset(slab), slab_used(slab)
    period = work.now[NOW_PERIOD]
    window = plan.views[view, 1]
    work.view_low[view] = lower_bound(state.pool, offset, used, words, window_start(plan, view, period))
    work.view_high[view] = used
    if window != at.WINDOW_DAYS and (window - 1) & 1:
        end = calendar_start(plan, (window - 1) >> 1, period)
        work.view_high[view] = lower_bound(state.pool, offset, used, words, end)


@lean
def window_sum(plan: PlanArrays, state: State, work: Work, row: I64, view: int, column: int) -> int:
    """The sum of a cumulative column over the entries inside a window that was looked at."""
    low, high = work.view_low[view], work.view_high[view]
    if high <= low:
        return np.int64(0)
    ring = plan.views[view, 0]
    words = plan.rings[ring, 1]
    place = slab_offset(row[plan.rings[ring, 0]]) + column
    total = state.pool[place + (high - 1) * words]
    if low > 0:
        total -= state.pool[place + (low - 1) * words]
    return total


@lean
def window_until(plan: PlanArrays, state: State, work: Work, row: I64, view: int) -> int:
    """The earliest period at which the contents of a window that was looked at differ if nothing is added."""
    ring = plan.views[view, 0]
    slab = row[plan.rings[ring, 0]]
    low = work.view_low[view]
    if slab == 0 or low >= slab_used(slab):
        return np.int64(at.NEVER)
    window = plan.views[view, 1]
    if window == at.WINDOW_DAYS:
        return state.pool[slab_offset(slab) + low * plan.rings[ring, 1]] + plan.views[view, 2]
    return next_start(plan, (window - 1) >> 1, work.now[NOW_PERIOD])


@lean
def window_extreme(
    plan: PlanArrays, state: State, work: Work, row: I64, view: int, column: int, largest: bool
) -> int:
    """The smallest or largest value inside a window that was looked at, missing if there is none."""
    ring = plan.views[view, 0]
    words = plan.rings[ring, 1]
    place = slab_offset(row[plan.rings[ring, 0]]) + column
    found = _ABSENT
    for entry in range(work.view_low[view], work.view_high[view]):
        value = state.pool[place + entry * words]
        if value != _ABSENT and (found == _ABSENT or (value > found if largest else value < found)):
            found = value
    return found


@lean
def average(plan: PlanArrays, metric: int, total: int, count: int) -> int:
    """Sum over count as S6.3 divides them; missing without facts or with a sum beyond the limit."""
    if count == 0 or total > at.LIMIT or total < -at.LIMIT:
        return _NAN_BITS
    value = np.float64(total)
    if plan.metrics[metric, 6] == 1:
        value = value / np.float64(plan.scalars[MONEY_SCALE])
    return bits(value / np.float64(count))


@lean
def compute(plan: PlanArrays, state: State, work: Work, row: I64, metric: int) -> None:
    """Make an aggregate metric's value and horizon known to the evaluation that goes on."""
    work.stamps[metric] = work.now[NOW_STAMP]
    how, a, b = plan.metrics[metric, 0], plan.metrics[metric, 1], plan.metrics[metric, 2]
    until = np.int64(at.NEVER)
    value = _ABSENT
    if how <= at.METRIC_WINDOW_MAX:
        value, until = _windowed(plan, state, work, row, metric, how, a, b)
    elif how == at.METRIC_CELL:
        value = row[a]
        if value != _ABSENT:
            value = limited(value - row[b] if b >= 0 else value)
        if plan.metrics[metric, 8] == 1 and wrapped(row[a + 1] - row[b + 1] if b >= 0 else row[a + 1]):
            value = _ABSENT
    elif how == at.METRIC_SINCE:
        if row[a] != _ABSENT:
            value = work.now[NOW_PERIOD] - row[a]
            until = work.now[NOW_PERIOD] + 1
    else:
        value = average(plan, metric, row[a], row[b])
        if plan.metrics[metric, 8] == 1 and wrapped(row[a + 1]):
            value = _NAN_BITS
    work.values[metric] = value
    work.horizons[metric] = until


@lean
def _windowed(
    plan: PlanArrays, state: State, work: Work, row: I64, metric: int, how: int, view: int, column: int
) -> tuple[int, int]:
    """A metric that looks through a window: its value, and how long it lasts."""
    other = plan.metrics[metric, 3] if how == at.METRIC_WINDOW else np.int64(-1)
    until = np.int64(at.NEVER)
    value, high = np.int64(0), np.int64(0)
    guarded = plan.metrics[metric, 8] == 1
    here = view
    for turn in range(2):  # the second one for what is subtracted, so that there is one copy of the code
        look(plan, state, work, row, here)
        until = min(until, window_until(plan, state, work, row, here))
        if how > at.METRIC_WINDOW_AVG:
            return window_extreme(plan, state, work, row, view, column, how == at.METRIC_WINDOW_MAX), until
        total = window_sum(plan, state, work, row, here, column)
        if guarded:
            part = window_sum(plan, state, work, row, here, column + 1)
            high = part if turn == 0 else high - part
        if how == at.METRIC_WINDOW_AVG:
            if wrapped(high):
                return _NAN_BITS, until
            count = window_sum(plan, state, work, row, here, plan.metrics[metric, 3])
            return average(plan, metric, total, count), until
        value = total if turn == 0 else value - total
        if other < 0:
            break
        here = other
        column = plan.metrics[metric, 4]
    return _ABSENT if wrapped(high) else limited(value), until


@lean
def compare(op: int, left: int, right: int) -> bool:
    """One comparison of integers."""
    if op == at.GE:
        return left >= right
    if op == at.LT:
        return left < right
    if op == at.GT:
        return left > right
    if op == at.LE:
        return left <= right
    if op == at.EQ:
        return left == right
    return left != right


@lean
def days_flip(op: int, value: int, constant: int, period: int) -> int:
    """The next period at which a count that grows by one a day compares differently with a constant."""
    if op in (at.GE, at.LT):
        return period + (constant - value) if value < constant else np.int64(at.NEVER)
    if op in (at.GT, at.LE):
        return period + (constant - value) + 1 if value <= constant else np.int64(at.NEVER)
    if value == constant:
        return period + 1
    return period + (constant - value) if value < constant else np.int64(at.NEVER)


@lean
def window_flip(
    plan: PlanArrays, state: State, work: Work, row: I64, metric: int, op: int, constant: int
) -> int:
    """The next period at which a window's sum compares differently with a constant, or a period before it.

    Walks the entries in the order in which they leave the window.
    """
    view, column = plan.metrics[metric, 1], plan.metrics[metric, 2]
    ring, days = plan.views[view, 0], plan.views[view, 2]
    low, high = work.view_low[view], work.view_high[view]
    if high <= low:
        return np.int64(at.NEVER)
    words = plan.rings[ring, 1]
    offset = slab_offset(row[plan.rings[ring, 0]])
    total = state.pool[offset + (high - 1) * words + column]
    value = work.values[metric]
    truth = value != _ABSENT and compare(op, value, constant)
    for entry in range(low, min(high, low + _LOOK_AHEAD)):
        left = total - state.pool[offset + entry * words + column]
        inside = -at.LIMIT <= left <= at.LIMIT
        if (inside and compare(op, left, constant)) != truth:
            return state.pool[offset + entry * words] + days
    if high > low + _LOOK_AHEAD:
        return state.pool[offset + (low + _LOOK_AHEAD) * words] + days
    return np.int64(at.NEVER)
