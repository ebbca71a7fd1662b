"""The stack machine: conditions and derived metrics as S6 defines them, with the horizon of each value.

The horizon of a value is the earliest period at which it could be another one if no event came: never too
late, sometimes too early. A false `and` lasts as long as its false operand does, a true `or` as long as its
true one; everything else lasts as long as all of its operands do.
"""

from __future__ import annotations

import numpy as np

from rules.engine import layout as at
from rules.engine.kernel.arrays import (
    I64,
    NOW_CATEGORY,
    NOW_ENTERED,
    NOW_PERIOD,
    NOW_STAMP,
    State,
    Work,
)
from rules.engine.kernel.metrics import bits, compare, compute, days_flip, limited, number, window_flip
from rules.engine.plan_arrays import ATTRIBUTE_BLOCK, MONEY_SCALE, PlanArrays
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
def _contains(plan: PlanArrays, op: int, value: int, first: int, count: int, negated: int) -> bool:
    """`in` and `not in` a list of constants; both are false for a missing value."""
    found = False
    if op == at.IN_I:
        if value == _ABSENT:
            return False
        for i in range(first, first + count):
            found = found or plan.constants[i] == value
    else:
        if np.isnan(number(value)):
            return False
        for i in range(first, first + count):
            found = found or plan.numbers[i] == number(value)
    return found != (negated == 1)


@lean
def _push(plan: PlanArrays, work: Work, row: I64, op: int, a: int, top: int) -> None:
    """Put a constant or a name on the stack."""
    value, until = _ABSENT, _NEVER
    if op in (at.PUSH_METRIC_I, at.PUSH_METRIC_F):
        value, until = work.values[a], work.horizons[a]
    elif op == at.PUSH_I:
        value = plan.constants[a]
    elif op == at.PUSH_F:
        value = bits(plan.numbers[a])
    elif op in (at.PUSH_ATTRIBUTE_I, at.PUSH_ATTRIBUTE_F):
        value = row[plan.scalars[ATTRIBUTE_BLOCK] + a * at.ATTRIBUTE_WORDS]
    elif op == at.PUSH_CURRENT:
        if work.now[NOW_CATEGORY] >= 0:
            value = plan.categories[work.now[NOW_CATEGORY], 2]
    elif op == at.PUSH_DAYS_IN:
        if work.now[NOW_CATEGORY] >= 0:
            value = work.now[NOW_PERIOD] - work.now[NOW_ENTERED]
            until = work.now[NOW_PERIOD] + 1
    else:
        category = row[plan.dimensions[a, 0] + at.CATEGORY]
        value = plan.categories[plan.dimensions[a, 3] + category, 2]
    work.stack[top] = value
    work.stack_until[top] = until


@lean
def _compare_days(work: Work, a: int, op: int, constant: int, top: int) -> None:
    """A day count beside a constant, with the exact period of its next flip."""
    value = _ABSENT
    if a >= 0:
        value = work.values[a]
    elif work.now[NOW_CATEGORY] >= 0:
        value = work.now[NOW_PERIOD] - work.now[NOW_ENTERED]
    work.stack[top] = 0
    work.stack_until[top] = _NEVER
    if value != _ABSENT:
        work.stack[top] = 1 if compare(op, value, constant) else 0
        flip = days_flip(op, value, constant, work.now[NOW_PERIOD])
        work.stack_until[top] = min(flip, _NEVER)


@lean
def _compare_window(
    plan: PlanArrays, state: State, work: Work, row: I64, a: int, op: int, constant: int, top: int
) -> None:
    """A window's sum beside a constant, with the period of its next flip."""
    value = work.values[a]
    work.stack[top] = 1 if value != _ABSENT and compare(op, value, constant) else 0
    work.stack_until[top] = window_flip(plan, state, work, row, a, op, constant)


@lean
def _one(plan: PlanArrays, work: Work, op: int, a: int, top: int) -> None:
    """Instructions that replace the top of the stack."""
    value = work.stack[top]
    scale = plan.scalars[MONEY_SCALE]
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
    work.stack[top] = value


@lean
def _two(plan: PlanArrays, work: Work, op: int, a: int, b: int, top: int) -> None:
    """Instructions that replace the two topmost entries by one, the lower at `top`."""
    left, right = work.stack[top], work.stack[top + 1]
    until = min(work.stack_until[top], work.stack_until[top + 1])
    if op == at.COMPARE_F:
        value = 1 if _compare_numbers(a, number(left), number(right)) else 0
    elif op == at.COMPARE_I:
        value = 1 if left != _ABSENT and right != _ABSENT and compare(a, left, right) else 0
    elif op == at.COMPARE_SCALED:
        scale = plan.scalars[MONEY_SCALE]
        value = 0
        if left != _ABSENT and right != _ABSENT:
            if b == 0:
                value = 1 if _compare_scaled(a, left, right, scale, False) else 0
            else:
                value = 1 if _compare_scaled(a, right, left, scale, True) else 0
    elif op == at.MERGE_AND:
        value = right
        if right == 0:
            until = work.stack_until[top + 1]
    elif op == at.MERGE_OR:
        value = right
        if right == 1:
            until = work.stack_until[top + 1]
    elif op in (at.ADD_I, at.SUB_I, at.MUL_I, at.MIN_I, at.MAX_I):
        value = _arithmetic_integers(op, left, right)
    else:
        value = bits(_arithmetic_numbers(op, number(left), number(right)))
    work.stack[top] = value
    work.stack_until[top] = until


@lean
def run(plan: PlanArrays, state: State, work: Work, row: I64, program: int) -> None:
    """Run a program; the result is `work.stack[0]` with its horizon in `work.stack_until[0]`."""
    begin, end = plan.program_first[program], plan.program_first[program + 1]
    top = np.int64(-1)
    i = begin
    while i < end:
        op, a, b = plan.code[i, 0], plan.code[i, 1], plan.code[i, 2]
        i += 1
        names = op in (at.PUSH_METRIC_I, at.PUSH_METRIC_F, at.COMPARE_DAYS, at.COMPARE_WINDOW) and a >= 0
        if names and work.stamps[a] != work.now[NOW_STAMP]:
            compute(plan, state, work, row, a)
        if op <= at.PUSH_DIMENSION:
            top += 1
            _push(plan, work, row, op, a, top)
        elif op == at.COMPARE_WINDOW:
            top += 1
            _compare_window(plan, state, work, row, a, b, plan.constants[plan.code[i - 1, 3]], top)
        elif op == at.COMPARE_DAYS:
            top += 1
            _compare_days(work, a, b, plan.constants[plan.code[i - 1, 3]], top)
        elif op == at.JUMP_FALSE:
            if work.stack[top] == 0:
                i = begin + a
        elif op == at.JUMP_TRUE:
            if work.stack[top] == 1:
                i = begin + a
        elif op == at.IF_KNOWN:
            if work.stamps[b] == work.now[NOW_STAMP]:
                i = begin + a
        elif op in (at.STORE_I, at.STORE_F):
            work.values[a] = work.stack[top]
            work.horizons[a] = work.stack_until[top]
            work.stamps[a] = work.now[NOW_STAMP]
            top -= 1
        elif op in (at.IN_I, at.IN_F):
            found = _contains(plan, op, work.stack[top], a, b, plan.code[i - 1, 3])
            work.stack[top] = 1 if found else 0
        elif (
            op in (at.INTEGER_TO_F, at.MONEY_TO_F, at.SCALE, at.NEG_I, at.NEG_F)
            or at.TRUTH <= op <= at.MISSING_F
        ):
            _one(plan, work, op, a, top)
        else:
            top -= 1
            _two(plan, work, op, a, b, top)


@called
def compute_all(plan: PlanArrays, state: State, work: Work, row: I64) -> None:
    """Make every metric of the pack known to the evaluation that goes on, in declared order."""
    for metric in range(plan.metrics.shape[0]):
        if work.stamps[metric] != work.now[NOW_STAMP]:
            run(plan, state, work, row, plan.metrics[metric, 7])
            work.values[metric] = work.stack[0]
            work.horizons[metric] = work.stack_until[0]
            work.stamps[metric] = work.now[NOW_STAMP]
