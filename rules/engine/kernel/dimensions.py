"""One evaluation of a customer: targets, policies, overrides, changes and notices (S7, S8).

The order of what is tried in `_decide` is the precedence of S8 over S7: pin, birth, floor, policy.
"""

from __future__ import annotations

import numpy as np

from rules.engine import layout as at
from rules.engine.kernel.arrays import I64
from rules.engine.kernel.machine import compute_all, run
from rules.engine.kernel.metrics import calendar_start, next_start
from rules.engine.kernel.slabs import slab_offset
from rules.engine.plan_arrays import (
    ATTRIBUTE_BLOCK,
    ATTRIBUTES,
    CATEGORIES,
    CATEGORY_ENTER,
    CATEGORY_KEEP,
    CATEGORY_ROW,
    DIMENSION_BLOCK,
    DIMENSION_COUNT,
    DIMENSION_DEPENDENTS,
    DIMENSION_FIRST,
    DIMENSION_LADDER,
    DIMENSION_ROW,
    DIMENSION_ROWS,
    DIMENSIONS,
    EVALUATION_WORDS,
    METRICS,
    POLICIES,
    POLICY_AT,
    POLICY_DWELL,
    POLICY_HOLD,
    POLICY_ROW,
    POLICY_STEP_ONE,
    STACK_AT,
)
from rules.jit import called, lean

_ABSENT = np.int64(at.ABSENT)
_NEVER = np.int64(at.NEVER)
_AT_ONCE = np.int64(at.AT_ONCE)


@lean
def _reason(category: int, kind: int) -> int:
    return category * at.REASON_KINDS + kind


@lean
def find_target(plan: I64, pool: I64, work: I64, row: I64, d: int, earned: int, current: int) -> int:
    """S7.1, with the reasons of the current category's and the target's condition (S9.3).

    A ladder is tried from its highest category down, a first_match from its first; the last one tried has no
    condition. Leaves the horizon of the target in NOW_HORIZON. `d` is where the dimension's row of the plan
    begins.
    """
    first, count, ladder = (
        plan[d + DIMENSION_FIRST],
        plan[d + DIMENSION_COUNT],
        plan[d + DIMENSION_LADDER] == 1,
    )
    horizon = _NEVER
    work[at.NOW_REASON_CURRENT] = -1
    target = np.int64(0) if ladder else count - 1
    kind = np.int64(at.REASON_OTHERWISE)
    for tried in range(count - 1):
        k, asked, column = tried, np.int64(at.REASON_WHEN), CATEGORY_ENTER
        if ladder:
            k = count - 1 - tried
            asked = np.int64(at.REASON_ENTER) if k > earned else np.int64(at.REASON_KEEP)
            column = CATEGORY_ENTER if k > earned else CATEGORY_KEEP
        true = run(plan, pool, work, row, plan[plan[CATEGORIES] + CATEGORY_ROW * (first + k) + column])
        horizon = min(horizon, work[plan[STACK_AT] + 1])
        if true == 1:
            target, kind = k, asked
            break
        if k == current:
            work[at.NOW_REASON_CURRENT] = _reason(first + k, asked)
    work[at.NOW_REASON_TARGET] = _reason(first + target, kind)
    work[at.NOW_HORIZON] = horizon
    return target


@lean
def _pending_until(plan: I64, policy: int, period: int, entered: int) -> int:
    """S7.3: the first period at which a move that begins to be due now may happen."""
    p = plan[POLICIES] + POLICY_ROW * policy
    until = max(period + plan[p + POLICY_HOLD], entered + plan[p + POLICY_DWELL])
    unit = plan[p + POLICY_AT] - 1
    if unit >= 0 and calendar_start(plan, unit, until) != until:
        return next_start(plan, unit, until)
    return until


@lean
def _take_line(out: I64, table: int, words: int) -> int:
    """Where the next line of a table of the outputs begins; the caller has made sure that there is room."""
    line = out[table]
    out[table] = line + 1
    return out[at.OUT_FIRST + table] + line * words


@lean
def _snapshot(plan: I64, pool: I64, work: I64, row: I64, out: I64) -> None:
    """Write the evaluation that the changes of this moment share; its categories follow at its end."""
    compute_all(plan, pool, work, row)
    work[at.NOW_EVALUATION] = out[at.USED_EVALUATIONS]
    line = _take_line(out, at.USED_EVALUATIONS, plan[EVALUATION_WORDS])
    out[line + at.EVALUATION_ROW] = work[at.NOW_CUSTOMER]
    out[line + at.EVALUATION_EVENT] = work[at.NOW_EVENT]
    out[line + at.EVALUATION_LIFE] = row[at.LIFE]
    out[line + at.EVALUATION_INSTANT] = row[at.INSTANT]
    out[line + at.EVALUATION_INPUT] = work[at.NOW_INPUT]
    out[line + at.EVALUATION_PERIOD] = work[at.NOW_PERIOD]
    to = line + at.EVALUATION_HEAD
    for metric in range(plan[METRICS]):
        out[to + metric] = work[at.WORK_METRICS + at.METRIC_WORDS * metric + at.METRIC_VALUE]
    to += plan[METRICS]
    for attribute in range(plan[ATTRIBUTES]):
        out[to + attribute] = row[plan[ATTRIBUTE_BLOCK] + attribute * at.ATTRIBUTE_WORDS]


@lean
def _move(plan: I64, work: I64, row: I64, out: I64, dimension: int, to: int, target: int, cause: int) -> int:
    """Write a change and enter the category (S7.4, S9); where its line begins."""
    d = plan[DIMENSION_ROWS] + DIMENSION_ROW * dimension
    block = plan[d + DIMENSION_BLOCK]
    line = _take_line(out, at.USED_CHANGES, np.int64(at.CHANGE_WORDS))
    category = row[block + at.CATEGORY]
    row[block + at.COUNT] += 1
    out[line + at.CHANGE_EVALUATION] = work[at.NOW_EVALUATION]
    out[line + at.CHANGE_DIMENSION] = dimension
    out[line + at.CHANGE_FROM] = category
    out[line + at.CHANGE_TO] = to
    out[line + at.CHANGE_TARGET] = target
    out[line + at.CHANGE_SEQUENCE] = row[block + at.COUNT]
    out[line + at.CHANGE_PREVIOUS_US] = row[block + at.ENTERED_US] if category >= 0 else _ABSENT
    out[line + at.CHANGE_CAUSE] = cause
    down = category >= 0 and target < category and plan[d + DIMENSION_LADDER] == 1
    shown = down and cause != at.CAUSE_OVERRIDE
    out[line + at.CHANGE_REASON_CURRENT] = work[at.NOW_REASON_CURRENT] if shown else -1
    out[line + at.CHANGE_REASON_TARGET] = work[at.NOW_REASON_TARGET]
    days = work[at.NOW_PERIOD] - row[block + at.ENTERED]
    out[line + at.CHANGE_DAYS_IN] = days if category >= 0 else _ABSENT
    out[line + at.CHANGE_ACTOR] = -1
    out[line + at.CHANGE_REASON] = -1
    row[block + at.CATEGORY] = to
    row[block + at.ENTERED] = work[at.NOW_PERIOD]
    row[block + at.ENTERED_US] = row[at.INSTANT]
    return line


@lean
def _led_to(plan: I64, dimension: int, category: int, target: int) -> int:
    """Where a move towards a target leads from a category: one rank at a time under `step: one` (S7.3)."""
    if plan[plan[DIMENSION_ROWS] + DIMENSION_ROW * dimension + DIMENSION_LADDER] == 0:
        return target
    p = plan[POLICIES] + 2 * POLICY_ROW * dimension + POLICY_STEP_ONE
    if target > category:
        return category + 1 if plan[p] == 1 else target
    return category - 1 if plan[p + POLICY_ROW] == 1 else target


@called
def _notice(plan: I64, work: I64, row: I64, out: I64, dimension: int, state: int) -> None:
    """Write a notice about the pending move as the row holds it (S9.7)."""
    block = plan[plan[DIMENSION_ROWS] + DIMENSION_ROW * dimension + DIMENSION_BLOCK]
    line = _take_line(out, at.USED_NOTICES, np.int64(at.NOTICE_WORDS))
    category = row[block + at.CATEGORY]
    out[line + at.NOTICE_ROW] = work[at.NOW_CUSTOMER]
    out[line + at.NOTICE_DIMENSION] = dimension
    out[line + at.NOTICE_LIFE] = row[at.LIFE]
    out[line + at.NOTICE_STATE] = state
    out[line + at.NOTICE_FROM] = category
    out[line + at.NOTICE_TO] = _led_to(plan, dimension, category, row[block + at.PENDING_TARGET])
    out[line + at.NOTICE_SINCE] = row[block + at.PENDING_SINCE]
    out[line + at.NOTICE_UNTIL] = row[block + at.PENDING_UNTIL]
    out[line + at.NOTICE_INSTANT] = row[at.INSTANT]
    out[line + at.NOTICE_SEQUENCE] = row[block + at.COUNT] + 1
    out[line + at.NOTICE_INPUT] = work[at.NOW_INPUT]


@called
def _cancel(plan: I64, work: I64, row: I64, out: I64, dimension: int) -> None:
    """Cancel a pending move, if there is one, and say so."""
    block = plan[plan[DIMENSION_ROWS] + DIMENSION_ROW * dimension + DIMENSION_BLOCK]
    if row[block + at.PENDING_TARGET] >= 0:
        _notice(plan, work, row, out, dimension, np.int64(at.CANCELLED))
        row[block + at.PENDING_TARGET] = -1


@lean
def _policy(plan: I64, work: I64, row: I64, out: I64, dimension: int, target: int) -> bool:
    """S7.3 for a target that is not the current category: keep the pending move; true if it is due now."""
    d = plan[DIMENSION_ROWS] + DIMENSION_ROW * dimension
    block, period = plan[d + DIMENSION_BLOCK], work[at.NOW_PERIOD]
    category, pending = row[block + at.CATEGORY], row[block + at.PENDING_TARGET]
    ladder = plan[d + DIMENSION_LADDER] == 1
    same = pending == target
    if ladder and pending >= 0:
        same = (pending > category) == (target > category)
    if same:
        until = row[block + at.PENDING_UNTIL]
        before = _led_to(plan, dimension, category, pending)
        row[block + at.PENDING_TARGET] = target
        if period < until and before != _led_to(plan, dimension, category, target):
            _notice(plan, work, row, out, dimension, np.int64(at.UPDATED))
    else:
        _cancel(plan, work, row, out, dimension)
        policy = 2 * dimension + (1 if ladder and target < category else 0)
        until = _pending_until(plan, policy, period, row[block + at.ENTERED])
        if period < until:
            row[block + at.PENDING_TARGET] = target
            row[block + at.PENDING_SINCE] = period
            row[block + at.PENDING_UNTIL] = until
            _notice(plan, work, row, out, dimension, np.int64(at.STARTED))
    if period >= until:
        row[block + at.PENDING_TARGET] = -1
        return True
    return False


@lean
def _earn(row: I64, block: int, rank: int) -> bool:
    """Set the earned rank; true if it is another one."""
    if row[block + at.EARNED] == rank:
        return False
    row[block + at.EARNED] = rank
    return True


@lean
def _overridden(
    work: I64, mode: int, chosen: int, category: int, target: int, first: int
) -> tuple[int, bool]:
    """S8: where an active pin or floor sends, and whether it decides; else the target stays as it is."""
    if mode == at.MODE_PIN:
        work[at.NOW_REASON_TARGET] = _reason(first + chosen, at.REASON_PIN)
        return chosen, True
    if mode == at.MODE_FLOOR and (target < chosen or 0 <= category < chosen):
        work[at.NOW_REASON_TARGET] = _reason(first + chosen, at.REASON_FLOOR)
        return chosen, category < chosen
    return target, False


@lean
def _evaluate_dimension(plan: I64, pool: I64, work: I64, row: I64, out: I64, dimension: int) -> None:
    """At most one move of one dimension (S7, S8)."""
    d = plan[DIMENSION_ROWS] + DIMENSION_ROW * dimension
    block, ladder = plan[d + DIMENSION_BLOCK], plan[d + DIMENSION_LADDER] == 1
    first, period = plan[d + DIMENSION_FIRST], work[at.NOW_PERIOD]
    mode, chosen, free, override = np.int64(0), np.int64(0), _NEVER, np.int64(0)
    if row[block + at.OVERRIDE] != 0:
        override = slab_offset(row[block + at.OVERRIDE])
        if pool[override + at.OVERRIDE_MODE] != 0 and period < pool[override + at.OVERRIDE_UNTIL]:
            mode = pool[override + at.OVERRIDE_MODE]
            chosen = pool[override + at.OVERRIDE_CATEGORY]
            free = pool[override + at.OVERRIDE_UNTIL]

    stirred = False
    for turn in range(2):  # the second turn follows a move: would the next evaluation find anything?
        category, earned = row[block + at.CATEGORY], row[block + at.EARNED]
        work[at.NOW_CATEGORY] = first + category if category >= 0 else -1
        work[at.NOW_ENTERED] = row[block + at.ENTERED]
        target = chosen
        work[at.NOW_HORIZON] = _NEVER
        if ladder or mode != at.MODE_PIN:
            target = find_target(plan, pool, work, row, d, earned, category)
        wanted, decided = _overridden(work, mode, chosen, category, target, first)
        if turn == 1:
            stirred = wanted != category or (ladder and target == category and earned != category)
            break
        moves = category < 0
        if not moves and (decided or wanted == category):
            _cancel(plan, work, row, out, dimension)
            moves = wanted != category
        elif not moves:
            moves = _policy(plan, work, row, out, dimension, wanted)
        if not moves:
            stirred = ladder and target == category and _earn(row, block, category)
            break
        if work[at.NOW_EVALUATION] < 0:
            _snapshot(plan, pool, work, row, out)
        to = wanted
        if category >= 0 and not decided:
            to = _led_to(plan, dimension, category, wanted)
        lifted = not decided and mode == at.MODE_FLOOR and wanted > target
        cause = np.int64(at.CAUSE_OVERRIDE) if decided else work[at.NOW_CAUSE]
        line = _move(plan, work, row, out, dimension, to, wanted, cause)
        if decided or lifted:
            out[line + at.CHANGE_ACTOR] = pool[override + at.OVERRIDE_ACTOR]
            out[line + at.CHANGE_REASON] = pool[override + at.OVERRIDE_REASON]
        if ladder and not decided:
            rank = to
            if to < category:
                rank = target if lifted and to == chosen else min(earned, to)
            row[block + at.EARNED] = rank

    due = min(work[at.NOW_HORIZON], free)
    if row[block + at.PENDING_TARGET] >= 0:
        due = min(due, row[block + at.PENDING_UNTIL])
    row[block + at.DUE] = _AT_ONCE if stirred else due


@called
def evaluate(plan: I64, pool: I64, work: I64, row: I64, out: I64, touched: int) -> int:
    """Evaluate a customer at its `as_of` (S7): the dimensions in their order, each where anything it depends
    on was touched, moved, or has come due. Customer, cause, event and input stand in the scratch.

    Returns the customer's next due period.
    """
    period = row[at.AS_OF]
    work[at.NOW_STAMP] += 1
    work[at.NOW_PERIOD] = period
    work[at.NOW_EVALUATION] = -1
    due = _NEVER
    for dimension in range(plan[DIMENSIONS]):
        d = plan[DIMENSION_ROWS] + DIMENSION_ROW * dimension
        block = plan[d + DIMENSION_BLOCK]
        if (touched >> dimension) & 1 or row[block + at.DUE] <= period:
            count = row[block + at.COUNT]
            _evaluate_dimension(plan, pool, work, row, out, dimension)
            if row[block + at.COUNT] != count:
                touched |= plan[d + DIMENSION_DEPENDENTS]
        due = min(due, max(row[block + at.DUE], period + 1))
    if work[at.NOW_EVALUATION] >= 0:
        to = out[at.OUT_FIRST] + work[at.NOW_EVALUATION] * plan[EVALUATION_WORDS]
        to += at.EVALUATION_HEAD + plan[METRICS] + plan[ATTRIBUTES]
        for dimension in range(plan[DIMENSIONS]):
            block = plan[plan[DIMENSION_ROWS] + DIMENSION_ROW * dimension + DIMENSION_BLOCK]
            out[to + dimension] = row[block + at.CATEGORY]
    return due
