"""Reading the journal of a shard: its last record, and all from an offset on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic import ValidationError

from rules.shard.records import RecordColumns
from schemas.journal import JournalRecord
from workers.live.errors import Stop
from workers.live.ports import Reading

#: Offsets looked at from the end for the last record, at first: markers of transactions take every second.
_TAIL_FIRST = 16
_READ_S = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A journal record and its offset."""

    offset: int
    record: JournalRecord


async def last_entry(reader: Reading, topic: str, shard: int) -> Entry | None:
    """The last record of a shard's journal, None if there is none. Reads from the end backwards."""
    pair = (topic, shard)
    begin = (await reader.begins([pair]))[pair]
    end = (await reader.ends([pair]))[pair]
    reach = _TAIL_FIRST
    while end > begin:
        first = max(begin, end - reach)
        last = None
        async for entry in entries(reader, topic, shard, first, end):
            last = entry
        if last is not None or first == begin:
            return last
        reach *= 8
    return None


async def entries(reader: Reading, topic: str, shard: int, first: int, end: int) -> AsyncIterator[Entry]:
    """The records of a shard's journal from one offset to another."""
    reader.assign({(topic, shard): first})
    reached = first
    while reached < end:
        for piece in await reader.read(_READ_S):
            for entry in parsed(piece.columns, topic, shard):
                if entry.offset < end:
                    yield entry
            reached = max(reached, piece.next_offset)


def parsed(columns: RecordColumns, topic: str, shard: int) -> list[Entry]:
    """The journal records among some records; `Stop` where one is not what it should be."""
    found = []
    for offset, start, size in zip(
        columns.offset.tolist(), columns.value_start.tolist(), columns.value_length.tolist(), strict=True
    ):
        raw = columns.buffer[start : start + max(size, 0)].tobytes()
        try:
            record = JournalRecord.model_validate_json(raw)
        except ValidationError as error:
            raise Stop(
                f"the record at offset {offset} of `{topic}/{shard}` is no journal record that this version "
                f"reads: {error.errors()[0]['msg'].lower()}"
            ) from None
        if record.shard != shard:
            raise Stop(
                f"the journal record at offset {offset} of `{topic}/{shard}` is of shard {record.shard}"
            )
        found.append(Entry(offset, record))
    return found
