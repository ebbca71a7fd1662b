"""Facts into cells and rings, and remembered event ids."""

from __future__ import annotations

import numpy as np

from rules.engine import layout as at
from rules.engine.kernel.arrays import I64
from rules.engine.kernel.slabs import (
    allocate,
    copy_words,
    reference,
    release,
    slab_offset,
    slab_size,
    slab_used,
)
from rules.engine.plan_arrays import (
    CELL_FIELD,
    CELL_KEEP,
    CELL_POSITION,
    CELL_RING,
    CELL_ROW,
    CELLS,
    COLUMN_FIELD,
    COLUMN_FIRST,
    COLUMN_KEEP,
    COLUMN_ROW,
    COLUMNS,
    IDS_LIST,
    RING_ENTRY,
    RING_REACH,
    RING_ROW,
    RING_WORD,
    RINGS,
)
from rules.jit import lean

_ABSENT = np.int64(at.ABSENT)
_ID_WORDS = 2
_ID_SIZE_FIRST = 2


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
def ring_place(plan: I64, pool: I64, ledger: I64, row: I64, ring: int, period: int) -> int:
    """The word of the ring's entry for a period, made where there is none.

    A new entry continues the cumulative columns of the one before it. When the slab is full, entries that no
    window can reach are dropped, all but the last of them, from which the windows' sums are counted.
    """
    r = plan[RINGS] + RING_ROW * ring
    word, words, reach = plan[r + RING_WORD], plan[r + RING_ENTRY], plan[r + RING_REACH]
    slab = row[word]
    if slab == 0:
        offset = allocate(pool, ledger, ring, np.int64(0), words)
        row[word] = reference(offset, 1, 0)
        _blank(plan, pool, ring, offset, np.int64(-1), period, words)
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
            grown = allocate(pool, ledger, ring, size + 1, words)
            copy_words(pool, offset, grown, used * words)
            release(pool, ledger, ring, slab)
            offset = grown
            size += 1
    for i in range(used * words - 1, place * words - 1, -1):
        pool[offset + words + i] = pool[offset + i]
    entry = offset + place * words
    _blank(plan, pool, ring, entry, entry - words if place > 0 else np.int64(-1), period, words)
    row[word] = reference(offset, used + 1, size)
    return entry


@lean
def _blank(plan: I64, pool: I64, ring: int, entry: int, before: int, period: int, words: int) -> None:
    """A new entry: cumulative columns as before it, no smallest and largest value yet."""
    for w in range(words):
        pool[entry + w] = pool[before + w] if before >= 0 else 0
    pool[entry] = period
    c = plan[COLUMN_FIRST] + ring
    first = plan[COLUMNS] + COLUMN_ROW * plan[c]
    for column in range(plan[c + 1] - plan[c]):
        keep = plan[first + COLUMN_ROW * column + COLUMN_KEEP]
        if keep in (at.KEEP_MIN, at.KEEP_MAX):
            pool[entry + at.ENTRY_HEAD + column] = _ABSENT


@lean
def ring_add(plan: I64, pool: I64, ledger: I64, work: I64, row: I64, ring: int) -> None:
    """Add a fact to a ring: to its period's entry, and to the cumulative columns of all later ones."""
    entry = ring_place(plan, pool, ledger, row, ring, work[at.EVENT_PERIOD])
    r, c = plan[RINGS] + RING_ROW * ring, plan[COLUMN_FIRST] + ring
    slab, words = row[plan[r + RING_WORD]], plan[r + RING_ENTRY]
    end = slab_offset(slab) + slab_used(slab) * words
    first = plan[COLUMNS] + COLUMN_ROW * plan[c]
    for column in range(plan[c + 1] - plan[c]):
        keep = plan[first + COLUMN_ROW * column + COLUMN_KEEP]
        value = work[at.EVENT_FIELDS + plan[first + COLUMN_ROW * column + COLUMN_FIELD]]
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
def days_fresh(plan: I64, pool: I64, row: I64, ring: int, field: int, period: int) -> int:
    """1 if the ring has no fact with the field at the period yet, so that the period is a new one (S5.1)."""
    r, c = plan[RINGS] + RING_ROW * ring, plan[COLUMN_FIRST] + ring
    slab = row[plan[r + RING_WORD]]
    if slab == 0:
        return 1
    words = plan[r + RING_ENTRY]
    offset, used = slab_offset(slab), slab_used(slab)
    place = lower_bound(pool, offset, used, words, period)
    if place == used or pool[offset + place * words] != period:
        return 1
    first = plan[COLUMNS] + COLUMN_ROW * plan[c]
    for column in range(plan[c + 1] - plan[c]):
        here = first + COLUMN_ROW * column
        if plan[here + COLUMN_KEEP] == at.KEEP_DAYS and plan[here + COLUMN_FIELD] == field:
            word = offset + place * words + at.ENTRY_HEAD + column
            before = pool[word - words] if place > 0 else 0
            return 1 if pool[word] == before else 0
    return 1


@lean
def cell_add(plan: I64, pool: I64, work: I64, row: I64, cell: int) -> None:
    """Add a fact to a cell of the row."""
    c = plan[CELLS] + CELL_ROW * cell
    position, keep, field = plan[c + CELL_POSITION], plan[c + CELL_KEEP], plan[c + CELL_FIELD]
    value, period, instant = work[at.EVENT_FIELDS + field], work[at.EVENT_PERIOD], work[at.EVENT_INSTANT]
    if value == _ABSENT:
        return
    if keep == at.KEEP_SUM:
        row[position] += value
    elif keep == at.KEEP_HIGH:
        row[position] += value >> at.HIGH_BITS
    elif keep == at.KEEP_COUNT:
        row[position] += 1
    elif keep == at.KEEP_DAYS:
        row[position] += days_fresh(plan, pool, row, plan[c + CELL_RING], field, period)
    elif keep == at.KEEP_MIN:
        if row[position] == _ABSENT or value < row[position]:
            row[position] = value
    elif keep == at.KEEP_MAX:
        if row[position] == _ABSENT or value > row[position]:
            row[position] = value
    elif keep == at.KEEP_FIRST:
        if row[position] == _ABSENT or instant < row[position + 1]:
            row[position] = value
            row[position + 1] = instant
    elif keep == at.KEEP_LAST:
        if row[position] == _ABSENT or instant >= row[position + 1]:
            row[position] = value
            row[position + 1] = instant
    elif keep == at.KEEP_RECENT:
        if row[position] == _ABSENT or period > row[position]:
            row[position] = period
    elif row[position] == _ABSENT or period < row[position]:
        row[position] = period


@lean
def id_place(pool: I64, row: I64, key: int) -> int:
    """The word of a remembered event id, or -1. Ids are an open-addressing set of (key, period) pairs."""
    slab = row[at.IDS]
    if slab == 0:
        return -1
    offset = slab_offset(slab)
    mask = (1 << slab_size(slab)) - 1
    probe = (key ^ (key >> 32)) & mask
    while True:
        word = offset + probe * _ID_WORDS
        if pool[word] == key:
            return word
        if pool[word] == 0:
            return -1
        probe = (probe + 1) & mask


@lean
def _id_insert(pool: I64, offset: int, size: int, key: int, period: int) -> None:
    mask = (1 << size) - 1
    probe = (key ^ (key >> 32)) & mask
    while pool[offset + probe * _ID_WORDS] != 0:
        probe = (probe + 1) & mask
    pool[offset + probe * _ID_WORDS] = key
    pool[offset + probe * _ID_WORDS + 1] = period


@lean
def id_remember(plan: I64, pool: I64, ledger: I64, row: I64, key: int, period: int, oldest: int) -> None:
    """Remember a new event id; ids before `oldest` can never matter again and make room when it is needed."""
    kind = plan[IDS_LIST]
    slab = row[at.IDS]
    if slab == 0:
        offset = allocate(pool, ledger, kind, np.int64(_ID_SIZE_FIRST), np.int64(_ID_WORDS))
        for i in range(_ID_WORDS << _ID_SIZE_FIRST):
            pool[offset + i] = 0
        row[at.IDS] = reference(offset, 1, _ID_SIZE_FIRST)
        _id_insert(pool, offset, _ID_SIZE_FIRST, key, period)
        return
    offset, used, size = slab_offset(slab), slab_used(slab), slab_size(slab)
    if (used + 1) * 4 > 3 << size:
        alive = 0
        for i in range(1 << size):
            word = offset + i * _ID_WORDS
            if pool[word] != 0 and pool[word + 1] >= oldest:
                alive += 1
        grown = np.int64(_ID_SIZE_FIRST)
        while (alive + 1) * 2 > 1 << grown:
            grown += 1
        target = allocate(pool, ledger, kind, grown, np.int64(_ID_WORDS))
        for i in range(_ID_WORDS << grown):
            pool[target + i] = 0
        for i in range(1 << size):
            word = offset + i * _ID_WORDS
            if pool[word] != 0 and pool[word + 1] >= oldest:
                _id_insert(pool, target, grown, pool[word], pool[word + 1])
        release(pool, ledger, kind, slab)
        offset, used, size = target, alive, grown
    _id_insert(pool, offset, size, key, period)
    row[at.IDS] = reference(offset, used + 1, size)
