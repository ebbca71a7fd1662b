"""Aggregate metrics at a period: the value, and the earliest period at which it could differ."""

from __future__ import annotations

import numpy as np

from rules.calendar import PERIOD_TABLE_FIRST
from rules.engine import layout as at
from rules.engine.kernel.arrays import I64
from rules.engine.kernel.facts import lower_bound
from rules.engine.kernel.slabs import slab_offset, slab_used
from rules.engine.plan_arrays import (
    METRIC_A,
    METRIC_B,
    METRIC_C,
    METRIC_D,
    METRIC_GUARDED,
    METRIC_HOW,
    METRIC_MONEY,
    METRIC_ROW,
    METRIC_ROWS,
    MONEY_SCALE,
    MONTH_ROW,
    MONTHS,
    RING_ENTRY,
    RING_ROW,
    RING_WORD,
    RINGS,
    VIEW_DAYS,
    VIEW_RING,
    VIEW_ROW,
    VIEW_WINDOW,
    VIEWS,
    VIEWS_AT,
)
from rules.jit import called, lean

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
def calendar_start(plan: I64, unit: int, period: int) -> int:
    """The first period of the calendar month (0), quarter (1) or year (2) that holds the period."""
    return plan[plan[MONTHS] + MONTH_ROW * (period - PERIOD_TABLE_FIRST) + unit]


@lean
def next_start(plan: I64, unit: int, period: int) -> int:
    """The first period of the next month, quarter or year."""
    begin = calendar_start(plan, unit, period)
    ahead = 31 if unit == 0 else (92 if unit == 1 else 366)
    return calendar_start(plan, unit, begin + ahead)


@lean
def _look(plan: I64, pool: I64, work: I64, row: I64, v: int, seen: int) -> None:
    """Find the entries inside a window, once an evaluation: from VIEW_LOW to VIEW_HIGH (exclusive).

    `v` is where the view's row of the plan begins, `seen` where its words of the scratch do.
    """
    if work[seen + at.VIEW_STAMP] == work[at.NOW_STAMP]:
        return
    work[seen + at.VIEW_STAMP] = work[at.NOW_STAMP]
    r = plan[RINGS] + RING_ROW * plan[v + VIEW_RING]
    slab, words = row[plan[r + RING_WORD]], plan[r + RING_ENTRY]
    offset, used = slab_offset(slab), slab_used(slab)
    period, window = work[at.NOW_PERIOD], plan[v + VIEW_WINDOW]
    end = np.int64(at.NEVER)
    if window == at.WINDOW_DAYS:
        begin = period - plan[v + VIEW_DAYS] + 1
    else:
        unit = (window - 1) >> 1
        begin = calendar_start(plan, unit, period)
        if (window - 1) & 1:
            end = begin
            begin = calendar_start(plan, unit, begin - 1)
    if slab == 0:
        used = np.int64(0)
    work[seen + at.VIEW_LOW] = lower_bound(pool, offset, used, words, begin)
    if end != at.NEVER:
        used = lower_bound(pool, offset, used, words, end)
    work[seen + at.VIEW_HIGH] = used


@lean
def _window_until(plan: I64, pool: I64, work: I64, row: I64, v: int, seen: int) -> int:
    """The earliest period at which the contents of a window that was looked at differ if nothing is added."""
    r = plan[RINGS] + RING_ROW * plan[v + VIEW_RING]
    slab = row[plan[r + RING_WORD]]
    low = work[seen + at.VIEW_LOW]
    if slab == 0 or low >= slab_used(slab):
        return np.int64(at.NEVER)
    window = plan[v + VIEW_WINDOW]
    if window == at.WINDOW_DAYS:
        return pool[slab_offset(slab) + low * plan[r + RING_ENTRY]] + plan[v + VIEW_DAYS]
    return next_start(plan, (window - 1) >> 1, work[at.NOW_PERIOD])


@lean
def _window_sum(pool: I64, place: int, words: int, low: int, high: int) -> int:
    """The sum of a cumulative column over the entries from `low` to `high`."""
    if high <= low:
        return np.int64(0)
    total = pool[place + (high - 1) * words]
    if low > 0:
        total -= pool[place + (low - 1) * words]
    return total


@lean
def _window_extreme(pool: I64, place: int, words: int, low: int, high: int, largest: bool) -> int:
    """The smallest or largest value of a column from `low` to `high`, missing if there is none."""
    found = _ABSENT
    for entry in range(low, high):
        value = pool[place + entry * words]
        if value != _ABSENT and (found == _ABSENT or (value > found if largest else value < found)):
            found = value
    return found


@lean
def _average(plan: I64, money: int, total: int, count: int) -> int:
    """Sum over count as S6.3 divides them; missing without facts or with a sum beyond the limit."""
    if count == 0 or total > at.LIMIT or total < -at.LIMIT:
        return _NAN_BITS
    value = np.float64(total)
    if money == 1:
        value = value / np.float64(plan[MONEY_SCALE])
    return bits(value / np.float64(count))


@called
def compute(plan: I64, pool: I64, work: I64, row: I64, metric: int) -> None:
    """Make an aggregate metric's value and horizon known to the evaluation that goes on."""
    m = plan[METRIC_ROWS] + METRIC_ROW * metric
    how, a, b, guarded = (
        plan[m + METRIC_HOW],
        plan[m + METRIC_A],
        plan[m + METRIC_B],
        plan[m + METRIC_GUARDED],
    )
    until = np.int64(at.NEVER)
    value = _ABSENT
    if how <= at.METRIC_WINDOW_MAX:
        value, until = _windowed(plan, pool, work, row, m)
    elif how == at.METRIC_CELL:
        value = row[a]
        if value != _ABSENT:
            value = limited(value - row[b] if b >= 0 else value)
        if guarded == 1 and wrapped(row[a + 1] - row[b + 1] if b >= 0 else row[a + 1]):
            value = _ABSENT
    elif how == at.METRIC_SINCE:
        if row[a] != _ABSENT:
            value = work[at.NOW_PERIOD] - row[a]
            until = work[at.NOW_PERIOD] + 1
    else:
        value = _average(plan, plan[m + METRIC_MONEY], row[a], row[b])
        if guarded == 1 and wrapped(row[a + 1]):
            value = _NAN_BITS
    known = at.WORK_METRICS + at.METRIC_WORDS * metric
    work[known + at.METRIC_VALUE] = value
    work[known + at.METRIC_UNTIL] = until
    work[known + at.METRIC_STAMP] = work[at.NOW_STAMP]


@lean
def _windowed(plan: I64, pool: I64, work: I64, row: I64, m: int) -> tuple[int, int]:
    """A metric that looks through a window: its value, and how long it lasts."""
    how, view, column = plan[m + METRIC_HOW], plan[m + METRIC_A], plan[m + METRIC_B]
    until = np.int64(at.NEVER)
    value, high = np.int64(0), np.int64(0)
    guarded = plan[m + METRIC_GUARDED] == 1
    for turn in range(2):  # the second one for what is subtracted, so that there is one copy of the code
        v, seen = plan[VIEWS] + VIEW_ROW * view, plan[VIEWS_AT] + at.VIEW_WORDS * view
        _look(plan, pool, work, row, v, seen)
        until = min(until, _window_until(plan, pool, work, row, v, seen))
        r = plan[RINGS] + RING_ROW * plan[v + VIEW_RING]
        words, offset = plan[r + RING_ENTRY], slab_offset(row[plan[r + RING_WORD]])
        first, end = work[seen + at.VIEW_LOW], work[seen + at.VIEW_HIGH]
        if how > at.METRIC_WINDOW_AVG:
            largest = how == at.METRIC_WINDOW_MAX
            return _window_extreme(pool, offset + column, words, first, end, largest), until
        total = _window_sum(pool, offset + column, words, first, end)
        if guarded:
            part = _window_sum(pool, offset + column + 1, words, first, end)
            high = part if turn == 0 else high - part
        if how == at.METRIC_WINDOW_AVG:
            if wrapped(high):
                return _NAN_BITS, until
            count = _window_sum(pool, offset + plan[m + METRIC_C], words, first, end)
            return _average(plan, plan[m + METRIC_MONEY], total, count), until
        value = total if turn == 0 else value - total
        view, column = plan[m + METRIC_C], plan[m + METRIC_D]
        if view < 0:
            break
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
def window_flip(plan: I64, pool: I64, work: I64, row: I64, metric: int, op: int, constant: int) -> int:
    """The next period at which a window's sum compares differently with a constant, or a period before it.

    Walks the entries in the order in which they leave the window.
    """
    m = plan[METRIC_ROWS] + METRIC_ROW * metric
    view, column = plan[m + METRIC_A], plan[m + METRIC_B]
    v, seen = plan[VIEWS] + VIEW_ROW * view, plan[VIEWS_AT] + at.VIEW_WORDS * view
    days = plan[v + VIEW_DAYS]
    low, high = work[seen + at.VIEW_LOW], work[seen + at.VIEW_HIGH]
    if high <= low:
        return np.int64(at.NEVER)
    r = plan[RINGS] + RING_ROW * plan[v + VIEW_RING]
    words, offset = plan[r + RING_ENTRY], slab_offset(row[plan[r + RING_WORD]])
    total = pool[offset + (high - 1) * words + column]
    value = work[at.WORK_METRICS + at.METRIC_WORDS * metric + at.METRIC_VALUE]
    truth = value != _ABSENT and compare(op, value, constant)
    for entry in range(low, min(high, low + _LOOK_AHEAD)):
        left = total - pool[offset + entry * words + column]
        inside = -at.LIMIT <= left <= at.LIMIT
        if (inside and compare(op, left, constant)) != truth:
            return pool[offset + entry * words] + days
    if high > low + _LOOK_AHEAD:
        return pool[offset + (low + _LOOK_AHEAD) * words] + days
    return np.int64(at.NEVER)
