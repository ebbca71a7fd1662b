"""Where an audit of a shard begins: with nothing, or at the latest snapshot that is whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from rules.language.model import Pack
from rules.shard.chain import chain_start
from rules.shard.core import Core
from schemas.journal import JournalRecord, SnapshotPosition
from workers.cli.errors import UserError
from workers.live.audit_journal import State, after
from workers.live.chunks import SnapshotDamaged
from workers.live.errors import Stop
from workers.live.journal import Entry, entries
from workers.live.ports import Pair, Reading
from workers.live.snapshotting import load
from workers.settings.topics import TopicNames


@dataclass(frozen=True, slots=True)
class Start:
    """The engine and what it stands for, and the offset at which the journal goes on."""

    core: Core
    state: State
    journal_offset: int
    notes: list[str] = field(default_factory=list)


class Beginning:
    """Looks for where to begin, through a reader that has been started."""

    def __init__(self, pack: Pack, topics: TopicNames, shard: int, reader: Reading) -> None:
        self._pack = pack
        self._topics = topics
        self._shard = shard
        self._reader = reader
        self._journal: Pair = (topics.journal, shard)

    async def with_nothing(self, last: JournalRecord | None) -> Start:
        """Before the first journal record. Raises `UserError` where what is needed is gone."""
        begins = await self._input_begins()
        if last is None:
            return Start(Core(self._pack), State(0, chain_start(1, self._shard), begins), 0)
        self._check_pack(last)
        first = await self._first()
        generation = first.record.generation
        self._check_inputs(begins, tuple(each.from_ for each in first.record.inputs))
        return Start(
            Core(self._pack, generation=generation),
            State(0, chain_start(generation, self._shard), begins),
            first.offset,
        )

    async def at_snapshot(self, last: JournalRecord | None) -> Start:
        """After the batch of the latest snapshot that is whole; with nothing where there is none."""
        if last is None:
            return await self.with_nothing(None)
        self._check_pack(last)
        notes: list[str] = []
        for position in (last.snapshot, last.snapshot_before):
            if position is None:
                continue
            try:
                snapshot = await load(self._reader, self._topics.snapshots, self._shard, position)
                core = await asyncio.to_thread(
                    Core, self._pack, generation=last.generation, snapshot=snapshot
                )
            except (SnapshotDamaged, ValueError) as error:
                notes.append(f"the snapshot after batch {position.number} is left out: {error}")
                continue
            entry = await self._entry_of(position)
            state = after(entry.record)
            self._check_inputs(await self._input_begins(), state.inputs)
            return Start(core, state, entry.offset + 1, notes)
        notes.append("there is no snapshot to begin at: all is derived from the first batch on")
        return replace(await self.with_nothing(last), notes=notes)

    def _check_pack(self, record: JournalRecord) -> None:
        pack = self._pack
        if record.pack.fingerprint != pack.fingerprint:
            raise UserError(
                f"the journal of shard {self._shard} was written under pack `{record.pack.name}` version "
                f"`{record.pack.version}` ({record.pack.fingerprint[:12]}…), and `--rules` is `{pack.name}` "
                f"version `{pack.version}` ({pack.fingerprint[:12]}…): give the one that the service has"
            )

    async def _first(self) -> Entry:
        """The first journal record that is there."""
        begin = (await self._reader.begins([self._journal]))[self._journal]
        end = (await self._reader.ends([self._journal]))[self._journal]
        async for entry in entries(self._reader, *self._journal, begin, end):
            if entry.record.number > 1 and begin > 0:
                raise UserError(
                    f"the journal of shard {self._shard} begins with record {entry.record.number}, and what "
                    f"lay before it was removed: set `retention.ms` of `{self._topics.journal}` to -1",
                    "`--from-snapshot` verifies what is left",
                )
            return entry
        raise Stop(f"the journal of shard {self._shard} was emptied while it was read")

    async def _entry_of(self, position: SnapshotPosition) -> Entry:
        """The journal record after which a snapshot was made."""
        end = (await self._reader.ends([self._journal]))[self._journal]
        async for entry in entries(self._reader, *self._journal, position.journal_offset, end):
            if entry.record.number == position.number:
                return entry
            break
        raise Stop(
            f"the journal of shard {self._shard} does not have record {position.number} at offset "
            f"{position.journal_offset}, where its snapshot says it is"
        )

    async def _input_begins(self) -> tuple[int, ...]:
        pairs = [(topic, self._shard) for topic in self._topics.inputs]
        begins = await self._reader.begins(pairs)
        return tuple(begins[pair] for pair in pairs)

    def _check_inputs(self, begins: tuple[int, ...], needed: tuple[int, ...]) -> None:
        for topic, begin, offset in zip(self._topics.inputs, begins, needed, strict=True):
            if begin > offset:
                raise UserError(
                    f"`{topic}/{self._shard}` begins at offset {begin}, and offset {offset} is needed: its "
                    "retention has removed what the history follows from",
                    "`--from-snapshot` needs less of it; keep inputs for as long as you want to verify them",
                )
