"""Pieces of a snapshot as records: each says what it is of, where it belongs, and proves that it is whole.

A chunk is a header, little-endian, and a zstd frame. The header ends with a digest over all else in the
chunk, SHA-256 cut to 16 bytes. In the frame are rows in blocks (see `workers.live.packing`) or the items of
an array as they are.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final, NamedTuple

#: Raised whenever the layout of chunks or the arrays of a snapshot change.
CHUNK_LAYOUT: Final = 1
#: No chunk is larger; brokers refuse records of a little above 1 MB.
CHUNK_BYTES_MAX: Final = 1_000_000
#: What is compressed into one chunk: even incompressible content stays within the limit.
CONTENT_BYTES_MAX: Final = 900_000

_MAGIC: Final = b"TLSNAP"
#: Magic and layout, then the fields of `Header`; the digest follows.
_HEADER: Final = struct.Struct("<6sHIHHIQQQI16s")
_DIGEST_BYTES: Final = 16


class SnapshotDamaged(ValueError):  # noqa: N818
    """A snapshot cannot be used as it lies there; the message is one sentence."""


class Header(NamedTuple):
    """What a chunk says about itself.

    `number` among the chunks of its snapshot; `array`: position in the table of arrays; `width`: words of a
    row, 1 for arrays of one dimension; `items` rows of the whole array, `length` of them here from `first`
    on; `size` of the content in bytes; `id` of the snapshot.
    """

    number: int
    array: int
    packed: bool
    width: int
    items: int
    first: int
    length: int
    size: int
    id: bytes


class Chunk(NamedTuple):
    """A header, the compressed content, and the digest over both."""

    header: Header
    content: memoryview
    digest: bytes


def write_chunk(header: Header, content: bytes) -> tuple[bytes, bytes]:
    """The bytes of a chunk, and its digest."""
    head = _HEADER.pack(_MAGIC, CHUNK_LAYOUT, *header)
    digest = _digest(head, content)
    return b"".join((head, digest, content)), digest


def read_chunk(data: bytes | memoryview) -> Chunk:
    """What a chunk says, checked. Raises `SnapshotDamaged`."""
    view = memoryview(data)
    begin = _HEADER.size + _DIGEST_BYTES
    if len(view) < begin:
        raise SnapshotDamaged(f"a chunk has only {len(view)} bytes")
    magic, layout, *fields = _HEADER.unpack_from(view)
    if magic != _MAGIC:
        raise SnapshotDamaged("a record among the chunks is none")
    if layout != CHUNK_LAYOUT:
        raise SnapshotDamaged(f"its chunks have layout {layout} and this version reads layout {CHUNK_LAYOUT}")
    number, array, packed, width, items, first, length, size, name = fields
    digest = bytes(view[_HEADER.size : begin])
    if _digest(view[: _HEADER.size], view[begin:]) != digest:
        raise SnapshotDamaged(f"chunk {number} does not match its checksum")
    header = Header(number, array, bool(packed), width, items, first, length, size, name)
    return Chunk(header, view[begin:], digest)


def _digest(head: bytes | memoryview, content: bytes | memoryview) -> bytes:
    found = hashlib.sha256(head)
    found.update(content)
    return found.digest()[:_DIGEST_BYTES]
