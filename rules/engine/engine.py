"""The engine: state, batches of events and ticks in, outcomes out. No clock, no files.

A host decodes events into columns, asks for the rows of their customers, and hands in a batch; the engine
answers with an outcome of plain matrices, of which bodies are rendered only when somebody wants them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.event import Event
from rules.engine.kernel.arrays import Batch, State
from rules.engine.kernel.outputs import make_out
from rules.engine.kernel.sight import customer_values
from rules.engine.kernel.step import run_batch, tick
from rules.engine.plan_arrays import (
    ATTRIBUTE_BLOCK,
    METRICS,
    RING_COUNT,
    ROW_WORDS,
    STACK_AT,
    Plan,
)
from rules.engine.snapshot import LAYOUT_VERSION, ROOM_DTYPES, Room, Snapshot, copied, touched
from rules.engine.strings import StringTable
from rules.intake.columns import (
    ATTRIBUTE_BOOLEAN,
    ATTRIBUTE_INTEGER,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_STRING,
    EventColumns,
)

I64 = NDArray[np.int64]

_ROWS_FIRST = 64
_POOL_FIRST = 1 << 17
#: One row more for so many that were restored.
_SPARE = 8
#: Lines of output that are collected before they are copied away, at first and at most: enough to make the
#: copying cheap, few enough to stay in the processor's caches.
_OUTPUTS_FIRST, _OUTPUTS_LAST = 256, 16_384
#: Rows of a slice that is worked through before its lines are counted.
_SLICE_ROWS = 512
_MISSING_NUMBER = np.array([np.nan]).view(np.int64)[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch or a tick brought, as matrices in the layouts of `rules.engine.layout`.

    `evaluations` of those that moved anything; `changes` refer to them by line; `notices`; `erasures`
    (event, row, life, instant, position); `rejections` (event, 0 erased or 1 too late). `counters` by the
    COUNTED_ names.
    """

    evaluations: I64
    changes: I64
    notices: I64
    erasures: I64
    rejections: I64
    counters: I64


@dataclass(slots=True)
class _Pages:
    """Matrices that fill up and are taken away page by page."""

    evaluations: list[I64]
    changes: list[I64]
    notices: list[I64]
    erasures: list[I64]
    rejections: list[I64]


class Engine:
    """One shard's worth of customers under one plan."""

    def __init__(self, plan: Plan, outputs: int = _OUTPUTS_FIRST) -> None:
        """`outputs` is about how many lines of output a batch brings, so that room is made once."""
        self.plan = plan
        self.customers = StringTable()
        self.strings = StringTable()
        for text in plan.strings:
            self.strings.intern(text)
        lists = (plan.arrays.rings.shape[0] + 2) * at.SLAB_CLASSES
        words = int(plan.arrays.scalars[ROW_WORDS])
        self._state = State(
            rows=np.zeros((_ROWS_FIRST, words), np.int64),
            due=np.full(_ROWS_FIRST, at.NEVER, np.int32),
            pool=np.zeros(_POOL_FIRST, np.int64),
            ledger=np.append(np.zeros(at.LEDGER_FREE, np.int64), np.full(lists, -1, np.int64)),
            ticks=np.zeros((0, 2), np.int64),
        )
        _clear(self._state.rows)
        self._work = np.zeros(int(plan.packed[STACK_AT]) + at.STACK_WORDS * plan.stack_words, np.int64)
        self._out = make_out(plan, outputs)
        self._moving: AbstractContextManager[object] = nullcontext()

    @classmethod
    def restore(cls, plan: Plan, snapshot: Snapshot) -> Self:
        """An engine that goes on from a snapshot; `ValueError` where it was made under another pack."""
        snapshot.check(plan.pack)
        engine = cls(plan)
        engine.customers = StringTable.of(snapshot.customer_ends, snapshot.customer_arena)
        engine.strings = StringTable.of(snapshot.string_ends, snapshot.string_arena)
        count = len(engine.customers)
        # the next new customer must not have to wait until all rows are copied once more
        engine._reserve_rows(count + count // _SPARE)
        state = engine._state
        state.rows[: snapshot.rows.shape[0]] = snapshot.rows
        state.due[: snapshot.due.size] = snapshot.due
        pool = np.zeros(snapshot.pool.size + _POOL_FIRST, np.int64)
        pool[: snapshot.pool.size] = snapshot.pool
        engine._state = state._replace(
            pool=pool,
            ledger=np.append(snapshot.control, snapshot.free),
            ticks=snapshot.ticks.copy(),
        )
        return engine

    @property
    def bell(self) -> I64:
        """One word, int64[1]: while it is not 0, what `share` was given is let go before the next event."""
        return self._work[at.BELL : at.BELL + 1]

    def share(self, moving: AbstractContextManager[object]) -> None:
        """Enter `moving` from now on wherever the state moves: a lock that others take to look at it.

        They find it as it is between two batches, or between two events of one, or two customers of a tick.
        """
        self._moving = moving

    def snapshot(self, room: Room | None = None) -> Snapshot:
        """A copy of all that is remembered, taken between two batches, into `room` where that is enough."""
        state, count = self._state, len(self.customers)
        room = Room(*(np.empty(0, dtype) for dtype in ROOM_DTYPES)) if room is None else room
        return Snapshot(
            layout=LAYOUT_VERSION,
            state_fingerprint=self.plan.pack.state_fingerprint,
            fingerprint=self.plan.pack.fingerprint,
            rows=copied(state.rows[:count], room.rows),
            due=copied(state.due[:count], room.due),
            pool=copied(state.pool[: state.control[0]], room.pool),
            free=state.free.copy(),
            control=state.control.copy(),
            ticks=state.ticks.copy(),
            customer_ends=copied(self.customers.ends[: count + 1], room.ends),
            customer_arena=copied(self.customers.arena[: self.customers.ends[count]], room.arena),
            string_ends=self.strings.ends[: len(self.strings) + 1].copy(),
            string_arena=self.strings.arena[: self.strings.ends[len(self.strings)]].copy(),
        )

    def room(self) -> Room:
        """Memory for the next snapshot, with some to spare, so that taking it need not wait for new pages.

        May be called while the engine works in another thread.
        """
        state, count = self._state, len(self.customers)
        sizes = (
            count * state.rows.shape[1],
            count,
            int(state.control[0]),
            count + 1,
            int(self.customers.ends[count]),
        )
        return Room(*(touched(size, dtype) for size, dtype in zip(sizes, ROOM_DTYPES, strict=True)))

    def nbytes(self) -> int:
        """Memory of the state in bytes: rows, slabs in use, indexes."""
        state = self._state
        slabs = int(state.control[0]) * 8
        return state.rows.nbytes + state.due.nbytes + slabs + self.customers.nbytes() + self.strings.nbytes()

    def rows_of(self, events: EventColumns) -> I64:
        """The rows of the events' customers, new ones made: int64[n]."""
        return self.rows_of_spans(events.customer_text, events.customer_start, events.customer_length)

    def rows_of_spans(self, text: NDArray[np.uint8], start: I64, length: NDArray[np.int32]) -> I64:
        """The rows of customers whose ids are spans of a text, new ones made: int64[n]."""
        with self._moving:
            rows = self.customers.intern_spans(text, start, length)
        self._reserve_rows(len(self.customers))
        return rows

    def attribute_values(self, events: EventColumns) -> I64:
        """The attribute values of a decoded batch as words of the state: int64[m]; removed: missing."""
        kind = events.attribute_kind
        numbers = np.append(self.plan.arrays.attribute_number, 0)[events.attribute_index] == 1
        values = np.where(numbers, _MISSING_NUMBER, np.int64(at.ABSENT))
        plain = (kind == ATTRIBUTE_INTEGER) | (kind == ATTRIBUTE_NUMBER) | (kind == ATTRIBUTE_BOOLEAN)
        values[plain] = events.attribute_value[plain]
        texts = np.flatnonzero(kind == ATTRIBUTE_STRING)
        if texts.size:
            with self._moving:
                values[texts] = self.strings.intern_spans(
                    events.attribute_text, events.attribute_start[texts], events.attribute_length[texts]
                )
        return values

    def controls(self, details: Sequence[Event]) -> I64:
        """Assignments and releases as rows of `Batch.controls`; of other events the row is not looked at."""
        rows = np.zeros((len(details), 6), np.int64)
        for line, event in zip(rows, details, strict=True):
            mode = {"pin": at.MODE_PIN, "floor": at.MODE_FLOOR, None: 0}[event.mode]
            line[0] = -1 if event.dimension is None else event.dimension
            line[1] = 0 if event.category is None else event.category
            line[2] = 0 if event.type == "category.released" else mode
            line[3] = at.NEVER if event.until is None else event.until
            with self._moving:
                line[4] = -1 if event.actor is None else self.strings.intern(event.actor)
                line[5] = -1 if event.reason is None else self.strings.intern(event.reason)
        return rows

    def step(self, batch: Batch) -> Outcome:
        """Apply a batch: the events of one customer in their order, those of different ones in any order.

        The batch's ticks, if it has any, are worked through by the customers that have events in it.
        """
        pages = _Pages([], [], [], [], [])
        plan, work = self.plan.packed, self._work
        short, first, applied = at.RUNG, 0, False
        while short != at.DONE:
            self._make_room(short, pages)
            with self._moving:
                short, first = run_batch(plan, self._state, work, self._out.words, batch, first, applied)
            applied = first < 0
            first = ~first if applied else first
        return self._outcome(pages)

    def tick(self, period: int, position: int = -1, slice_rows: int = 1 << 20) -> Outcome:
        """S4.2: the period has begun for every known customer. `position`: its place in the input."""
        count = self.begin_tick(period)
        pages = _Pages([], [], [], [], [])
        for first in range(0, count, slice_rows):
            self._tick_rows(period, first, min(count, first + slice_rows), position, pages)
        return self._outcome(pages)

    def begin_tick(self, period: int) -> int:
        """Note a tick that is worked through in slices, by `tick_rows`; how many rows there are for it.

        Customers that are looked at before their slice comes catch up with the tick there and then.
        """
        with self._moving:
            self._note_tick(period)
        return len(self.customers)

    def tick_rows(self, period: int, first: int, end: int, changes_max: int) -> tuple[Outcome, int]:
        """Work the rows `first` to `end` through a tick that was begun; the row to go on with.

        Ends early, between two rows, once there are `changes_max` evaluations that moved something.
        """
        pages = _Pages([], [], [], [], [])
        lines = 0
        while first < end and lines < changes_max:
            stop = min(end, first + _SLICE_ROWS)
            self._tick_rows(period, first, stop, -1, pages)
            first = stop
            lines = sum(len(page) for page in pages.evaluations) + int(self._out.used[at.USED_EVALUATIONS])
        return self._outcome(pages), first

    def _tick_rows(self, period: int, first: int, end: int, position: int, pages: _Pages) -> None:
        plan, work = self.plan.packed, self._work
        short = at.RUNG
        while short != at.DONE:
            self._make_room(short, pages)
            with self._moving:
                short, first = tick(plan, self._state, work, self._out.words, period, first, end, position)

    def rows(self) -> I64:
        """The rows of all customers ever seen: a view of int64[customers, words]."""
        count = len(self.customers)
        return self._state.rows[:count]

    def sight(self) -> tuple[I64, I64, I64]:
        """What is known of all customers at their `as_of`, ticks seen or not.

        Returns (rows of the known customers, their `as_of`, their metric values as words, n × metrics).
        """
        count = len(self.customers)
        known = np.flatnonzero(self._state.rows[:count, at.AS_OF] != at.ABSENT)
        as_of = np.empty(known.size, np.int64)
        values = np.empty((known.size, int(self.plan.arrays.scalars[METRICS])), np.int64)
        customer_values(self.plan.packed, self._state, self._work, known, as_of, values)
        return known, as_of, values

    def attribute_words(self, rows: I64) -> I64:
        """The attribute values in rows of the state: int64[n, attributes]."""
        first = int(self.plan.arrays.scalars[ATTRIBUTE_BLOCK])
        return rows[
            :, first : first + at.ATTRIBUTE_WORDS * len(self.plan.pack.attributes) : at.ATTRIBUTE_WORDS
        ]

    def override(self, row: int, dimension: int) -> I64 | None:
        """The words of a customer's override slab, or None if it never had one."""
        slab = int(self._state.rows[row, self.plan.arrays.dimensions[dimension, 0] + at.OVERRIDE])
        if slab == 0:
            return None
        return self._state.pool[slab >> 32 : (slab >> 32) + at.OVERRIDE_WORDS]

    def _handed_over(self, counters: I64) -> Outcome:
        """A large page becomes the outcome as it is, and a small one takes its place."""
        out, used = self._out, self._out.used
        self._out = make_out(self.plan, _OUTPUTS_FIRST)
        return Outcome(
            out.evaluations[: used[at.USED_EVALUATIONS]],
            out.changes[: used[at.USED_CHANGES]],
            out.notices[: used[at.USED_NOTICES]],
            out.erasures[: used[at.USED_ERASURES]],
            out.rejections[: used[at.USED_REJECTIONS]],
            counters,
        )

    def _note_tick(self, period: int) -> None:
        control, ticks = self._state.control, self._state.ticks
        later = ticks[ticks[:, 1] > period]
        new = np.array([[control[2], period]], np.int64)
        control[2] += 1
        self._state = self._state._replace(ticks=np.concatenate([later, new]))

    def _reserve_rows(self, count: int) -> None:
        have = self._state.rows.shape[0]
        if count <= have:
            return
        capacity = max(count, have + have // 2)
        rows = np.empty((capacity, self._state.rows.shape[1]), np.int64)
        due = np.full(capacity, at.NEVER, np.int32)
        rows[:have] = self._state.rows
        due[:have] = self._state.due
        _clear(rows[have:])
        self._state = self._state._replace(rows=rows, due=due)

    def _reserve_pool(self) -> None:
        """Room for what any one event can make, and for a good many events besides."""
        state = self._state
        lists = int(self.plan.packed[RING_COUNT]) + 1
        needed = int(state.control[0]) + 8 * int(state.control[1]) * lists + 2 * _POOL_FIRST
        if needed > state.pool.size:
            pool = np.zeros(max(needed, state.pool.size * 3 // 2), np.int64)
            pool[: state.control[0]] = state.pool[: state.control[0]]
            self._state = state._replace(pool=pool)

    def _make_room(self, short: int, pages: _Pages) -> None:
        """Room to go on with; looking at the state need not wait for this, which may have to copy it."""
        self._reserve_pool()
        if short == at.NEED_OUTPUT:
            self._turn_page(pages)
            rows = self._out.changes.shape[0]
            if rows < _OUTPUTS_LAST:
                counters = self._out.counters
                self._out = make_out(self.plan, rows * 4)
                self._out.counters[:] = counters

    def _turn_page(self, pages: _Pages) -> None:
        used = self._out.used
        lines = sum(len(page) for page in pages.evaluations)
        changes = self._out.changes[: used[at.USED_CHANGES]].copy()
        changes[:, at.CHANGE_EVALUATION] += lines
        pages.evaluations.append(self._out.evaluations[: used[at.USED_EVALUATIONS]].copy())
        pages.changes.append(changes)
        pages.notices.append(self._out.notices[: used[at.USED_NOTICES]].copy())
        pages.erasures.append(self._out.erasures[: used[at.USED_ERASURES]].copy())
        pages.rejections.append(self._out.rejections[: used[at.USED_REJECTIONS]].copy())
        used[:] = 0

    def _outcome(self, pages: _Pages) -> Outcome:
        counters = self._out.counters.copy()
        self._out.counters[:] = 0
        if not pages.evaluations and int(self._out.used.max()) > _OUTPUTS_LAST:
            return self._handed_over(counters)
        self._turn_page(pages)
        return Outcome(
            np.concatenate(pages.evaluations),
            np.concatenate(pages.changes),
            np.concatenate(pages.notices),
            np.concatenate(pages.erasures),
            np.concatenate(pages.rejections),
            counters,
        )


def _clear(rows: I64) -> None:
    """Let rows be those of customers of whom nothing is known."""
    rows[:] = 0
    rows[:, at.AS_OF] = at.ABSENT
    rows[:, at.ERASED_AT] = at.ABSENT
