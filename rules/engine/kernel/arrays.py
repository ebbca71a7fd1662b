"""The groups of arrays that hosts hand to the kernel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.engine.layout import LEDGER_FREE

I64 = NDArray[np.int64]


class State(NamedTuple):
    """What is remembered.

    `rows[capacity, words]`, one customer a row; `due[capacity]` int32, the earliest period at which time
    alone could change anything of the customer; `pool`, the words of all slabs; `ledger` by the LEDGER_
    names: (first unused word of the pool, words of the largest slab, number of ticks so far), then the heads
    of the free lists (-1: empty). `ticks` rows `(number, period)`: every tick that is later than all
    after it, so that the first one a row has not seen is the latest of all it has not seen.
    """

    rows: I64
    due: NDArray[np.int32]
    pool: I64
    ledger: I64
    ticks: I64

    @property
    def control(self) -> I64:
        """(first unused word of the pool, words of the largest slab, number of ticks so far)."""
        return self.ledger[:LEDGER_FREE]

    @property
    def free(self) -> I64:
        """The heads of the free lists."""
        return self.ledger[LEDGER_FREE:]


class Batch(NamedTuple):
    """Events in the order in which they are to be applied; those of one customer in their order.

    `row` of the customer; `type` code; `label` code; `instant` microseconds; `period`; `hash` of the event
    id; the value columns `v1` (amount, score or severity), `v2` (discount), `v3` (items), ABSENT where
    the event has none; `control`: position in the control arrays for assigned, released and erased, else
    -1; attributes of the event are `attribute_first[i]` to `attribute_first[i + 1]` of `attribute`
    (index) and `attribute_value` (missing: to remove). `position` is the event's place in the input;
    `ticks_before` how many of `ticks` lie before it. `controls` rows: (dimension, category, mode (0
    release), until, actor, reason).
    """

    row: I64
    type: NDArray[np.uint8]
    label: NDArray[np.int32]
    instant: I64
    period: NDArray[np.int32]
    hash: NDArray[np.uint64]
    v1: I64
    v2: I64
    v3: I64
    control: NDArray[np.int32]
    attribute_first: NDArray[np.int32]
    attribute: NDArray[np.uint8]
    attribute_value: I64
    position: I64
    ticks_before: NDArray[np.int32]
    controls: I64
    ticks: NDArray[np.int32]
    tick_positions: I64
