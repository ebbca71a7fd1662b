"""The journal: one record a batch, which says what went in, so that what came out can be derived again.

`hash` is SHA-256 of the hash before it (32 bytes) and, for the changes, the notices and the erasures of the
batch in turn, 8 bytes of their length (big-endian) and their bodies, each followed by a line feed. The first
`previous` of a shard is SHA-256 of `generation|shard`.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.changes import Day, Digest, Instant, PackIdentity

LAYOUT = 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


class InputRange(_Part):
    """Offsets of one input: `from` is the first that the batch could take, `to` follows the last it took.

    Offsets before `to` need not all be records: markers of transactions and aborted records are passed.
    """

    topic: str
    from_: int = Field(alias="from", ge=0)
    to: int = Field(ge=0)


class TickSlice(_Part):
    """Rows of customers that were worked through for a tick; `first` 0 begins it."""

    period: Day
    first: int = Field(ge=0)
    end: int = Field(ge=0)


class TickState(_Part):
    """How far the latest tick has come: all of its customers once `reached` is `of`."""

    period: Day
    reached: int = Field(ge=0)
    of: int = Field(ge=0)


class SnapshotPosition(_Part):
    """Where a snapshot lies in the shard's partition of the snapshots, and after which batch it was made."""

    id: str
    number: int = Field(ge=0, description="Number of the journal record it stands after.")
    journal_offset: int = Field(ge=0, description="Where the journal goes on after it, or earlier.")
    first_offset: int = Field(ge=0, description="Its chunks lie at this offset and later.")
    slot: int = Field(ge=0)


class BatchCounts(_Part):
    """What a batch held and brought."""

    records: int = Field(ge=0)
    applied: int = Field(ge=0)
    rejected: int = Field(ge=0)
    duplicates: int = Field(ge=0)
    late: int = Field(ge=0)
    unknown: int = Field(ge=0)
    changes: int = Field(ge=0)
    notices: int = Field(ge=0)
    erased: int = Field(ge=0)


class JournalRecord(_Part):
    """One committed batch of a shard."""

    layout: int = Field(default=LAYOUT, ge=1)
    shard: int = Field(ge=0)
    number: int = Field(ge=1, description="1, 2, 3 … per shard and generation, without gaps.")
    generation: int = Field(ge=1)
    pack: PackIdentity
    clock: Instant = Field(description="The clock as it was read once for the batch.")
    watermark: Instant | None = Field(description="Every class is final up to here; null before any record.")
    inputs: tuple[InputRange, ...] = Field(min_length=4, max_length=4)
    ticks: tuple[TickSlice, ...] = Field(description="Worked through after the records, in this order.")
    tick: TickState | None
    counts: BatchCounts
    previous: Digest
    hash: Digest
    snapshot: SnapshotPosition | None = Field(description="The latest from which a restore may start.")
    snapshot_before: SnapshotPosition | None = Field(description="The one before, should that be damaged.")


class SnapshotArray(_Part):
    """An array of the state, cut into chunks."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    chunks: int = Field(ge=0)


class SnapshotManifest(_Part):
    """Written after the last chunk of a snapshot: what belongs to it, and that it is whole."""

    layout: int = Field(ge=1, description="Layout of the chunks.")
    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    state_layout: int = Field(ge=1, description="Layout of the words of the state.")
    state_fingerprint: str = Field(description="What the pack remembers; see the engine's snapshot.")
    pack: PackIdentity
    shard: int = Field(ge=0)
    generation: int = Field(ge=1)
    number: int = Field(ge=1, description="Number of the journal record it stands after.")
    hash: Digest = Field(description="The chain's, after that record.")
    inputs: tuple[InputRange, ...] = Field(min_length=4, max_length=4, description="Of that record.")
    tick: TickState | None
    arrays: tuple[SnapshotArray, ...]
    chunks: int = Field(ge=0)
    bytes: int = Field(ge=0, description="Of all chunks together.")
    checksum: Digest = Field(description="SHA-256 of the digests of all chunks.")
    seal: Digest = Field(description="SHA-256 of this record with 64 zeros in place of the seal.")
