"""Whether one journal record goes on where the one before it ended, and says of its batch what is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from rules.calendar import period_from_date
from rules.shard.core import Answer, Core
from schemas.journal import InputRange, JournalRecord, TickState

_WITHOUT_END: Final = 2**62


class Differs(Exception):  # noqa: N818 - an answer, not an error
    """Something of a batch is not as it should be: `what`, in a sentence, and more lines."""

    def __init__(self, what: str, *details: str) -> None:
        super().__init__(what)
        self.what = what
        self.details = details


@dataclass(frozen=True, slots=True)
class State:
    """What the next journal record has to go on from; `inputs`: the offset that comes next, by topic."""

    number: int
    hash: str
    inputs: tuple[int, ...]
    tick: TickState | None = None
    watermark: str | None = None


def after(record: JournalRecord) -> State:
    """What follows a record."""
    inputs = tuple(each.to for each in record.inputs)
    return State(record.number, record.hash, inputs, record.tick, record.watermark)


def follows(record: JournalRecord, state: State, core: Core, topics: Sequence[str]) -> None:
    """Raise `Differs` unless the record goes on from the state, under the core's pack and generation."""
    if record.number != state.number + 1:
        raise Differs(f"journal record {record.number} comes after record {state.number}")
    if (record.generation, record.pack.fingerprint) != (core.generation, core.pack.fingerprint):
        raise Differs(
            f"it is of generation {record.generation} under pack {record.pack.fingerprint[:12]}…, and the "
            f"records before it are of generation {core.generation} under {core.pack.fingerprint[:12]}…"
        )
    if record.previous != state.hash:
        raise Differs(
            "it does not go on from the hash before it",
            f"it names   {record.previous}",
            f"before it  {state.hash}",
        )
    if state.watermark is not None and (record.watermark or "") < state.watermark:
        raise Differs(f"its watermark is {record.watermark}, earlier than {state.watermark} before it")
    for topic, reached, each in zip(topics, state.inputs, record.inputs, strict=True):
        _range_follows(f"`{topic}/{record.shard}`", topic, reached, each)


def _range_follows(place: str, topic: str, reached: int, taken: InputRange) -> None:
    if taken.topic != topic:
        raise Differs(f"it names the input `{taken.topic}` where `{topic}` belongs")
    if taken.from_ > reached:
        raise Differs(f"it leaves out offsets {reached} to {taken.from_ - 1} of {place}")
    if taken.from_ < reached:
        raise Differs(f"it takes offsets {taken.from_} to {reached - 1} of {place} once more")
    if taken.to < taken.from_:
        raise Differs(f"its range of {place} goes back from {taken.from_} to {taken.to}")


def ticked(record: JournalRecord, tick: TickState | None, core: Core) -> list[Answer]:
    """Work the record's slices of ticks through the core, which has taken the record's events.

    Raises `Differs` unless each slice goes on where the one before it ended, and a tick begins only when the
    one before it, `tick`, is over.
    """
    answers = []
    for each in record.ticks:
        if tick is None or each.period != tick.period:
            if tick is not None and (tick.reached < tick.of or each.period < tick.period):
                raise Differs(f"it begins the tick of {each.period} when there is still {_shown(tick)}")
            count = core.begin_tick(period_from_date(date.fromisoformat(each.period)))
            tick = TickState(period=each.period, reached=0, of=count)
        if each.first != tick.reached or not each.first <= each.end <= tick.of:
            raise Differs(f"it works rows {each.first} to {each.end} through {_shown(tick)}")
        period = period_from_date(date.fromisoformat(each.period))
        answers.append(core.tick(period, each.first, each.end, _WITHOUT_END)[0])
        tick = tick.model_copy(update={"reached": each.end})
    if record.tick != tick:
        raise Differs(f"it ends with {_shown(record.tick)}, and that should be {_shown(tick)}")
    return answers


def count_alike(record: JournalRecord, answers: Sequence[Answer]) -> None:
    """Raise `Differs` unless the record counts what there is."""
    counts = [answer.counts for answer in answers]
    derived = {
        "records": sum(each.records for each in counts),
        "applied": sum(each.applied for each in counts),
        "rejected": sum(len(answer.refused) for answer in answers),
        "duplicates": sum(each.duplicates for each in counts),
        "late": sum(each.late for each in counts),
        "unknown": sum(each.unknown for each in counts),
        "changes": sum(answer.changes.row.size for answer in answers),
        "notices": sum(answer.notices.row.size for answer in answers),
        "erased": sum(len(answer.erased) for answer in answers),
    }
    for name, count in record.counts.model_dump().items():
        if count != derived[name]:
            raise Differs(f"it counts {count} {name}, and they are {derived[name]}")


def _shown(tick: TickState | None) -> str:
    if tick is None:
        return "no tick"
    return f"the tick of {tick.period}, at row {tick.reached} of {tick.of}"
