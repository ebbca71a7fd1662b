"""Drives the kernel with decoded events, as a host does, and gives what it says as lines of bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rules.engine import layout as at
from rules.engine.batches import batch_in_order, grouped
from rules.engine.engine import Engine, Outcome
from rules.engine.event import TYPES, Event
from rules.engine.plan import label_codes, make_plan
from rules.engine.plan_arrays import Plan
from rules.engine.text.render import Triggers, Words, render_changes, render_notices, render_numbers
from rules.engine.text.template import make_template
from rules.intake.columns import (
    ABSENT,
    ATTRIBUTE_BOOLEAN,
    ATTRIBUTE_INTEGER,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_REMOVED,
    ATTRIBUTE_STRING,
    EventColumns,
)
from rules.language.model import Kind, Pack
from tests.properties.histories import Input, Tick

_TYPES = list(TYPES)
_KINDS = {
    Kind.INTEGER: ATTRIBUTE_INTEGER,
    Kind.NUMBER: ATTRIBUTE_NUMBER,
    Kind.STRING: ATTRIBUTE_STRING,
    Kind.BOOLEAN: ATTRIBUTE_BOOLEAN,
}


def columns_of(pack: Pack, events: Sequence[Event]) -> EventColumns:
    """Decoded events as the columns that the fast intake would give."""
    labels = label_codes(pack)

    def number(values: Iterable[int | None]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([ABSENT if value is None else value for value in values], np.int64)

    def spans(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        data = [text.encode() for text in texts]
        length = np.array([len(each) for each in data], np.int32)
        start = (
            np.concatenate(([0], np.cumsum(length)[:-1])).astype(np.int64) if data else np.zeros(0, np.int64)
        )
        return np.frombuffer(b"".join(data) or b"\0", np.uint8), start, length

    def label(event: Event) -> int:
        known = labels[event.topic]
        return known.index(event.label) + 1 if event.label in known else 0

    details = [e for e in events if e.type in ("category.assigned", "category.released", "customer.erased")]
    attributes = [pair for event in events for pair in event.attributes]
    kinds = [
        ATTRIBUTE_REMOVED if value is None else _KINDS[pack.attributes[index].kind]
        for index, value in attributes
    ]
    words = [
        np.array([value], np.float64).view(np.int64)[0]
        if kind == ATTRIBUTE_NUMBER
        else int(value)  # type: ignore[arg-type]
        if kind in (ATTRIBUTE_INTEGER, ATTRIBUTE_BOOLEAN)
        else 0
        for (_, value), kind in zip(attributes, kinds, strict=True)
    ]
    customer = spans(event.customer_id for event in events)
    ids = spans(event.event_id for event in events)
    texts = spans(value if isinstance(value, str) else "" for _, value in attributes)
    return EventColumns(
        index=np.arange(len(events), dtype=np.int64),
        type=np.array([_TYPES.index(event.type) for event in events], np.uint8),
        occurred_us=number(event.occurred_us for event in events),
        period=np.array([event.period for event in events], np.int32),
        amount=number(event.amount for event in events),
        discount=number(event.discount for event in events),
        items=number(event.items for event in events),
        score=number(e.score if e.score is not None else e.severity for e in events),
        label=np.array([label(event) if event.topic != "customers" else 0 for event in events], np.int32),
        customer_text=customer[0],
        customer_start=customer[1],
        customer_length=customer[2],
        event_text=ids[0],
        event_start=ids[1],
        event_length=ids[2],
        detail=np.array([details.index(e) if e in details else -1 for e in events], np.int32),
        attribute_first=np.cumsum([0] + [len(event.attributes) for event in events]).astype(np.int32),
        attribute_index=np.array([index for index, _ in attributes], np.uint8),
        attribute_kind=np.array(kinds, np.uint8),
        attribute_value=np.array(words, np.int64),
        attribute_text=texts[0],
        attribute_start=texts[1],
        attribute_length=texts[2],
        details=tuple(details),
    )


@dataclass
class Said:
    """What an engine said: lines in the order in which the inputs made them, by customer."""

    changes: list[bytes] = field(default_factory=list)
    notices: list[bytes] = field(default_factory=list)
    erased: list[tuple[str, int, int]] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    duplicates: int = 0
    late: int = 0


class KernelHost:
    """An engine, and what it said so far."""

    def __init__(self, pack: Pack, plan: Plan | None = None) -> None:
        self.plan = make_plan(pack) if plan is None else plan
        self.engine = Engine(self.plan)
        self.template = make_template(pack, 1)
        self.said = Said()

    def run(self, inputs: Iterable[Input], batch_max: int = 1_000_000, group: bool = False) -> None:
        """Hand in events in batches of at most so many; ticks part batches."""
        waiting: list[Event] = []
        for each in inputs:
            if isinstance(each, Tick):
                self._step(waiting, group)
                waiting = []
                self._note(self.engine.tick(each.period), [])
                continue
            waiting.append(each)
            if len(waiting) >= batch_max:
                self._step(waiting, group)
                waiting = []
        self._step(waiting, group)

    def _step(self, events: list[Event], group: bool) -> None:
        if not events:
            return
        batch = batch_in_order(self.engine, columns_of(self.plan.pack, events))
        if group:
            batch, order = grouped(batch)
            events = [events[i] for i in order]
        self._note(self.engine.step(batch), events)

    def _note(self, outcome: Outcome, events: list[Event]) -> None:
        columns = columns_of(self.plan.pack, events)
        engine, said = self.engine, self.said
        customers = Words(engine.customers.arena, engine.customers.ends)
        strings = Words(engine.strings.arena, engine.strings.ends)
        triggers = Triggers(columns.event_text, columns.event_start, columns.event_length, columns.type)
        numbers = render_numbers(outcome.evaluations, self.template)
        buf = np.empty(1 << 22, np.uint8)
        order = np.arange(outcome.changes.shape[0])
        ends = np.zeros(order.size, np.int64)
        done = render_changes(
            self.template,
            outcome.changes,
            outcome.evaluations,
            order,
            0,
            customers,
            triggers,
            strings,
            numbers,
            200,
            buf,
            ends,
        )
        assert done == order.size
        said.changes += buf[: ends[-1] if order.size else 0].tobytes().splitlines()
        order = np.arange(outcome.notices.shape[0])
        ends = np.zeros(order.size, np.int64)
        assert render_notices(self.template, outcome.notices, order, 0, customers, buf, ends) == order.size
        said.notices += buf[: ends[-1] if order.size else 0].tobytes().splitlines()
        for _, row, life, instant, _ in outcome.erasures.tolist():
            said.erased.append((engine.customers.text(row), life, instant))
        said.rejected += [
            (events[e].event_id, ("erased", "too_late")[code]) for e, code in outcome.rejections.tolist()
        ]
        said.duplicates += int(outcome.counters[at.COUNTED_DUPLICATE])
        said.late += int(outcome.counters[at.COUNTED_LATE])
