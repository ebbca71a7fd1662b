"""Snapshots as records: all of it comes back, and nothing that is damaged is taken for whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from rules.engine.engine import Engine
from rules.engine.layout import ABSENT
from rules.engine.snapshot import Snapshot
from rules.language.model import Pack
from rules.shard.records import RecordColumns
from schemas.changes import PackIdentity
from schemas.journal import BatchCounts, InputRange, JournalRecord, SnapshotManifest, SnapshotPosition
from tests.properties.kernel_host import KernelHost
from tests.properties.strategies import seeded_history
from workers.live.chunks import CHUNK_BYTES_MAX, CONTENT_BYTES_MAX, SnapshotDamaged
from workers.live.ports import Pair
from workers.live.snapshots import (
    Encoder,
    SnapshotKey,
    decode,
    read_manifest,
    write_manifest,
)
from workers.live.snapshotting import load

SEEDS = range(12)
ID = hashlib.sha256(b"one").hexdigest()[:32]
OTHER_ID = hashlib.sha256(b"other").hexdigest()[:32]


def record_of(pack: Pack) -> JournalRecord:
    return JournalRecord(
        shard=3,
        number=17,
        generation=1,
        pack=PackIdentity(name=pack.name, version=pack.version, fingerprint=pack.fingerprint),
        clock="2026-01-01T00:00:00.000000Z",
        watermark=None,
        inputs=tuple(
            InputRange.model_validate({"topic": topic, "from": 1, "to": 4})
            for topic in ("customers", "orders", "payments", "feedback")
        ),
        ticks=(),
        tick=None,
        counts=BatchCounts.model_validate(dict.fromkeys(BatchCounts.model_fields, 0)),
        previous="0" * 64,
        hash="1" * 64,
        snapshot=None,
        snapshot_before=None,
    )


def written(snapshot: Snapshot, pack: Pack, snapshot_id: str = ID) -> tuple[SnapshotManifest, list[bytes]]:
    encoder = Encoder(snapshot, snapshot_id)
    chunks = list(encoder)
    return encoder.manifest(record_of(pack)), chunks


@cache
def example() -> tuple[Snapshot, Pack]:
    """A snapshot of enough words for a chunk of rows and several of the pool."""
    history = seeded_history(1)
    host = KernelHost(history.pack)
    host.run(history.inputs)
    snapshot, source = host.engine.snapshot(), np.random.default_rng(1)
    rows = source.integers(-(2**63), 2**63 - 1, (900, snapshot.rows.shape[1]))
    pool = source.integers(-(2**63), 2**63 - 1, 3 * CONTENT_BYTES_MAX // 8)
    return replace(snapshot, rows=rows, due=np.arange(900, dtype=np.int32), pool=pool), history.pack


def assert_same(left: Snapshot, right: Snapshot) -> None:
    for each in fields(Snapshot):
        one, other = getattr(left, each.name), getattr(right, each.name)
        assert np.array_equal(one, other), each.name
        assert getattr(one, "dtype", None) == getattr(other, "dtype", None), each.name
        assert getattr(one, "shape", None) == getattr(other, "shape", None), each.name


@pytest.mark.parametrize("seed", SEEDS)
def test_an_engine_goes_on_from_chunks_as_if_nothing_had_been(seed: int) -> None:
    history = seeded_history(seed)
    half = len(history.inputs) // 2
    host = KernelHost(history.pack)
    host.run(history.inputs[:half])
    snapshot = host.engine.snapshot()
    manifest, chunks = written(snapshot, history.pack)
    manifest = read_manifest(write_manifest(manifest))
    again = decode(manifest, chunks)
    assert_same(again, snapshot)
    other = KernelHost(history.pack)
    other.engine, other.said = Engine.restore(host.plan, again), host.said
    said_before = len(host.said.changes)
    host.run(history.inputs[half:])
    ours, host.said.changes[said_before:] = host.said.changes[said_before:], []
    other.run(history.inputs[half:])
    assert other.said.changes[said_before:] == ours


@pytest.mark.parametrize(
    "column",
    [
        np.zeros(5, np.int64),
        np.full(5, ABSENT),
        np.array([ABSENT, 0, 254]),
        np.array([ABSENT, 0, 253]),
        np.array([7, 7 + 255, 8]),
        np.array([ABSENT, -3, 65_531]),
        np.array([ABSENT, -3, 65_532]),
        np.array([-(2**40), -(2**40) + 2**32 - 2]),
        np.array([-(2**40), -(2**40) + 2**32 - 1, ABSENT]),
        np.array([2**63 - 1, ABSENT, -(2**63) + 1]),
        np.array([np.nan, -0.0, 1e300]).view(np.int64),
    ],
    ids=str,
)
def test_words_of_any_width_come_back(column: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    snapshot, pack = example()
    rows = np.repeat(np.resize(column, 700)[:, None], 3, axis=1)
    rows[:, 1] = 5
    snapshot = replace(snapshot, rows=rows)
    assert_same(decode(*written(snapshot, pack)), snapshot)


def test_an_engine_without_customers_has_a_snapshot_too() -> None:
    history = seeded_history(2)
    snapshot = KernelHost(history.pack).engine.snapshot()
    assert_same(decode(*written(snapshot, history.pack)), snapshot)


def test_what_cannot_be_compressed_stays_below_the_limit_of_a_record() -> None:
    _, chunks = written(*example())
    assert CONTENT_BYTES_MAX < max(map(len, chunks)) < CHUNK_BYTES_MAX


def test_rows_that_are_wider_than_a_block_are_packed_one_by_one() -> None:
    snapshot, pack = example()
    wide = np.random.default_rng(2).integers(-(2**63), 2**63 - 1, (40, 40_000))
    snapshot = replace(snapshot, rows=wide, due=snapshot.due[:40])
    manifest, chunks = written(snapshot, pack)
    assert max(map(len, chunks)) < CHUNK_BYTES_MAX
    assert_same(decode(manifest, chunks), snapshot)


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    assert written(*example()) == written(*example())


Chunks = list[bytes]


def flipped(chunks: Chunks, number: int, place: int) -> Chunks:
    data = bytearray(chunks[number])
    data[place] ^= 4
    return [*chunks[:number], bytes(data), *chunks[number + 1 :]]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda chunks: chunks[:-1], "of its [0-9]+ chunks are there"),
        (lambda chunks: chunks[1:], "chunk 0 is missing"),
        (lambda chunks: [*chunks[:2], *chunks[3:]], "chunk 2 is missing"),
        (lambda chunks: [*chunks[:2], chunks[1], *chunks[2:]], "chunk 2 is missing"),
        (lambda chunks: [chunks[0][:-1], *chunks[1:]], "chunk 0 does not match its checksum"),
        (lambda chunks: [chunks[0], chunks[1][:30], *chunks[2:]], "a chunk has only 30 bytes"),
        (lambda chunks: [b"", *chunks[1:]], "a chunk has only 0 bytes"),
        (lambda chunks: flipped(chunks, 3, 1_000), "chunk 3 does not match its checksum"),
        (lambda chunks: flipped(chunks, 3, 40), "does not match its checksum"),
        (lambda chunks: flipped(chunks, 0, 0), "a record among the chunks is none"),
        (lambda chunks: flipped(chunks, 0, 6), "layout 5 and this version reads layout 1"),
        (lambda chunks: chunks[:0], "0 of its [0-9]+ chunks are there"),
    ],
    ids=[
        "last missing",
        "first missing",
        "one missing",
        "one twice",
        "cut short",
        "cut in the header",
        "empty",
        "bit in the content",
        "bit in the header",
        "no chunk",
        "other layout",
        "none",
    ],
)
def test_damaged_chunks_are_found(damage: Callable[[Chunks], Chunks], message: str) -> None:
    manifest, chunks = written(*example())
    with pytest.raises(SnapshotDamaged, match=message):
        decode(manifest, damage(chunks))


def test_chunks_of_two_snapshots_are_not_mixed() -> None:
    snapshot, pack = example()
    manifest, chunks = written(snapshot, pack)
    _, others = written(snapshot, pack, OTHER_ID)
    with pytest.raises(SnapshotDamaged, match="of more than one snapshot"):
        decode(manifest, [*chunks[:2], *others[2:]])
    with pytest.raises(SnapshotDamaged, match="of another snapshot than its manifest"):
        decode(manifest, others)


def test_two_snapshots_under_one_id_are_told_apart_by_what_is_in_them() -> None:
    snapshot, pack = example()
    manifest, _ = written(snapshot, pack)
    _, others = written(replace(snapshot, due=snapshot.due + 1), pack)
    with pytest.raises(SnapshotDamaged, match="do not match the checksum of its manifest"):
        decode(manifest, others)


def test_a_damaged_manifest_is_found() -> None:
    data = write_manifest(written(*example())[0])
    with pytest.raises(SnapshotDamaged, match="cannot be read"):
        read_manifest(data[:-1])
    with pytest.raises(SnapshotDamaged, match="does not match its checksum"):
        read_manifest(data.replace(b'"number":17', b'"number":16'))


def test_a_manifest_of_another_layout_is_refused() -> None:
    manifest, chunks = written(*example())
    with pytest.raises(SnapshotDamaged, match="it has layout 2 and this version reads layout 1"):
        decode(manifest.model_copy(update={"layout": 2}), chunks)


@pytest.mark.parametrize("key", [SnapshotKey(1, 3, 2, 0), SnapshotKey(12, 0, 0, None)])
def test_keys_come_back(key: SnapshotKey) -> None:
    assert SnapshotKey.decode(key.encode()) == key


@pytest.mark.parametrize("key", [b"", b"1/2/3", b"1/2/3/4/5", b"1/2/3/m", b"-1/2/3/4", b"1/2/3/manifests"])
def test_what_is_no_key_is_nothing(key: bytes) -> None:
    assert SnapshotKey.decode(key) is None


class _Topic:
    """A partition that holds records of (key, value), read some at a time."""

    def __init__(self, records: list[tuple[bytes, bytes]], at_once: int) -> None:
        self._records = records
        self._at_once = at_once
        self._position = 0

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def pause(self, pairs: Iterable[Pair]) -> None: ...
    def resume(self, pairs: Iterable[Pair]) -> None: ...
    def assign(self, positions: Mapping[Pair, int]) -> None:
        (self._position,) = positions.values()

    def end(self, topic: str, partition: int) -> int | None:
        del topic, partition
        return len(self._records)

    async def begins(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        return dict.fromkeys(pairs, 0)

    async def ends(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        return dict.fromkeys(pairs, len(self._records))

    async def read(self, timeout_s: float) -> list[_Piece]:
        del timeout_s
        first = self._position
        some = self._records[first : first + self._at_once]
        self._position += len(some)
        sizes = np.array([len(text) for pair in some for text in pair], np.int64)
        starts = np.cumsum(sizes) - sizes
        offset = np.arange(first, self._position)
        columns = RecordColumns(
            np.frombuffer(b"".join(text for pair in some for text in pair), np.uint8),
            offset,
            np.zeros_like(offset),
            starts[::2],
            sizes[::2],
            starts[1::2],
            sizes[1::2],
        )
        return [_Piece(columns, self._position)]


class _Piece:
    topic, partition = "snapshots", 3

    def __init__(self, columns: RecordColumns, next_offset: int) -> None:
        self.columns = columns
        self.next_offset = next_offset


def records_of(snapshot: Snapshot, pack: Pack, snapshot_id: str, slot: int) -> list[tuple[bytes, bytes]]:
    manifest, chunks = written(snapshot, pack, snapshot_id)
    keyed = [(SnapshotKey(1, 3, slot, number).encode(), chunk) for number, chunk in enumerate(chunks)]
    return [*keyed, (SnapshotKey(1, 3, slot, None).encode(), write_manifest(manifest))]


def position_at(first_offset: int, snapshot_id: str, slot: int) -> SnapshotPosition:
    return SnapshotPosition(
        id=snapshot_id, number=17, journal_offset=40, first_offset=first_offset, slot=slot
    )


@pytest.mark.parametrize("at_once", [1, 3, 1_000])
async def test_a_snapshot_is_found_where_it_lies(at_once: int) -> None:
    snapshot, pack = example()
    empty = KernelHost(pack).engine.snapshot()
    before, wanted = records_of(empty, pack, OTHER_ID, 0), records_of(snapshot, pack, ID, 1)
    unfinished = records_of(empty, pack, OTHER_ID, 2)[:2]
    topic = _Topic([*before, *wanted[:1], *unfinished, *wanted[1:], *before], at_once)
    assert_same(await load(topic, "snapshots", 3, position_at(len(before), ID, 1)), snapshot)
    assert_same(await load(topic, "snapshots", 3, position_at(0, OTHER_ID, 0)), empty)


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (lambda records: records[:-1], "its manifest is not there"),
        (lambda records: records[3:], "chunk 0 is missing"),
        (lambda records: records[-1:], "0 of its [0-9]+ chunks are there"),
        (lambda records: records[:0], "its manifest is not there"),
    ],
)
async def test_a_snapshot_that_is_not_all_there_is_refused(
    cut: Callable[[list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]], message: str
) -> None:
    topic = _Topic(cut(records_of(*example(), ID, 1)), 5)
    with pytest.raises(SnapshotDamaged, match=message):
        await load(topic, "snapshots", 3, position_at(0, ID, 1))


async def test_a_snapshot_that_was_written_over_is_refused() -> None:
    topic = _Topic(records_of(*example(), OTHER_ID, 1), 5)
    with pytest.raises(SnapshotDamaged, match="another snapshot has taken its place"):
        await load(topic, "snapshots", 3, position_at(0, ID, 1))
