"""One evaluation of a customer: targets, policies, overrides, changes and notices (S7, S8).

The order of what is tried in `_decide` is the precedence of S8 over S7: pin, birth, floor, policy.
"""

from __future__ import annotations

import numpy as np

from rules.engine import layout as at
from rules.engine.kernel.arrays import (
    I64,
    NOW_CATEGORY,
    NOW_ENTERED,
    NOW_HORIZON,
    NOW_PERIOD,
    NOW_REASON_CURRENT,
    NOW_REASON_TARGET,
    NOW_STAMP,
    USED_CHANGES,
    USED_EVALUATIONS,
    USED_NOTICES,
    Out,
    State,
    Work,
)
from rules.engine.kernel.machine import compute_all, run
from rules.engine.kernel.metrics import calendar_start, next_start
from rules.engine.kernel.slabs import slab_offset
from rules.engine.plan_arrays import ATTRIBUTE_BLOCK, PlanArrays
from rules.jit import called, lean

_ABSENT = np.int64(at.ABSENT)
_NEVER = np.int64(at.NEVER)
_AT_ONCE = np.int64(at.AT_ONCE)


@lean
def _reason(category: int, kind: int) -> int:
    return category * at.REASON_KINDS + kind


@lean
def find_target(
    plan: PlanArrays, state: State, work: Work, row: I64, dimension: int, earned: int, current: int
) -> int:
    """S7.1, with the reasons of the current category's and the target's condition (S9.3).

    A ladder is tried from its highest category down, a first_match from its first; the last one tried has no
    condition. Leaves the horizon of the target in `work.now`.
    """
    first, count = plan.dimensions[dimension, 3], plan.dimensions[dimension, 2]
    ladder = plan.dimensions[dimension, 1] == 1
    horizon = _NEVER
    work.now[NOW_REASON_CURRENT] = -1
    target = np.int64(0) if ladder else count - 1
    kind = np.int64(at.REASON_OTHERWISE)
    for tried in range(count - 1):
        k, asked, column = tried, np.int64(at.REASON_WHEN), 0
        if ladder:
            k = count - 1 - tried
            asked = np.int64(at.REASON_ENTER) if k > earned else np.int64(at.REASON_KEEP)
            column = 0 if k > earned else 1
        run(plan, state, work, row, plan.categories[first + k, column])
        horizon = min(horizon, work.stack_until[0])
        if work.stack[0] == 1:
            target, kind = k, asked
            break
        if k == current:
            work.now[NOW_REASON_CURRENT] = _reason(first + k, asked)
    work.now[NOW_REASON_TARGET] = _reason(first + target, kind)
    work.now[NOW_HORIZON] = horizon
    return target


@lean
def pending_until(plan: PlanArrays, policy: int, period: int, entered: int) -> int:
    """S7.3: the first period at which a move that begins to be due now may happen."""
    until = max(period + plan.policies[policy, 0], entered + plan.policies[policy, 1])
    unit = plan.policies[policy, 2] - 1
    if unit >= 0 and calendar_start(plan, unit, until) != until:
        return next_start(plan, unit, until)
    return until


@lean
def _snapshot(
    plan: PlanArrays, state: State, work: Work, row: I64, out: Out, customer: int, event: int, position: int
) -> int:
    """Write the evaluation that the changes of this moment share; its categories follow at its end."""
    compute_all(plan, state, work, row)
    index = out.used[USED_EVALUATIONS]
    out.used[USED_EVALUATIONS] = index + 1
    line = out.evaluations[index]
    line[at.EVALUATION_ROW] = customer
    line[at.EVALUATION_EVENT] = event
    line[at.EVALUATION_LIFE] = row[at.LIFE]
    line[at.EVALUATION_INSTANT] = row[at.INSTANT]
    line[at.EVALUATION_INPUT] = position
    line[at.EVALUATION_PERIOD] = work.now[NOW_PERIOD]
    metrics = plan.metrics.shape[0]
    for metric in range(metrics):
        line[at.EVALUATION_HEAD + metric] = work.values[metric]
    for attribute in range(plan.attribute_number.size):
        place = plan.scalars[ATTRIBUTE_BLOCK] + attribute * at.ATTRIBUTE_WORDS
        line[at.EVALUATION_HEAD + metrics + attribute] = row[place]
    return index


@lean
def _move(
    plan: PlanArrays,
    work: Work,
    row: I64,
    out: Out,
    dimension: int,
    to: int,
    target: int,
    cause: int,
    evaluation: int,
) -> None:
    """Write a change and enter the category (S7.4, S9)."""
    block = plan.dimensions[dimension, 0]
    line = out.changes[out.used[USED_CHANGES]]
    out.used[USED_CHANGES] += 1
    category = row[block + at.CATEGORY]
    row[block + at.COUNT] += 1
    line[at.CHANGE_EVALUATION] = evaluation
    line[at.CHANGE_DIMENSION] = dimension
    line[at.CHANGE_FROM] = category
    line[at.CHANGE_TO] = to
    line[at.CHANGE_TARGET] = target
    line[at.CHANGE_SEQUENCE] = row[block + at.COUNT]
    line[at.CHANGE_PREVIOUS_US] = row[block + at.ENTERED_US] if category >= 0 else _ABSENT
    line[at.CHANGE_CAUSE] = cause
    down = category >= 0 and target < category and plan.dimensions[dimension, 1] == 1
    shown = down and cause != at.CAUSE_OVERRIDE
    line[at.CHANGE_REASON_CURRENT] = work.now[NOW_REASON_CURRENT] if shown else -1
    line[at.CHANGE_REASON_TARGET] = work.now[NOW_REASON_TARGET]
    days = work.now[NOW_PERIOD] - row[block + at.ENTERED]
    line[at.CHANGE_DAYS_IN] = days if category >= 0 else _ABSENT
    line[at.CHANGE_ACTOR] = -1
    line[at.CHANGE_REASON] = -1
    row[block + at.CATEGORY] = to
    row[block + at.ENTERED] = work.now[NOW_PERIOD]
    row[block + at.ENTERED_US] = row[at.INSTANT]


@lean
def _name_override(state: State, out: Out, override: int) -> None:
    """Put actor and reason of an override into the change just written."""
    line = out.changes[out.used[USED_CHANGES] - 1]
    line[at.CHANGE_ACTOR] = state.pool[override + at.OVERRIDE_ACTOR]
    line[at.CHANGE_REASON] = state.pool[override + at.OVERRIDE_REASON]


@lean
def _led_to(plan: PlanArrays, dimension: int, category: int, target: int) -> int:
    """Where a move towards a target leads from a category: one rank at a time under `step: one` (S7.3)."""
    if plan.dimensions[dimension, 1] == 0:
        return target
    if target > category:
        return category + 1 if plan.policies[2 * dimension, 3] == 1 else target
    return category - 1 if plan.policies[2 * dimension + 1, 3] == 1 else target


@lean
def _notice(
    plan: PlanArrays, row: I64, out: Out, customer: int, dimension: int, state: int, position: int
) -> None:
    """Write a notice about the pending move as the row holds it (S9.7)."""
    block = plan.dimensions[dimension, 0]
    line = out.notices[out.used[USED_NOTICES]]
    out.used[USED_NOTICES] += 1
    category = row[block + at.CATEGORY]
    line[at.NOTICE_ROW] = customer
    line[at.NOTICE_DIMENSION] = dimension
    line[at.NOTICE_LIFE] = row[at.LIFE]
    line[at.NOTICE_STATE] = state
    line[at.NOTICE_FROM] = category
    line[at.NOTICE_TO] = _led_to(plan, dimension, category, row[block + at.PENDING_TARGET])
    line[at.NOTICE_SINCE] = row[block + at.PENDING_SINCE]
    line[at.NOTICE_UNTIL] = row[block + at.PENDING_UNTIL]
    line[at.NOTICE_INSTANT] = row[at.INSTANT]
    line[at.NOTICE_SEQUENCE] = row[block + at.COUNT] + 1
    line[at.NOTICE_INPUT] = position


@lean
def _cancel(plan: PlanArrays, row: I64, out: Out, customer: int, dimension: int, position: int) -> None:
    """Cancel a pending move, if there is one, and say so."""
    block = plan.dimensions[dimension, 0]
    if row[block + at.PENDING_TARGET] >= 0:
        _notice(plan, row, out, customer, dimension, at.CANCELLED, position)
        row[block + at.PENDING_TARGET] = -1


@lean
def _policy(
    plan: PlanArrays,
    work: Work,
    row: I64,
    out: Out,
    customer: int,
    dimension: int,
    target: int,
    position: int,
) -> bool:
    """S7.3 for a target that is not the current category: keep the pending move; true if it is due now."""
    block, period = plan.dimensions[dimension, 0], work.now[NOW_PERIOD]
    category, pending = row[block + at.CATEGORY], row[block + at.PENDING_TARGET]
    ladder = plan.dimensions[dimension, 1] == 1
    same = pending == target
    if ladder and pending >= 0:
        same = (pending > category) == (target > category)
    if same:
        until = row[block + at.PENDING_UNTIL]
        before = _led_to(plan, dimension, category, pending)
        row[block + at.PENDING_TARGET] = target
        if period < until and before != _led_to(plan, dimension, category, target):
            _notice(plan, row, out, customer, dimension, at.UPDATED, position)
    else:
        _cancel(plan, row, out, customer, dimension, position)
        policy = 2 * dimension + (1 if ladder and target < category else 0)
        until = pending_until(plan, policy, period, row[block + at.ENTERED])
        if period < until:
            row[block + at.PENDING_TARGET] = target
            row[block + at.PENDING_SINCE] = period
            row[block + at.PENDING_UNTIL] = until
            _notice(plan, row, out, customer, dimension, at.STARTED, position)
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
    work: Work, mode: int, chosen: int, category: int, target: int, first: int
) -> tuple[int, bool]:
    """S8: where an active pin or floor sends, and whether it decides; else the target stays as it is."""
    if mode == at.MODE_PIN:
        work.now[NOW_REASON_TARGET] = _reason(first + chosen, at.REASON_PIN)
        return chosen, True
    if mode == at.MODE_FLOOR and (target < chosen or 0 <= category < chosen):
        work.now[NOW_REASON_TARGET] = _reason(first + chosen, at.REASON_FLOOR)
        return chosen, category < chosen
    return target, False


@lean
def _evaluate_dimension(
    plan: PlanArrays,
    state: State,
    work: Work,
    row: I64,
    out: Out,
    customer: int,
    dimension: int,
    cause: int,
    event: int,
    position: int,
    evaluation: int,
) -> int:
    """At most one move of one dimension (S7, S8).

    Returns the evaluation the change belongs to: the one handed in, or a new one if it was -1 and the
    dimension moved; -1 without a move so far.
    """
    block, ladder = plan.dimensions[dimension, 0], plan.dimensions[dimension, 1] == 1
    first, period = plan.dimensions[dimension, 3], work.now[NOW_PERIOD]
    mode, chosen, free, override = np.int64(0), np.int64(0), _NEVER, np.int64(0)
    if row[block + at.OVERRIDE] != 0:
        override = slab_offset(row[block + at.OVERRIDE])
        if state.pool[override + at.OVERRIDE_MODE] != 0 and period < state.pool[override + at.OVERRIDE_UNTIL]:
            mode = state.pool[override + at.OVERRIDE_MODE]
            chosen = state.pool[override + at.OVERRIDE_CATEGORY]
            free = state.pool[override + at.OVERRIDE_UNTIL]

    stirred = False
    for turn in range(2):  # the second turn follows a move: would the next evaluation find anything?
        category, earned = row[block + at.CATEGORY], row[block + at.EARNED]
        work.now[NOW_CATEGORY] = first + category if category >= 0 else -1
        work.now[NOW_ENTERED] = row[block + at.ENTERED]
        target = chosen
        work.now[NOW_HORIZON] = _NEVER
        if ladder or mode != at.MODE_PIN:
            target = find_target(plan, state, work, row, dimension, earned, category)
        wanted, decided = _overridden(work, mode, chosen, category, target, first)
        if turn == 1:
            stirred = wanted != category or (ladder and target == category and earned != category)
            break
        moves = category < 0
        if not moves and (decided or wanted == category):
            _cancel(plan, row, out, customer, dimension, position)
            moves = wanted != category
        elif not moves:
            moves = _policy(plan, work, row, out, customer, dimension, wanted, position)
        if not moves:
            stirred = ladder and target == category and _earn(row, block, category)
            break
        if evaluation < 0:
            evaluation = _snapshot(plan, state, work, row, out, customer, event, position)
        to = wanted
        if category >= 0 and not decided:
            to = _led_to(plan, dimension, category, wanted)
        lifted = not decided and mode == at.MODE_FLOOR and wanted > target
        _move(
            plan, work, row, out, dimension, to, wanted, at.CAUSE_OVERRIDE if decided else cause, evaluation
        )
        if decided or lifted:
            _name_override(state, out, override)
        if ladder and not decided:
            rank = to
            if to < category:
                rank = target if lifted and to == chosen else min(earned, to)
            row[block + at.EARNED] = rank

    due = min(work.now[NOW_HORIZON], free)
    if row[block + at.PENDING_TARGET] >= 0:
        due = min(due, row[block + at.PENDING_UNTIL])
    row[block + at.DUE] = _AT_ONCE if stirred else due
    return evaluation


@called
def evaluate(
    plan: PlanArrays,
    state: State,
    work: Work,
    out: Out,
    customer: int,
    cause: int,
    touched: int,
    event: int,
    position: int,
) -> None:
    """Evaluate a customer at its `as_of` (S7): the dimensions in their order, each where anything it depends
    on was touched, moved, or has come due. Sets the customer's next due period.
    """
    row = state.rows[customer]
    period = row[at.AS_OF]
    work.now[NOW_STAMP] += 1
    work.now[NOW_PERIOD] = period
    evaluation = np.int64(-1)
    due = _NEVER
    for dimension in range(plan.dimensions.shape[0]):
        block = plan.dimensions[dimension, 0]
        if (touched >> dimension) & 1 or row[block + at.DUE] <= period:
            count = row[block + at.COUNT]
            evaluation = _evaluate_dimension(
                plan, state, work, row, out, customer, dimension, cause, event, position, evaluation
            )
            if row[block + at.COUNT] != count:
                touched |= plan.dimensions[dimension, 4]
        due = min(due, max(row[block + at.DUE], period + 1))
    if evaluation >= 0:
        line = out.evaluations[evaluation]
        head = at.EVALUATION_HEAD + plan.metrics.shape[0] + plan.attribute_number.size
        for dimension in range(plan.dimensions.shape[0]):
            line[head + dimension] = row[plan.dimensions[dimension, 0] + at.CATEGORY]
    state.due[customer] = due
