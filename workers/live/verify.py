"""The published history of a shard, derived once more from its inputs and its journal, and compared.

What is compared: that the journal's records follow each other (numbers, hashes, offsets of the inputs, slices
of ticks), that running the records they name through the engine gives their hashes and counts, and that just
these bodies stand in the output topics, in this order. It ends at the first difference.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from rules.language.model import Pack
from rules.shard.again import chain_of
from rules.shard.core import Answer, Core
from rules.shard.lines import Lines
from rules.shard.records import ordered
from schemas.journal import JournalRecord
from workers.clock import running_seconds
from workers.live.audit_journal import Differs, State, after, count_alike, follows, ticked
from workers.live.audit_outputs import Begin, Finding, Messages, Output
from workers.live.audit_start import Beginning
from workers.live.errors import Stop
from workers.live.journal import Entry, last_entry, parsed
from workers.live.ports import Pair, Reading
from workers.live.streams import Streams
from workers.settings.topics import TopicNames

#: Journal records read at a time.
_RECORDS: Final = 200
#: How long the parts of a transaction may take to become readable one after the other.
SETTLE_S: Final = 3.0
_AGAIN_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the history first differs: the batch, and the offset of its journal record, if it is in one."""

    what: str
    details: tuple[str, ...] = ()
    number: int | None = None
    offset: int | None = None


@dataclass(slots=True)
class Verified:
    """What was compared of a shard, up to its end or the first difference.

    `first`: number of the first batch that was derived. `notes`: what could not be compared, in sentences.
    """

    shard: int
    first: int = 1
    batches: int = 0
    records: int = 0
    changes: int = 0
    notices: int = 0
    erased: int = 0
    notes: list[str] = field(default_factory=list)
    difference: Difference | None = None


class Verification:
    """Verifies one shard through a reader that has been started and is in no group."""

    def __init__(
        self,
        pack: Pack,
        topics: TopicNames,
        shard: int,
        reader: Reading,
        *,
        begins: Callable[[int], None],
        done: Callable[[int], None],
        settle_s: float = SETTLE_S,
    ) -> None:
        """`begins` is told how many offsets of the inputs there are to come, `done` how many were."""
        self._pack = pack
        self._topics = topics
        self._shard = shard
        self._reader = reader
        self._begins = begins
        self._done = done
        self._settle_s = settle_s
        self._journal: Pair = (topics.journal, shard)
        self._inputs: tuple[Pair, ...] = tuple((topic, shard) for topic in topics.inputs)
        self._ends: dict[Pair, int] = dict.fromkeys(self._inputs, 0)
        self._found = Verified(shard)
        self._core: Core
        self._state: State
        self._streams: Streams
        self._outputs: tuple[Output, Output]

    async def run(self, *, from_snapshot: bool = False) -> Verified:
        """Derive and compare. Raises `UserError` where what is needed is not there any more."""
        pairs = (self._topics.changes, self._shard), (self._topics.pending, self._shard)
        # the outputs' ends first: whatever lies before them is in the journal, now or in a moment
        output_ends = await self._reader.ends(pairs)
        try:
            last = await last_entry(self._reader, *self._journal)
            begin = await self._start(None if last is None else last.record, from_snapshot)
            output_begins = await self._reader.begins(pairs)
            self._streams = Streams(
                self._reader,
                {
                    self._journal: begin,
                    **dict(zip(self._inputs, self._state.inputs, strict=True)),
                    **output_begins,
                },
            )
            changes, pending = (
                Output(
                    self._streams,
                    self._reader,
                    pair,
                    output_ends[pair],
                    self._output_begin(output_begins[pair]),
                    self._settle_s,
                )
                for pair in pairs
            )
            self._outputs = changes, pending
            await self._all(0 if last is None else last.offset + 1)
        except Stop as stop:
            self._found.difference = Difference(str(stop))
        else:
            self._found.notes += [output.gone for output in self._outputs if output.removed]
        return self._found

    async def _start(self, last: JournalRecord | None, from_snapshot: bool) -> int:
        """Make the state to go on from; where the journal goes on."""
        beginning = Beginning(self._pack, self._topics, self._shard, self._reader)
        start = await (beginning.at_snapshot if from_snapshot else beginning.with_nothing)(last)
        self._core, self._state = start.core, start.state
        self._found.notes += start.notes
        self._found.first = start.state.number + 1
        if last is not None:
            self._begins(sum(each.to for each in last.inputs) - sum(start.state.inputs))
        return start.journal_offset

    async def _all(self, end: int) -> None:
        """Verify the journal up to an offset, and on while outputs are left that were there at the start."""
        while True:
            async for entry in self._entries(end):
                difference = await self._verify(entry)
                if difference is not None:
                    self._found.difference = difference
                    return
            more = [finding for output in self._outputs if (finding := await output.more())]
            if not more:
                return
            newer = await self._newer(end)
            if newer is None:
                self._found.difference = Difference(more[0].what, more[0].details)
                return
            end = newer

    def _output_begin(self, begin: int) -> Begin:
        if self._state.number > 0:
            return Begin.LATER
        return Begin.REMOVED if begin > 0 else Begin.EVEN

    # --- the journal --------------------------------------------------------------------------------------

    async def _entries(self, end: int) -> AsyncIterator[Entry]:
        while True:
            pieces = await self._streams.take(self._journal, _RECORDS, end)
            if not pieces:
                return
            for piece in pieces:
                for line in range(piece.offset.size):
                    yield parsed(piece.cut(line, line + 1), *self._journal)[0]

    async def _newer(self, end: int) -> int | None:
        """A later end of the journal, if it comes to have one."""
        deadline_s = running_seconds() + self._settle_s
        while running_seconds() < deadline_s:
            last = await self._reader.ends([self._journal])
            if last[self._journal] > end:
                return last[self._journal]
            await asyncio.sleep(_AGAIN_S)
        return None

    async def _verify(self, entry: Entry) -> Difference | None:
        """Derive one batch and compare all of it."""
        record = entry.record
        try:
            follows(record, self._state, self._core, self._topics.inputs)
            answers = await self._derived(record)
            await self._compare(record, answers)
        except Differs as differs:
            return Difference(differs.what, differs.details, record.number, entry.offset)
        self._state = after(record)
        self._count(record)
        return None

    def _count(self, record: JournalRecord) -> None:
        found, counts = self._found, record.counts
        found.batches += 1
        found.records += counts.records
        found.changes += counts.changes
        found.notices += counts.notices
        found.erased += counts.erased
        self._done(sum(each.to - each.from_ for each in record.inputs))

    # --- deriving -----------------------------------------------------------------------------------------

    async def _derived(self, record: JournalRecord) -> list[Answer]:
        """What the records and the ticks that the journal names bring."""
        inputs = []
        for pair, each in zip(self._inputs, record.inputs, strict=True):
            await self._reaches(pair, each.to)
            inputs.append(await self._streams.before(pair, each.to))
        batch = ordered(inputs)
        answers = []
        if batch.offset.size:
            answers.append(await asyncio.to_thread(lambda: self._core.step(batch, self._core.decode(batch))))
        answers += await asyncio.to_thread(ticked, record, self._state.tick, self._core)
        self._core.forget_moved()
        return answers

    async def _reaches(self, pair: Pair, offset: int) -> None:
        if self._ends[pair] < offset:
            self._ends |= await self._reader.ends([pair])
        if self._ends[pair] < offset:
            raise Differs(
                f"it names offset {offset - 1} of `{pair[0]}/{pair[1]}`, which ends at {self._ends[pair]}"
            )

    # --- comparing ----------------------------------------------------------------------------------------

    async def _compare(self, record: JournalRecord, answers: Sequence[Answer]) -> None:
        """The hash, the counts, and what stands in the topics."""
        findings = await self._published(answers)
        found = chain_of(record.previous, answers)
        if found != record.hash:
            details = [line for finding in findings for line in (finding.what, *finding.details)] or [
                "what stands in the topics is what the inputs give: it is the journal that differs"
            ]
            raise Differs(
                "its hash is not that of what the inputs give",
                f"journal   {record.hash}",
                f"derived   {found}",
                *details,
            )
        if findings:
            raise Differs(
                findings[0].what,
                *findings[0].details,
                "the journal's hash is that of what the inputs give: it is the topic that differs",
            )
        count_alike(record, answers)

    async def _published(self, answers: Sequence[Answer]) -> list[Finding]:
        changes, pending = self._outputs
        made, notices = Messages([], []), Messages([], [])
        for answer in answers:
            each_made, first = self._messages(answer.changes), 0
            for each in answer.erased:
                _add(made, each_made, first, each.after)
                made.keys.append(each.customer_id.encode())
                made.values.append(each.body)
                first = each.after
            _add(made, each_made, first, len(each_made.values))
            each_made = self._messages(answer.notices)
            _add(notices, each_made, 0, len(each_made.values))
        found = await changes.compare(made), await pending.compare(notices)
        return [finding for finding in found if finding is not None]

    def _messages(self, lines: Lines) -> Messages:
        ids = self._core.engine.customers
        data, ends = ids.arena.data, ids.ends
        spans = zip(ends[lines.row].tolist(), ends[lines.row + 1].tolist(), strict=True)
        return Messages([bytes(data[begin:end]) for begin, end in spans], lines.bodies())


def _add(to: Messages, messages: Messages, first: int, end: int) -> None:
    to.keys.extend(messages.keys[first:end])
    to.values.extend(messages.values[first:end])
