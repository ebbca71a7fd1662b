"""Snapshots of a shard as records: written a few chunks at a time, read back only if nothing is amiss.

The chunks lie under `generation/shard/slot/number` in the shard's partition of the snapshots, the manifest
under `generation/shard/slot/manifest` after them. Slots are used in turn: while one is written over, the two
latest snapshots stay whole, whatever compaction does.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import numpy as np
import zstandard
from numpy.typing import NDArray
from pydantic import ValidationError

from rules.engine.snapshot import Snapshot
from schemas.journal import JournalRecord, SnapshotArray, SnapshotManifest
from workers.live.chunks import (
    CHUNK_LAYOUT,
    CONTENT_BYTES_MAX,
    Chunk,
    Header,
    SnapshotDamaged,
    read_chunk,
    write_chunk,
)
from workers.live.packing import block_rows, pack, packed_max, unpack

Array = NDArray[Any]

#: Places for snapshots: two that are whole, and one that is written.
SLOTS: Final = 3
#: By measurement: higher levels cost more time than they save bytes.
_LEVEL: Final = 1
_MANIFEST: Final = "manifest"
_KEY: Final = re.compile(rb"(\d+)/(\d+)/(\d+)/(\d+|manifest)")
_UNSEALED: Final = "0" * 64


class _Form(NamedTuple):
    dtype: Any
    dimensions: int
    packed: bool


#: The arrays of a snapshot; a chunk names its array by the position in here.
_FORMS: Final[dict[str, _Form]] = {
    "rows": _Form(np.int64, 2, True),
    "due": _Form(np.int32, 1, False),
    "pool": _Form(np.int64, 1, False),
    "free": _Form(np.int64, 1, False),
    "control": _Form(np.int64, 1, False),
    "ticks": _Form(np.int64, 2, False),
    "customer_ends": _Form(np.int64, 1, True),
    "customer_arena": _Form(np.uint8, 1, False),
    "string_ends": _Form(np.int64, 1, True),
    "string_arena": _Form(np.uint8, 1, False),
}
_NAMES: Final = tuple(_FORMS)


class SnapshotKey(NamedTuple):
    """What a record among the snapshots is; `number` of the chunk, None for a manifest."""

    generation: int
    shard: int
    slot: int
    number: int | None

    def encode(self) -> bytes:
        """The key as it stands in the topic."""
        last = _MANIFEST if self.number is None else str(self.number)
        return f"{self.generation}/{self.shard}/{self.slot}/{last}".encode()

    @classmethod
    def decode(cls, key: bytes) -> SnapshotKey | None:
        """Read a key; None where it is none of ours."""
        found = _KEY.fullmatch(key)
        if found is None:
            return None
        generation, shard, slot, last = found.groups()
        return cls(int(generation), int(shard), int(slot), None if last == _MANIFEST.encode() else int(last))


class Encoder:
    """Cuts one snapshot into chunks, each made when it is asked for.

    Making one takes some milliseconds, nearly all of it without the interpreter's lock: ask for them in a
    thread. The snapshot must not change meanwhile.
    """

    def __init__(self, snapshot: Snapshot, snapshot_id: str) -> None:
        """`snapshot_id`: 32 hex digits, other ones for every snapshot that is ever begun."""
        self.snapshot = snapshot
        self.id = snapshot_id
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._content = np.empty(CONTENT_BYTES_MAX, np.uint8)
        self._digests = hashlib.sha256()
        self._bytes = 0
        self._numbers = [0] * len(_NAMES)
        self._chunks = self._encode()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """The next chunk, less than 1,000,000 bytes."""
        return next(self._chunks)

    def manifest(self, record: JournalRecord) -> SnapshotManifest:
        """What follows the last chunk; `record` is of the batch after which the snapshot was made."""
        arrays = tuple(
            SnapshotArray(
                name=name,
                dtype=np.dtype(form.dtype).name,
                shape=getattr(self.snapshot, name).shape,
                chunks=chunks,
            )
            for (name, form), chunks in zip(_FORMS.items(), self._numbers, strict=True)
        )
        return SnapshotManifest(
            layout=CHUNK_LAYOUT,
            id=self.id,
            state_layout=self.snapshot.layout,
            state_fingerprint=self.snapshot.state_fingerprint,
            pack=record.pack,
            shard=record.shard,
            generation=record.generation,
            number=record.number,
            hash=record.hash,
            inputs=record.inputs,
            tick=record.tick,
            arrays=arrays,
            chunks=sum(self._numbers),
            bytes=self._bytes,
            checksum=self._digests.hexdigest(),
            seal=_UNSEALED,
        )

    def _encode(self) -> Iterator[bytes]:
        for place, (name, form) in enumerate(_FORMS.items()):
            array = np.ascontiguousarray(getattr(self.snapshot, name), form.dtype)
            rows = array.reshape(array.shape[0], -1) if array.size else array.reshape(0, 1)
            first = 0
            while first < rows.shape[0]:
                if form.packed:
                    count, content = _packed(rows, first, self._content)
                else:
                    count, content = _plain(rows, first)
                yield self._chunk(place, form.packed, rows, first, count, content)
                first += count

    def _chunk(self, place: int, packed: bool, rows: Array, first: int, count: int, content: Array) -> bytes:
        header = Header(
            number=sum(self._numbers),
            array=place,
            packed=packed,
            width=rows.shape[1],
            items=rows.shape[0],
            first=first,
            length=count,
            size=content.nbytes,
            id=bytes.fromhex(self.id),
        )
        data, digest = write_chunk(header, self._compressor.compress(content.data))
        self._numbers[place] += 1
        self._digests.update(digest)
        self._bytes += len(data)
        return data


class Decoder:
    """Puts a snapshot together, chunk by chunk in their order, on some threads of its own."""

    def __init__(self, threads: int = 2) -> None:
        self._pool = ThreadPoolExecutor(threads, "snapshot")
        self._placing: deque[Future[None]] = deque()
        self._ahead_max = 4 * threads
        self._arrays: dict[int, Array] = {}
        self._filled = [0] * len(_NAMES)
        self._numbers = [0] * len(_NAMES)
        self._digests = hashlib.sha256()
        self._bytes = 0
        self._id: bytes | None = None

    def add(self, data: bytes | memoryview) -> None:
        """The next chunk, whose bytes must stay. Raises `SnapshotDamaged`, for it or an earlier one."""
        chunk = read_chunk(data)
        header = chunk.header
        if self._id is not None and header.id != self._id:
            raise SnapshotDamaged("its chunks are of more than one snapshot")
        if header.number != sum(self._numbers):
            raise SnapshotDamaged(f"chunk {sum(self._numbers)} is missing")
        self._placing.append(self._pool.submit(_place, chunk, self._rows(header)))
        while len(self._placing) > self._ahead_max:
            self._placing.popleft().result()
        self._id = header.id
        self._filled[header.array] += header.length
        self._numbers[header.array] += 1
        self._digests.update(chunk.digest)
        self._bytes += len(data)

    def settle(self) -> None:
        """Wait until all chunks so far are where they belong. Raises `SnapshotDamaged`."""
        while self._placing:
            self._placing.popleft().result()

    def finish(self, manifest: SnapshotManifest) -> Snapshot:
        """All of it, in arrays of its own. Raises `SnapshotDamaged` unless it is what the manifest says."""
        self.settle()
        self._pool.shutdown()
        if manifest.layout != CHUNK_LAYOUT:
            raise SnapshotDamaged(
                f"it has layout {manifest.layout} and this version reads layout {CHUNK_LAYOUT}"
            )
        if self._id is not None and self._id.hex() != manifest.id:
            raise SnapshotDamaged("its chunks are of another snapshot than its manifest")
        if sum(self._numbers) != manifest.chunks:
            raise SnapshotDamaged(f"{sum(self._numbers)} of its {manifest.chunks} chunks are there")
        if (self._bytes, self._digests.hexdigest()) != (manifest.bytes, manifest.checksum):
            raise SnapshotDamaged("its chunks do not match the checksum of its manifest")
        if tuple(each.name for each in manifest.arrays) != _NAMES:
            raise SnapshotDamaged("its manifest names other arrays than a state has")
        arrays = {each.name: self._finished(place, each) for place, each in enumerate(manifest.arrays)}
        return Snapshot(
            layout=manifest.state_layout,
            state_fingerprint=manifest.state_fingerprint,
            fingerprint=manifest.pack.fingerprint,
            **arrays,
        )

    def _rows(self, header: Header) -> Array:
        """Where the items of a chunk go."""
        if not (header.array < len(_NAMES) and header.packed == _FORMS[_NAMES[header.array]].packed):
            raise SnapshotDamaged(f"chunk {header.number} is of no array of a state")
        array = self._arrays.get(header.array)
        if array is None:
            array = np.empty((header.items, header.width), _FORMS[_NAMES[header.array]].dtype)
            self._arrays[header.array] = array
        first, end = header.first, header.first + header.length
        if (header.items, header.width) != array.shape or first != self._filled[header.array]:
            raise SnapshotDamaged(f"chunk {header.number} does not follow the one before")
        if end > header.items:
            raise SnapshotDamaged(f"chunk {header.number} holds more than its array")
        rows: Array = array[first:end]
        return rows

    def _finished(self, place: int, said: SnapshotArray) -> Array:
        form = _FORMS[said.name]
        array = self._arrays.get(place)
        if array is None:
            array = np.empty((0, 1), form.dtype)
        items = said.shape[0] if said.shape else 0
        if len(said.shape) != form.dimensions or (self._filled[place], array.size) != (
            items,
            math.prod(said.shape),
        ):
            raise SnapshotDamaged(f"its array `{said.name}` is not as its manifest says")
        return array.reshape(said.shape)


def decode(manifest: SnapshotManifest, chunks: Iterable[bytes | memoryview]) -> Snapshot:
    """The snapshot of a manifest and its chunks in order. Raises `SnapshotDamaged`."""
    decoder = Decoder()
    for chunk in chunks:
        decoder.add(chunk)
    return decoder.finish(manifest)


def write_manifest(manifest: SnapshotManifest) -> bytes:
    """The manifest as a record, sealed against damage."""
    text = _json(manifest)
    seal = hashlib.sha256(text).hexdigest()
    return _json(manifest.model_copy(update={"seal": seal}))


def read_manifest(data: bytes) -> SnapshotManifest:
    """Read a manifest. Raises `SnapshotDamaged`."""
    try:
        manifest = SnapshotManifest.model_validate_json(data)
    except ValidationError:
        raise SnapshotDamaged("its manifest cannot be read") from None
    text = _json(manifest.model_copy(update={"seal": _UNSEALED}))
    if hashlib.sha256(text).hexdigest() != manifest.seal:
        raise SnapshotDamaged("its manifest does not match its checksum")
    return manifest


def _json(manifest: SnapshotManifest) -> bytes:
    shown = manifest.model_dump(mode="json", by_alias=True)
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()


def _packed(rows: Array, first: int, content: Array) -> tuple[int, Array]:
    """As many blocks as surely fit: how many rows they are, and their bytes."""
    columns = rows.shape[1]
    block, at, end = block_rows(columns), 0, first
    while end < rows.shape[0] and at + packed_max(block, columns) <= content.size:
        stop = min(end + block, rows.shape[0])
        at = pack(rows[end:stop], content, at)
        end = stop
    if end == first:
        raise ValueError(f"a row of {columns} words is too long for a chunk")
    return end - first, content[:at]


def _plain(rows: Array, first: int) -> tuple[int, Array]:
    """As many items as fit, as they are."""
    count = CONTENT_BYTES_MAX // (rows.shape[1] * rows.itemsize)
    piece = rows[first : first + count]
    return piece.shape[0], piece.reshape(-1).view(np.uint8)


def _place(chunk: Chunk, rows: Array) -> None:
    """Bring the content of a chunk to where it belongs. Raises `SnapshotDamaged`."""
    header = chunk.header
    try:
        text = zstandard.ZstdDecompressor().decompress(chunk.content, max_output_size=header.size)
    except zstandard.ZstdError:
        raise SnapshotDamaged(f"chunk {header.number} cannot be decompressed") from None
    content = np.frombuffer(text, np.uint8)
    if not (_unpacked(content, rows) if header.packed else _copied(content, rows)):
        raise SnapshotDamaged(f"chunk {header.number} does not hold what it says")


def _unpacked(content: Array, rows: Array) -> bool:
    """Read blocks back; whether they are just what the rows need."""
    block, at, first = block_rows(rows.shape[1]), 0, 0
    while first < rows.shape[0] and at >= 0:
        at = unpack(content, at, rows[first : first + block])
        first += block
    return at == content.size


def _copied(content: Array, rows: Array) -> bool:
    """Copy items back; whether there are as many as needed."""
    if content.size != rows.nbytes:
        return False
    rows[:] = content.view(rows.dtype).reshape(rows.shape)
    return True
