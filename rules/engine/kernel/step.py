"""The loop of S4 over a batch of events, and ticks over all customers."""

from __future__ import annotations

import numpy as np

from rules.calendar import PERIOD_FIRST
from rules.engine import layout as at
from rules.engine.event import TYPES
from rules.engine.kernel.arrays import (
    I64,
    USED_CHANGES,
    USED_ERASURES,
    USED_EVALUATIONS,
    USED_NOTICES,
    USED_REJECTIONS,
    Batch,
    Out,
    State,
    Work,
)
from rules.engine.kernel.dimensions import evaluate
from rules.engine.kernel.facts import cell_add, id_place, id_remember, ring_add
from rules.engine.kernel.metrics import bits
from rules.engine.kernel.slabs import allocate, reference, release, slab_offset
from rules.engine.plan_arrays import ATTRIBUTE_BLOCK, IDS_LIST, LATENESS, OVERRIDES_LIST, PlanArrays
from rules.jit import called, lean

_ABSENT = np.int64(at.ABSENT)
_TYPES = list(TYPES)
_FACTS = _TYPES.index("customer.registered")
_ERASED = _TYPES.index("customer.erased")
_TOPIC_OF = np.array([list(dict.fromkeys(TYPES.values())).index(topic) for topic in TYPES.values()], np.int64)
_BY_TIME, _BY_EVENT = np.int64(at.CAUSE_TIME), np.int64(at.CAUSE_EVENT)
_EVERYTHING, _NOTHING, _NO_EVENT = np.int64(-1), np.int64(0), np.int64(-1)
_REJECT_ERASED, _REJECT_TOO_LATE = 0, 1
#: Words the pool must have left before an event, besides room for the largest slab to double: the sum of the
#: small slabs one event can make is far below it.
_POOL_RESERVE = 1 << 16


@called
def room(plan: PlanArrays, state: State, out: Out) -> int:
    """Whether one more evaluation, and one more event, fits: DONE, or what the host must make room in."""
    dimensions = plan.dimensions.shape[0]
    if state.control[0] + 4 * state.control[1] * (plan.rings.shape[0] + 1) + _POOL_RESERVE > state.pool.size:
        return at.NEED_POOL
    if (
        out.used[USED_EVALUATIONS] >= out.evaluations.shape[0]
        or out.used[USED_CHANGES] + dimensions > out.changes.shape[0]
        or out.used[USED_NOTICES] + 2 * dimensions > out.notices.shape[0]
        or out.used[USED_ERASURES] >= out.erasures.shape[0]
        or out.used[USED_REJECTIONS] >= out.rejections.shape[0]
    ):
        return at.NEED_OUTPUT
    return at.DONE


@called
def advance(
    plan: PlanArrays, state: State, work: Work, out: Out, customer: int, period: int, position: int
) -> int:
    """S4.1 step 2: work a customer through time up to a period, over the days on which nothing is due."""
    row = state.rows[customer]
    while state.due[customer] <= period:
        short = room(plan, state, out)
        if short != at.DONE:
            return short
        day = max(np.int64(state.due[customer]), row[at.AS_OF] + 1)
        if day > period:
            break
        row[at.AS_OF] = day
        row[at.INSTANT] = max(row[at.INSTANT], plan.starts[day - PERIOD_FIRST])
        evaluate(plan, state, work, out, customer, _BY_TIME, _NOTHING, _NO_EVENT, position)
        out.counters[at.COUNTED_EVALUATIONS] += 1
    if period > row[at.AS_OF]:
        row[at.AS_OF] = period
        row[at.INSTANT] = max(row[at.INSTANT], plan.starts[period - PERIOD_FIRST])
    return at.DONE


@called
def catch_up(plan: PlanArrays, state: State, work: Work, out: Out, customer: int, position: int) -> int:
    """Work a known customer through the ticks of the engine that it has not seen (S4.2)."""
    row = state.rows[customer]
    if row[at.TICKS] == state.control[2]:
        return at.DONE
    for i in range(state.ticks.shape[0]):
        if state.ticks[i, 0] >= row[at.TICKS]:
            short = advance(plan, state, work, out, customer, state.ticks[i, 1], position)
            if short != at.DONE:
                return short
            break
    row[at.TICKS] = state.control[2]
    return at.DONE


@lean
def be_born(plan: PlanArrays, state: State, row: I64, period: int, instant: int) -> None:
    """S4.1 step 1: an empty row; the life number and the erasure marker stay."""
    life, erased = row[at.LIFE], row[at.ERASED_AT]
    row[:] = 0
    row[at.LIFE] = max(life, 1)
    row[at.ERASED_AT] = erased
    row[at.AS_OF] = period
    row[at.INSTANT] = instant
    row[at.TICKS] = state.control[2]
    for cell in range(plan.cells.shape[0]):
        if plan.cells[cell, 1] >= at.KEEP_MIN:
            row[plan.cells[cell, 0]] = _ABSENT
    for dimension in range(plan.dimensions.shape[0]):
        block = plan.dimensions[dimension, 0]
        row[block + at.CATEGORY] = -1
        row[block + at.EARNED] = -1
        row[block + at.PENDING_TARGET] = -1
        row[block + at.DUE] = at.AT_ONCE
    for attribute in range(plan.attribute_number.size):
        place = plan.scalars[ATTRIBUTE_BLOCK] + attribute * at.ATTRIBUTE_WORDS
        row[place + at.ATTRIBUTE_VALUE] = bits(np.nan) if plan.attribute_number[attribute] == 1 else _ABSENT
        row[place + at.ATTRIBUTE_AT] = _ABSENT


@lean
def forget(plan: PlanArrays, state: State, customer: int, marker: int) -> None:
    """S12.1: give back everything of a customer; only the marker and the next life number stay."""
    row = state.rows[customer]
    life = row[at.LIFE] + 1
    for ring in range(plan.rings.shape[0]):
        release(state, ring, row[plan.rings[ring, 0]])
    release(state, plan.scalars[IDS_LIST], row[at.IDS])
    for dimension in range(plan.dimensions.shape[0]):
        release(state, plan.scalars[OVERRIDES_LIST], row[plan.dimensions[dimension, 0] + at.OVERRIDE])
    row[:] = 0
    row[at.AS_OF] = _ABSENT
    row[at.LIFE] = life
    row[at.ERASED_AT] = marker
    state.due[customer] = at.NEVER


@lean
def apply_control(plan: PlanArrays, state: State, row: I64, batch: Batch, event: int) -> int:
    """Put on or take off an override unless a newer one is known (S4.3, S8); returns what to look at."""
    line = batch.controls[batch.control[event]]
    place = plan.dimensions[line[0], 0] + at.OVERRIDE
    if row[place] == 0:
        offset = allocate(state, plan.scalars[OVERRIDES_LIST], 0, at.OVERRIDE_WORDS)
        row[place] = reference(offset, 1, 0)
        state.pool[offset + at.OVERRIDE_AT] = _ABSENT
        state.pool[offset + at.OVERRIDE_MODE] = 0
    offset = slab_offset(row[place])
    if batch.instant[event] >= state.pool[offset + at.OVERRIDE_AT]:
        state.pool[offset + at.OVERRIDE_MODE] = line[2]
        state.pool[offset + at.OVERRIDE_CATEGORY] = line[1]
        state.pool[offset + at.OVERRIDE_UNTIL] = line[3]
        state.pool[offset + at.OVERRIDE_AT] = batch.instant[event]
        state.pool[offset + at.OVERRIDE_ACTOR] = line[4]
        state.pool[offset + at.OVERRIDE_REASON] = line[5]
    return np.int64(1) << line[0]


@lean
def apply_attributes(plan: PlanArrays, row: I64, batch: Batch, event: int) -> int:
    """Set attributes unless a newer value is known (S4.3); returns the dimensions to look at again."""
    touched = np.int64(0)
    for i in range(batch.attribute_first[event], batch.attribute_first[event + 1]):
        attribute = batch.attribute[i]
        place = plan.scalars[ATTRIBUTE_BLOCK] + attribute * at.ATTRIBUTE_WORDS
        if batch.instant[event] >= row[place + at.ATTRIBUTE_AT]:
            row[place + at.ATTRIBUTE_VALUE] = batch.attribute_value[i]
            row[place + at.ATTRIBUTE_AT] = batch.instant[event]
            touched |= plan.attribute_touch[attribute]
    return touched


@lean
def apply_fact(plan: PlanArrays, state: State, row: I64, batch: Batch, event: int) -> int:
    """Add a fact to the cells and rings of its class; returns the dimensions to look at again."""
    kind = plan.class_base[batch.type[event]] + batch.label[event]
    for i in range(plan.class_cell_first[kind], plan.class_cell_first[kind + 1]):
        cell_add(plan, state, row, plan.class_cells[i], batch, event)
    for i in range(plan.class_ring_first[kind], plan.class_ring_first[kind + 1]):
        ring_add(plan, state, row, plan.class_rings[i], batch, event)
    return plan.class_touch[kind]


@lean
def event_key(batch: Batch, event: int) -> int:
    """What stands for an event id within its topic; never 0."""
    key = np.int64(
        batch.hash[event] ^ (np.uint64(0x9E3779B97F4A7C15) * np.uint64(_TOPIC_OF[batch.type[event]] + 1))
    )
    return key if key != 0 else np.int64(1)


@lean
def reject(out: Out, event: int, code: int) -> None:
    """Note a rejected event."""
    line = out.rejections[out.used[USED_REJECTIONS]]
    out.used[USED_REJECTIONS] += 1
    line[0] = event
    line[1] = code


@lean
def erase(plan: PlanArrays, state: State, out: Out, customer: int, batch: Batch, event: int) -> None:
    """S12.1 after step 2: forget a known customer and say so, or set or move the marker of an unknown one."""
    row = state.rows[customer]
    instant = np.int64(batch.instant[event])
    if row[at.AS_OF] == _ABSENT:
        row[at.LIFE] = max(row[at.LIFE], 1)
        row[at.ERASED_AT] = max(row[at.ERASED_AT], instant)
        return
    instant = max(row[at.INSTANT], instant)
    line = out.erasures[out.used[USED_ERASURES]]
    out.used[USED_ERASURES] += 1
    line[0] = event
    line[1] = customer
    line[2] = row[at.LIFE]
    line[3] = instant
    line[4] = batch.position[event]
    forget(plan, state, customer, instant)


@lean
def apply_event(plan: PlanArrays, state: State, work: Work, out: Out, batch: Batch, event: int) -> int:
    """S4.1 for one event. DONE, or what the host must make room in before it hands in the same event again;
    then nothing but time has been worked through."""
    customer = batch.row[event]
    row = state.rows[customer]
    period, instant = np.int64(batch.period[event]), np.int64(batch.instant[event])
    kind = batch.type[event]
    if instant <= row[at.ERASED_AT]:
        reject(out, event, _REJECT_ERASED)
        return at.DONE
    known = row[at.AS_OF] != _ABSENT
    if known:
        short = catch_up(plan, state, work, out, customer, batch.position[event])
        if short != at.DONE:
            return short
    now = max(row[at.AS_OF], period)
    oldest = now - plan.scalars[LATENESS]
    if kind < _FACTS and period < oldest:
        reject(out, event, _REJECT_TOO_LATE)
        return at.DONE
    key = event_key(batch, event)
    remembered = period if kind < _FACTS else now
    place = id_place(state, row, key) if known else -1
    if place >= 0 and state.pool[place + 1] >= oldest:
        state.pool[place + 1] = max(state.pool[place + 1], remembered)
        out.counters[at.COUNTED_DUPLICATE] += 1
        return at.DONE
    if known and period > row[at.AS_OF]:
        short = advance(plan, state, work, out, customer, period, batch.position[event])
        if short != at.DONE:
            return short
        short = room(plan, state, out)
        if short != at.DONE:
            return short
    out.counters[at.COUNTED_APPLIED] += 1
    if known and period < row[at.AS_OF]:
        out.counters[at.COUNTED_LATE] += 1
    if kind == _ERASED:
        erase(plan, state, out, customer, batch, event)
        return at.DONE
    touched = np.int64(0)
    if not known:
        be_born(plan, state, row, period, instant)
        touched = _EVERYTHING
        out.counters[at.COUNTED_BORN] += 1
    row[at.INSTANT] = max(row[at.INSTANT], instant)
    if place >= 0:
        state.pool[place + 1] = max(state.pool[place + 1], remembered)
    else:
        id_remember(plan, state, row, key, remembered, row[at.AS_OF] - plan.scalars[LATENESS])
    if batch.control[event] >= 0:
        touched |= apply_control(plan, state, row, batch, event)
    elif kind < _FACTS:
        touched |= apply_fact(plan, state, row, batch, event)
    else:
        touched |= apply_attributes(plan, row, batch, event)
    evaluate(plan, state, work, out, customer, _BY_EVENT, touched, event, batch.position[event])
    return at.DONE


@called
def pass_ticks(
    plan: PlanArrays, state: State, work: Work, out: Out, customer: int, batch: Batch, first: int, end: int
) -> int:
    """Work a known customer through the ticks `first` to `end` of the batch."""
    if state.rows[customer, at.AS_OF] == _ABSENT:
        return at.DONE
    for tick in range(first, end):
        period = np.int64(batch.ticks[tick])
        if period > state.rows[customer, at.AS_OF]:
            short = advance(plan, state, work, out, customer, period, batch.tick_positions[tick])
            if short != at.DONE:
                return short
    return at.DONE


@called
def run_batch(
    plan: PlanArrays, state: State, work: Work, out: Out, batch: Batch, first: int
) -> tuple[int, int]:
    """Apply the events from `first` on, and the ticks between and after them, customer by customer.

    Returns (DONE or what there must be more room for, the event to go on with). The events of a customer
    stand together; its ticks are those between its events, and after its last event all that are left.
    """
    events = batch.row.size
    for event in range(first, events):
        short = room(plan, state, out)
        if short != at.DONE:
            return short, event
        customer = batch.row[event]
        begin = np.int64(0)
        before = np.int64(batch.ticks_before[event])
        if event > 0 and batch.row[event - 1] == customer:
            begin = np.int64(batch.ticks_before[event - 1])
        short = pass_ticks(plan, state, work, out, customer, batch, begin, before)
        if short == at.DONE:
            short = apply_event(plan, state, work, out, batch, event)
        if short != at.DONE:
            return short, event
        if event + 1 == events or batch.row[event + 1] != customer:
            short = pass_ticks(plan, state, work, out, customer, batch, before, batch.ticks.size)
            if short != at.DONE:
                return short, ~event
    return at.DONE, events


@called
def finish_customer(plan: PlanArrays, state: State, work: Work, out: Out, batch: Batch, event: int) -> int:
    """The ticks after a customer's last event, gone on with after the host made room."""
    return pass_ticks(
        plan, state, work, out, batch.row[event], batch, np.int64(batch.ticks_before[event]), batch.ticks.size
    )


@called
def tick(
    plan: PlanArrays, state: State, work: Work, out: Out, period: int, first: int, end: int, position: int
) -> tuple[int, int]:
    """S4.2 for the customers in the rows `first` to `end`: those with something due are worked through time.

    Customers with nothing due are not touched: they catch up with the tick when they are next looked at.
    Those that have caught up, or were born since the tick was begun, have seen all ticks there are.
    Returns (DONE or what is short, the row to go on with).
    """
    for customer in range(first, end):
        if state.due[customer] <= period and state.rows[customer, at.TICKS] != state.control[2]:
            short = advance(plan, state, work, out, customer, period, position)
            if short != at.DONE:
                return short, customer
    return at.DONE, end
