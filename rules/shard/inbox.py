"""What has arrived of a shard's topics and waits to be taken, and how far time has come with it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from rules.shard.core import TIMESTAMP_MAX_MS
from rules.shard.records import NO_RECORDS, Ordered, RecordColumns, ordered


@dataclass(slots=True)
class _Input:
    """One topic's partition.

    `taken`: the offset up to which batches have named it; `next_offset`: where reading goes on; `end`: the
    end of what is readable, as last heard; `quiet_us`: up to this instant of the clock nothing more comes.
    """

    taken: int
    next_offset: int
    end: int | None = None
    quiet_us: int | None = None
    pieces: deque[RecordColumns] = field(default_factory=deque)
    waiting: int = 0
    waiting_bytes: int = 0

    def read_to_its_end(self) -> bool:
        return self.end is not None and self.next_offset >= self.end


@dataclass(frozen=True, slots=True)
class Taken:
    """Records in the order of a batch, and of every input the offsets [from, to) that they are.

    A range may go on behind its last record, past markers of transactions and records of aborted ones.
    """

    records: Ordered
    ranges: tuple[tuple[int, int], ...]

    @property
    def moved(self) -> bool:
        """Whether there is anything that a journal has to name."""
        return any(begin < end for begin, end in self.ranges)


class Inbox:
    """Records of a shard's topics between reading and applying."""

    def __init__(
        self,
        positions: tuple[int, ...],
        watermark_us: int | None = None,
        greatest_us: int | None = None,
        *,
        patient: bool = False,
    ) -> None:
        """`positions`: the offset that comes next, by topic; the next two as an earlier inbox left them.

        A `patient` inbox does not rely on what it heard of a topic's end before the clock stood where it
        does: a record waits until every topic without records has been heard of at a later clock. History
        fed faster than it happened needs that to come out in its order; live events need not wait.
        """
        self._patient = patient
        self._inputs = [_Input(position, position) for position in positions]
        self._watermark = watermark_us
        self.greatest_us = greatest_us

    @property
    def positions(self) -> tuple[int, ...]:
        """The offset up to which batches have named each topic."""
        return tuple(each.taken for each in self._inputs)

    @property
    def watermark_us(self) -> int | None:
        """The watermark as it was last found."""
        return self._watermark

    def waiting(self, topic: int) -> int:
        """How many records of a topic wait to be taken."""
        return self._inputs[topic].waiting

    def waiting_bytes(self, topic: int) -> int:
        """How many bytes they hold on to, about."""
        return self._inputs[topic].waiting_bytes

    @property
    def passed(self) -> bool:
        """Whether a topic was read further, past what is no record, than batches have named it."""
        return any(not each.pieces and each.taken < each.next_offset for each in self._inputs)

    def lag(self, topic: int) -> int:
        """How many offsets are still to be taken before the end of a topic, as last heard.

        None where all was read and nothing waits, whatever the last offsets are.
        """
        each = self._inputs[topic]
        end = each.next_offset if each.end is None else each.end
        return max(0, end - (each.taken if each.pieces else each.next_offset))

    def feed(self, topic: int, columns: RecordColumns, next_offset: int) -> None:
        """Records that follow those fed before; `next_offset` lies behind them and what is no record."""
        each = self._inputs[topic]
        first = int(np.searchsorted(columns.offset, each.next_offset))
        columns = columns.cut(first, columns.offset.size)
        if columns.offset.size:
            each.pieces.append(columns)
            each.waiting += columns.offset.size
            each.waiting_bytes += columns.buffer.size
            greatest = min(int(columns.timestamp_ms.max()), TIMESTAMP_MAX_MS) * 1000
            self.greatest_us = greatest if self.greatest_us is None else max(self.greatest_us, greatest)
        each.next_offset = max(each.next_offset, next_offset)

    def hear_end(self, topic: int, end: int, clock_us: int | None) -> None:
        """Where a topic's readable records ended when the clock stood there; heard again and again."""
        each = self._inputs[topic]
        each.end = end if each.end is None else max(each.end, end)
        if each.read_to_its_end() and clock_us is not None:
            each.quiet_us = clock_us if each.quiet_us is None else max(each.quiet_us, clock_us)

    def take(self, records_max: int, *, passed: bool = False) -> Taken:
        """The next records in order, never past where a topic still to be read could hold an earlier one.

        What was passed without a record goes along with records; alone only where `passed` asks for it.
        """
        if any(not each.pieces and not each.read_to_its_end() for each in self._inputs):
            return Taken(NO_RECORDS, self._consume([0] * len(self._inputs), passed=passed))
        heads, bound = [], None
        for place, each in enumerate(self._inputs):
            pieces, whole = _head(each.pieces, records_max)
            heads.append(pieces)
            ended = whole and each.read_to_its_end()
            if ended and not self._patient:
                continue
            known = (
                min(max((int(piece.timestamp_ms.max()) for piece in pieces), default=-1), TIMESTAMP_MAX_MS),
                place,
            )
            if ended and each.quiet_us is not None:
                known = max(known, (each.quiet_us // 1000, len(self._inputs)))
            bound = known if bound is None else min(bound, known)
        records = ordered(heads)
        count = min(records.offset.size, records_max)
        if bound is not None:
            count = min(count, _before(records, bound))
        records = records.cut(0, count)
        taken = np.bincount(records.input, minlength=len(self._inputs)).tolist()
        return Taken(records, self._consume(taken, passed=passed or count > 0))

    def watermark(self, clock_us: int) -> int | None:
        """The instant up to which nothing more is to come, None before that is known. It never goes back."""
        least: int | None = clock_us
        for each in self._inputs:
            if each.pieces:
                bound: int | None = min(int(each.pieces[0].timestamp_ms[0]), TIMESTAMP_MAX_MS) * 1000
            else:
                bound = each.quiet_us if each.read_to_its_end() else None
            least = None if least is None or bound is None else min(least, bound)
        if least is not None and (self._watermark is None or least > self._watermark):
            self._watermark = least
        return self._watermark

    def _consume(self, counts: list[int], *, passed: bool) -> tuple[tuple[int, int], ...]:
        """Take so many records of each topic, and what was passed where none is left; gives their offsets."""
        ranges = []
        for each, count in zip(self._inputs, counts, strict=True):
            begin = each.taken
            _drop(each, count)
            if passed and not each.pieces:
                each.taken = each.next_offset
            ranges.append((begin, each.taken))
        return tuple(ranges)


def _drop(topic: _Input, count: int) -> None:
    """Take so many records off the front."""
    topic.waiting -= count
    while count:
        piece = topic.pieces[0]
        size = piece.offset.size
        if size <= count:
            topic.pieces.popleft()
            topic.waiting_bytes -= piece.buffer.size
            topic.taken = int(piece.offset[-1]) + 1
            count -= size
        else:
            topic.pieces[0] = piece.cut(count, size)
            topic.taken = int(piece.offset[count - 1]) + 1
            count = 0


def _head(pieces: deque[RecordColumns], records_max: int) -> tuple[list[RecordColumns], bool]:
    """At most so many records from the front, and whether those are all."""
    head: list[RecordColumns] = []
    room = records_max
    for piece in pieces:
        if room == 0:
            return head, False
        part = piece.cut(0, room) if piece.offset.size > room else piece
        head.append(part)
        room -= part.offset.size
        if part is not piece:
            return head, False
    return head, True


def _before(records: Ordered, bound: tuple[int, int]) -> int:
    """How many of the ordered records come before a further record of a topic could."""
    timestamp, place = bound
    greatest = np.minimum(np.maximum.accumulate(records.timestamp_ms), TIMESTAMP_MAX_MS)
    later = (greatest > timestamp) | ((greatest == timestamp) & (records.input > place))
    return int(np.argmax(later)) if later.any() else records.offset.size
