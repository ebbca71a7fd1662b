"""The hash over the published history (see `schemas.journal`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from rules.shard.lines import Lines


def chain_start(generation: int, shard: int) -> str:
    """What the first batch of a shard goes on from."""
    return hashlib.sha256(f"{generation}|{shard}".encode()).hexdigest()


def chained(previous: str, changes: Iterable[Lines], notices: Iterable[Lines], erasures: list[bytes]) -> str:
    """The hash after a batch: its bodies in the order in which they were made."""
    total = hashlib.sha256(bytes.fromhex(previous))
    for kind in (changes, notices):
        texts = [lines.text for lines in kind]
        total.update(sum(text.size for text in texts).to_bytes(8, "big"))
        for text in texts:
            total.update(text.data)
    total.update(sum(len(body) + 1 for body in erasures).to_bytes(8, "big"))
    for body in erasures:
        total.update(body + b"\n")
    return total.hexdigest()
