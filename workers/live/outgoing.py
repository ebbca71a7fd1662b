"""What a batch brought, as records of the output topics."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rules.calendar import format_instant
from rules.engine.event import Code
from rules.engine.letters import dead_letter
from rules.engine.strings import StringTable
from rules.shard.core import Answer, Categories, Erased, Refused, erased_id
from rules.shard.lines import INSTANT_BYTES, Lines, instants
from rules.shard.records import Ordered
from workers.kafka.messages import Messages, Spans
from workers.settings.topics import TopicNames

I64 = NDArray[np.int64]

CHANGED: Final = b"tierline.category.changed"
PENDING: Final = b"tierline.category.pending"
ERASED: Final = b"tierline.customer.erased"
_JSON: Final = b"application/json"
#: Where the id stands in the body of a change, which begins with it, and how long it is.
_ID_AT, _ID_BYTES = len('{"change_id":"'), 32


class Outgoing:
    """Makes the records of one shard's batches."""

    def __init__(self, topics: TopicNames, group: str, shard: int, generation: int) -> None:
        self._topics = topics
        self._source = f"tierline/{group}/{shard}".encode()
        self._shard = shard
        self._generation = generation

    def messages(
        self,
        answers: Sequence[Answer],
        categories: Categories,
        records: Ordered,
        customers: StringTable,
        *,
        number: int,
        clock_us: int,
        now_ms: int,
    ) -> list[Messages]:
        """All records of a batch but the journal's, whose number is given; `now_ms`: their timestamp."""
        seen = (
            ("tierline_detected_at", format_instant(clock_us).encode()),
            ("tierline_batch", str(number).encode()),
        )
        found = []
        for answer in answers:
            found += self._changes_and_erasures(answer, customers, seen, now_ms)
            if answer.refused:
                found.append(self._letters(answer.refused, records, now_ms))
        found += self._notices(answers, customers, seen, number, now_ms)
        if categories.records.row.size or categories.gone.size:
            found.append(self._categories(categories, customers, now_ms))
        return found

    def _events(self, kind: bytes, seen: tuple[tuple[str, bytes], ...]) -> tuple[tuple[str, bytes], ...]:
        """Headers of CloudEvents 1.0 in binary mode that all records of a kind share."""
        return (
            ("ce_specversion", b"1.0"),
            ("ce_source", self._source),
            ("ce_type", kind),
            ("content-type", _JSON),
            *seen,
        )

    def _changes_and_erasures(
        self, answer: Answer, customers: StringTable, seen: tuple[tuple[str, bytes], ...], now_ms: int
    ) -> list[Messages]:
        """An erasure parts the changes of the life it ends from those of the next."""
        found, first = [], 0
        for end, group in groupby(answer.erased, key=lambda each: each.after):
            if end > first:
                found.append(self._changes(answer, first, end, customers, seen, now_ms))
            found.append(self._erased(tuple(group), seen, now_ms))
            first = end
        if answer.changes.row.size > first:
            found.append(self._changes(answer, first, answer.changes.row.size, customers, seen, now_ms))
        return found

    def _changes(
        self,
        answer: Answer,
        first: int,
        end: int,
        customers: StringTable,
        seen: tuple[tuple[str, bytes], ...],
        now_ms: int,
    ) -> Messages:
        lines = Lines(
            answer.changes.text, answer.changes.ends[first : end + 1], answer.changes.row[first:end]
        )
        keys = _customers(lines.row, customers)
        ids = Spans(lines.text, lines.ends[:-1] + _ID_AT, np.full(lines.row.size, _ID_BYTES))
        times = _instants(answer.change_instant[first:end])
        return Messages(
            self._topics.changes,
            keys,
            _bodies(lines),
            self._events(CHANGED, seen),
            (("ce_id", ids), ("ce_subject", keys), ("ce_time", times)),
            now_ms,
        )

    def _notices(
        self,
        answers: Sequence[Answer],
        customers: StringTable,
        seen: tuple[tuple[str, bytes], ...],
        number: int,
        now_ms: int,
    ) -> list[Messages]:
        found, index = [], 0
        for answer in answers:
            lines = answer.notices
            if not lines.row.size:
                continue
            keys = _customers(lines.row, customers)
            texts = [f"{self._shard}|{number}|{index + i}".encode() for i in range(lines.row.size)]
            index += lines.row.size
            ids = Spans.of([hashlib.sha256(text).hexdigest()[:_ID_BYTES].encode() for text in texts])
            found.append(
                Messages(
                    self._topics.pending,
                    keys,
                    _bodies(lines),
                    self._events(PENDING, seen),
                    (("ce_id", ids), ("ce_subject", keys), ("ce_time", _instants(answer.notice_instant))),
                    now_ms,
                )
            )
        return found

    def _erased(self, erased: Sequence[Erased], seen: tuple[tuple[str, bytes], ...], now_ms: int) -> Messages:
        keys = Spans.of([each.customer_id.encode() for each in erased])
        return Messages(
            self._topics.changes,
            keys,
            Spans.of([each.body for each in erased]),
            self._events(ERASED, seen),
            (
                ("ce_id", Spans.of([erased_id(self._generation, each).encode() for each in erased])),
                ("ce_subject", keys),
                ("ce_time", _instants(np.array([each.instant_us for each in erased], np.int64))),
            ),
            now_ms,
        )

    def _categories(self, categories: Categories, customers: StringTable, now_ms: int) -> Messages:
        lines = categories.records
        rows = np.concatenate([lines.row, categories.gone])
        starts = np.concatenate([lines.ends[:-1], np.zeros(categories.gone.size, np.int64)])
        lengths = np.concatenate([np.diff(lines.ends) - 1, np.full(categories.gone.size, -1)])
        return Messages(
            self._topics.categories,
            _customers(rows, customers),
            Spans(lines.text, starts, lengths),
            (("content-type", _JSON),),
            (),
            now_ms,
        )

    def _letters(self, refused: Sequence[Refused], records: Ordered, now_ms: int) -> Messages:
        inputs = self._topics.inputs
        bodies, topics, offsets, times = [], [], [], []
        for each in refused:
            topic, offset = inputs[records.input[each.index]], int(records.offset[each.index])
            letter = dead_letter(each.rejection, f"{topic}/{self._shard}", offset, each.record)
            bodies.append(json.dumps(letter, ensure_ascii=False, separators=(",", ":")).encode())
            topics.append(topic.encode())
            offsets.append(str(offset).encode())
            times.append(str(int(records.timestamp_ms[each.index])).encode())
        keys = [None if each.rejection.code is Code.ERASED else each.key for each in refused]
        return Messages(
            self._topics.dead_letters,
            Spans.of(keys),
            Spans.of([*bodies]),
            (("content-type", _JSON), ("tierline_partition", str(self._shard).encode())),
            (
                ("tierline_code", Spans.of([each.rejection.code.value.encode() for each in refused])),
                ("tierline_topic", Spans.of([*topics])),
                ("tierline_offset", Spans.of([*offsets])),
                ("tierline_timestamp_ms", Spans.of([*times])),
            ),
            now_ms,
        )


def _customers(rows: I64, customers: StringTable) -> Spans:
    starts = customers.ends[rows]
    return Spans(customers.arena, starts, customers.ends[rows + 1] - starts)


def _bodies(lines: Lines) -> Spans:
    return Spans(lines.text, lines.ends[:-1], np.diff(lines.ends) - 1)


def _instants(instant_us: I64) -> Spans:
    count = instant_us.size
    return Spans(
        instants(np.ascontiguousarray(instant_us)).ravel(),
        np.arange(count) * INSTANT_BYTES,
        np.full(count, INSTANT_BYTES),
    )
