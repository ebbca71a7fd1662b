"""What the reference makes of a shard's inputs in the order of its journal: the truth to compare with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from rules.calendar import period_from_date
from rules.engine.bodies import encode
from rules.engine.event import Event, Rejection, Unknown
from rules.engine.letters import dead_letter
from rules.engine.outcome import Output
from rules.engine.reference import Reference
from rules.intake.decode import decode_event
from rules.language.model import Pack
from schemas.journal import JournalRecord
from tests.live.published import INPUTS, Published, Record

#: What of a batch follows from its records alone. Ticks count by their outputs, which may come in slices.
COUNTED = ("records", "applied", "rejected", "duplicates", "late", "unknown", "erased")


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter that must be there: of which input, where the record stood, its code and its body."""

    role: str
    offset: int
    code: str
    body: bytes


@dataclass
class Derived:
    """What a shard must have published.

    `lines` by (role of the topic, customer) in the order in which they happen, the messages of erasures among
    the changes; `letters` and `counts` batch by batch.
    """

    lines: dict[tuple[str, str], list[bytes]] = field(default_factory=lambda: defaultdict(list))
    letters: list[list[Letter]] = field(default_factory=list)
    counts: list[Counter[str]] = field(default_factory=list)


def derive(published: Published, pack: Pack, shard: int, journal: Sequence[JournalRecord]) -> Derived:
    """Play the batches of a journal to the reference.

    A tick is worked through by all customers where its first slice stands: a customer that has an event
    between two slices works through the rest of the tick before it (S4.1, S4.2).
    """
    engine, derived = Reference(pack, published.generation), Derived()
    for entry in journal:
        letters: list[Letter] = []
        counts: Counter[str] = Counter()
        for place, record in records_of(published, shard, entry):
            role = INPUTS[place]
            counts["records"] += 1
            rejection, outputs = _apply(engine, pack, record, counts)
            if rejection is not None:
                source = f"{published.names[role]}/{shard}"
                body = encode(dead_letter(rejection, source, record.offset, record.value or b""))
                letters.append(Letter(role, record.offset, rejection.code.value, body))
            _note(derived, outputs, counts)
        for tick in entry.ticks:
            if tick.first == 0:
                _note(derived, engine.tick(period_from_date(date.fromisoformat(tick.period))), Counter())
        derived.letters.append(letters)
        derived.counts.append(counts)
    return derived


def records_of(published: Published, shard: int, entry: JournalRecord) -> Iterator[tuple[int, Record]]:
    """The records of a batch, always the least head first: by timestamp, then topic (S10)."""
    waiting = [
        [each for each in published.of(role, shard) if span.from_ <= each.offset < span.to]
        for role, span in zip(INPUTS, entry.inputs, strict=True)
    ]
    taken = [0] * len(waiting)
    while heads := [
        (queue[taken[place]].timestamp_ms, place)
        for place, queue in enumerate(waiting)
        if taken[place] < len(queue)
    ]:
        _, place = min(heads)
        yield place, waiting[place][taken[place]]
        taken[place] += 1


def _apply(
    engine: Reference, pack: Pack, record: Record, counts: Counter[str]
) -> tuple[Rejection | None, Sequence[Output]]:
    decoded = decode_event(record.value or b"", pack, key=record.key, timestamp_us=record.timestamp_ms * 1000)
    if isinstance(decoded, Unknown):
        counts["unknown"] += 1
        return None, ()
    if isinstance(decoded, Event):
        answer = engine.apply(decoded)
        if answer.rejection is None:
            counts["duplicates" if answer.duplicate else "applied"] += 1
            counts["late"] += answer.late
            return None, answer.outputs
        decoded = answer.rejection
    counts["rejected"] += 1
    return decoded, ()


def _note(derived: Derived, outputs: Sequence[Output], counts: Counter[str]) -> None:
    for output in outputs:
        role = "pending" if output.kind == "notice" else "changes"
        derived.lines[role, output.customer_id].append(encode(output.body))
        counts["erased"] += output.kind == "erased"
