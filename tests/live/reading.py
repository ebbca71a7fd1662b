"""A reader of what a service published, without a broker: records, and gaps where none are to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rules.shard.records import RecordColumns
from tests.live.pretended import columns_of
from tests.live.published import Published, Record
from workers.live.ports import Pair


@dataclass(frozen=True, slots=True)
class LoggedPiece:
    """Records of a partition that are read together."""

    topic: str
    partition: int
    columns: RecordColumns
    next_offset: int


class LoggedReader:
    """Reads partitions of `published`, some records of each at a time.

    `begins`: offsets before which retention has removed everything, by (role, partition).
    """

    def __init__(
        self, published: Published, begins: Mapping[Pair, int] | None = None, at_once: int = 7
    ) -> None:
        self._begins = dict(begins or {})
        self._at_once = at_once
        roles = {name: role for role, name in published.names.items()}
        self._roles = roles
        self._logs = published.records
        self._stable = published.stable
        self._positions: dict[Pair, int] = {}
        self._paused: set[Pair] = set()

    async def start(self) -> None:
        """Nothing is needed."""

    async def stop(self) -> None:
        """Nothing is needed."""

    def assign(self, positions: Mapping[Pair, int]) -> None:
        self._positions = dict(positions)
        self._paused.clear()

    def pause(self, pairs: Iterable[Pair]) -> None:
        self._paused |= set(pairs)

    def resume(self, pairs: Iterable[Pair]) -> None:
        self._paused -= set(pairs)

    async def read(self, timeout_s: float) -> list[LoggedPiece]:
        del timeout_s
        pieces = []
        for pair, position in self._positions.items():
            if pair in self._paused:
                continue
            waiting = [record for record in self._log(pair) if record.offset >= position]
            some = waiting[: self._at_once]
            reached = waiting[self._at_once].offset if len(waiting) > self._at_once else self._end(pair)
            if reached > position:
                pieces.append(LoggedPiece(*pair, columns_of(some), reached))
                self._positions[pair] = reached
        return pieces

    def end(self, topic: str, partition: int) -> int | None:
        return self._end((topic, partition))

    async def ends(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        return {pair: self._end(pair) for pair in pairs}

    async def begins(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        return {pair: self._begins.get((self._roles[pair[0]], pair[1]), 0) for pair in pairs}

    def _log(self, pair: Pair) -> list[Record]:
        place = self._roles[pair[0]], pair[1]
        first = self._begins.get(place, 0)
        return [record for record in self._logs.get(place, []) if record.offset >= first]

    def _end(self, pair: Pair) -> int:
        place = self._roles[pair[0]], pair[1]
        log = self._log(pair)
        return max(self._stable.get(place, 0), log[-1].offset + 1 if log else 0)
