"""A service without Kafka: the shards' cores, fed in random pieces, and what they would publish.

It puts the parts together as the live service does, but in one place and in memory, so that thousands of
random histories can be played, and so that the checker has something right to be tried on.
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Sequence
from datetime import date

import numpy as np
import orjson

from rules.calendar import calendar, date_from_period, format_instant, period_from_date
from rules.engine.bodies import encode
from rules.engine.letters import dead_letter
from rules.language.model import Pack
from rules.shard.chain import chain_start, chained
from rules.shard.core import Answer, Core, erased_id
from rules.shard.inbox import Inbox, Taken
from rules.shard.records import RecordColumns
from schemas.changes import PackIdentity
from schemas.journal import BatchCounts, InputRange, JournalRecord, TickSlice, TickState
from tests.live.checking import CHANGED, ERASED, PENDING
from tests.live.histories import Sent
from tests.live.published import INPUTS, OUTPUTS, Published, Record

NAMES = {
    "customers": "customers",
    "orders": "orders",
    "payments": "payments",
    "feedback": "feedback",
    "changes": "category-changes",
    "categories": "customer-categories",
    "pending": "category-pending",
    "dead_letters": "dead-letters",
    "journal": "tierline-journal",
}
_JSON = {"content-type": "application/json"}


def logged(sent: Sequence[Sent], partitions: int, seed: int) -> Published:
    """The inputs as they stand in the log: offsets rise, with gaps where markers and aborted records lie."""
    choose = random.Random(seed)
    records: dict[tuple[str, int], list[Record]] = {
        (role, p): [] for role in (*INPUTS, *OUTPUTS) for p in range(partitions)
    }
    for each in sent:
        log = records[each.role, each.partition]
        offset = (log[-1].offset + 1 if log else 0) + choose.choice((0, 0, 0, 0, 1, 3))
        log.append(Record(offset, each.timestamp_ms, each.key, each.value))
    ends = {place: (log[-1].offset + 1 if log else 0) for place, log in records.items() if place[0] in INPUTS}
    return Published(dict(NAMES), partitions, records, dict(ends), dict(ends))


def columns_of(records: Sequence[Record]) -> RecordColumns:
    """Records as columns; where there is no key or value, its place is anywhere in the buffer."""
    buffer, spans = bytearray(b"."), []
    for record in records:
        key, value = record.key, record.value
        begin = len(buffer)
        buffer += (key or b"") + (value or b"")
        middle = begin + len(key or b"")
        spans.append((begin, -1 if key is None else len(key), middle, -1 if value is None else len(value)))
    table = np.array(spans, np.int64).reshape(-1, 4)
    return RecordColumns(
        np.frombuffer(bytes(buffer), np.uint8),
        np.array([record.offset for record in records], np.int64),
        np.array([record.timestamp_ms for record in records], np.int64),
        *(np.ascontiguousarray(table[:, i]) for i in range(4)),
    )


def publish(pack: Pack, sent: Sequence[Sent], *, partitions: int = 2, seed: int = 0) -> Published:
    """Play records and say what is published; the seed decides how they are cut into fetches and batches."""
    published = logged(sent, partitions, seed)
    for shard in range(partitions):
        _Shard(pack, published, shard, random.Random(f"{seed}/{shard}")).run()
    return published


class _Shard:
    def __init__(self, pack: Pack, published: Published, shard: int, choose: random.Random) -> None:
        self.core, self.pack = Core(pack), pack
        self.published, self.shard, self.choose = published, shard, choose
        self.waiting = [list(published.of(role, shard)) for role in INPUTS]
        self.inbox = Inbox((0, 0, 0, 0))
        self.previous = chain_start(1, shard)
        self.number = 0
        self.delay_us = choose.choice((0, 60_000_000, 3 * 86_400_000_000))
        self.tick: TickState | None = None
        self.clock_us = 0

    def run(self) -> None:
        """Fetch, take and tick in a random order until there is nothing left to do."""
        idle = 0
        while idle < 3:
            self._fetch()
            taken = self.inbox.take(self.choose.choice((1, 2, 5, 100)))
            self.clock_us = max(self.clock_us, self.inbox.greatest_us or 0)
            answers = (
                [self.core.step(taken.records, self.core.decode(taken.records))]
                if taken.records.offset.size
                else []
            )
            slices = self._ticks(answers)
            if answers or slices:
                self._commit(taken, answers, slices)
            idle = 0 if answers or slices or any(self.waiting) else idle + 1

    def _fetch(self) -> None:
        for topic, waiting in enumerate(self.waiting):
            size = self.choose.choice((0, 0, 1, 3, 50))
            piece, self.waiting[topic] = waiting[:size], waiting[size:]
            end = self.published.stable[INPUTS[topic], self.shard]
            if piece or not self.waiting[topic]:
                following = self.waiting[topic][0].offset if self.waiting[topic] else end
                self.inbox.feed(topic, columns_of(piece), following)
            self.inbox.hear_end(topic, end, self.clock_us or None)

    def _ticks(self, answers: list[Answer]) -> list[TickSlice]:
        """Begin a tick that is due, or go on with the one begun, by a few rows."""
        watermark = self.inbox.watermark(self.clock_us)
        if self.tick is None or self.tick.reached == self.tick.of:
            if watermark is None or watermark < self.delay_us:
                return []
            period = calendar(self.pack.timezone).period_of(watermark - self.delay_us)
            day = date_from_period(period).isoformat()
            if self.tick is not None and self.tick.period >= day:
                return []
            self.tick = TickState(period=day, reached=0, of=self.core.begin_tick(period))
        period = period_from_date(date.fromisoformat(self.tick.period))
        first = self.tick.reached
        end = min(self.tick.of, first + self.choose.choice((1, 2, 50)))
        answer, reached = self.core.tick(period, first, end, self.choose.choice((1, 1000)))
        answers.append(answer)
        self.tick = self.tick.model_copy(update={"reached": reached})
        return [TickSlice(period=self.tick.period, first=first, end=reached)]

    def _commit(self, taken: Taken, answers: list[Answer], slices: list[TickSlice]) -> None:
        self.number += 1
        clock = format_instant(self.clock_us)
        common = {"tierline_batch": str(self.number), "tierline_detected_at": clock}
        counts: dict[str, int] = dict.fromkeys(BatchCounts.model_fields, 0)
        for answer in answers:
            self._write_bodies(answer, common, counts)
            for name in ("records", "applied", "duplicates", "late", "unknown"):
                counts[name] += getattr(answer.counts, name)
            counts["rejected"] += len(answer.refused)
            self._write_letters(answer, taken)
        self._write_categories()
        erasures = [each.body for answer in answers for each in answer.erased]
        following = chained(
            self.previous, [a.changes for a in answers], [a.notices for a in answers], erasures
        )
        watermark = self.inbox.watermark(self.clock_us)
        entry = JournalRecord(
            shard=self.shard,
            number=self.number,
            generation=1,
            pack=PackIdentity(
                name=self.pack.name, version=self.pack.version, fingerprint=self.pack.fingerprint
            ),
            clock=clock,
            watermark=None if watermark is None else format_instant(watermark),
            inputs=tuple(
                InputRange.model_validate({"topic": NAMES[role], "from": begin, "to": end})
                for role, (begin, end) in zip(INPUTS, taken.ranges, strict=True)
            ),
            ticks=tuple(slices),
            tick=self.tick,
            counts=BatchCounts(**counts),
            previous=self.previous,
            hash=following,
            snapshot=None,
            snapshot_before=None,
        )
        self.previous = following
        self._append(
            "journal", str(self.shard).encode(), entry.model_dump_json(by_alias=True).encode(), _JSON
        )

    def _write_bodies(self, answer: Answer, common: dict[str, str], counts: dict[str, int]) -> None:
        bodies, erased = answer.changes.bodies(), deque(answer.erased)
        for place in range(len(bodies) + 1):
            while erased and erased[0].after == place:
                each = erased.popleft()
                fields = orjson.loads(each.body)
                self._event("changes", ERASED, erased_id(1, each), fields, each.body, common)
                counts["erased"] += 1
            if place < len(bodies):
                fields = orjson.loads(bodies[place])
                self._event("changes", CHANGED, fields["change_id"], fields, bodies[place], common)
                counts["changes"] += 1
        for body in answer.notices.bodies():
            name = f"{self.shard}|{self.number}|{counts['notices']}"
            ce_id = hashlib.sha256(name.encode()).hexdigest()[:32]
            self._event("pending", PENDING, ce_id, orjson.loads(body), body, common)
            counts["notices"] += 1

    def _event(
        self, role: str, kind: str, name: str, fields: dict[str, str], body: bytes, common: dict[str, str]
    ) -> None:
        headers = {
            "ce_specversion": "1.0",
            "ce_id": name,
            "ce_source": f"tierline/tierline/{self.shard}",
            "ce_type": kind,
            "ce_subject": fields["customer_id"],
            "ce_time": fields["effective_at"],
        }
        self._append(role, fields["customer_id"].encode(), body, headers | common | _JSON)

    def _write_letters(self, answer: Answer, taken: Taken) -> None:
        for each in answer.refused:
            role = INPUTS[int(taken.records.input[each.index])]
            offset = int(taken.records.offset[each.index])
            letter = dead_letter(each.rejection, f"{NAMES[role]}/{self.shard}", offset, each.record)
            headers = {
                "tierline_code": each.rejection.code.value,
                "tierline_topic": NAMES[role],
                "tierline_partition": str(self.shard),
                "tierline_offset": str(offset),
                "tierline_timestamp_ms": str(int(taken.records.timestamp_ms[each.index])),
            }
            key = None if each.rejection.code == "erased" else each.key
            self._append("dead_letters", key, encode(letter), headers | _JSON)

    def _write_categories(self) -> None:
        categories = self.core.categories()
        for body in categories.records.bodies():
            self._append("categories", orjson.loads(body)["customer_id"].encode(), body, _JSON)
        for row in categories.gone.tolist():
            self._append("categories", self.core.customer_id(row).encode(), None, _JSON)

    def _append(self, role: str, key: bytes | None, value: bytes | None, headers: dict[str, str]) -> None:
        log = self.published.records[role, self.shard]
        offset = log[-1].offset + 1 if log else 0
        log.append(
            Record(offset, 0, key, value, tuple((name, text.encode()) for name, text in headers.items()))
        )
