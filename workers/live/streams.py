"""Several partitions read side by side, none of them far ahead of what is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rules.shard.records import RecordColumns
from workers.live.ports import Pair, Reading

_READ_S = 1.0
#: A partition with so much read and not taken waits for the others.
_AHEAD_RECORDS = 100_000
_AHEAD_BYTES = 64 << 20


@dataclass(slots=True)
class _Stream:
    next_offset: int
    pieces: deque[RecordColumns] = field(default_factory=deque)
    paused: bool = False

    @property
    def records(self) -> int:
        return sum(piece.offset.size for piece in self.pieces)

    def is_ahead(self, part: float = 1.0) -> bool:
        size = sum(piece.buffer.size for piece in self.pieces)
        return self.records > part * _AHEAD_RECORDS or size > part * _AHEAD_BYTES


class Streams:
    """Partitions from given offsets on, through a reader that has been started."""

    def __init__(self, reader: Reading, positions: Mapping[Pair, int]) -> None:
        self._reader = reader
        self._streams = {pair: _Stream(offset) for pair, offset in positions.items()}
        reader.assign(positions)

    async def before(self, pair: Pair, to: int) -> list[RecordColumns]:
        """Take all records before an offset, which must be readable."""
        stream = self._streams[pair]
        while stream.next_offset < to:
            await self._read(pair)
        return list(self._cut(pair, to, stream.records))

    async def take(self, pair: Pair, count: int, end: int) -> list[RecordColumns]:
        """Take so many records, fewer where the readable end `end` comes before that."""
        stream = self._streams[pair]
        while stream.records < count and stream.next_offset < end:
            await self._read(pair)
        return list(self._cut(pair, end, count))

    async def _read(self, wanted: Pair) -> None:
        stream = self._streams[wanted]
        if stream.paused:
            stream.paused = False
            self._reader.resume([wanted])
        for piece in await self._reader.read(_READ_S):
            pair = piece.topic, piece.partition
            stream = self._streams[pair]
            if piece.columns.offset.size:
                stream.pieces.append(piece.columns)
            stream.next_offset = piece.next_offset
            if pair != wanted and not stream.paused and stream.is_ahead():
                stream.paused = True
                self._reader.pause([pair])

    def _cut(self, pair: Pair, to: int, count: int) -> Iterator[RecordColumns]:
        stream = self._streams[pair]
        while stream.pieces and count:
            piece = stream.pieces[0]
            size = min(int(piece.offset.searchsorted(to)), count)
            if size == 0:
                break
            count -= size
            if size == piece.offset.size:
                yield stream.pieces.popleft()
            else:
                yield piece.cut(0, size)
                stream.pieces[0] = piece.cut(size, piece.offset.size)
        if stream.paused and not stream.is_ahead(0.5):
            stream.paused = False
            self._reader.resume([pair])
