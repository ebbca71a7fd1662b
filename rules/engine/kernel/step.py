"""The loop of S4 over a batch of events, and ticks over all customers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.calendar import PERIOD_FIRST
from rules.engine import layout as at
from rules.engine.event import TYPES
from rules.engine.kernel.arrays import I64, Batch, State
from rules.engine.kernel.dimensions import evaluate
from rules.engine.kernel.facts import cell_add, id_place, id_remember, ring_add
from rules.engine.kernel.slabs import allocate, reference, release, slab_offset
from rules.engine.plan_arrays import (
    ATTRIBUTE_BLOCK,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_TOUCH,
    ATTRIBUTES,
    CELL_COUNT,
    CELL_KEEP,
    CELL_POSITION,
    CELL_ROW,
    CELLS,
    CLASS_BASE,
    CLASS_CELL_FIRST,
    CLASS_CELLS,
    CLASS_RING_FIRST,
    CLASS_RINGS,
    CLASS_TOUCH,
    DIMENSION_BLOCK,
    DIMENSION_ROW,
    DIMENSION_ROWS,
    DIMENSIONS,
    IDS_LIST,
    LATENESS,
    OVERRIDES_LIST,
    RING_COUNT,
    RING_ROW,
    RING_WORD,
    RINGS,
    STARTS,
)
from rules.jit import called, entered, lean

_ABSENT = np.int64(at.ABSENT)
_NO_NUMBER = np.float64(np.nan).view(np.int64)
_TYPES = list(TYPES)
_FACTS = _TYPES.index("customer.registered")
_ERASED = _TYPES.index("customer.erased")
_TOPIC_OF = np.array([list(dict.fromkeys(TYPES.values())).index(topic) for topic in TYPES.values()], np.int64)
_EVERYTHING, _NOTHING = np.int64(-1), np.int64(0)
_NO_TICK = np.int64(at.AT_ONCE)
_REJECT_ERASED, _REJECT_TOO_LATE = np.int64(0), np.int64(1)
#: Words the pool must have left before an event, besides room for the largest slab to double: the sum of the
#: small slabs one event can make is far below it.
_POOL_RESERVE = 1 << 16


@lean
def room(plan: I64, state: State, out: I64) -> int:
    """Whether one more evaluation, and one more event, fits: DONE, or what the host must make room in."""
    dimensions, ledger = plan[DIMENSIONS], state.ledger
    reserve = 4 * ledger[at.LEDGER_LARGEST] * (plan[RING_COUNT] + 1) + _POOL_RESERVE
    if ledger[at.LEDGER_USED] + reserve > state.pool.size:
        return at.NEED_POOL
    if (
        out[at.USED_EVALUATIONS] >= out[at.OUT_LINES + at.USED_EVALUATIONS]
        or out[at.USED_CHANGES] + dimensions > out[at.OUT_LINES + at.USED_CHANGES]
        or out[at.USED_NOTICES] + 2 * dimensions > out[at.OUT_LINES + at.USED_NOTICES]
        or out[at.USED_ERASURES] >= out[at.OUT_LINES + at.USED_ERASURES]
        or out[at.USED_REJECTIONS] >= out[at.OUT_LINES + at.USED_REJECTIONS]
    ):
        return at.NEED_OUTPUT
    return at.DONE


@called
def advance(plan: I64, state: State, work: I64, out: I64, customer: int, period: int, position: int) -> int:
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
        row[at.INSTANT] = max(row[at.INSTANT], plan[plan[STARTS] + day - PERIOD_FIRST])
        work[at.NOW_CUSTOMER] = customer
        work[at.NOW_CAUSE] = at.CAUSE_TIME
        work[at.NOW_EVENT] = -1
        work[at.NOW_INPUT] = position
        state.due[customer] = evaluate(plan, state.pool, work, row, out, _NOTHING)
        out[at.OUT_COUNTERS + at.COUNTED_EVALUATIONS] += 1
    if period > row[at.AS_OF]:
        row[at.AS_OF] = period
        row[at.INSTANT] = max(row[at.INSTANT], plan[plan[STARTS] + period - PERIOD_FIRST])
    return at.DONE


@lean
def catch_up(state: State, row: I64) -> int:
    """The period of the latest tick of the engine that a known customer has not seen, or -1 (S4.2)."""
    if row[at.TICKS] != state.ledger[at.LEDGER_TICKS]:
        for i in range(state.ticks.shape[0]):
            if state.ticks[i, 0] >= row[at.TICKS]:
                return state.ticks[i, 1]
    return _NO_TICK


@lean
def be_born(plan: I64, work: I64, row: I64, ticks: int) -> None:
    """S4.1 step 1: an empty row; the life number and the erasure marker stay."""
    life, erased = row[at.LIFE], row[at.ERASED_AT]
    for word in range(row.size):
        row[word] = 0
    row[at.LIFE] = max(life, 1)
    row[at.ERASED_AT] = erased
    row[at.AS_OF] = work[at.EVENT_PERIOD]
    row[at.INSTANT] = work[at.EVENT_INSTANT]
    row[at.TICKS] = ticks
    for cell in range(plan[CELL_COUNT]):
        c = plan[CELLS] + CELL_ROW * cell
        if plan[c + CELL_KEEP] >= at.KEEP_MIN:
            row[plan[c + CELL_POSITION]] = _ABSENT
    for dimension in range(plan[DIMENSIONS]):
        block = plan[plan[DIMENSION_ROWS] + DIMENSION_ROW * dimension + DIMENSION_BLOCK]
        row[block + at.CATEGORY] = -1
        row[block + at.EARNED] = -1
        row[block + at.PENDING_TARGET] = -1
        row[block + at.DUE] = at.AT_ONCE
    for attribute in range(plan[ATTRIBUTES]):
        place = plan[ATTRIBUTE_BLOCK] + attribute * at.ATTRIBUTE_WORDS
        number = plan[plan[ATTRIBUTE_NUMBER] + attribute] == 1
        row[place + at.ATTRIBUTE_VALUE] = _NO_NUMBER if number else _ABSENT
        row[place + at.ATTRIBUTE_AT] = _ABSENT


@lean
def forget(plan: I64, pool: I64, ledger: I64, row: I64, marker: int) -> None:
    """S12.1: give back everything of a customer; only the marker and the next life number stay."""
    life = row[at.LIFE] + 1
    for ring in range(plan[RING_COUNT]):
        release(pool, ledger, ring, row[plan[plan[RINGS] + RING_ROW * ring + RING_WORD]])
    release(pool, ledger, plan[IDS_LIST], row[at.IDS])
    for dimension in range(plan[DIMENSIONS]):
        block = plan[plan[DIMENSION_ROWS] + DIMENSION_ROW * dimension + DIMENSION_BLOCK]
        release(pool, ledger, plan[OVERRIDES_LIST], row[block + at.OVERRIDE])
    for word in range(row.size):
        row[word] = 0
    row[at.AS_OF] = _ABSENT
    row[at.LIFE] = life
    row[at.ERASED_AT] = marker


@lean
def apply_control(plan: I64, pool: I64, ledger: I64, work: I64, row: I64, controls: I64) -> int:
    """Put on or take off an override unless a newer one is known (S4.3, S8); returns what to look at."""
    line, instant = work[at.EVENT_CONTROL], work[at.EVENT_INSTANT]
    dimension = controls[line, 0]
    place = plan[plan[DIMENSION_ROWS] + DIMENSION_ROW * dimension + DIMENSION_BLOCK] + at.OVERRIDE
    if row[place] == 0:
        words = np.int64(at.OVERRIDE_WORDS)
        offset = allocate(pool, ledger, plan[OVERRIDES_LIST], np.int64(0), words)
        row[place] = reference(offset, 1, 0)
        pool[offset + at.OVERRIDE_AT] = _ABSENT
        pool[offset + at.OVERRIDE_MODE] = 0
    offset = slab_offset(row[place])
    if instant >= pool[offset + at.OVERRIDE_AT]:
        pool[offset + at.OVERRIDE_MODE] = controls[line, 2]
        pool[offset + at.OVERRIDE_CATEGORY] = controls[line, 1]
        pool[offset + at.OVERRIDE_UNTIL] = controls[line, 3]
        pool[offset + at.OVERRIDE_AT] = instant
        pool[offset + at.OVERRIDE_ACTOR] = controls[line, 4]
        pool[offset + at.OVERRIDE_REASON] = controls[line, 5]
    return np.int64(1) << dimension


@lean
def apply_attributes(plan: I64, work: I64, row: I64, attribute: NDArray[np.uint8], value: I64) -> int:
    """Set attributes unless a newer value is known (S4.3); returns the dimensions to look at again."""
    touched = np.int64(0)
    instant = work[at.EVENT_INSTANT]
    for i in range(work[at.EVENT_ATTRIBUTES], work[at.EVENT_ATTRIBUTES_END]):
        index = np.int64(attribute[i])
        place = plan[ATTRIBUTE_BLOCK] + index * at.ATTRIBUTE_WORDS
        if instant >= row[place + at.ATTRIBUTE_AT]:
            row[place + at.ATTRIBUTE_VALUE] = value[i]
            row[place + at.ATTRIBUTE_AT] = instant
            touched |= plan[plan[ATTRIBUTE_TOUCH] + index]
    return touched


@lean
def apply_fact(plan: I64, pool: I64, ledger: I64, work: I64, row: I64) -> int:
    """Add a fact to the cells and rings of its class; returns the dimensions to look at again."""
    kind = plan[plan[CLASS_BASE] + work[at.EVENT_TYPE]] + work[at.EVENT_LABEL]
    first = plan[CLASS_CELL_FIRST] + kind
    for i in range(plan[first], plan[first + 1]):
        cell_add(plan, pool, work, row, plan[plan[CLASS_CELLS] + i])
    first = plan[CLASS_RING_FIRST] + kind
    for i in range(plan[first], plan[first + 1]):
        ring_add(plan, pool, ledger, work, row, plan[plan[CLASS_RINGS] + i])
    return plan[plan[CLASS_TOUCH] + kind]


@lean
def take_event(work: I64, batch: Batch, event: int) -> None:
    """Put an event into the scratch; what stands for its id is made of the id's hash and its topic."""
    kind = batch.type[event]
    key = np.int64(batch.hash[event] ^ (np.uint64(0x9E3779B97F4A7C15) * np.uint64(_TOPIC_OF[kind] + 1)))
    work[at.EVENT_KEY] = key if key != 0 else 1
    work[at.EVENT_TYPE] = kind
    work[at.EVENT_LABEL] = batch.label[event]
    work[at.EVENT_INSTANT] = batch.instant[event]
    work[at.EVENT_PERIOD] = batch.period[event]
    work[at.EVENT_FIELDS] = 1
    work[at.EVENT_V1] = batch.v1[event]
    work[at.EVENT_V2] = batch.v2[event]
    work[at.EVENT_V3] = batch.v3[event]
    work[at.EVENT_CONTROL] = batch.control[event]
    work[at.EVENT_ATTRIBUTES] = batch.attribute_first[event]
    work[at.EVENT_ATTRIBUTES_END] = batch.attribute_first[event + 1]


@lean
def reject(out: I64, event: int, code: int) -> None:
    """Note a rejected event."""
    line = out[at.OUT_FIRST + at.USED_REJECTIONS] + at.REJECTION_WORDS * out[at.USED_REJECTIONS]
    out[at.USED_REJECTIONS] += 1
    out[line] = event
    out[line + 1] = code


@lean
def erase(
    plan: I64, state: State, out: I64, customer: int, row: I64, instant: int, event: int, position: int
) -> None:
    """S12.1 after step 2: forget a known customer and say so, or set or move the marker of an unknown one."""
    if row[at.AS_OF] == _ABSENT:
        row[at.LIFE] = max(row[at.LIFE], 1)
        row[at.ERASED_AT] = max(row[at.ERASED_AT], instant)
        return
    marker = max(row[at.INSTANT], instant)
    line = out[at.OUT_FIRST + at.USED_ERASURES] + at.ERASURE_WORDS * out[at.USED_ERASURES]
    out[at.USED_ERASURES] += 1
    out[line] = event
    out[line + 1] = customer
    out[line + 2] = row[at.LIFE]
    out[line + 3] = marker
    out[line + 4] = position
    forget(plan, state.pool, state.ledger, row, marker)
    state.due[customer] = at.NEVER


@lean
def _dismissed(plan: I64, pool: I64, work: I64, row: I64, out: I64, event: int) -> bool:
    """Whether an event changes nothing: too late, or known already (S4.1, S4.4). Then that is noted."""
    period, kind = work[at.EVENT_PERIOD], work[at.EVENT_TYPE]
    now = max(row[at.AS_OF], period)
    oldest = now - plan[LATENESS]
    if kind < _FACTS and period < oldest:
        reject(out, event, _REJECT_TOO_LATE)
        return True
    place = id_place(pool, row, work[at.EVENT_KEY]) if row[at.AS_OF] != _ABSENT else np.int64(-1)
    work[at.EVENT_ID_PLACE] = place
    if place >= 0 and pool[place + 1] >= oldest:
        pool[place + 1] = max(pool[place + 1], period if kind < _FACTS else now)
        out[at.OUT_COUNTERS + at.COUNTED_DUPLICATE] += 1
        return True
    return False


@lean
def _remember(plan: I64, pool: I64, ledger: I64, work: I64, row: I64) -> None:
    """Remember the id of the event in hand, also where it was known so long ago that it did not matter."""
    place = work[at.EVENT_ID_PLACE]
    seen = work[at.EVENT_PERIOD]
    if work[at.EVENT_TYPE] >= _FACTS:
        seen = max(seen, row[at.AS_OF])
    if place >= 0:
        pool[place + 1] = max(pool[place + 1], seen)
    else:
        id_remember(plan, pool, ledger, row, work[at.EVENT_KEY], seen, row[at.AS_OF] - plan[LATENESS])


@lean
def apply_event(plan: I64, state: State, work: I64, out: I64, batch: Batch, event: int) -> int:
    """S4.1 for one event. DONE, or what the host must make room in before it hands in the same event again;
    then nothing but time has been worked through."""
    customer, position = batch.row[event], batch.position[event]
    row = state.rows[customer]
    period, instant, kind = work[at.EVENT_PERIOD], work[at.EVENT_INSTANT], work[at.EVENT_TYPE]
    if instant <= row[at.ERASED_AT]:
        reject(out, event, _REJECT_ERASED)
        return at.DONE
    known = row[at.AS_OF] != _ABSENT
    until = catch_up(state, row) if known else _NO_TICK
    for turn in range(2):  # first the ticks not seen, then the days up to the event
        if until > row[at.AS_OF] and known:
            short = advance(plan, state, work, out, customer, until, position)
            if short != at.DONE:
                return short
        if turn == 0:
            if known:
                row[at.TICKS] = state.ledger[at.LEDGER_TICKS]
            if _dismissed(plan, state.pool, work, row, out, event):
                return at.DONE
            until = period
    short = room(plan, state, out)
    if short != at.DONE:
        return short
    out[at.OUT_COUNTERS + at.COUNTED_APPLIED] += 1
    if known and period < row[at.AS_OF]:
        out[at.OUT_COUNTERS + at.COUNTED_LATE] += 1
    if kind == _ERASED:
        erase(plan, state, out, customer, row, instant, event, position)
        return at.DONE
    touched = _NOTHING
    if not known:
        be_born(plan, work, row, state.ledger[at.LEDGER_TICKS])
        touched = _EVERYTHING
        out[at.OUT_COUNTERS + at.COUNTED_BORN] += 1
    row[at.INSTANT] = max(row[at.INSTANT], instant)
    _remember(plan, state.pool, state.ledger, work, row)
    if work[at.EVENT_CONTROL] >= 0:
        touched |= apply_control(plan, state.pool, state.ledger, work, row, batch.controls)
    elif kind < _FACTS:
        touched |= apply_fact(plan, state.pool, state.ledger, work, row)
    else:
        touched |= apply_attributes(plan, work, row, batch.attribute, batch.attribute_value)
    work[at.NOW_CUSTOMER] = customer
    work[at.NOW_CAUSE] = at.CAUSE_EVENT
    work[at.NOW_EVENT] = event
    work[at.NOW_INPUT] = position
    state.due[customer] = evaluate(plan, state.pool, work, row, out, touched)
    return at.DONE


@called
def pass_ticks(
    plan: I64,
    state: State,
    work: I64,
    out: I64,
    customer: int,
    ticks: NDArray[np.int32],
    positions: I64,
    first: int,
    end: int,
) -> int:
    """Work a known customer through the ticks `first` to `end` of the batch."""
    if state.rows[customer, at.AS_OF] == _ABSENT:
        return at.DONE
    for tick in range(first, end):
        period = np.int64(ticks[tick])
        if period > state.rows[customer, at.AS_OF]:
            short = advance(plan, state, work, out, customer, period, positions[tick])
            if short != at.DONE:
                return short
    return at.DONE


@entered
def run_batch(
    plan: I64, state: State, work: I64, out: I64, batch: Batch, first: int, applied: bool
) -> tuple[int, int]:
    """Apply the events from `first` on, and the ticks between and after them, customer by customer.

    Returns (DONE, what there must be more room for, or RUNG, the event to go on with); where that is
    negative, go on with its complement, which is `applied` already: only the ticks behind it are left. The
    events of a customer stand together; its ticks are those between its events, and after its last one all
    that are left.
    """
    events = batch.row.size
    ticks, positions = batch.ticks, batch.tick_positions
    for event in range(first, events):
        customer = batch.row[event]
        before = np.int64(batch.ticks_before[event])
        if event > first and work[at.BELL] != 0:
            return at.RUNG, event
        if not applied:
            short = room(plan, state, out)
            if short != at.DONE:
                return short, event
            begin = np.int64(0)
            if event > 0 and batch.row[event - 1] == customer:
                begin = np.int64(batch.ticks_before[event - 1])
            if begin < before:
                short = pass_ticks(plan, state, work, out, customer, ticks, positions, begin, before)
            if short == at.DONE:
                take_event(work, batch, event)
                short = apply_event(plan, state, work, out, batch, event)
            if short != at.DONE:
                return short, event
        applied = False
        if event + 1 == events or batch.row[event + 1] != customer:
            short = pass_ticks(plan, state, work, out, customer, ticks, positions, before, ticks.size)
            if short != at.DONE:
                return short, ~event
    return at.DONE, events


@entered
def tick(
    plan: I64, state: State, work: I64, out: I64, period: int, first: int, end: int, position: int
) -> tuple[int, int]:
    """S4.2 for the customers in the rows `first` to `end`: those with something due are worked through time.

    Customers with nothing due are not touched: they catch up with the tick when they are next looked at.
    Those that have caught up, or were born since the tick was begun, have seen all ticks there are.
    Returns (DONE, what is short or RUNG, the row to go on with).
    """
    for customer in range(first, end):
        if customer > first and work[at.BELL] != 0:
            return at.RUNG, customer
        if state.due[customer] <= period and state.rows[customer, at.TICKS] != state.ledger[at.LEDGER_TICKS]:
            short = advance(plan, state, work, out, customer, period, position)
            if short != at.DONE:
                return short, customer
    return at.DONE, end
