"""A batch of a shard, from what has arrived to committed: the one order in which that is done.

1. **Take** what has arrived on all inputs, in its order, and read the clock once.
2. **Step**: decode; step the engine; then a slice of the tick that is due, if one is.
3. **Send**: begin a transaction; send changes, categories, notices, dead letters, pieces of a snapshot, and
   the journal record; await every send, since a commit succeeds even if one of them failed.
4. **Positions**: add the inputs' positions to the transaction. After the sends: before them, the broker may
   still be busy taking partitions into the transaction, and has the client wait.
5. **Commit**.

Dying before 5 leaves nothing: the transaction is aborted by the next owner's start, which restores the state
as of the batch before and does this one again, maybe cut differently. Dying in 5 leaves all or nothing, and
the journal says which. Dying after 5 leaves all, and the next owner goes on behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rules.calendar import date_from_period, format_instant
from rules.engine.event import TOPICS
from rules.shard.again import chain_of
from rules.shard.core import Answer, Core
from rules.shard.inbox import Taken
from schemas.changes import PackIdentity
from schemas.journal import BatchCounts, InputRange, JournalRecord, SnapshotPosition, TickSlice, TickState
from workers.clock import running_seconds
from workers.kafka.messages import Messages, Spans
from workers.live.faults import Faults
from workers.live.outgoing import Outgoing
from workers.live.ports import Pair, Transacting
from workers.live.progress import Progress, Tick
from workers.settings.topics import TopicNames


@dataclass(frozen=True, slots=True)
class Work:
    """What goes into a batch: step 1.

    `tick`: the period whose tick is to be begun or gone on with, `changes_max` how many evaluations that may
    take, about. `chunks` are (key, value) of snapshot records; `snapshot`, if the manifest is among them,
    where a restore may start once this batch is committed.
    """

    taken: Taken
    clock_us: int
    watermark_us: int | None
    now_ms: int
    tick: int | None = None
    changes_max: int = 0
    chunks: Sequence[tuple[bytes, bytes]] = ()
    snapshot: SnapshotPosition | None = None


@dataclass(frozen=True, slots=True)
class Stepped:
    """A batch that is ready to be sent: steps 1 and 2."""

    work: Work
    answers: tuple[Answer, ...]
    messages: tuple[Messages, ...]
    journal: JournalRecord
    progress: Progress
    decode_s: float
    step_s: float
    topics: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Committed:
    """Where the records of a committed batch lie: its journal record, and the first piece of a snapshot."""

    journal_offset: int
    chunk_offset: int | None


class Batches:
    """Makes and commits the batches of one shard."""

    def __init__(
        self,
        core: Core,
        topics: TopicNames,
        group: str,
        shard: int,
        generation: int,
        faults: Faults,
        prepare: Callable[[Messages], Messages] = lambda messages: messages,
    ) -> None:
        """`prepare` does what can be done of sending ahead of it, where the engine is stepped."""
        pack = core.pack
        self._core = core
        self._topics = topics
        self._shard = shard
        self._generation = generation
        self._faults = faults
        self._prepare = prepare
        self._pack = PackIdentity(name=pack.name, version=pack.version, fingerprint=pack.fingerprint)
        self._outgoing = Outgoing(topics, group, shard, generation)

    def step(self, work: Work, progress: Progress) -> Stepped:
        """Step 2: what the batch brings; the engine has gone on when this returns."""
        self._faults.reach("taken")
        core, records = self._core, work.taken.records
        began = running_seconds()
        decoded = core.decode(records)
        decoded_at = running_seconds()
        answers = [core.step(records, decoded)] if records.offset.size else []
        ticks: tuple[TickSlice, ...] = ()
        tick = progress.tick
        if work.tick is not None:
            answer, tick, ticks = self._tick(work.tick, tick, work.changes_max)
            answers.append(answer)
        number = progress.number + 1
        messages = self._outgoing.messages(
            answers,
            core.categories(),
            records,
            core.engine.customers,
            number=number,
            clock_us=work.clock_us,
            now_ms=work.now_ms,
        )
        if work.chunks:
            messages.append(self._chunks(work))
        journal = self._journal(work, progress, answers, tick, ticks)
        messages.append(self._journal_message(journal, work.now_ms))
        messages = [self._prepare(each) for each in messages]
        self._faults.reach("stepped")
        inputs = np.bincount(records.input, minlength=len(self._topics.inputs)).tolist()
        return Stepped(
            work=work,
            answers=tuple(answers),
            messages=tuple(messages),
            journal=journal,
            progress=progress.after(journal),
            decode_s=decoded_at - began,
            step_s=running_seconds() - decoded_at,
            topics={topic: count for topic, count in zip(TOPICS, inputs, strict=True) if count},
        )

    async def commit(self, transactor: Transacting, stepped: Stepped) -> Committed:
        """Steps 3 to 5. Whatever it raises, the transactor is of no more use."""
        await transactor.begin()
        self._faults.reach("begun")
        sent = [(each, await transactor.send(each, self._shard)) for each in stepped.messages]
        self._faults.reach("sent")
        acknowledged = await asyncio.gather(*(future for _, futures in sent for future in futures))
        self._faults.reach("acknowledged")
        offsets: dict[Pair, int] = {
            (each.topic, self._shard): each.to for each in stepped.journal.inputs if each.to > each.from_
        }
        if offsets:
            await transactor.send_offsets(offsets)
        self._faults.reach("offsets")
        await transactor.commit()
        self._faults.reach("committed")
        firsts: dict[str, int] = {}
        index = 0
        for messages, futures in sent:
            firsts.setdefault(messages.topic, acknowledged[index])
            index += len(futures)
        return Committed(firsts[self._topics.journal], firsts.get(self._topics.snapshots))

    def _tick(
        self, period: int, tick: Tick | None, changes_max: int
    ) -> tuple[Answer, Tick, tuple[TickSlice, ...]]:
        if tick is None or tick.period != period:
            tick = Tick(period, 0, self._core.begin_tick(period))
        answer, reached = self._core.tick(period, tick.reached, tick.of, changes_max)
        part = TickSlice(period=_day(period), first=tick.reached, end=reached)
        return answer, Tick(period, reached, tick.of), (part,)

    def _journal(
        self,
        work: Work,
        progress: Progress,
        answers: Sequence[Answer],
        tick: Tick | None,
        ticks: tuple[TickSlice, ...],
    ) -> JournalRecord:
        made = work.snapshot
        return JournalRecord(
            shard=self._shard,
            number=progress.number + 1,
            generation=self._generation,
            pack=self._pack,
            clock=format_instant(work.clock_us),
            watermark=None if work.watermark_us is None else format_instant(work.watermark_us),
            inputs=tuple(
                InputRange.model_validate({"topic": topic, "from": begin, "to": end})
                for topic, (begin, end) in zip(self._topics.inputs, work.taken.ranges, strict=True)
            ),
            ticks=ticks,
            tick=None
            if tick is None
            else TickState(period=_day(tick.period), reached=tick.reached, of=tick.of),
            counts=_counts(answers),
            previous=progress.hash,
            hash=chain_of(progress.hash, answers),
            snapshot=made or progress.snapshot,
            snapshot_before=progress.snapshot if made else progress.snapshot_before,
        )

    def _journal_message(self, record: JournalRecord, now_ms: int) -> Messages:
        return Messages(
            self._topics.journal,
            Spans.of([str(self._shard).encode()]),
            Spans.of([record.model_dump_json(by_alias=True).encode()]),
            (("content-type", b"application/json"),),
            (),
            now_ms,
        )

    def _chunks(self, work: Work) -> Messages:
        return Messages(
            self._topics.snapshots,
            Spans.of([key for key, _ in work.chunks]),
            Spans.of([value for _, value in work.chunks]),
            (),
            (),
            work.now_ms,
        )


def _counts(answers: Sequence[Answer]) -> BatchCounts:
    counts = [answer.counts for answer in answers]
    return BatchCounts(
        records=sum(each.records for each in counts),
        applied=sum(each.applied for each in counts),
        rejected=sum(len(answer.refused) for answer in answers),
        duplicates=sum(each.duplicates for each in counts),
        late=sum(each.late for each in counts),
        unknown=sum(each.unknown for each in counts),
        changes=sum(answer.changes.row.size for answer in answers),
        notices=sum(answer.notices.row.size for answer in answers),
        erased=sum(len(answer.erased) for answer in answers),
    )


def _day(period: int) -> str:
    return date_from_period(period).isoformat()
