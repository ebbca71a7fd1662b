"""One part of a replay: its blocks to a batch in order, through an engine, to sorted results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.engine import Engine, Outcome
from rules.engine.event import TOPICS, TYPES, Event
from rules.engine.kernel.arrays import Batch
from rules.engine.plan_arrays import Plan
from rules.engine.strings import StringTable
from rules.intake.columns import ATTRIBUTE_REMOVED, ATTRIBUTE_STRING
from rules.intake.hashing import hash_spans
from rules.jit import called, compiled, entered, lean, wide
from rules.words import ahead, copy_bytes, row_ahead
from workers.replay.blocks import (
    EXTRA,
    INSTANT,
    KIND,
    PLACE,
    TEXT,
    VALUE_1,
    VALUE_2,
    VALUE_3,
)
from workers.replay.parts import PartEvents
from workers.replay.seen import customers_matrix
from workers.replay.sorting import in_order

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]

#: Text, and where in it each of some spans begins and how long it is.
Spans = tuple[U8, I64, NDArray[np.int32]]

#: The rank of a type's topic among events of one instant (S10).
_TOPIC_RANK = np.array([TOPICS.index(topic) for topic in TYPES.values()], np.int64)
_MISSING_NUMBER = int(np.array([np.nan]).view(np.int64)[0])
#: Lines of output that there is room for, by event: memory that is not written to costs nothing.
_OUTPUTS_PER_EVENT = 2
#: Customers with at most this many events are sorted by insertion.
_INSERTION_MAX = 24
#: Neighbours in an order lie far apart: an event is asked for so many events before it is needed.
_AHEAD = 16


@dataclass(frozen=True, slots=True)
class Ticks:
    """Ticks of a replay in the order of the input: their periods, and their places among the events'."""

    period: NDArray[np.int32]
    place: I64


@dataclass(frozen=True, slots=True)
class Played:
    """What a part brought. Rows are numbers into `ids`, by the bytes of the ids: row r is the r-th id.

    evaluations, changes, notices: as `Outcome`; `…_order` is the order of S10 within the part, and `when`
    and `notice_when` the first key of it in which lines differ: the instant, or in order of arrival the
    input. By evaluation in order, `change_first` is where its changes begin, `trigger_first` where the id of
    the event that caused it begins in `trigger_text` (nothing where time did), and `trigger_type` the event's
    type; the first two have one more at the end. erasures: (row, life, instant, place, event). rejections:
    (place, 0 erased or 1 too late, event id, customer id). customers: see `customers_matrix`. `strings`:
    interned by this part.
    """

    ids: StringTable
    id_order: I64
    evaluations: I64
    evaluation_order: I64
    changes: I64
    when: I64
    change_order: I64
    change_first: U32
    notices: I64
    notice_order: I64
    notice_when: I64
    trigger_text: U8
    trigger_first: U32
    trigger_type: U8
    erasures: list[tuple[int, int, int, int, Event]]
    rejections: list[tuple[int, int, str, str]]
    customers: I64
    strings: StringTable
    counters: I64


@lean
def _before(words: I64, left: int, right: int, topics: I64, arrival: bool) -> bool:
    """Whether one event comes before another of the same customer."""
    if not arrival:
        if words[left, INSTANT] != words[right, INSTANT]:
            return bool(words[left, INSTANT] < words[right, INSTANT])
        a, b = topics[words[left, KIND] >> 48], topics[words[right, KIND] >> 48]
        if a != b:
            return bool(a < b)
    return bool(words[left, PLACE] < words[right, PLACE])


@called
def _sort_run(words: I64, order: I64, spare: I64, first: int, end: int, topics: I64, arrival: bool) -> None:
    """Sort one customer's events: insertion in short stretches, which are then merged."""
    for begin in range(first, end, _INSERTION_MAX):
        for i in range(begin + 1, min(end, begin + _INSERTION_MAX)):
            here = order[i]
            k = i
            while k > begin and _before(words, here, order[k - 1], topics, arrival):
                order[k] = order[k - 1]
                k -= 1
            order[k] = here
    width = _INSERTION_MAX
    while width < end - first:
        for begin in range(first, end, 2 * width):
            middle, stop = min(begin + width, end), min(begin + 2 * width, end)
            left, right = begin, middle
            for k in range(begin, stop):
                if left < middle and (
                    right >= stop or not _before(words, order[right], order[left], topics, arrival)
                ):
                    spare[k] = order[left]
                    left += 1
                else:
                    spare[k] = order[right]
                    right += 1
        for k in range(first, end):
            order[k] = spare[k]
        width *= 2


@compiled
def customer_order(row: I64, rows: int, words: I64, topics: I64, arrival: bool) -> I64:
    """The order in which a part is played: by row, then as S10 says (or as they arrived)."""
    starts = np.zeros(rows + 1, np.int64)
    for i in range(row.size):
        starts[row[i] + 1] += 1
    for r in range(rows):
        starts[r + 1] += starts[r]
    place = starts[:-1].copy()
    order = np.empty(row.size, np.int64)
    for i in range(row.size):
        order[place[row[i]]] = i
        place[row[i]] += 1
    spare = np.empty(row.size, np.int64)
    wanted = np.int64(0)
    for r in range(rows):
        while wanted < min(starts[r + 1] + _AHEAD, order.size):
            ahead(words, order[wanted], 0)
            wanted += 1
        if starts[r + 1] - starts[r] > 1:
            _sort_run(words, order, spare, starts[r], starts[r + 1], topics, arrival)
    return order


def play(plan: Plan, events: PartEvents, ticks: Ticks, arrival: bool) -> Played:
    """Play a part from its first event to the last tick."""
    words, text, details = events.words, events.text, events.details
    engine = Engine(plan, _OUTPUTS_PER_EVENT * words.shape[0])
    starts, customer_length = np.empty(words.shape[0], np.int64), np.empty(words.shape[0], np.int32)
    bases = np.empty((words.shape[0], 2), np.int64)
    _open(words, events.sizes, starts, customer_length, bases)
    row = engine.rows_of_spans(text, starts, customer_length)
    order = customer_order(row, len(engine.customers), words, _TOPIC_RANK, arrival)
    batch, event_start, event_length = _batch(
        engine, words, order, row, starts, ticks, events, _attributes(engine, plan, events), bases
    )
    place = batch.position
    if not arrival:
        batch = batch._replace(position=np.zeros_like(place), tick_positions=np.zeros_like(ticks.place))
    outcome = engine.step(batch)
    spans = text, event_start, event_length
    return _played(engine, plan, outcome, batch, place, spans, details, arrival)


@entered
def _open(words: I64, sizes: I64, starts: I64, lengths: NDArray[np.int32], bases: I64) -> None:
    """By event, where its text begins and how long its customer's id is, and the first attribute and control
    of its block.
    """
    event, text, attribute, control = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    for block in range(sizes.shape[0]):
        for i in range(event, event + sizes[block, 0]):
            starts[i] = text + (words[i, TEXT] >> 24)
            lengths[i] = (words[i, TEXT] >> 12) & 0xFFF
            bases[i, 0] = attribute
            bases[i, 1] = control
        event += sizes[block, 0]
        text += sizes[block, 1]
        attribute += sizes[block, 2]
        control += sizes[block, 3]


def _attributes(engine: Engine, plan: Plan, events: PartEvents) -> tuple[U8, I64]:
    """Index and value word of every attribute."""
    table, text, sizes = events.attributes, events.text, events.sizes
    start = table[:, 2] + np.repeat(np.cumsum(sizes[:, 1]) - sizes[:, 1], sizes[:, 2])
    kind, index = table[:, 0] >> 40, ((table[:, 0] >> 32) & 0xFF).astype(np.uint8)
    value = table[:, 1].copy()
    number = np.append(plan.arrays.attribute_number, 0)[index] == 1
    value[kind == ATTRIBUTE_REMOVED] = at.ABSENT
    value[(kind == ATTRIBUTE_REMOVED) & number] = _MISSING_NUMBER
    strings = np.flatnonzero(kind == ATTRIBUTE_STRING)
    if strings.size:
        length = (table[strings, 0] & 0xFFFFFFFF).astype(np.int32)
        value[strings] = engine.strings.intern_spans(text, start[strings], length)
    return index, value


@entered
def _arrange(
    words: I64,
    order: I64,
    row: I64,
    starts: I64,
    bases: I64,
    attributes: tuple[U8, I64],
    batch: Batch,
    event_start: I64,
    event_length: NDArray[np.int32],
) -> None:
    """Fill a batch in playing order; `bases` are by event the first attribute and control of its block."""
    index, value = attributes
    last, listed = order.size - 1, np.int64(0)
    for i in range(order.size):
        wanted = order[min(i + _AHEAD, last)]
        row_ahead(words, wanted)
        row_ahead(bases, wanted)
        ahead(row, wanted, 0)
        ahead(starts, wanted, 0)
        event = order[i]
        kind, text, extra = words[event, KIND], words[event, TEXT], words[event, EXTRA]
        batch.row[i] = row[event]
        batch.type[i] = kind >> 48
        batch.label[i] = (kind >> 32) & 0xFFFF
        batch.period[i] = kind
        batch.instant[i] = words[event, INSTANT]
        batch.v1[i] = words[event, VALUE_1]
        batch.v2[i] = words[event, VALUE_2]
        batch.v3[i] = words[event, VALUE_3]
        batch.position[i] = words[event, PLACE]
        event_start[i] = starts[event] + ((text >> 12) & 0xFFF)
        event_length[i] = text & 0xFFF
        control = (extra >> 40) - 1
        batch.control[i] = control + bases[event, 1] if control >= 0 else -1
        batch.attribute_first[i] = listed
        first = bases[event, 0] + (extra & 0xFFFFFFFF)
        for a in range(first, first + ((extra >> 32) & 0xFF)):
            batch.attribute[listed] = index[a]
            batch.attribute_value[listed] = value[a]
            listed += 1
    batch.attribute_first[order.size] = listed


def _batch(
    engine: Engine,
    words: I64,
    order: I64,
    row: I64,
    starts: I64,
    ticks: Ticks,
    events: PartEvents,
    attributes: tuple[U8, I64],
    bases: I64,
) -> tuple[Batch, I64, NDArray[np.int32]]:
    """The batch in playing order, and the spans of its event ids."""
    count, listed = order.size, attributes[0].size
    batch = Batch(
        row=np.empty(count, np.int64),
        type=np.empty(count, np.uint8),
        label=np.empty(count, np.int32),
        instant=np.empty(count, np.int64),
        period=np.empty(count, np.int32),
        hash=np.empty(0, np.uint64),
        v1=np.empty(count, np.int64),
        v2=np.empty(count, np.int64),
        v3=np.empty(count, np.int64),
        control=np.empty(count, np.int32),
        attribute_first=np.empty(count + 1, np.int32),
        attribute=np.empty(listed, np.uint8),
        attribute_value=np.empty(listed, np.int64),
        position=np.empty(count, np.int64),
        ticks_before=np.empty(0, np.int32),
        controls=engine.controls(events.details),
        ticks=ticks.period,
        tick_positions=ticks.place,
    )
    event_start, event_length = np.empty(count, np.int64), np.empty(count, np.int32)
    _arrange(words, order, row, starts, bases, attributes, batch, event_start, event_length)
    batch = batch._replace(
        hash=hash_spans(events.text, event_start, event_length),
        ticks_before=np.searchsorted(ticks.place, batch.position).astype(np.int32),
    )
    return batch, event_start, event_length


def _played(
    engine: Engine,
    plan: Plan,
    outcome: Outcome,
    batch: Batch,
    place: I64,
    event_ids: Spans,
    details: tuple[Event, ...],
    arrival: bool,
) -> Played:
    """Find the order of what the engine said, and keep of the events only the ids that are still needed."""
    text, event_start, event_length = event_ids
    id_order = engine.customers.byte_order()
    rank = np.empty_like(id_order)
    rank[id_order] = np.arange(id_order.size)
    evaluations, changes, notices = outcome.evaluations, outcome.changes, outcome.notices
    _renumber(evaluations, at.EVALUATION_ROW, rank)
    _renumber(notices, at.NOTICE_ROW, rank)
    order = in_order(evaluations, (at.EVALUATION_INPUT, at.EVALUATION_INSTANT, at.EVALUATION_ROW))
    notice_order = in_order(notices, (at.NOTICE_INPUT, at.NOTICE_INSTANT, at.NOTICE_ROW))
    change_order, change_first = following(changes, order)
    when, trigger = np.empty(order.size, np.int64), np.empty(order.size, np.int64)
    trigger_first, trigger_type = np.empty(order.size + 1, np.uint32), np.empty(order.size, np.uint8)
    column = wide(at.EVALUATION_INPUT if arrival else at.EVALUATION_INSTANT)
    _causes(evaluations, order, column, event_length, batch.type, when, trigger, trigger_first, trigger_type)
    trigger_text = np.empty(trigger_first[-1], np.uint8)
    _copy_spans(text, event_start, event_length, trigger, trigger_text)
    return Played(
        ids=engine.customers,
        id_order=id_order,
        evaluations=evaluations,
        evaluation_order=order,
        changes=changes,
        when=when,
        change_order=change_order,
        change_first=change_first,
        notices=notices,
        notice_order=notice_order,
        notice_when=notices[notice_order, at.NOTICE_INPUT if arrival else at.NOTICE_INSTANT],
        trigger_text=trigger_text,
        trigger_first=trigger_first,
        trigger_type=trigger_type,
        erasures=[
            (int(rank[row]), life, instant, position, details[batch.control[event]])
            for event, row, life, instant, position in outcome.erasures.tolist()
        ],
        rejections=[
            (
                int(place[event]),
                code,
                bytes(text[event_start[event] : event_start[event] + event_length[event]]).decode(),
                engine.customers.text(int(batch.row[event])),
            )
            for event, code in outcome.rejections.tolist()
        ],
        customers=customers_matrix(engine, plan, rank),
        strings=engine.strings,
        counters=outcome.counters,
    )


@entered
def _renumber(table: I64, column: int, numbers: I64) -> None:
    for i in range(table.shape[0]):
        table[i, column] = numbers[table[i, column]]


@entered
def _causes(
    evaluations: I64,
    order: I64,
    column: int,
    length: NDArray[np.int32],
    types: U8,
    when: I64,
    trigger: I64,
    trigger_first: U32,
    trigger_type: U8,
) -> None:
    """Of each evaluation in order a column, the event that caused it (-1: none) and its type, and where its
    id begins among those of all."""
    used = np.int64(0)
    for i in range(order.size):
        ahead(evaluations, order[min(i + _AHEAD, order.size - 1)], 0)
        when[i] = evaluations[order[i], column]
        event = evaluations[order[i], at.EVALUATION_EVENT]
        trigger[i] = event
        trigger_first[i] = used
        trigger_type[i] = types[event] if event >= 0 else 0
        used += np.int64(length[event]) if event >= 0 else 0
    trigger_first[order.size] = used


@entered
def _follow(changes: I64, order: I64, stretch: I64, out: I64, begins: U32) -> None:
    for i in range(changes.shape[0]):
        evaluation = changes[i, at.CHANGE_EVALUATION]
        if stretch[evaluation, 1] == 0:
            stretch[evaluation, 0] = i
        stretch[evaluation, 1] += 1
    used = np.int64(0)
    for i in range(order.size):
        begins[i] = used
        for k in range(stretch[order[i], 1]):
            out[used] = stretch[order[i], 0] + k
            used += 1
    begins[order.size] = used


def following(changes: I64, order: I64) -> tuple[I64, U32]:
    """Where changes stand if their evaluations are taken in an order, and where each's begin; those of an
    evaluation stand together."""
    out, begins = np.empty(changes.shape[0], np.int64), np.empty(order.size + 1, np.uint32)
    _follow(changes, order, np.zeros((order.size, 2), np.int64), out, begins)
    return out, begins


@entered
def _copy_spans(text: U8, start: I64, length: NDArray[np.int32], chosen: I64, out: U8) -> None:
    """The bytes of some spans, one behind the other; those of negative numbers are nothing."""
    to = 0
    for i in range(chosen.size):
        span = chosen[i]
        if span >= 0:
            copy_bytes(out, to, text, start[span], length[span])
            to += length[span]
