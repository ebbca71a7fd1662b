"""Pooled storage in power-of-two slabs with a free list for each kind and size."""

from __future__ import annotations

from rules.engine.kernel.arrays import I64
from rules.engine.layout import LEDGER_FREE, LEDGER_LARGEST, LEDGER_USED, SLAB_CLASSES
from rules.jit import lean


@lean
def reference(offset: int, used: int, size: int) -> int:
    """Pack a slab reference; `size` is the log2 of its capacity. Never 0, the reference to nothing."""
    return (offset << 32) | (used << 8) | size


@lean
def slab_offset(slab: int) -> int:
    """First word in the pool."""
    return slab >> 32


@lean
def slab_used(slab: int) -> int:
    """Entries in use."""
    return (slab >> 8) & 0xFFFFFF


@lean
def slab_size(slab: int) -> int:
    """Log2 of the capacity in entries."""
    return slab & 0xFF


@lean
def allocate(pool: I64, ledger: I64, kind: int, size: int, words: int) -> int:
    """Take a slab of `1 << size` entries of `words` words from the list of its kind, or from the pool's end.

    The caller has made sure that the pool has room.
    """
    head = LEDGER_FREE + kind * SLAB_CLASSES + size
    offset = ledger[head]
    if offset >= 0:
        ledger[head] = pool[offset]
        return offset
    offset = ledger[LEDGER_USED]
    total = words << size
    ledger[LEDGER_USED] = offset + total
    if total > ledger[LEDGER_LARGEST]:
        ledger[LEDGER_LARGEST] = total
    return offset


@lean
def release(pool: I64, ledger: I64, kind: int, slab: int) -> None:
    """Give a slab back; the reference 0 is nothing to give."""
    if slab != 0:
        head = LEDGER_FREE + kind * SLAB_CLASSES + slab_size(slab)
        pool[slab_offset(slab)] = ledger[head]
        ledger[head] = slab_offset(slab)


@lean
def copy_words(pool: I64, source: int, target: int, words: int) -> None:
    """Copy words within the pool; the target may overlap the source from below."""
    for i in range(words):
        pool[target + i] = pool[source + i]
