"""Bringing a shard's state back: the latest snapshot, and the batches since then, run through once more.

What comes out is not sent but compared: its hash must be the one in the journal.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rules.language.model import Pack
from rules.shard.again import derive
from rules.shard.core import Core
from rules.shard.records import Ordered, RecordColumns, ordered
from schemas.journal import JournalRecord, SnapshotPosition
from workers.clock import running_seconds
from workers.kafka.unreadable import deleted
from workers.live.chunks import SnapshotDamaged
from workers.live.errors import Refuse, Stop
from workers.live.journal import Entry, last_entry, parsed
from workers.live.ports import Reading
from workers.live.progress import Progress
from workers.live.snapshotting import load
from workers.logs import logger
from workers.settings.topics import TopicNames

log = logger("restore")

_READ_S = 1.0
#: An input that was read so far ahead of the journal, in records, waits for the others.
_AHEAD_MAX = 200_000
#: So many journal records are kept at most before the inputs have come so far.
_JOURNAL_AHEAD_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Restored:
    """A shard's state and where it stands.

    `journal_offset`: where its last journal record lies; `records`: how many were run through again;
    `loaded`: how many customers came from a snapshot.
    """

    core: Core
    progress: Progress
    journal_offset: int | None = None
    records: int = 0
    loaded: int = 0


class Restore:
    """Restores one shard. `make_reader` gives a new reader, in no group, that has not been started."""

    def __init__(
        self,
        pack: Pack,
        topics: TopicNames,
        shard: int,
        generation: int,
        make_reader: Callable[[], Reading],
    ) -> None:
        self._pack = pack
        self._topics = topics
        self._shard = shard
        self._generation = generation
        self._make_reader = make_reader

    async def run(self) -> Restored:
        """Do it; to be called only after the owner before was fenced, so that the journal has its end.

        Raises `Refuse` where the journal was written under other rules, `Stop` where it does not hold, and
        `Unreadable` where an input no longer has what is needed.
        """
        reader = self._make_reader()
        await reader.start()
        try:
            last = await last_entry(reader, self._topics.journal, self._shard)
            begins = await self._begins(reader)
            if last is None:
                return self._empty(begins)
            self._check(last.record)
            core, at, loaded = await self._state(reader, last.record, begins)
            progress = at or Progress.start(self._generation, self._shard, ())
            if progress.number == last.record.number:
                return Restored(core, Progress.at(last), last.offset, 0, loaded)
            begin = await self._journal_begin(reader, last.record, progress)
        finally:
            await reader.stop()
        progress, records = await self._again(core, progress, begin, last)
        return Restored(core, progress, last.offset, records, loaded)

    def _empty(self, begins: tuple[int, ...]) -> Restored:
        core = Core(self._pack, generation=self._generation)
        return Restored(core, Progress.start(self._generation, self._shard, begins))

    def _check(self, record: JournalRecord) -> None:
        pack = self._pack
        if record.generation != self._generation:
            raise Refuse(
                f"the journal of shard {self._shard} is of generation {record.generation}, "
                f"not {self._generation}"
            )
        if record.pack.fingerprint != pack.fingerprint:
            raise Refuse(
                f"the running state was made under pack `{record.pack.name}` version `{record.pack.version}` "
                f"({record.pack.fingerprint[:12]}…), and this worker has `{pack.name}` version "
                f"`{pack.version}` ({pack.fingerprint[:12]}…): start it with the pack of "
                "before, or with another --group and other topics to begin anew from the inputs"
            )

    async def _begins(self, reader: Reading) -> tuple[int, ...]:
        pairs = [(topic, self._shard) for topic in self._topics.inputs]
        found = await reader.begins(pairs)
        return tuple(found[pair] for pair in pairs)

    async def _state(
        self, reader: Reading, record: JournalRecord, begins: tuple[int, ...]
    ) -> tuple[Core, Progress | None, int]:
        """The engine as the latest whole snapshot left it, and how far that was; else an empty one.

        Where the inputs begin only later, no snapshot is read: it would be for nothing, at every try.
        """
        for position in (record.snapshot, record.snapshot_before):
            if position is None:
                continue
            progress = await self._progress_at(reader, position)
            _check_there(self._topics.inputs, self._shard, progress.inputs, begins)
            try:
                snapshot = await load(reader, self._topics.snapshots, self._shard, position)
                core = await asyncio.to_thread(
                    Core, self._pack, generation=self._generation, snapshot=snapshot
                )
            except (SnapshotDamaged, ValueError) as error:
                log.warning(
                    "snapshot cannot be used, trying the one before",
                    shard=self._shard,
                    number=position.number,
                    reason=str(error),
                )
                continue
            return core, progress, len(snapshot.rows)
        return Core(self._pack, generation=self._generation), None, 0

    async def _progress_at(self, reader: Reading, position: SnapshotPosition) -> Progress:
        """How far the shard was after the batch that a snapshot stands after."""
        pair = (self._topics.journal, self._shard)
        reader.assign({pair: position.journal_offset})
        while True:
            for piece in await reader.read(_READ_S):
                for entry in parsed(piece.columns, *pair):
                    if entry.record.number == position.number:
                        return Progress.at(entry)
                    raise Stop(
                        f"the journal of shard {self._shard} has record {entry.record.number} at offset "
                        f"{entry.offset}, where the snapshot expects {position.number}"
                    )

    async def _journal_begin(self, reader: Reading, last: JournalRecord, progress: Progress) -> int:
        """Where the journal goes on after the progress."""
        for position in (last.snapshot, last.snapshot_before):
            if position is not None and position.number == progress.number:
                return position.journal_offset
        pair = (self._topics.journal, self._shard)
        return (await reader.begins([pair]))[pair]

    async def _again(self, core: Core, progress: Progress, begin: int, last: Entry) -> tuple[Progress, int]:
        """Run the batches after the progress up to the last one through the engine."""
        feed = Feed(self._topics, self._shard, self._make_reader)
        records, told_s = 0, running_seconds()
        try:
            await feed.start(begin, progress.inputs if progress.number else None)
            while progress.number < last.record.number:
                entry = await feed.entry(progress.number)
                batch = await feed.records(entry.record)
                derived = await asyncio.to_thread(derive, core, entry.record, batch)
                core.forget_moved()
                self._compare(entry, progress, derived.hash)
                progress = progress.after(entry.record)
                records += batch.offset.size
                if running_seconds() - told_s > 5.0:
                    told_s = running_seconds()
                    log.info(
                        "restoring",
                        shard=self._shard,
                        number=progress.number,
                        of=last.record.number,
                        records=records,
                    )
        finally:
            await feed.stop()
        return progress, records

    def _compare(self, entry: Entry, progress: Progress, found: str) -> None:
        record = entry.record
        where = f"journal record {record.number} of shard {self._shard} (offset {entry.offset})"
        if record.number != progress.number + 1 or record.previous != progress.hash:
            raise Stop(
                f"{where} does not follow record {progress.number}: it names the hash {record.previous} "
                f"before it, and that is {progress.hash}"
            )
        if record.hash != found:
            raise Stop(
                f"{where} does not match the inputs it names: it says {record.hash}, and they give {found}; "
                "`tierline verify --from-journal` shows where they differ"
            )


def _check_there(
    topics: tuple[str, ...], shard: int, needed: tuple[int, ...], begins: tuple[int, ...]
) -> None:
    """Raise `Unreadable` where an input begins only after the offset from which it is needed."""
    for topic, offset, begin in zip(topics, needed, begins, strict=True):
        if begin > offset:
            raise deleted(topic, shard, offset, begin, None)


class Feed:
    """The journal of a shard and its inputs, read side by side."""

    def __init__(self, topics: TopicNames, shard: int, make_reader: Callable[[], Reading]) -> None:
        self._topics = topics
        self._shard = shard
        self._reader = make_reader()
        self._journal: deque[Entry] = deque()
        self._pieces: list[deque[RecordColumns]] = [deque() for _ in topics.inputs]
        self._next: list[int] = []
        self._paused: set[int] = set()
        self._journal_paused = False

    async def start(self, journal_offset: int, inputs: tuple[int, ...] | None) -> None:
        """Begin at an offset of the journal, and of the inputs, or where those of its first record begin."""
        await self._reader.start()
        pair = (self._topics.journal, self._shard)
        if inputs is None:
            self._reader.assign({pair: journal_offset})
            while not self._journal:
                await self._read()
            inputs = tuple(each.from_ for each in self._journal[0].record.inputs)
            journal_offset = self._journal[-1].offset + 1
        self._next = list(inputs)
        pairs = {(topic, self._shard): at for topic, at in zip(self._topics.inputs, inputs, strict=True)}
        begins = await self._reader.begins(pairs)
        _check_there(self._topics.inputs, self._shard, inputs, tuple(begins[each] for each in pairs))
        self._reader.assign({pair: journal_offset, **pairs})

    async def stop(self) -> None:
        """End reading."""
        await self._reader.stop()

    async def entry(self, after: int) -> Entry:
        """The next journal record whose number is beyond one."""
        while True:
            while self._journal:
                entry = self._journal.popleft()
                if entry.record.number > after:
                    return entry
            if self._journal_paused:
                self._journal_paused = False
                self._reader.resume([(self._topics.journal, self._shard)])
            await self._read()

    async def records(self, record: JournalRecord) -> Ordered:
        """The records that a journal record names, in the order of its batch."""
        inputs = []
        for place, each in enumerate(record.inputs):
            if self._next[place] < each.to and place in self._paused:
                self._paused.discard(place)
                self._reader.resume([(each.topic, self._shard)])
            while self._next[place] < each.to:
                await self._read(wanted=place)
            inputs.append(list(self._cut(place, each.to)))
        self._go_on()
        return ordered(inputs)

    async def _read(self, wanted: int | None = None) -> None:
        for piece in await self._reader.read(_READ_S):
            if piece.topic == self._topics.journal:
                self._journal += parsed(piece.columns, piece.topic, self._shard)
                if len(self._journal) > _JOURNAL_AHEAD_MAX and not self._journal_paused:
                    self._journal_paused = True
                    self._reader.pause([(piece.topic, self._shard)])
                continue
            place = self._topics.inputs.index(piece.topic)
            if piece.columns.offset.size:
                self._pieces[place].append(piece.columns)
            self._next[place] = piece.next_offset
            if place != wanted and sum(each.offset.size for each in self._pieces[place]) > _AHEAD_MAX:
                self._paused.add(place)
                self._reader.pause([(piece.topic, self._shard)])

    def _go_on(self) -> None:
        for place in list(self._paused):
            if sum(each.offset.size for each in self._pieces[place]) <= _AHEAD_MAX // 2:
                self._paused.discard(place)
                self._reader.resume([(self._topics.inputs[place], self._shard)])

    def _cut(self, place: int, to: int) -> Iterator[RecordColumns]:
        pieces = self._pieces[place]
        while pieces:
            piece = pieces[0]
            count = int(piece.offset.searchsorted(to))
            if count == 0:
                return
            if count == piece.offset.size:
                yield pieces.popleft()
            else:
                yield piece.cut(0, count)
                pieces[0] = piece.cut(count, piece.offset.size)
