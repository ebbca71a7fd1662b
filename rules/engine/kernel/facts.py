"""Facts into cells and rings, and remembered event ids."""

from __future__ import annotations

import numpy as np

from rules.engine import layout as at
from rules.engine.kernel.arrays import I64, Batch, State
from rules.engine.kernel.slabs import (
    allocate,
    copy_words,
    reference,
    release,
    slab_offset,
    slab_size,
    slab_used,
)
from rules.engine.plan_arrays import IDS_LIST, PlanArrays
from rules.jit import lean

_ABSENT = np.int64(at.ABSENT)
_ID_WORDS = 2
_ID_SIZE_FIRST = 2


@lean
def field_value(batch: Batch, event: int, field: int) -> int:
    """The event's value of a field column (1, 2 or 3; 0 stands for the fact itself)."""
    if field == 1:
        return batch.v1[event]
    if field == 2:
        return batch.v2[event]
    if field == 3:
        return batch.v3[event]
    return np.int64(1)


@lean
def lower_bound(pool: I64, offset: int, used: int, words: int, period: int) -> int:
    """The first entry of a ring at or after a period; `used` if there is none."""
    low, high = np.int64(0), used
    while low < high:
        middle = (low + high) >> 1
        if pool[offset + middle * words] < period:
            low = middle + 1
        else:
            high = middle
    return low


@lean
def ring_place(plan: PlanArrays, state: State, row: I64, ring: int, period: int) -> int:
    """The word of the ring's entry for a period, made where there is none.

    A new entry continues the cumulative columns of the one before it. When the slab is full, entries that no
    window can reach are dropped, all but the last of them, from which the windows' sums are counted.
    """
    word, words, reach = plan.rings[ring, 0], plan.rings[ring, 1], plan.rings[ring, 2]
    slab = row[word]
    pool = state.pool
    if slab == 0:
        offset = allocate(state, ring, 0, words)
        row[word] = reference(offset, 1, 0)
        _blank(plan, pool, ring, offset, -1, period, words)
        return offset
    offset, used = slab_offset(slab), slab_used(slab)
    last = offset + (used - 1) * words
    if pool[last] == period:
        return last
    place = used
    if pool[last] > period:
        place = lower_bound(pool, offset, used, words, period)
        if pool[offset + place * words] == period:
            return offset + place * words
    size = slab_size(slab)
    if used == 1 << size:
        idle = lower_bound(pool, offset, used, words, row[at.AS_OF] - reach) - 1
        if idle >= 1 and idle * 4 >= used and place > idle:
            copy_words(pool, offset + idle * words, offset, (used - idle) * words)
            used -= idle
            place -= idle
        else:
            grown = allocate(state, ring, size + 1, words)
            copy_words(pool, offset, grown, used * words)
            release(state, ring, slab)
            offset = grown
            size += 1
    for i in range(used * words - 1, place * words - 1, -1):
        pool[offset + words + i] = pool[offset + i]
    entry = offset + place * words
    _blank(plan, pool, ring, entry, entry - words if place > 0 else -1, period, words)
    row[word] = reference(offset, used + 1, size)
    return entry


@lean
def _blank(plan: PlanArrays, pool: I64, ring: int, entry: int, before: int, period: int, words: int) -> None:
    """A new entry: cumulative columns as before it, no smallest and largest value yet."""
    for w in range(words):
        pool[entry + w] = pool[before + w] if before >= 0 else 0
    pool[entry] = period
    first = plan.column_first[ring]
    for column in range(plan.column_first[ring + 1] - first):
        keep = plan.columns[first + column, 0]
        if keep in (at.KEEP_MIN, at.KEEP_MAX):
            pool[entry + at.ENTRY_HEAD + column] = _ABSENT


@lean
def ring_add(plan: PlanArrays, state: State, row: I64, ring: int, batch: Batch, event: int) -> None:
    """Add a fact to a ring: to its period's entry, and to the cumulative columns of all later ones."""
    entry = ring_place(plan, state, row, ring, batch.period[event])
    slab, words = row[plan.rings[ring, 0]], plan.rings[ring, 1]
    end = slab_offset(slab) + slab_used(slab) * words
    pool = state.pool
    first = plan.column_first[ring]
    for column in range(plan.column_first[ring + 1] - first):
        keep, field = plan.columns[first + column, 0], plan.columns[first + column, 1]
        value = field_value(batch, event, field)
        if value == _ABSENT:
            continue
        place = entry + at.ENTRY_HEAD + column
        if keep == at.KEEP_MIN:
            if pool[place] == _ABSENT or value < pool[place]:
                pool[place] = value
            continue
        if keep == at.KEEP_MAX:
            if pool[place] == _ABSENT or value > pool[place]:
                pool[place] = value
            continue
        delta = value
        if keep == at.KEEP_HIGH:
            delta = value >> at.HIGH_BITS
        elif keep == at.KEEP_COUNT:
            delta = 1
        elif keep == at.KEEP_DAYS:
            before = pool[place - words] if entry > slab_offset(slab) else 0
            delta = 1 if pool[place] == before else 0
        while place < end:
            pool[place] += delta
            place += words
    place = entry + at.ENTRY_COUNT
    while place < end:
        pool[place] += 1
        place += words


@lean
def days_fresh(plan: PlanArrays, state: State, row: I64, ring: int, field: int, period: int) -> int:
    """1 if the ring has no fact with the field at the period yet, so that the period is a new one (S5.1)."""
    slab = row[plan.rings[ring, 0]]
    if slab == 0:
        return 1
    words = plan.rings[ring, 1]
    offset, used = slab_offset(slab), slab_used(slab)
    place = lower_bound(state.pool, offset, used, words, period)
    if place == used or state.pool[offset + place * words] != period:
        return 1
    first = plan.column_first[ring]
    for column in range(plan.column_first[ring + 1] - first):
        if plan.columns[first + column, 0] == at.KEEP_DAYS and plan.columns[first + column, 1] == field:
            word = offset + place * words + at.ENTRY_HEAD + column
            before = state.pool[word - words] if place > 0 else 0
            return 1 if state.pool[word] == before else 0
    return 1


@lean
def cell_add(plan: PlanArrays, state: State, row: I64, cell: int, batch: Batch, event: int) -> None:
    """Add a fact to a cell of the row."""
    position, keep = plan.cells[cell, 0], plan.cells[cell, 1]
    field = plan.cells[cell, 2]
    value = field_value(batch, event, field)
    if value == _ABSENT:
        return
    if keep == at.KEEP_SUM:
        row[position] += value
    elif keep == at.KEEP_HIGH:
        row[position] += value >> at.HIGH_BITS
    elif keep == at.KEEP_COUNT:
        row[position] += 1
    elif keep == at.KEEP_DAYS:
        row[position] += days_fresh(plan, state, row, plan.cells[cell, 3], field, batch.period[event])
    elif keep == at.KEEP_MIN:
        if row[position] == _ABSENT or value < row[position]:
            row[position] = value
    elif keep == at.KEEP_MAX:
        if row[position] == _ABSENT or value > row[position]:
            row[position] = value
    elif keep == at.KEEP_FIRST:
        if row[position] == _ABSENT or batch.instant[event] < row[position + 1]:
            row[position] = value
            row[position + 1] = batch.instant[event]
    elif keep == at.KEEP_LAST:
        if row[position] == _ABSENT or batch.instant[event] >= row[position + 1]:
            row[position] = value
            row[position + 1] = batch.instant[event]
    elif keep == at.KEEP_RECENT:
        if row[position] == _ABSENT or batch.period[event] > row[position]:
            row[position] = batch.period[event]
    elif row[position] == _ABSENT or batch.period[event] < row[position]:
        row[position] = batch.period[event]


@lean
def id_place(state: State, row: I64, key: int) -> int:
    """The word of a remembered event id, or -1. Ids are an open-addressing set of (key, period) pairs."""
    slab = row[at.IDS]
    if slab == 0:
        return -1
    offset = slab_offset(slab)
    mask = (1 << slab_size(slab)) - 1
    probe = (key ^ (key >> 32)) & mask
    while True:
        word = offset + probe * _ID_WORDS
        if state.pool[word] == key:
            return word
        if state.pool[word] == 0:
            return -1
        probe = (probe + 1) & mask


@lean
def _id_insert(state: State, offset: int, size: int, key: int, period: int) -> None:
    mask = (1 << size) - 1
    probe = (key ^ (key >> 32)) & mask
    while state.pool[offset + probe * _ID_WORDS] != 0:
        probe = (probe + 1) & mask
    state.pool[offset + probe * _ID_WORDS] = key
    state.pool[offset + probe * _ID_WORDS + 1] = period


@lean
def id_remember(plan: PlanArrays, state: State, row: I64, key: int, period: int, oldest: int) -> None:
    """Remember a new event id; ids before `oldest` can never matter again and make room when it is needed."""
    kind = plan.scalars[IDS_LIST]
    slab = row[at.IDS]
    if slab == 0:
        offset = allocate(state, kind, _ID_SIZE_FIRST, _ID_WORDS)
        for i in range(_ID_WORDS << _ID_SIZE_FIRST):
            state.pool[offset + i] = 0
        row[at.IDS] = reference(offset, 1, _ID_SIZE_FIRST)
        _id_insert(state, offset, _ID_SIZE_FIRST, key, period)
        return
    offset, used, size = slab_offset(slab), slab_used(slab), slab_size(slab)
    if (used + 1) * 4 > 3 << size:
        alive = 0
        for i in range(1 << size):
            word = offset + i * _ID_WORDS
            if state.pool[word] != 0 and state.pool[word + 1] >= oldest:
                alive += 1
        grown = _ID_SIZE_FIRST
        while (alive + 1) * 2 > 1 << grown:
            grown += 1
        target = allocate(state, kind, grown, _ID_WORDS)
        for i in range(_ID_WORDS << grown):
            state.pool[target + i] = 0
        for i in range(1 << size):
            word = offset + i * _ID_WORDS
            if state.pool[word] != 0 and state.pool[word + 1] >= oldest:
                _id_insert(state, target, grown, state.pool[word], state.pool[word + 1])
        release(state, kind, slab)
        offset, used, size = target, alive, grown
    _id_insert(state, offset, size, key, period)
    row[at.IDS] = reference(offset, used + 1, size)
