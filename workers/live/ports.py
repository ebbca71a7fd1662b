"""What a shard needs of the broker, and no more: the real one and a simulated one fit in.

A partition is named by (topic, number).
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Protocol

from rules.shard.records import RecordColumns
from workers.kafka.messages import Messages

Pair = tuple[str, int]


class Piece(Protocol):
    """Records of a partition that were read together.

    `next_offset` lies behind them, and behind aborted records and markers that came with them.
    """

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def columns(self) -> RecordColumns: ...
    @property
    def next_offset(self) -> int: ...


class Reading(Protocol):
    """Reads partitions, committed records only.

    Where there is no reading on, `read` raises `Unreadable`; `end` is None until a partition has answered.
    """

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def assign(self, positions: Mapping[Pair, int]) -> None: ...
    def pause(self, pairs: Iterable[Pair]) -> None: ...
    def resume(self, pairs: Iterable[Pair]) -> None: ...
    async def read(self, timeout_s: float) -> Sequence[Piece]: ...
    def end(self, topic: str, partition: int) -> int | None: ...
    async def ends(self, pairs: Iterable[Pair]) -> Mapping[Pair, int]: ...
    async def begins(self, pairs: Iterable[Pair]) -> Mapping[Pair, int]: ...


class Transacting(Protocol):
    """One transactional producer, from its start, which fences the one before, to its end.

    Every call may raise `FencedError`. Anything that fails ends its use: whether the transaction was
    committed is to be read from the journal.
    """

    async def start(self) -> None: ...
    async def begin(self) -> None: ...

    async def send(self, messages: Messages, partition: int) -> Sequence[Awaitable[int]]:
        """Hand records over; each awaitable gives the offset of the first record of a part."""
        ...

    async def send_offsets(self, offsets: Mapping[Pair, int]) -> None: ...
    async def commit(self) -> None: ...
    async def abort(self) -> None: ...
    async def stop(self) -> None: ...
