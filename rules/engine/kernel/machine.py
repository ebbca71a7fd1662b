"""The stack machine: conditions and derived metrics as S6 defines them, with the horizon of each value.

The horizon of a value is the earliest period at which it could be another one if no event came: never too
late, sometimes too early. A false `and` lasts as long as its false operand does, a true `or` as long as its
true one; everything else lasts as long as all of its operands do.
"""

from __future__ import annotations

import numpy as np

from rules.engine import layout as at
from rules.engine.kernel.arrays import I64
from rules.engine.kernel.metrics import bits, compare, compute, days_flip, limited, number, window_flip
from rules.engine.plan_arrays import (
    ATTRIBUTE_BLOCK,
    CATEGORIES,
    CATEGORY_ID,
    CATEGORY_ROW,
    CODE,
    CODE_A,
    CODE_B,
    CODE_C,
    CODE_OP,
    CODE_ROW,
    CONSTANTS,
    DIMENSION_BLOCK,
    DIMENSION_FIRST,
    DIMENSION_ROW,
    DIMENSION_ROWS,
    METRIC_HOW,
    METRIC_PROGRAM,
    METRIC_ROW,
    METRIC_ROWS,
    METRICS,
    MONEY_SCALE,
    NUMBERS,
    PROGRAM_FIRST,
    STACK_AT,
)
from rules.jit import called, lean

_ABSENT = np.int64(at.ABSENT)
_NEVER = np.int64(at.NEVER)


@lean
def _multiply(left: int, right: int) -> int:
    """The product, missing beyond the limit; the estimate is far enough from 2^63 to be safe."""
    if abs(np.float64(left) * np.float64(right)) > 6.0e18:
        return _ABSENT
    return limited(left * right)


@lean
def _add(left: int, right: int) -> int:
    """The sum, missing beyond the limit, also where it would wrap."""
    total = left + right
    if ((left ^ total) & (right ^ total)) < 0:
        return _ABSENT
    return limited(total)


@lean
def _scaled(value: int, scale: int) -> int:
    """Whole major units as minor units; missing where no sum with money could be within the limit."""
    if value > (2**63 - 1) // scale or value < -((2**63 - 1) // scale):
        return _ABSENT
    return value * scale


@lean
def _compare_scaled(op: int, integer: int, money: int, scale: int, mirrored: bool) -> bool:
    """An integer of major units beside money, exactly: one beyond every money decides by its sign."""
    bound = at.LIMIT // scale
    minor = (
        integer * scale if -bound <= integer <= bound else (at.LIMIT + 1 if integer > 0 else -at.LIMIT - 1)
    )
    if mirrored:
        return compare(op, money, minor)
    return compare(op, minor, money)


@lean
def _compare_numbers(op: int, left: float, right: float) -> bool:
    """One comparison of doubles; false where one is missing."""
    if np.isnan(left) or np.isnan(right):
        return False
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
def _arithmetic_integers(op: int, left: int, right: int) -> int:
    if left == _ABSENT or right == _ABSENT:
        return _ABSENT
    if op == at.ADD_I:
        return _add(left, right)
    if op == at.SUB_I:
        return _add(left, -right)
    if op == at.MUL_I:
        return _multiply(left, right)
    if op == at.MIN_I:
        return min(right, left)
    return max(right, left)


@lean
def _arithmetic_numbers(op: int, left: float, right: float) -> float:
    if np.isnan(left) or np.isnan(right):
        return np.nan
    if op == at.ADD_F:
        return left + right
    if op == at.SUB_F:
        return left - right
    if op == at.MUL_F:
        return left * right
    if op == at.DIV_F:
        return np.nan if right == 0.0 else left / right
    if op == at.MIN_F:
        return min(left, right)
    return max(left, right)


@lean
def _contains(plan: I64, op: int, value: int, first: int, count: int, negated: int) -> bool:
    """`in` and `not in` a list of constants; both are false for a missing value."""
    found = False
    if op == at.IN_I:
        if value == _ABSENT:
            return False
        for i in range(first, first + count):
            found = found or plan[plan[CONSTANTS] + i] == value
    else:
        if np.isnan(number(value)):
            return False
        for i in range(first, first + count):
            found = found or number(plan[plan[NUMBERS] + i]) == number(value)
    return found != (negated == 1)


@lean
def _push(plan: I64, work: I64, row: I64, op: int, a: int, top: int) -> None:
    """Put a constant or a name on the stack; `top` is where the entry lies in the scratch."""
    value, until = _ABSENT, _NEVER
    if op in (at.PUSH_METRIC_I, at.PUSH_METRIC_F):
        known = at.WORK_METRICS + at.METRIC_WORDS * a
        value, until = work[known + at.METRIC_VALUE], work[known + at.METRIC_UNTIL]
    elif op == at.PUSH_I:
        value = plan[plan[CONSTANTS] + a]
    elif op == at.PUSH_F:
        value = bits(number(plan[plan[NUMBERS] + a]))
    elif op in (at.PUSH_ATTRIBUTE_I, at.PUSH_ATTRIBUTE_F):
        value = row[plan[ATTRIBUTE_BLOCK] + a * at.ATTRIBUTE_WORDS]
    elif op == at.PUSH_CURRENT:
        if work[at.NOW_CATEGORY] >= 0:
            value = plan[plan[CATEGORIES] + CATEGORY_ROW * work[at.NOW_CATEGORY] + CATEGORY_ID]
    elif op == at.PUSH_DAYS_IN:
        if work[at.NOW_CATEGORY] >= 0:
            value = work[at.NOW_PERIOD] - work[at.NOW_ENTERED]
            until = work[at.NOW_PERIOD] + 1
    else:
        d = plan[DIMENSION_ROWS] + DIMENSION_ROW * a
        category = plan[d + DIMENSION_FIRST] + row[plan[d + DIMENSION_BLOCK] + at.CATEGORY]
        value = plan[plan[CATEGORIES] + CATEGORY_ROW * category + CATEGORY_ID]
    work[top] = value
    work[top + 1] = until


@lean
def _compare_days(work: I64, a: int, op: int, constant: int, top: int) -> None:
    """A day count beside a constant, with the exact period of its next flip."""
    value = _ABSENT
    if a >= 0:
        value = work[at.WORK_METRICS + at.METRIC_WORDS * a + at.METRIC_VALUE]
    elif work[at.NOW_CATEGORY] >= 0:
        value = work[at.NOW_PERIOD] - work[at.NOW_ENTERED]
    work[top] = 0
    work[top + 1] = _NEVER
    if value != _ABSENT:
        work[top] = 1 if compare(op, value, constant) else 0
        work[top + 1] = min(days_flip(op, value, constant, work[at.NOW_PERIOD]), _NEVER)


@lean
def _compare_window(
    plan: I64, pool: I64, work: I64, row: I64, a: int, op: int, constant: int, top: int
) -> None:
    """A window's sum beside a constant, with the period of its next flip."""
    value = work[at.WORK_METRICS + at.METRIC_WORDS * a + at.METRIC_VALUE]
    work[top] = 1 if value != _ABSENT and compare(op, value, constant) else 0
    work[top + 1] = window_flip(plan, pool, work, row, a, op, constant)


@lean
def _compare_metric(plan: I64, work: I64, op: int, known: int, how: int, constant: int, top: int) -> None:
    """A metric beside a constant; `known` is where what is known of the metric lies in the scratch."""
    value = work[known + at.METRIC_VALUE]
    if op == at.COMPARE_METRIC_I:
        true = value != _ABSENT and compare(how, value, plan[plan[CONSTANTS] + constant])
    else:
        true = _compare_numbers(how, number(value), number(plan[plan[NUMBERS] + constant]))
    work[top] = 1 if true else 0
    work[top + 1] = work[known + at.METRIC_UNTIL]


@lean
def _one(plan: I64, work: I64, op: int, a: int, top: int) -> None:
    """Instructions that replace the top of the stack."""
    value = work[top]
    scale = plan[MONEY_SCALE]
    if op == at.INTEGER_TO_F:
        value = bits(np.nan if value == _ABSENT else np.float64(value))
    elif op == at.MONEY_TO_F:
        value = bits(np.nan if value == _ABSENT else np.float64(value) / np.float64(scale))
    elif op == at.SCALE:
        value = _ABSENT if value == _ABSENT else _scaled(value, scale)
    elif op == at.NEG_I:
        value = _ABSENT if value == _ABSENT else -value
    elif op == at.NEG_F:
        value = bits(-number(value))
    elif op == at.TRUTH:
        value = 1 if value == 1 else 0
    elif op == at.NOT:
        value = 1 - value
    elif op == at.MISSING_I:
        value = 1 if (value == _ABSENT) != (a == 1) else 0
    else:
        value = 1 if np.isnan(number(value)) != (a == 1) else 0
    work[top] = value


@lean
def _two(plan: I64, work: I64, op: int, a: int, b: int, top: int) -> None:
    """Instructions that replace the two topmost entries by one, the lower at `top`."""
    left, right = work[top], work[top + at.STACK_WORDS]
    last = work[top + at.STACK_WORDS + 1]
    until = min(work[top + 1], last)
    if op == at.COMPARE_F:
        value = 1 if _compare_numbers(a, number(left), number(right)) else 0
    elif op == at.COMPARE_I:
        value = 1 if left != _ABSENT and right != _ABSENT and compare(a, left, right) else 0
    elif op == at.COMPARE_SCALED:
        scale = plan[MONEY_SCALE]
        value = 0
        if left != _ABSENT and right != _ABSENT:
            if b == 0:
                value = 1 if _compare_scaled(a, left, right, scale, False) else 0
            else:
                value = 1 if _compare_scaled(a, right, left, scale, True) else 0
    elif op == at.MERGE_AND:
        value = right
        if right == 0:
            until = last
    elif op == at.MERGE_OR:
        value = right
        if right == 1:
            until = last
    elif op in (at.ADD_I, at.SUB_I, at.MUL_I, at.MIN_I, at.MAX_I):
        value = _arithmetic_integers(op, left, right)
    else:
        value = bits(_arithmetic_numbers(op, number(left), number(right)))
    work[top] = value
    work[top + 1] = until


@called
def run(plan: I64, pool: I64, work: I64, row: I64, program: int) -> int:
    """Run a program and return the result; its horizon stands beside it in the stack's first entry."""
    begin = plan[CODE] + CODE_ROW * plan[plan[PROGRAM_FIRST] + program]
    end = plan[CODE] + CODE_ROW * plan[plan[PROGRAM_FIRST] + program + 1]
    bottom = plan[STACK_AT]
    top = bottom - at.STACK_WORDS
    i = begin
    while i < end:
        op, a, b, c = plan[i + CODE_OP], plan[i + CODE_A], plan[i + CODE_B], plan[i + CODE_C]
        i += CODE_ROW
        if op == at.COMPARE_WINDOW:
            top += at.STACK_WORDS
            if work[at.WORK_METRICS + at.METRIC_WORDS * a + at.METRIC_STAMP] != work[at.NOW_STAMP]:
                compute(plan, pool, work, row, a)
            _compare_window(plan, pool, work, row, a, b, plan[plan[CONSTANTS] + c], top)
        elif op == at.COMPARE_DAYS:
            top += at.STACK_WORDS
            if a >= 0 and work[at.WORK_METRICS + at.METRIC_WORDS * a + at.METRIC_STAMP] != work[at.NOW_STAMP]:
                compute(plan, pool, work, row, a)
            _compare_days(work, a, b, plan[plan[CONSTANTS] + c], top)
        elif op == at.COMPARE_METRIC_I or op == at.COMPARE_METRIC_F:
            top += at.STACK_WORDS
            known = at.WORK_METRICS + at.METRIC_WORDS * a
            if work[known + at.METRIC_STAMP] != work[at.NOW_STAMP]:
                compute(plan, pool, work, row, a)
            _compare_metric(plan, work, op, known, b, c, top)
        elif op == at.PUSH_METRIC_I or op == at.PUSH_METRIC_F:
            top += at.STACK_WORDS
            known = at.WORK_METRICS + at.METRIC_WORDS * a
            if work[known + at.METRIC_STAMP] != work[at.NOW_STAMP]:
                compute(plan, pool, work, row, a)
            work[top], work[top + 1] = work[known + at.METRIC_VALUE], work[known + at.METRIC_UNTIL]
        elif op <= at.PUSH_DIMENSION:
            top += at.STACK_WORDS
            _push(plan, work, row, op, a, top)
        elif op == at.JUMP_FALSE:
            if work[top] == 0:
                i = begin + CODE_ROW * a
        elif op == at.JUMP_TRUE:
            if work[top] == 1:
                i = begin + CODE_ROW * a
        elif op == at.IF_KNOWN:
            if work[at.WORK_METRICS + at.METRIC_WORDS * b + at.METRIC_STAMP] == work[at.NOW_STAMP]:
                i = begin + CODE_ROW * a
        elif op in (at.STORE_I, at.STORE_F):
            _store(work, a, top)
            top -= at.STACK_WORDS
        elif op in (at.IN_I, at.IN_F):
            work[top] = 1 if _contains(plan, op, work[top], a, b, c) else 0
        elif (
            op in (at.INTEGER_TO_F, at.MONEY_TO_F, at.SCALE, at.NEG_I, at.NEG_F)
            or at.TRUTH <= op <= at.MISSING_F
        ):
            _one(plan, work, op, a, top)
        else:
            top -= at.STACK_WORDS
            _two(plan, work, op, a, b, top)
    return work[bottom]


@lean
def _store(work: I64, metric: int, top: int) -> None:
    """Make a metric known to the evaluation that goes on, from an entry of the stack."""
    known = at.WORK_METRICS + at.METRIC_WORDS * metric
    work[known + at.METRIC_VALUE] = work[top]
    work[known + at.METRIC_UNTIL] = work[top + 1]
    work[known + at.METRIC_STAMP] = work[at.NOW_STAMP]


@called
def compute_all(plan: I64, pool: I64, work: I64, row: I64) -> None:
    """Make every metric of the pack known to the evaluation that goes on, in declared order."""
    for metric in range(plan[METRICS]):
        if work[at.WORK_METRICS + at.METRIC_WORDS * metric + at.METRIC_STAMP] != work[at.NOW_STAMP]:
            m = plan[METRIC_ROWS] + METRIC_ROW * metric
            if plan[m + METRIC_HOW] == at.METRIC_DERIVED:
                run(plan, pool, work, row, plan[m + METRIC_PROGRAM])
                _store(work, metric, plan[STACK_AT])
            else:
                compute(plan, pool, work, row, metric)
