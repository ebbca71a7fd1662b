"""Aggregate metrics at a period: the value, and the earliest period at which it could differ."""

from __future__ import annotations

import numpy as np

from rules.calendar import PERIOD_FIRST
from rules.engine import layout as at
from rules.engine.kernel.arrays import NOW_PERIOD, NOW_STAMP, I64, State, Work
from rules.engine.kernel.facts import lower_bound
from rules.engine.kernel.slabs import slab_offset, slab_used
from rules.engine.plan import MONEY_SCALE, PlanArrays
from rules.jit import inlined

_ABSENT = np.int64(at.ABSENT)
_NAN_BITS = np.float64(np.nan).view(np.int64)
#: How many entries of a ring a comparison looks ahead for its next flip before it settles for a bound. By
#: feel: past it, evaluating once too often costs less than looking on.
_LOOK_AHEAD = 16


@inlined
def number(bits: int) -> float:
    """The double with these bits."""
    return np.int64(bits).view(np.float64)


@inlined
def bits(value: float) -> int:
    """A double's bits; every double that is not finite is missing (S6.3) and becomes one and the same NaN."""
    if np.isfinite(value):
        return np.float64(value).view(np.int64)
    return _NAN_BITS


@inlined
def limited(value: int) -> int:
    """An integer or money result, missing beyond the limit of S6.3."""
    if value > at.LIMIT or value < -at.LIMIT:
        return _ABSENT
    return value


@inlined
def calendar_start(plan: PlanArrays, unit: int, period: int) -> int:
    """The first period of the calendar month (0), quarter (1) or year (2) that holds the period."""
    return np.int64(plan.months[period - PERIOD_FIRST, unit])


@inlined
def next_start(plan: PlanArrays, unit: int, period: int) -> int:
    """The first period of the next month, quarter or year."""
    begin = calendar_start(plan, unit, period)
    ahead = 31 if unit == 0 else (92 if unit == 1 else 366)
    return calendar_start(plan, unit, begin + ahead)


@inlined
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


@inlined
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


@inlined
def window_sum(plan: PlanArrays, state: State, work: Work, row: I64, view: int, column: int) -> int:
    """The sum of a cumulative column over the entries inside the window."""
    look(plan, state, work, row, view)
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


@inlined
def window_until(plan: PlanArrays, state: State, work: Work, row: I64, view: int) -> int:
    """The earliest period at which the window's contents differ if nothing is added."""
    look(plan, state, work, row, view)
    ring = plan.views[view, 0]
    slab = row[plan.rings[ring, 0]]
    low = work.view_low[view]
    if slab == 0 or low >= slab_used(slab):
        return np.int64(at.NEVER)
    window = plan.views[view, 1]
    if window == at.WINDOW_DAYS:
        return state.pool[slab_offset(slab) + low * plan.rings[ring, 1]] + plan.views[view, 2]
    return next_start(plan, (window - 1) >> 1, work.now[NOW_PERIOD])


@inlined
def window_extreme(
    plan: PlanArrays, state: State, work: Work, row: I64, view: int, column: int, largest: bool
) -> int:
    """The smallest or largest value of a column inside the window, missing if there is none."""
    look(plan, state, work, row, view)
    ring = plan.views[view, 0]
    words = plan.rings[ring, 1]
    place = slab_offset(row[plan.rings[ring, 0]]) + column
    found = _ABSENT
    for entry in range(work.view_low[view], work.view_high[view]):
        value = state.pool[place + entry * words]
        if value != _ABSENT and (found == _ABSENT or (value > found if largest else value < found)):
            found = value
    return found


@inlined
def average(plan: PlanArrays, metric: int, total: int, count: int) -> int:
    """Sum over count as S6.3 divides them; missing without facts or with a sum beyond the limit."""
    if count == 0 or total > at.LIMIT or total < -at.LIMIT:
        return _NAN_BITS
    value = np.float64(total)
    if plan.metrics[metric, 6] == 1:
        value = value / np.float64(plan.scalars[MONEY_SCALE])
    return bits(value / np.float64(count))


@inlined
def compute(plan: PlanArrays, state: State, work: Work, row: I64, metric: int) -> None:
    """Make an aggregate metric's value and horizon known to the evaluation that goes on."""
    if work.stamps[metric] == work.now[NOW_STAMP]:
        return
    work.stamps[metric] = work.now[NOW_STAMP]
    how, a, b = plan.metrics[metric, 0], plan.metrics[metric, 1], plan.metrics[metric, 2]
    c, d = plan.metrics[metric, 3], plan.metrics[metric, 4]
    until = np.int64(at.NEVER)
    value = _ABSENT
    if how == at.METRIC_WINDOW:
        value = window_sum(plan, state, work, row, a, b)
        until = window_until(plan, state, work, row, a)
        if c >= 0:
            value -= window_sum(plan, state, work, row, c, d)
            until = min(until, window_until(plan, state, work, row, c))
        value = limited(value)
    elif how == at.METRIC_CELL:
        value = row[a]
        if value != _ABSENT:
            value = limited(value - row[b] if b >= 0 else value)
    elif how == at.METRIC_SINCE:
        if row[a] != _ABSENT:
            value = work.now[NOW_PERIOD] - row[a]
            until = work.now[NOW_PERIOD] + 1
    elif how == at.METRIC_CELL_AVG:
        value = average(plan, metric, row[a], row[b])
    elif how == at.METRIC_WINDOW_AVG:
        total = window_sum(plan, state, work, row, a, b)
        value = average(plan, metric, total, window_sum(plan, state, work, row, a, c))
        until = window_until(plan, state, work, row, a)
    else:
        value = window_extreme(plan, state, work, row, a, b, how == at.METRIC_WINDOW_MAX)
        until = window_until(plan, state, work, row, a)
    work.values[metric] = value
    work.horizons[metric] = until


@inlined
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


@inlined
def days_flip(op: int, value: int, constant: int, period: int) -> int:
    """The next period at which a count that grows by one a day compares differently with a constant."""
    if op in (at.GE, at.LT):
        return period + (constant - value) if value < constant else np.int64(at.NEVER)
    if op in (at.GT, at.LE):
        return period + (constant - value) + 1 if value <= constant else np.int64(at.NEVER)
    if value == constant:
        return period + 1
    return period + (constant - value) if value < constant else np.int64(at.NEVER)


@inlined
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
