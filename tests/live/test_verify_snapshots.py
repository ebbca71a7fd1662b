"""Verifying from a snapshot: what lies after it is proven, and a damaged one is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rules.language.model import Pack
from rules.shard.again import derive
from rules.shard.core import Core
from rules.shard.records import ordered
from schemas.journal import JournalRecord
from tests.live.pretended import columns_of
from tests.live.published import INPUTS, Published, Record
from tests.live.test_verify import changed, difference, history, journal, rewrite, verified
from workers.live.snapshots import Encoder, SnapshotKey, write_manifest
from workers.settings.topics import TopicNames


def snapshot_after(published: Published, pack: Pack, number: int, slot: int) -> dict[str, Any]:
    """Put a snapshot of shard 0 into its topic; its position, as journal records name it."""
    published.names["snapshots"] = TopicNames().snapshots
    core, record = Core(pack), None
    for entry in published.of("journal", 0)[:number]:
        record = JournalRecord.model_validate_json(entry.value or b"")
        taken = [
            [columns_of([each for each in published.of(role, 0) if span.from_ <= each.offset < span.to])]
            for role, span in zip(INPUTS, record.inputs, strict=True)
        ]
        derive(core, record, ordered(taken))
    assert record is not None
    encoder = Encoder(core.engine.snapshot(), f"{number:032x}")
    log = published.records.setdefault(("snapshots", 0), [])
    first = len(log)
    values = [*encoder, write_manifest(encoder.manifest(record))]
    for place, value in enumerate(values):
        key = SnapshotKey(1, 0, slot, place if place < len(values) - 1 else None)
        log.append(Record(first + place, 0, key.encode(), value))
    offset = published.of("journal", 0)[number - 1].offset
    return {
        "id": encoder.id,
        "number": number,
        "journal_offset": offset,
        "first_offset": first,
        "slot": slot,
    }


def with_snapshots(published: Published, pack: Pack) -> tuple[int, int]:
    """Snapshots after a third and two thirds of the batches, named by the last journal record."""
    last = len(published.of("journal", 0))
    numbers = last // 3, 2 * last // 3
    before, latest = (snapshot_after(published, pack, each, slot) for slot, each in enumerate(numbers))
    rewrite(published, last, snapshot=latest, snapshot_before=before)
    return numbers


@pytest.mark.parametrize("seed", range(5, 15))
async def test_what_lies_after_the_latest_snapshot_is_verified(seed: int) -> None:
    pack, published = history(seed)
    _, latest = with_snapshots(published, pack)
    last = len(published.of("journal", 0))
    found = await verified(pack, published, from_snapshot=True)
    assert found.difference is None
    assert (found.first, found.batches) == (latest + 1, last - latest)


async def test_a_forged_change_after_the_snapshot_is_located() -> None:
    pack, published = history()
    _, latest = with_snapshots(published, pack)
    log = published.of("changes", 0)
    later = [place for place, each in enumerate(log) if int(each.header("tierline_batch") or 0) > latest]
    log[later[1]] = changed(log[later[1]], to="nowhere")
    found = await verified(pack, published, from_snapshot=True)
    assert str(difference(found).number) == log[later[1]].header("tierline_batch")
    assert f"offset {log[later[1]].offset} of `category-changes/0`" in difference(found).what


async def test_from_a_snapshot_inputs_before_it_are_not_needed() -> None:
    pack, published = history()
    _, latest = with_snapshots(published, pack)
    inputs = journal(published, latest)["inputs"]
    begins = {(role, 0): each["to"] for role, each in zip(INPUTS, inputs, strict=True)}
    found = await verified(pack, published, begins=begins, from_snapshot=True)
    assert found.difference is None


async def test_a_damaged_snapshot_is_left_out_for_the_one_before() -> None:
    pack, published = history()
    before, latest = with_snapshots(published, pack)
    log = published.records["snapshots", 0]
    log[-2] = replace(log[-2], value=(log[-2].value or b"")[:-1])
    found = await verified(pack, published, from_snapshot=True)
    assert (found.difference, found.first) == (None, before + 1)
    assert found.notes[0].startswith(f"the snapshot after batch {latest} is left out: chunk ")


async def test_without_a_snapshot_that_is_whole_all_is_derived_and_it_says_so() -> None:
    pack, published = history()
    with_snapshots(published, pack)
    published.records["snapshots", 0].clear()
    found = await verified(pack, published, from_snapshot=True)
    assert (found.difference, found.first) == (None, 1)
    assert found.batches == len(published.of("journal", 0))
    assert found.notes[-1] == "there is no snapshot to begin at: all is derived from the first batch on"
