"""What a batch brought, derived once more from what its journal record says went in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rules.calendar import period_from_date
from rules.shard.chain import chained
from rules.shard.core import Answer, Core
from rules.shard.records import Ordered
from schemas.journal import JournalRecord


@dataclass(frozen=True, slots=True)
class Derived:
    """The answers to the records and to every slice of a tick, and the hash after them."""

    answers: tuple[Answer, ...]
    hash: str


def derive(core: Core, record: JournalRecord, records: Ordered) -> Derived:
    """Run a batch through an engine that stands where its worker's stood before it.

    `records` are those of the offsets that the journal record names. Whoever calls compares the hash.
    """
    answers = [core.step(records, core.decode(records))] if records.offset.size else []
    for each in record.ticks:
        period = period_from_date(date.fromisoformat(each.period))
        if each.first == 0:
            core.begin_tick(period)
        answer, _ = core.tick(period, each.first, each.end, _WITHOUT_END)
        answers.append(answer)
    return Derived(tuple(answers), chain_of(record.previous, answers))


def chain_of(previous: str, answers: Sequence[Answer]) -> str:
    """The hash after the answers of a batch."""
    return chained(
        previous,
        [answer.changes for answer in answers],
        [answer.notices for answer in answers],
        [erased.body for answer in answers for erased in answer.erased],
    )


_WITHOUT_END = 2**62
