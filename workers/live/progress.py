"""How far a shard has come: what the next batch goes on from, all of it in its last journal record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from rules.calendar import period_from_date
from rules.shard.chain import chain_start
from schemas.journal import JournalRecord, SnapshotPosition
from workers.live.journal import Entry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick that was begun: rows up to `reached` of `of` are worked through."""

    period: int
    reached: int
    of: int

    @property
    def done(self) -> bool:
        """Whether all rows are."""
        return self.reached >= self.of


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a shard stands after a batch.

    `inputs`: the offset that comes next, by topic. `hash`: the chain's. `clock_us` and `watermark_us` in
    microseconds since 1970. `snapshot`: the latest whole one, `snapshot_before` the one before it.
    `record`: the journal record that says all this; None before the first.
    """

    number: int
    hash: str
    inputs: tuple[int, ...]
    tick: Tick | None = None
    clock_us: int | None = None
    watermark_us: int | None = None
    snapshot: SnapshotPosition | None = None
    snapshot_before: SnapshotPosition | None = None
    record: JournalRecord | None = None

    @classmethod
    def start(cls, generation: int, shard: int, begins: tuple[int, ...]) -> Progress:
        """Before the first batch; `begins`: the first offset of every input."""
        return cls(0, chain_start(generation, shard), begins)

    def after(self, record: JournalRecord) -> Progress:
        """After the batch of a journal record that goes on from here."""
        tick = record.tick
        return Progress(
            number=record.number,
            hash=record.hash,
            inputs=tuple(each.to for each in record.inputs),
            tick=None if tick is None else Tick(_period(tick.period), tick.reached, tick.of),
            clock_us=_instant_us(record.clock),
            watermark_us=None if record.watermark is None else _instant_us(record.watermark),
            snapshot=record.snapshot,
            snapshot_before=record.snapshot_before,
            record=record,
        )

    @classmethod
    def at(cls, entry: Entry) -> Progress:
        """After the batch of a journal record."""
        return cls.start(entry.record.generation, entry.record.shard, ()).after(entry.record)

    def with_tick(self, tick: Tick | None) -> Progress:
        """The same, with the tick gone on."""
        return replace(self, tick=tick)


def _period(day: str) -> int:
    return period_from_date(date.fromisoformat(day))


def _instant_us(instant: str) -> int:
    return (datetime.fromisoformat(instant) - _EPOCH) // timedelta(microseconds=1)
