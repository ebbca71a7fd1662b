"""One shard's engine with its reading and writing: records and ticks in, bodies out, the same each time.

What comes out is a function of the records, their order and the ticks. Live service, restore and audit call
the same thing; only what they do with the answer differs.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.batches import batch_in_order
from rules.engine.bodies import encode, erased_body
from rules.engine.engine import Engine, Outcome
from rules.engine.event import Code, Event, Rejection
from rules.engine.outcome import ERASED_DETAIL, too_late_detail
from rules.engine.plan import make_plan
from rules.engine.snapshot import Snapshot
from rules.engine.text.categories import category_texts, render_categories
from rules.engine.text.render import Triggers, Words, render_changes, render_notices, render_numbers
from rules.engine.text.template import make_template
from rules.intake.columns import Decoded, EventColumns
from rules.intake.json_columns import Keys, decode_records
from rules.intake.tables import intake_of
from rules.language.model import Pack
from rules.shard.lines import NO_LINES, Lines, causes, rendered, states
from rules.shard.records import Ordered

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

#: Records with a later timestamp count as of then: 2199-12-31T23:59:59.999Z.
TIMESTAMP_MAX_MS = 7_258_118_399_999
#: How long bodies are, about, so that there is room for them at once.
_CHANGE_BYTES, _NOTICE_BYTES, _CATEGORIES_BYTES = 1_400, 400, 1_400
_NO_TRIGGERS = Triggers(
    np.zeros(0, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint8)
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that changed nothing: its place in the batch, why, its bytes, and its key (None: null)."""

    index: int
    rejection: Rejection
    record: bytes
    key: bytes | None


@dataclass(frozen=True, slots=True)
class Erased:
    """The message of an erasure (S12.1), and what an id of it is made from.

    `after`: how many of the changes of the same answer come before it.
    """

    customer_id: str
    life: int
    instant_us: int
    body: bytes
    after: int


@dataclass(slots=True)
class Counts:
    """What a batch held and brought, in numbers."""

    records: int = 0
    applied: int = 0
    duplicates: int = 0
    late: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What records or a slice of a tick brought.

    `change_instant` int64[changes] and `notice_instant` int64[notices] are the bodies' `effective_at` in
    microseconds. `causes`: changes by (dimension, category, cause); `states`: notices by their state.
    """

    changes: Lines = NO_LINES
    change_instant: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    notices: Lines = NO_LINES
    notice_instant: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    erased: tuple[Erased, ...] = ()
    refused: tuple[Refused, ...] = ()
    counts: Counts = field(default_factory=Counts)
    causes: dict[tuple[int, int, int], int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Categories:
    """The customers that a batch moved: what each is now, and those that are known no more."""

    records: Lines
    gone: I64


class Core:
    """The state of one shard, and all that turns bytes into events and changes into bytes."""

    def __init__(self, pack: Pack, *, generation: int = 1, snapshot: Snapshot | None = None) -> None:
        """Empty, or as the snapshot left it; `ValueError` where that was made under other rules."""
        self.pack = pack
        self.generation = generation
        plan = make_plan(pack)
        self.engine = Engine(plan) if snapshot is None else Engine.restore(plan, snapshot)
        self._intake = intake_of(pack)
        self._template = make_template(pack, generation)
        self._category_texts = category_texts(plan, generation)
        self._touched: list[I64] = []

    def decode(self, records: Ordered) -> Decoded:
        """Read the records of a batch (S2): needs nothing of the state."""
        return decode_records(
            records.buffer,
            records.value_start,
            records.value_length,
            self._intake,
            keys=Keys(records.buffer, records.key_start, records.key_length),
            timestamps_us=np.clip(records.timestamp_ms, -1, TIMESTAMP_MAX_MS) * 1000,
        )

    def step(self, records: Ordered, decoded: Decoded) -> Answer:
        """Apply the records of a batch, decoded, in their order (S4.1)."""
        events = decoded.events
        batch = batch_in_order(self.engine, events)
        outcome = self.engine.step(batch)
        triggers = Triggers(events.event_text, events.event_start, events.event_length, events.type)
        refused = [
            Refused(each.index, each.rejection, each.record, _key(records, each.index))
            for each in decoded.rejected
        ]
        refused += self._refused(records, events, outcome)
        refused.sort(key=lambda each: each.index)
        counters = outcome.counters.tolist()
        counts = Counts(
            records=records.offset.size,
            applied=counters[at.COUNTED_APPLIED],
            duplicates=counters[at.COUNTED_DUPLICATE],
            late=counters[at.COUNTED_LATE],
            unknown=sum(decoded.unknown.values()),
        )
        return self._answer(outcome, triggers, tuple(refused), counts, events)

    def begin_tick(self, period: int) -> int:
        """Note a tick that `tick` works through in slices; how many rows there are for it."""
        return self.engine.begin_tick(period)

    def tick(self, period: int, first: int, end: int, changes_max: int) -> tuple[Answer, int]:
        """Work rows through a tick that was begun; and the row to go on with: `Engine.tick_rows`."""
        outcome, reached = self.engine.tick_rows(period, first, end, changes_max)
        return self._answer(outcome, _NO_TRIGGERS, (), Counts(), None), reached

    def categories(self) -> Categories:
        """What the customers that were moved since this was last asked are now."""
        touched = np.unique(np.concatenate(self._touched)) if self._touched else np.zeros(0, np.int64)
        self._touched.clear()
        rows = self.engine.rows()
        known = rows[touched, at.AS_OF] != at.ABSENT
        listed = touched[known]
        customers = Words(self.engine.customers.arena, self.engine.customers.ends)

        def more(first: int, buffer: U8, ends: I64) -> int:
            return render_categories(self._category_texts, rows, listed, first, customers, buffer, ends)

        return Categories(rendered(listed, more, _CATEGORIES_BYTES), touched[~known])

    def pending_moves(self) -> int:
        """How many moves wait for their day: looks at all customers."""
        rows = self.engine.rows()
        blocks = self._category_texts.blocks + at.PENDING_TARGET
        known = rows[:, at.AS_OF] != at.ABSENT
        return sum(int(np.count_nonzero((rows[:, block] >= 0) & known)) for block in blocks.tolist())

    def forget_moved(self) -> None:
        """Let `categories` begin anew: nobody asks for those that were moved until now."""
        self._touched.clear()

    def customer_id(self, row: int) -> str:
        """The id of the customer in a row."""
        return self.engine.customers.text(row)

    def _answer(
        self,
        outcome: Outcome,
        triggers: Triggers,
        refused: tuple[Refused, ...],
        counts: Counts,
        events: EventColumns | None,
    ) -> Answer:
        evaluations, changes, notices = outcome.evaluations, outcome.changes, outcome.notices
        erased = self._erased(outcome, events.details if events else (), events)
        if not (len(changes) or len(notices) or erased):
            return Answer(refused=refused, counts=counts)
        lines = changes[:, at.CHANGE_EVALUATION]
        rows = evaluations[lines, at.EVALUATION_ROW]
        gone = outcome.erasures[:, 1]
        self._touched += [rows, gone]
        return Answer(
            changes=self._changes(outcome, triggers, rows),
            change_instant=evaluations[lines, at.EVALUATION_INSTANT],
            notices=self._notices(notices),
            notice_instant=notices[:, at.NOTICE_INSTANT],
            erased=erased,
            refused=refused,
            counts=counts,
            causes=causes(changes),
            states=states(notices),
        )

    def _changes(self, outcome: Outcome, triggers: Triggers, rows: I64) -> Lines:
        changes, evaluations, engine = outcome.changes, outcome.evaluations, self.engine
        numbers = render_numbers(evaluations, self._template)
        customers = Words(engine.customers.arena, engine.customers.ends)
        strings = Words(engine.strings.arena, engine.strings.ends)
        order = np.arange(len(changes))
        string_max = int(np.diff(engine.strings.ends[: len(engine.strings) + 1]).max(initial=0))

        def more(first: int, buffer: U8, ends: I64) -> int:
            return render_changes(
                self._template,
                changes,
                evaluations,
                order,
                first,
                customers,
                triggers,
                strings,
                numbers,
                string_max,
                buffer,
                ends,
            )

        return rendered(rows, more, _CHANGE_BYTES)

    def _notices(self, notices: I64) -> Lines:
        customers = Words(self.engine.customers.arena, self.engine.customers.ends)
        order = np.arange(len(notices))

        def more(first: int, buffer: U8, ends: I64) -> int:
            return render_notices(self._template, notices, order, first, customers, buffer, ends)

        return rendered(notices[:, at.NOTICE_ROW], more, _NOTICE_BYTES)

    def _erased(
        self, outcome: Outcome, details: tuple[Event, ...], events: EventColumns | None
    ) -> tuple[Erased, ...]:
        made_by = outcome.evaluations[outcome.changes[:, at.CHANGE_EVALUATION], at.EVALUATION_INPUT]
        after = np.searchsorted(made_by, outcome.erasures[:, 4], side="right").tolist()
        found = []
        for (event, row, life, instant, _), before in zip(outcome.erasures.tolist(), after, strict=True):
            detail = details[int(events.detail[event])] if events is not None else None
            customer = self.customer_id(row)
            body = erased_body(
                customer_id=customer,
                life=life,
                effective_us=instant,
                reason=detail.reason if detail else None,
                actor=detail.actor if detail else None,
            )
            found.append(Erased(customer, life, instant, encode(body), before))
        return tuple(found)

    def _refused(self, records: Ordered, events: EventColumns, outcome: Outcome) -> Iterable[Refused]:
        for event, code in outcome.rejections.tolist():
            index = int(events.index[event])
            start, size = int(events.event_start[event]), int(events.event_length[event])
            event_id = events.event_text[start : start + size].tobytes().decode()
            start, size = int(events.customer_start[event]), int(events.customer_length[event])
            customer = events.customer_text[start : start + size].tobytes().decode()
            kind, detail = Code.ERASED, ERASED_DETAIL
            if code == 1:
                kind, detail = Code.TOO_LATE, too_late_detail(self.pack.lateness)
            start, size = int(records.value_start[index]), int(records.value_length[index])
            yield Refused(
                index,
                Rejection(kind, detail, event_id, customer),
                records.buffer[start : start + size].tobytes(),
                _key(records, index),
            )


def erased_id(generation: int, erased: Erased) -> str:
    """The id of an erasure's message: 32 hex digits that follow from what it is the end of."""
    text = f"{generation}|{erased.life}|{erased.customer_id}|erased"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def refusals(answers: Iterable[Answer]) -> Counter[str]:
    """How many records were refused, by code."""
    return Counter(each.rejection.code.value for answer in answers for each in answer.refused)


def _key(records: Ordered, index: int) -> bytes | None:
    start, size = int(records.key_start[index]), int(records.key_length[index])
    return None if size < 0 else records.buffer[start : start + size].tobytes()
