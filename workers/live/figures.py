"""What one shard tells its worker's figures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from rules.engine.event import TOPICS
from rules.language.model import Pack
from rules.shard.core import Core, refusals
from rules.shard.inbox import Inbox
from schemas.journal import SnapshotPosition
from workers.live.batch import Committed, Stepped
from workers.live.snapshotting import Snapshotting
from workers.live.telemetry import Telemetry
from workers.logs import logger

log = logger("shard")

#: How often figures that take a look at all customers are brought up to date.
_HELD_S = 10.0
_CAUSES: Final[Mapping[int, str]] = dict(enumerate(("event", "time", "override", "rules", "merge")))


class Figures:
    """The figures of one shard."""

    def __init__(self, shard: int, pack: Pack, telemetry: Telemetry) -> None:
        self._shard, self._pack, self._telemetry = shard, pack, telemetry
        self._held_s = 0.0
        self._looking: asyncio.Task[None] | None = None

    def batch(self, stepped: Stepped, commit_s: float) -> None:
        """A batch was committed, and how long that took."""
        telemetry, counts = self._telemetry, stepped.journal.counts
        telemetry.events(stepped.topics)
        telemetry.dropped(duplicates=counts.duplicates, unknown=counts.unknown)
        telemetry.late(counts.late)
        telemetry.rejections(refusals(stepped.answers))
        for answer in stepped.answers:
            telemetry.changes(
                (
                    self._pack.dimensions[dimension].id,
                    self._pack.dimensions[dimension].categories[to].id,
                    _CAUSES[cause],
                    n,
                )
                for (dimension, to, cause), n in answer.causes.items()
            )
            telemetry.notices(answer.states)
        telemetry.erased(counts.erased)
        telemetry.batch(
            records=counts.records,
            decode_s=stepped.decode_s,
            step_s=stepped.step_s,
            commit_s=commit_s,
            batch_s=stepped.decode_s + stepped.step_s + commit_s,
        )

    def reached(self, inbox: Inbox) -> None:
        """How far the inputs are read, and time has come with them."""
        for place, topic in enumerate(TOPICS):
            self._telemetry.lag(topic, self._shard, inbox.lag(place))
        if inbox.watermark_us is not None:
            self._telemetry.watermark(self._shard, inbox.watermark_us)

    def snapshot(self, made: Snapshotting, position: SnapshotPosition, committed: Committed) -> None:
        """The last piece of a snapshot was committed."""
        self._telemetry.snapshot_made(self._shard, made_at_s=made.made_at_s, size_bytes=made.size_bytes)
        log.info(
            "snapshot is made",
            shard=self._shard,
            number=position.number,
            bytes=made.size_bytes,
            offset=committed.chunk_offset,
        )

    def held(self, core: Core | None, now_s: float) -> None:
        """Let somebody look, now and then, at what the engine holds; that takes a thread a while."""
        if core is not None and now_s - self._held_s > _HELD_S:
            self._held_s = now_s
            self._looking = asyncio.create_task(asyncio.to_thread(self._look, core))

    def _look(self, core: Core) -> None:
        self._telemetry.held(
            self._shard,
            customers=len(core.engine.customers),
            pending=core.pending_moves(),
            engine_bytes=core.engine.nbytes(),
        )
