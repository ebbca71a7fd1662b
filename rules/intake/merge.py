"""Put the events of the slow path back among those of the fast path, at their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

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

_TYPE_CODES = {name: code for code, name in enumerate(TYPES)}
_DETAILED = ("category.assigned", "category.released", "customer.erased")
#: The columns of numbers and spans, in the order of `_row`.
_COLUMNS = (
    "type",
    "occurred_us",
    "period",
    "amount",
    "discount",
    "items",
    "score",
    "label",
    "customer_start",
    "customer_length",
    "event_start",
    "event_length",
)
_ATTRIBUTE_COLUMNS = (
    "attribute_index",
    "attribute_kind",
    "attribute_value",
    "attribute_start",
    "attribute_length",
)
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
    alone = not columns.status.any()
    events = _fast_alone(columns, text) if alone else _joined(columns, text, pack, slow.events)
    return Decoded(events, tuple(slow.rejected), slow.unknown)


def _unknown_types(columns: Columns, text: NDArray[np.uint8]) -> dict[str, int]:
    rows = np.flatnonzero(columns.status == UNKNOWN)
    if not rows.size:
        return {}
    starts, lengths = columns.event_start[rows].tolist(), columns.event_length[rows].tolist()
    names = Counter(
        text[start : start + length].tobytes() for start, length in zip(starts, lengths, strict=True)
    )
    return {name.decode(): count for name, count in names.items()}


def _fast_alone(columns: Columns, text: NDArray[np.uint8]) -> EventColumns:
    records = columns.status.size
    attributes = int(columns.attribute_first[-1])
    return EventColumns(
        index=np.arange(records, dtype=np.int64),
        **{name: getattr(columns, name) for name in _COLUMNS},
        customer_text=text,
        event_text=text,
        detail=np.full(records, -1, np.int32),
        attribute_first=columns.attribute_first,
        **{name: getattr(columns, name)[:attributes] for name in _ATTRIBUTE_COLUMNS},
        attribute_text=text,
        details=(),
    )


def _joined(
    columns: Columns, text: NDArray[np.uint8], pack: Pack, slow: list[tuple[SlowRecord, Event]]
) -> EventColumns:
    taken = columns.status == FAST
    slow_index = np.array([record.index for record, _ in slow], np.int64)
    taken[slow_index] = True
    index = np.flatnonzero(taken)
    place = np.searchsorted(index, slow_index)
    whole: dict[str, Any] = {name: getattr(columns, name)[index] for name in _COLUMNS}
    texts = _Texts(text.size)
    labels = label_codes(pack) if slow else {}
    rows = [_row(event, record, texts, labels) for record, event in slow]
    for name, values in zip(_COLUMNS, zip(*rows, strict=True), strict=False):
        whole[name][place] = values
    whole |= _joined_attributes(columns, index, place, slow, texts)
    detailed = [at for at, (_, event) in zip(place, slow, strict=True) if event.type in _DETAILED]
    detail = np.full(index.size, -1, np.int32)
    detail[detailed] = np.arange(len(detailed))
    if texts.annex:
        text = np.concatenate((text, np.frombuffer(texts.annex, np.uint8)))
    return EventColumns(
        index=index,
        **whole,
        customer_text=text,
        event_text=text,
        attribute_text=text,
        detail=detail,
        details=tuple(event for _, event in slow if event.type in _DETAILED),
    )


def _row(
    event: Event, record: SlowRecord, texts: _Texts, labels: dict[str, tuple[str, ...]]
) -> tuple[int, ...]:
    """The values of an event in the order of `_COLUMNS`."""
    codes = labels[event.topic]
    return (
        _TYPE_CODES[event.type],
        event.occurred_us,
        event.period,
        _number(event.amount),
        _number(event.discount),
        _number(event.items),
        _number(event.severity if event.score is None else event.score),
        codes.index(event.label) + 1 if event.label in codes else 0,
        *texts.span(event.customer_id, record),
        *texts.span(event.event_id, record),
    )


def _number(value: int | None) -> int:
    return int(ABSENT) if value is None else value


def _joined_attributes(
    columns: Columns,
    index: NDArray[np.int64],
    place: NDArray[np.int64],
    slow: list[tuple[SlowRecord, Event]],
    texts: _Texts,
) -> dict[str, NDArray[Any]]:
    """The columns of the attributes of all events, and `attribute_first`."""
    count = np.diff(columns.attribute_first)[index]
    fast_total = int(columns.attribute_first[-1])
    parts = {name: getattr(columns, name)[:fast_total] for name in _ATTRIBUTE_COLUMNS}
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
    for name, values in zip(_ATTRIBUTE_COLUMNS, zip(*rows, strict=True), strict=False):
        parts[name] = np.insert(parts[name], insert_at, np.array(values, parts[name].dtype))
    return parts | {"attribute_first": first}


def _attribute_kind(value: float | str | bool | None) -> int:
    return ATTRIBUTE_REMOVED if value is None else _KINDS[type(value)]


def _attribute_word(value: float | str | bool | None) -> int:
    """The value as `attribute_value` holds it."""
    if isinstance(value, float):
        return int(np.float64(value).view(np.int64))
    return int(value) if isinstance(value, int) else 0
