"""Put the events of the slow path back among those of the fast path, at their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rules.engine.event import TYPES, Event, Rejection, Unknown
from rules.engine.plan import label_codes
from rules.intake.assemble import FAST, UNKNOWN, Columns
from rules.intake.columns import (
    ABSENT,
    ATTRIBUTE_BOOLEAN,
    ATTRIBUTE_INTEGER,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_REMOVED,
    ATTRIBUTE_STRING,
    Decoded,
    EventColumns,
    Rejected,
)
from rules.intake.decode import NoKey, decode_event
from rules.language.model import Pack

Scalar = TypeVar("Scalar", bound=np.generic)

_TYPE_CODES = {name: code for code, name in enumerate(TYPES)}
_DETAILED = ("category.assigned", "category.released", "customer.erased")
_KINDS = {int: ATTRIBUTE_INTEGER, float: ATTRIBUTE_NUMBER, str: ATTRIBUTE_STRING, bool: ATTRIBUTE_BOOLEAN}


@dataclass(frozen=True, slots=True)
class SlowRecord:
    """A record for the slow path. `at` is where its bytes are in the batch's text, -1 if they are not."""

    index: int
    record: bytes
    at: int
    key: bytes | NoKey | None
    timestamp_us: int | None


@dataclass(slots=True)
class _Texts:
    """Strings of slow events as spans: of the record itself where they stand there, else of an annex."""

    size: int
    annex: bytearray = field(default_factory=bytearray)

    def span(self, text: str, record: SlowRecord) -> tuple[int, int]:
        raw = text.encode()
        inside = record.record.find(raw) if record.at >= 0 else -1
        if inside >= 0:
            return record.at + inside, len(raw)
        self.annex += raw
        return self.size + len(self.annex) - len(raw), len(raw)


@dataclass(slots=True)
class _Slow:
    """Answers of the slow path."""

    events: list[tuple[SlowRecord, Event]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)


def merged(columns: Columns, text: NDArray[np.uint8], pack: Pack, doubtful: Iterable[SlowRecord]) -> Decoded:
    """Decode the doubtful records and join everything. `text` holds the strings of the fast events."""
    slow = _Slow(unknown=_unknown_types(columns, text))
    for record in doubtful:
        answer = decode_event(record.record, pack, key=record.key, timestamp_us=record.timestamp_us)
        if isinstance(answer, Event):
            slow.events.append((record, answer))
        elif isinstance(answer, Rejection):
            slow.rejected.append(Rejected(record.index, answer, record.record))
        elif isinstance(answer, Unknown):
            slow.unknown[answer.type] = slow.unknown.get(answer.type, 0) + 1
    return Decoded(_joined(columns, text, pack, slow.events), tuple(slow.rejected), slow.unknown)


def _unknown_types(columns: Columns, text: NDArray[np.uint8]) -> dict[str, int]:
    rows = np.flatnonzero(columns.status == UNKNOWN)
    if not rows.size:
        return {}
    starts, lengths = columns.event_start[rows].tolist(), columns.event_length[rows].tolist()
    names = Counter(
        text[start : start + length].tobytes() for start, length in zip(starts, lengths, strict=True)
    )
    return {name.decode(): count for name, count in names.items()}


def _joined(
    columns: Columns,
    text: NDArray[np.uint8],
    pack: Pack,
    slow: list[tuple[SlowRecord, Event]],
) -> EventColumns:
    records = columns.status.size
    keep = columns.status == FAST
    all_fast = bool(keep.all())
    slow_index = np.array([record.index for record, _ in slow], np.int64)
    taken = keep.copy()
    taken[slow_index] = True
    index = np.arange(records, dtype=np.int64) if all_fast else np.flatnonzero(taken)
    place = np.searchsorted(index, slow_index)
    texts = _Texts(text.size)
    labels = label_codes(pack) if slow else {}

    def column(fast: NDArray[Scalar], values: list[int]) -> NDArray[Scalar]:
        if all_fast:
            return fast[:records]
        whole = fast[index]
        whole[place] = values
        return whole

    customers = [texts.span(event.customer_id, record) for record, event in slow]
    ids = [texts.span(event.event_id, record) for record, event in slow]
    details = tuple(event for _, event in slow if event.type in _DETAILED)
    detail = np.full(index.size, -1, np.int32)
    detail[[at for at, (_, event) in zip(place, slow, strict=True) if event.type in _DETAILED]] = np.arange(
        len(details)
    )
    attributes = _joined_attributes(columns, index, place, slow, texts)
    if texts.annex:
        text = np.concatenate((text, np.frombuffer(texts.annex, np.uint8)))
    return EventColumns(
        index=index,
        type=column(columns.type, [_TYPE_CODES[event.type] for _, event in slow]),
        occurred_us=column(columns.occurred_us, [event.occurred_us for _, event in slow]),
        period=column(columns.period, [event.period for _, event in slow]),
        amount=column(columns.amount, [_number(event.amount) for _, event in slow]),
        discount=column(columns.discount, [_number(event.discount) for _, event in slow]),
        items=column(columns.items, [_number(event.items) for _, event in slow]),
        score=column(
            columns.score,
            [_number(event.severity if event.score is None else event.score) for _, event in slow],
        ),
        label=column(columns.label, [_label_code(event, labels) for _, event in slow]),
        customer_text=text,
        customer_start=column(columns.customer_start, [start for start, _ in customers]),
        customer_length=column(columns.customer_length, [length for _, length in customers]),
        event_text=text,
        event_start=column(columns.event_start, [start for start, _ in ids]),
        event_length=column(columns.event_length, [length for _, length in ids]),
        detail=detail,
        attribute_first=attributes[0],
        attribute_index=attributes[1],
        attribute_kind=attributes[2],
        attribute_value=attributes[3],
        attribute_text=text,
        attribute_start=attributes[4],
        attribute_length=attributes[5],
        details=details,
    )


def _number(value: int | None) -> int:
    return int(ABSENT) if value is None else value


def _label_code(event: Event, labels: dict[str, tuple[str, ...]]) -> int:
    values = labels[event.topic]
    return values.index(event.label) + 1 if event.label in values else 0


def _joined_attributes(
    columns: Columns,
    index: NDArray[np.int64],
    place: NDArray[np.int64],
    slow: list[tuple[SlowRecord, Event]],
    texts: _Texts,
) -> tuple[NDArray[Any], ...]:
    """attribute_first, _index, _kind, _value, _start, _length of all events."""
    count = np.diff(columns.attribute_first)[index]
    fast_total = int(columns.attribute_first[-1])
    fast = tuple(
        part[:fast_total]
        for part in (
            columns.attribute_index,
            columns.attribute_kind,
            columns.attribute_value,
            columns.attribute_start,
            columns.attribute_length,
        )
    )
    # slow records have no fast attributes, so theirs are inserted where the fast ones of earlier events end
    before = np.cumsum(count)
    rows: list[tuple[int, int, int, int, int]] = []
    insert_at: list[int] = []
    for at, (record, event) in zip(place, slow, strict=True):
        for attribute, value in event.attributes:
            start, length = texts.span(value, record) if isinstance(value, str) else (0, 0)
            rows.append((attribute, _attribute_kind(value), _attribute_word(value), start, length))
            insert_at.append(int(before[at]))
        count[at] += len(event.attributes)
    first = np.zeros(index.size + 1, np.int32)
    np.cumsum(count, out=first[1:])
    if not rows:
        return first, *fast
    return first, *(
        np.insert(part, insert_at, np.array(values, part.dtype))
        for part, values in zip(fast, zip(*rows, strict=True), strict=True)
    )


def _attribute_kind(value: float | str | bool | None) -> int:
    return ATTRIBUTE_REMOVED if value is None else _KINDS[type(value)]


def _attribute_word(value: float | str | bool | None) -> int:
    """The value as `attribute_value` holds it."""
    if isinstance(value, float):
        return int(np.float64(value).view(np.int64))
    return int(value) if isinstance(value, int) else 0
