"""From records to a transaction: which messages they hold, and writing them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine

from rules.calendar import PERIOD_FIRST, calendar, date_from_period
from rules.intake.tables import intake_of
from rules.language.model import Pack
from rules.shard.records import RecordColumns
from workers.projector import decoding
from workers.projector.decoding import Change, Erasure, ForeignError, Letter, Notice
from workers.projector.fold import Attribute, Fold, Order, Override, wanted_of
from workers.projector.inputs import place_of, said
from workers.projector.writing import Pair, Step, apply, positions_of
from workers.settings.topics import TopicNames

Message = Change | Erasure | Notice | Letter | decoding.Batch | Order | Attribute | Override

#: Foreign messages that are named; of more only the number is told.
NAMED_MAX = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """Records of a partition and the step that taking them makes."""

    topic: str
    partition: int
    columns: RecordColumns
    step: Step


@dataclass(slots=True)
class Work:
    """Pieces that are to be written together, at most one step for each partition."""

    pieces: list[Piece] = field(default_factory=list)
    steps: dict[Pair, Step] = field(default_factory=dict)
    records: int = 0

    def add(self, piece: Piece) -> None:
        """Take one more piece, which follows those of its partition."""
        pair = piece.topic, piece.partition
        before = self.steps.get(pair)
        self.steps[pair] = piece.step if before is None else Step(before.begin, piece.step.end)
        self.pieces.append(piece)
        self.records += piece.columns.offset.size

    def by_topic(self) -> Counter[str]:
        """Records by topic."""
        counts: Counter[str] = Counter()
        for piece in self.pieces:
            counts[piece.topic] += piece.columns.offset.size
        return counts


class Projection:
    """Projects under one pack into one database. `foreign` hears of messages that are not ours."""

    def __init__(
        self, engine: Engine, pack: Pack, topics: TopicNames, foreign: Callable[[str], None]
    ) -> None:
        self._engine, self._pack, self._topics, self._foreign = engine, pack, topics, foreign
        self._intake = intake_of(pack)
        self._starts: list[int] = calendar(pack.timezone).starts.tolist()
        self._days: dict[int, str] = {}

    def commit(self, work: Work, now_us: int, *, again: bool) -> dict[str, int]:
        """Write a piece of work in one transaction; rows by table.

        `again`: it was tried before, and whether it was committed is not known: if it was, nothing is done.
        Raises PositionsMovedError where somebody else writes into the same database.
        """
        with self._engine.begin() as connection:
            if again:
                there = positions_of(connection)
                if all(there.get(pair) == step.end for pair, step in work.steps.items()):
                    return {}
            messages = self._messages(work.pieces)
            return apply(
                connection,
                wanted_of(messages),
                lambda fold: _hand_over(messages, fold),
                self._day,
                work.steps,
                now_us,
            )

    def _messages(self, pieces: Sequence[Piece]) -> list[Message]:
        found: list[Message] = []
        odd = 0
        for piece in sorted(pieces, key=lambda piece: self._order(piece.topic)):
            if piece.topic in {self._topics.customers, self._topics.orders}:
                rank = int(piece.topic == self._topics.orders)
                place = place_of(rank, piece.partition)
                found += said(piece.columns, self._intake, self._pack, place)
                continue
            for offset, raw in self._read(piece):
                if isinstance(raw, ForeignError):
                    odd += 1
                    if odd <= NAMED_MAX:
                        self._foreign(
                            f"the message at offset {offset} of `{piece.topic}/{piece.partition}` is none of "
                            f"ours and is left out: {raw}"
                        )
                else:
                    found.append(raw)
        if odd > NAMED_MAX:
            self._foreign(f"{odd - NAMED_MAX} more messages are none of ours and are left out")
        return found

    def _order(self, topic: str) -> int:
        """Changes come first, so that fewer notices are written that are over already."""
        return 0 if topic == self._topics.changes else 1

    def _read(self, piece: Piece) -> list[tuple[int, Message | ForeignError]]:
        columns, topics = piece.columns, self._topics
        found: list[tuple[int, Message | ForeignError]] = []
        buffer = columns.buffer.tobytes()
        for offset, ms, key_start, key_length, start, length in zip(
            *(column.tolist() for column in columns[1:]), strict=True
        ):
            value = buffer[start : start + max(0, length)]
            try:
                if piece.topic == topics.changes:
                    message: Message = decoding.change_or_erasure(value, ms)
                elif piece.topic == topics.pending:
                    message = decoding.notice(value)
                elif piece.topic == topics.dead_letters:
                    key = None if key_length < 0 else buffer[key_start : key_start + key_length]
                    message = decoding.letter(value, key, ms)
                else:
                    message = decoding.batch(value, ms)
            except ForeignError as error:
                found.append((offset, error))
            else:
                found.append((offset, message))
        return found

    def _day(self, instant_us: int) -> str:
        period = bisect_right(self._starts, instant_us) - 1 + PERIOD_FIRST
        day = self._days.get(period)
        if day is None:
            day = self._days[period] = date_from_period(period).isoformat()
        return day


def _hand_over(messages: Sequence[Message], fold: Fold) -> None:
    takers: Mapping[type[Message], Callable[..., None]] = {
        Change: fold.change,
        Erasure: fold.erasure,
        Notice: fold.notice,
        Letter: fold.letter,
        decoding.Batch: fold.batch,
        Order: fold.order,
        Attribute: fold.attribute,
        Override: fold.override,
    }
    for message in messages:
        takers[type(message)](message)
