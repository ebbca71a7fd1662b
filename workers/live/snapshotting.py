"""Making a shard's snapshots beside its batches, a few pieces a batch, and reading one back.

The pieces go through the shard's own transactions, so that nobody but its owner can write them, and the
journal record that comes with the manifest says where a restore may start.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Final

from rules.engine.engine import Engine
from rules.engine.snapshot import Room, Snapshot
from schemas.journal import JournalRecord, SnapshotPosition
from workers.clock import running_seconds, unix_seconds
from workers.live.batch import Committed, Stepped
from workers.live.chunks import SnapshotDamaged
from workers.live.ports import Reading
from workers.live.progress import Progress, Tick
from workers.live.snapshots import (
    SLOTS,
    Decoder,
    Encoder,
    SnapshotKey,
    read_manifest,
    write_manifest,
)

#: Pieces in one batch: at most so many megabytes beside live records.
_CHUNKS_A_BATCH: Final = 2
_READ_S: Final = 1.0


class Snapshotting:
    """The snapshots of one shard, one at a time."""

    def __init__(self, shard: int, generation: int, every_s: float) -> None:
        self._shard = shard
        self._generation = generation
        self._every_s = every_s
        self._encoder: Encoder | None = None
        self._room: asyncio.Task[Room] | None = None
        self._record: JournalRecord | None = None
        self._slot = 0
        self._number = 0
        #: The last committed journal record and where it lies.
        self._latest: tuple[int, int | None] = (0, None)
        self._last: tuple[tuple[int, ...], Tick | None] | None = None
        self._last_s = 0.0
        self._journal_offset: int | None = None
        self._first_offset: int | None = None
        self._all_sent = False
        self.made_at_s = 0.0
        self.size_bytes = 0

    @property
    def idle(self) -> bool:
        """Whether none is being made."""
        return self._encoder is None

    def go_on(self, progress: Progress, journal_offset: int | None) -> None:
        """Begin anew with what the journal says is there, whose last record lies at an offset.

        A snapshot that was being made is given up.
        """
        self._encoder = self._room = None
        self._latest = (progress.number, journal_offset)
        latest = progress.snapshot
        self._last = (progress.inputs, progress.tick) if latest and latest.number == progress.number else None
        self._slot = (latest.slot + 1) % SLOTS if latest else 0
        self._last_s = running_seconds()

    def news(self, progress: Progress) -> bool:
        """Whether anything has happened since the last one, that one's own batches aside."""
        return progress.number > 0 and (progress.inputs, progress.tick) != self._last

    def is_due(self, engine: Engine, progress: Progress, *, at_once: bool = False) -> bool:
        """Whether it is time for one, anything has happened since the one before, and there is room for it.

        New memory costs several times as much as the copy itself: it is got while the shard goes on.
        """
        if self._encoder is not None or not self.news(progress):
            return False
        if at_once:
            return True
        if running_seconds() - self._last_s < self._every_s:
            return False
        if self._room is None:
            self._room = asyncio.create_task(asyncio.to_thread(engine.room))
        return self._room.done()

    async def copy(self, engine: Engine, progress: Progress) -> float:
        """Copy the state as it stands after a batch; the seconds for which nothing else could be done."""
        room = self._room.result() if self._room is not None and self._room.done() else None
        self._room = None
        began_s = running_seconds()
        snapshot = await asyncio.to_thread(engine.snapshot, room)
        pause_s = running_seconds() - began_s
        self._encoder = Encoder(snapshot, uuid.uuid4().hex)
        self._record = progress.record
        self._last, self._last_s = (progress.inputs, progress.tick), running_seconds()
        number, offset = self._latest
        self._number = 0
        self._journal_offset = offset if number == progress.number else None
        self._first_offset = None
        self._all_sent = False
        self.made_at_s = unix_seconds()
        self.size_bytes = 0
        return pause_s

    async def chunks(self) -> tuple[Sequence[tuple[bytes, bytes]], SnapshotPosition | None]:
        """Records for the next batch; with the last of them, where a restore may start.

        The manifest comes once all that lies before it is committed, since only then it is known where.
        """
        encoder, record = self._encoder, self._record
        if encoder is None or record is None:
            return (), None
        if not self._all_sent:
            pieces = await asyncio.to_thread(self._next_pieces, encoder)
            if pieces:
                return pieces, None
            self._all_sent = True
        if self._first_offset is None or self._journal_offset is None:
            return (), None
        manifest = write_manifest(encoder.manifest(record))
        key = SnapshotKey(self._generation, self._shard, self._slot, None).encode()
        position = SnapshotPosition(
            id=encoder.id,
            number=record.number,
            journal_offset=self._journal_offset,
            first_offset=self._first_offset,
            slot=self._slot,
        )
        self._encoder = None
        self._slot = (self._slot + 1) % SLOTS
        self.size_bytes += len(manifest)
        return [(key, manifest)], position

    def committed(self, stepped: Stepped, committed: Committed) -> None:
        """What a batch's commit tells about where things lie."""
        self._latest = (stepped.journal.number, committed.journal_offset)
        if self._encoder is None or self._record is None:
            return
        if stepped.journal.number == self._record.number:
            self._journal_offset = committed.journal_offset
        if self._first_offset is None and committed.chunk_offset is not None and not stepped.work.snapshot:
            self._first_offset = committed.chunk_offset

    def _next_pieces(self, encoder: Encoder) -> list[tuple[bytes, bytes]]:
        pieces = []
        for _ in range(_CHUNKS_A_BATCH):
            data = next(encoder, None)
            if data is None:
                break
            key = SnapshotKey(self._generation, self._shard, self._slot, self._number)
            self._number += 1
            pieces.append((key.encode(), data))
            self.size_bytes += len(data)
        return pieces


async def load(reader: Reading, topic: str, shard: int, position: SnapshotPosition) -> Snapshot:
    """Read the snapshot that a journal record names. Raises `SnapshotDamaged` where it is not whole."""
    pair = (topic, shard)
    begin = (await reader.begins([pair]))[pair]
    end = (await reader.ends([pair]))[pair]
    reader.assign({pair: max(begin, position.first_offset)})
    decoder = Decoder()
    reached = position.first_offset
    while reached < end:
        for piece in await reader.read(_READ_S):
            columns = piece.columns
            for i in range(columns.offset.size):
                start, size = int(columns.key_start[i]), int(columns.key_length[i])
                key = SnapshotKey.decode(columns.buffer[start : start + max(size, 0)].tobytes())
                if key is None or key.slot != position.slot:
                    continue
                start, size = int(columns.value_start[i]), int(columns.value_length[i])
                value = columns.buffer[start : start + max(size, 0)]
                if key.number is not None:
                    await asyncio.to_thread(decoder.add, value.data)
                    continue
                manifest = read_manifest(value.tobytes())
                if manifest.id != position.id:
                    raise SnapshotDamaged("another snapshot has taken its place")
                return await asyncio.to_thread(decoder.finish, manifest)
            reached = max(reached, piece.next_offset)
    raise SnapshotDamaged("its manifest is not there")
