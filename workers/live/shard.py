"""One shard: partition p of every input, its engine, its transactional producer, and its states.

FENCING -> RESTORING -> READY, and from each of them to FAILED when something goes wrong; from there after a
while to FENCING again. Whatever fails, the state is dropped and restored, so nothing ever needs undoing; only
where an input cannot be read, nothing is wrong with the state, and it is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from rules.calendar import PERIOD_FIRST, PERIOD_LAST, calendar
from rules.engine.engine import Engine
from rules.shard.core import Core
from rules.shard.inbox import Inbox
from rules.shard.records import RecordColumns
from workers.clock import running_seconds
from workers.kafka.transactor import FencedError
from workers.kafka.unreadable import Unreadable
from workers.live.batch import Batches, Stepped, Work
from workers.live.errors import Refuse, Stop
from workers.live.figures import Figures
from workers.live.inputs import Troubles, look
from workers.live.journal import last_entry
from workers.live.pace import TickPace
from workers.live.ports import Transacting
from workers.live.progress import Progress
from workers.live.restore import Restore, Restored
from workers.live.snapshotting import Snapshotting
from workers.live.surroundings import Surroundings
from workers.live.turns import Turns
from workers.logs import logger

log = logger("shard")
T = TypeVar("T")

#: A step of fewer records than this is done in the event loop: handing it to a thread takes as long.
_INLINE_RECORDS = 300
#: While a batch commits, the next one is begun only with so many records.
_AHEAD_RECORDS = 1_000
#: Bytes of changes in a batch, about, and how far its records are cut down for that.
_BROUGHT_MAX = 8 << 20
_RECORDS_LEAST = 500
#: How long a shard without records sleeps before it looks whether time has come for something.
_IDLE_S = 0.25
#: How long what is given up may take to end: together with the budget less than a session of the group.
_CANCEL_S = 1.0
#: Times between tries after a failure: at first, and at most.
_AGAIN_FIRST_S, _AGAIN_MAX_S = 0.2, 10.0
#: A shard whose inputs moved only past what is no record names that in a batch of its own so seldom.
_PASSED_S = 5.0
#: No answer of a broker that is still of use is older.
_REMEMBERED_MS = 60_000

GENERATION: Final = 1


@dataclass(slots=True)
class _Running:
    """What a shard works with while it is ready."""

    core: Core
    inbox: Inbox
    progress: Progress
    turns: Turns

    def answer(self, question: Callable[[Engine], T]) -> T:
        """Ask the engine; waits while it moves, which it stops for that."""
        with self.turns.look():
            return question(self.core.engine)


class Shard:
    """Runs one shard in a task of its own, from `start` to `stop`."""

    def __init__(self, number: int, around: Surroundings) -> None:
        self.number = number
        self.state = "fencing"
        #: Why it will not go on by itself, or None.
        self.stopped: Stop | None = None
        #: Why it failed, until it is ready again.
        self.reason: str | None = None
        #: Goes up whenever it becomes ready: what was read for an earlier session is not for this one.
        self.session = 0
        self._around = around
        self._topics = around.settings.topics
        self._calendar = calendar(around.pack.timezone)
        self._wake = asyncio.Event()
        self._ending = False
        self._last_snapshot_wanted = False
        self._task: asyncio.Task[None] | None = None
        #: A state that may still hold when the shard comes back.
        self._kept: Restored | None = None
        self._running: _Running | None = None
        #: Why there is nothing more to come until it is restored anew.
        self._unreadable: Unreadable | None = None
        self._troubles = Troubles(number, self._topics, around.telemetry)
        self._snapshots = Snapshotting(number, GENERATION, around.settings.snapshot_interval_s)
        self._took_s = 0.0
        self._pace = TickPace()
        self._records_max = around.settings.batch_records_max
        self._figures = Figures(number, around.pack, around.telemetry)
        #: (wall time in ms, clock of the log as of then), rising: what the log's time was when.
        self._log_times: list[tuple[int, int]] = []

    # --- from outside -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or begin again after `stop`; a state kept from before is used if it still holds."""
        self._ending = self._last_snapshot_wanted = False
        self._task = asyncio.create_task(self._run(), name=f"shard-{self.number}")

    async def stop(self, budget_s: float, *, last_snapshot: bool = False) -> None:
        """Finish the batch in hand and end; what is not finished within the budget is given up."""
        if self._task is None:
            return
        self._ending, self._last_snapshot_wanted = True, last_snapshot
        self._wake.set()
        _, late = await asyncio.wait([self._task], timeout=budget_s)
        if late:
            log.warning("batch in hand is given up", shard=self.number, budget_s=budget_s)
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_CANCEL_S)
        self._task = self._running = None
        self.state = "fencing"

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task that runs it; it ends with `Refuse` where the worker must not go on."""
        return self._task

    @property
    def reading(self) -> bool:
        """Whether it is ready and its inputs are to be read for it."""
        return self._running is not None and self._unreadable is None

    def cannot_read(self, error: Unreadable) -> None:
        """There is no reading on for it: it works off what it has, and fails."""
        self._unreadable = error
        self._wake.set()

    @property
    def positions(self) -> tuple[int, ...]:
        """The offsets from which it wants its inputs when it has become ready."""
        return () if self._running is None else self._running.inbox.positions

    def feed(self, topic: int, columns: RecordColumns, next_offset: int, wall_ms: int) -> None:
        """Records of an input that were read."""
        if self._running is None:
            return
        inbox = self._running.inbox
        before = inbox.greatest_us
        inbox.feed(topic, columns, next_offset)
        if inbox.greatest_us is not None and inbox.greatest_us != before:
            self._log_times.append((wall_ms, inbox.greatest_us))
        if columns.offset.size:
            self._pace.fed(running_seconds())
            self._wake.set()

    def hear_end(self, topic: int, end: int, heard_ms: int) -> None:
        """Where an input ended when the broker was last heard of it, by the clock of this machine."""
        if self._running is None:
            return
        inbox = self._running.inbox
        if self._around.settings.clock == "wall":
            clock: int | None = heard_ms * 1000
        else:
            clock = None
            while len(self._log_times) > 1 and self._log_times[1][0] < heard_ms - _REMEMBERED_MS:
                self._log_times.pop(0)
            for wall_ms, log_us in self._log_times:
                if wall_ms < heard_ms:
                    clock = log_us
        inbox.hear_end(topic, end, clock)
        if any(inbox.waiting(place) for place in range(len(self._topics.inputs))):
            self._wake.set()

    def behind(self, topic: int) -> tuple[int, int]:
        """Records and bytes of an input that wait in memory."""
        if self._running is None:
            return 0, 0
        return self._running.inbox.waiting(topic), self._running.inbox.waiting_bytes(topic)

    async def ask(self, question: Callable[[Engine], T]) -> T:
        """Ask the engine something between two events; `KeyError` while the shard is not ready."""
        running = self._running
        if running is None:
            raise KeyError(self.number)
        if running.turns.taken:
            return await asyncio.to_thread(running.answer, question)
        return running.answer(question)

    # --- states -----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        again_s = _AGAIN_FIRST_S
        while not self._ending:
            began_s = running_seconds()
            try:
                await self._live()
            except Refuse as reason:
                self._enter("failed", str(reason))
                raise
            except Stop as reason:
                self.stopped = reason
                self._enter("failed", str(reason))
                log.error("shard stays stopped", shard=self.number, reason=str(reason))  # noqa: TRY400 - it is no bug
                return
            except Unreadable as error:
                self._troubles.tell(error)
                self._enter("failed", error.message)
            except FencedError as error:
                self._around.telemetry.fenced()
                self._fail(error)
                again_s = _AGAIN_MAX_S
            except Exception as error:
                self._around.telemetry.transaction_aborted()
                self._fail(error)
            else:
                return
            if running_seconds() - began_s > _AGAIN_MAX_S:
                again_s = _AGAIN_FIRST_S
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                if not self._ending:
                    await asyncio.wait_for(self._wake.wait(), again_s)
            again_s = min(2 * again_s, _AGAIN_MAX_S)

    async def _live(self) -> None:
        self._enter("fencing")
        transactor = self._around.make_transactor(self.number)
        try:
            await transactor.start()
            self._around.faults.reach("fenced")
            restored = await self._restored()
            self._around.faults.reach("restored")
            await self._readable(restored)
            await self._ready(restored, transactor)
        finally:
            if self._task is asyncio.current_task():
                self._running = None
            with contextlib.suppress(Exception):
                await transactor.stop()

    async def _restored(self) -> Restored:
        """The state as of the last batch in the journal: kept from before, or restored."""
        around = self._around
        kept, self._kept = self._kept, None
        if kept is not None:
            reader = around.make_reader()
            await reader.start()
            try:
                last = await last_entry(reader, self._topics.journal, self.number)
            finally:
                await reader.stop()
            progress = kept.progress
            if last and (last.record.number, last.record.hash) == (progress.number, progress.hash):
                return Restored(kept.core, progress, last.offset)
        self._enter("restoring")
        began_s = running_seconds()
        restore = Restore(around.pack, self._topics, self.number, GENERATION, around.make_reader)
        try:
            restored = await restore.run()
        except Exception:
            around.telemetry.restore_failed(self.number)
            raise
        seconds = running_seconds() - began_s
        around.telemetry.restored(self.number, seconds=seconds, records=restored.records)
        log.info(
            "shard is restored",
            shard=self.number,
            number=restored.progress.number,
            customers=len(restored.core.engine.customers),
            records=restored.records,
            seconds=round(seconds, 3),
        )
        return restored

    async def _readable(self, restored: Restored) -> None:
        """Return if the inputs can be read on from there; else the state is kept for the next try."""
        pairs = [(topic, self.number) for topic in self._topics.inputs]
        try:
            await look(self._around.make_reader, dict(zip(pairs, restored.progress.inputs, strict=True)))
        except Unreadable:
            self._kept = restored
            raise
        self._troubles.over()

    async def _ready(self, restored: Restored, transactor: Transacting) -> None:
        progress = restored.progress
        self._unreadable = None
        inbox = Inbox(
            progress.inputs,
            progress.watermark_us,
            progress.clock_us,
            patient=self._around.settings.clock == "log",
        )
        turns = Turns(restored.core.engine.bell)
        restored.core.engine.share(turns)
        running = self._running = _Running(restored.core, inbox, progress, turns)
        self.session += 1
        self._log_times = [] if progress.clock_us is None else [(0, progress.clock_us)]
        self._snapshots.go_on(progress, restored.journal_offset)
        self._pace = TickPace()
        self._enter("ready")
        batches = Batches(
            running.core,
            self._topics,
            self._around.settings.group,
            self.number,
            GENERATION,
            self._around.faults,
            self._around.prepare,
        )
        commit: asyncio.Task[None] | None = None
        try:
            while (work := await self._work(running, commit)) is not None:
                stepped = await self._step(running, batches, work)
                if commit is not None:
                    await commit
                commit = asyncio.create_task(self._commit(batches, transactor, stepped))
                commit.add_done_callback(lambda _: self._wake.set())
            if commit is not None:
                await commit
        except Unreadable:
            # all that was taken is committed: nothing is wrong with the state
            self._kept = Restored(running.core, running.progress)
            raise
        except BaseException:
            if commit is not None:
                commit.cancel()
                await asyncio.wait([commit])
            raise
        self._kept = Restored(running.core, running.progress)

    def _enter(self, state: str, reason: str | None = None) -> None:
        if state != self.state:
            log.info(f"shard is {state}", shard=self.number)
        self.state = state
        if state in ("failed", "ready"):
            self.reason = reason
        self._around.telemetry.shard_state(self.number, state)

    def _fail(self, error: Exception) -> None:
        reason = str(error) or type(error).__name__
        log.warning("shard failed, its state will be restored", shard=self.number, reason=reason)
        log.debug("where it failed", shard=self.number, exc_info=error)
        self._enter("failed", reason)

    # --- batches ----------------------------------------------------------------------------------------

    async def _work(self, running: _Running, commit: asyncio.Task[None] | None) -> Work | None:
        """What the next batch is to hold, as soon as there is something; None when it is time to end."""
        interval_s = self._around.settings.commit_interval_ms / 1000
        while True:
            if commit is not None and commit.done():
                commit.result()
            wait_s = self._took_s + interval_s - running_seconds()
            if wait_s > 0 and not self._ending:
                await asyncio.sleep(wait_s)
            if not self._snapshots.news(running.progress):
                self._last_snapshot_wanted = False
            self._wake.clear()
            if self._ending and not self._last_snapshot_wanted and self._snapshots.idle:
                return None
            if commit is not None and not commit.done() and self._few(running):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _IDLE_S)
                continue
            work = await self._found(running)
            if work is not None:
                self._took_s = running_seconds()
                return work
            if self._unreadable is not None and (commit is None or commit.done()):
                raise self._unreadable
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _IDLE_S)

    def _few(self, running: _Running) -> bool:
        """Whether so little waits that it is sooner out if what comes meanwhile goes along with it."""
        waiting = sum(running.inbox.waiting(topic) for topic in range(len(self._topics.inputs)))
        tick = running.progress.tick
        more = tick is not None and not tick.done and self._pace.evaluations(running_seconds()) > 0
        return waiting < _AHEAD_RECORDS and not more

    async def _found(self, running: _Running) -> Work | None:
        inbox, progress, core = running.inbox, running.progress, running.core
        settings = self._around.settings
        # positions at the end of what there is, so that nothing which may be deleted is needed again
        passed = inbox.passed and running_seconds() - self._took_s > _PASSED_S
        taken = inbox.take(
            0 if self._ending else self._records_max, passed=passed or self._last_snapshot_wanted
        )
        wall_us = self._around.wall_us()
        clock_us = wall_us if settings.clock == "wall" else (inbox.greatest_us or progress.clock_us or 0)
        watermark_us = inbox.watermark(clock_us)
        evaluations = 0 if self._ending else self._pace.evaluations(running_seconds())
        tick = self._tick_due(progress, watermark_us, len(core.engine.customers)) if evaluations else None
        # the last snapshot stands behind all positions: a batch that names some comes before it
        first = self._last_snapshot_wanted and taken.moved
        if not first and self._snapshots.is_due(core.engine, progress, at_once=self._last_snapshot_wanted):
            self._last_snapshot_wanted = False
            pause_s = await self._snapshots.copy(core.engine, progress)
            self._around.telemetry.snapshot_paused(pause_s)
        chunks, snapshot = await self._snapshots.chunks()
        if not taken.moved:
            if tick is None and not chunks:
                return None
            taken = inbox.take(0, passed=True)
        if tick is not None:
            self._pace.taken()
        return Work(
            taken=taken,
            clock_us=clock_us,
            watermark_us=watermark_us,
            now_ms=wall_us // 1000,
            tick=tick,
            changes_max=evaluations,
            chunks=chunks,
            snapshot=snapshot,
        )

    def _tick_due(self, progress: Progress, watermark_us: int | None, customers: int) -> int | None:
        """The period whose tick is to be gone on with, or begun; None if none is."""
        tick = progress.tick
        if tick is not None and not tick.done:
            return tick.period
        if watermark_us is None or customers == 0:
            return None
        delay_us = int(self._around.settings.tick_delay_s * 1_000_000)
        period = min(self._calendar.period_of(watermark_us - delay_us), PERIOD_LAST)
        if period < PERIOD_FIRST or (tick is not None and period <= tick.period):
            return None
        return period

    async def _step(self, running: _Running, batches: Batches, work: Work) -> Stepped:
        if work.tick is None and work.taken.records.offset.size < _INLINE_RECORDS:
            stepped = batches.step(work, running.progress)
        else:
            async with self._around.steps:
                stepped = await asyncio.to_thread(batches.step, work, running.progress)
        running.progress = stepped.progress
        self._fit(stepped)
        return stepped

    def _fit(self, stepped: Stepped) -> None:
        """Let the next batch bring about as much as is good for memory and for those who wait behind it."""
        brought = sum(answer.changes.text.size for answer in stepped.answers)
        if brought > _BROUGHT_MAX:
            self._records_max = max(self._records_max // 2, _RECORDS_LEAST)
        elif brought < _BROUGHT_MAX // 2:
            self._records_max = min(self._records_max * 2, self._around.settings.batch_records_max)

    async def _commit(self, batches: Batches, transactor: Transacting, stepped: Stepped) -> None:
        began_s = running_seconds()
        committed = await batches.commit(transactor, stepped)
        done_s = running_seconds()
        if stepped.work.tick is not None:
            self._pace.committed()
        self._snapshots.committed(stepped, committed)
        self._figures.batch(stepped, done_s - began_s)
        self._figures.held(self._running.core if self._running else None, done_s)
        if stepped.work.snapshot is not None:
            self._figures.snapshot(self._snapshots, stepped.work.snapshot, committed)

    # --- figures ----------------------------------------------------------------------------------------

    def report_lag(self) -> None:
        """Bring the figures up to date that change without a batch."""
        if self._running is not None:
            self._figures.reached(self._running.inbox)
