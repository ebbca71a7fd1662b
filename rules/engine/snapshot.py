"""All that an engine remembers, as a value: made between two batches, and enough to go on from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.language.model import Pack

I64 = NDArray[np.int64]

#: Raised whenever words of the state change their meaning or their order.
LAYOUT_VERSION = 1

#: One word more for so many: what an engine may grow by until a snapshot is taken into its room.
_SPARE = 16


class Room(NamedTuple):
    """Memory for the large arrays of a snapshot, each flat: rows, due, pool, ends and bytes of the ids."""

    rows: NDArray[Any]
    due: NDArray[Any]
    pool: NDArray[Any]
    ends: NDArray[Any]
    arena: NDArray[Any]


ROOM_DTYPES: Final = (np.int64, np.int32, np.int64, np.int64, np.uint8)


def touched(size: int, dtype: Any) -> NDArray[Any]:
    """Memory for an array and some more, with its pages in place: `np.zeros` would only promise them."""
    made = np.empty(size + size // _SPARE + 4096, dtype)
    made.fill(0)
    return made


def copied(array: NDArray[Any], room: NDArray[Any]) -> NDArray[Any]:
    """A copy of an array, in the room if it fits there."""
    if array.size > room.size:
        return array.copy()
    target = room[: array.size].reshape(array.shape)
    np.copyto(target, array)
    return target


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The state of an engine, in arrays of its own.

    rows int64[customers, words]; due int32[customers]; pool int64[words]; free int64[lists];
    control int64[3]; ticks int64[n, 2]: see `State`. The ids of customers and the interned strings by their
    numbers: string n is `arena[ends[n] : ends[n + 1]]`, ends int64[n + 1], arena uint8[bytes].
    """

    layout: int
    state_fingerprint: str
    fingerprint: str
    rows: I64
    due: NDArray[np.int32]
    pool: I64
    free: I64
    control: I64
    ticks: I64
    customer_ends: I64
    customer_arena: NDArray[np.uint8]
    string_ends: I64
    string_arena: NDArray[np.uint8]

    def check(self, pack: Pack) -> None:
        """Raise `ValueError` unless an engine under the pack can go on from here."""
        if self.layout != LAYOUT_VERSION:
            raise ValueError(
                f"the snapshot has layout {self.layout} and this version reads layout {LAYOUT_VERSION}: "
                "rebuild the state from history"
            )
        if self.state_fingerprint != pack.state_fingerprint:
            raise ValueError(
                f"the snapshot was made under another pack than `{pack.name}` version `{pack.version}`, one "
                "that remembers other things: rebuild the state from history"
            )
        if self.fingerprint != pack.fingerprint:
            raise ValueError(
                f"the snapshot was made under other rules than those of `{pack.name}` version "
                f"`{pack.version}`: restore it under the pack it was made with"
            )
