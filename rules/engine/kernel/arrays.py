"""The groups of arrays that the kernel's functions hand to each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]


class State(NamedTuple):
    """What is remembered.

    `rows[capacity, words]`, one customer a row; `due[capacity]` int32, the earliest period at which time
    alone could change anything of the customer; `pool`, the words of all slabs; `free[lists * SLAB_CLASSES]`,
    the heads of the free lists (-1: empty); `control` = (first unused word of the pool, words of the largest
    slab, number of ticks so far). `ticks` rows `(number, period)`: every tick that is later than all
    after it, so that the first one a row has not seen is the latest of all it has not seen.
    """

    rows: I64
    due: NDArray[np.int32]
    pool: I64
    free: I64
    control: I64
    ticks: I64


class Work(NamedTuple):
    """Scratch of one evaluation at a time.

    `values`, `horizons` and `stamps` by metric: the value (doubles as their bits), the earliest period at
    which it could differ, and the evaluation that computed it. `view_low`, `view_high`, `view_stamps` by
    view: the entries inside the window. `stack` and `stack_until`: the program stack. `now` = see the
    NOW_ names.
    """

    values: I64
    horizons: I64
    stamps: I64
    view_low: I64
    view_high: I64
    view_stamps: I64
    stack: I64
    stack_until: I64
    now: I64


#: Positions in `Work.now`: number of the evaluation, its period, category and day of entry of the dimension
#: being evaluated, horizon of the target last found, reason of the current category's condition, and of the
#: target's.
(NOW_STAMP, NOW_PERIOD, NOW_CATEGORY, NOW_ENTERED, NOW_HORIZON, NOW_REASON_CURRENT, NOW_REASON_TARGET) = (
    range(7)
)
NOW_WORDS = 7


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


class Out(NamedTuple):
    """What the kernel writes: matrices of fixed capacity, and how full they are.

    `used` = (evaluations, changes, notices, erasures, rejections); `counters` by the COUNTED_ names.
    `erasures` rows: (event, row, life, instant, position). `rejections` rows: (event, code position).
    """

    evaluations: I64
    changes: I64
    notices: I64
    erasures: I64
    rejections: I64
    used: I64
    counters: I64


USED_EVALUATIONS, USED_CHANGES, USED_NOTICES, USED_ERASURES, USED_REJECTIONS = range(5)
