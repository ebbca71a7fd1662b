"""The plan as the kernel reads it: groups of arrays, and which position means what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.language.model import Pack

I64 = NDArray[np.int64]


class PlanArrays(NamedTuple):
    """What the kernel reads. All int64 unless said; positions in the row are in words.

    types: `class_base[type]` + label code is an event's class; `class_rings` and `class_cells` list by class
    (`first[c]` to `first[c + 1]`) what an event of the class updates; `class_touch` is the bit set of the
    dimensions to look at again, `attribute_touch` the same by attribute.
    rings: row `(slab word, entry words, reach in periods, day cell or -1)`; `columns` are `(keep, field)`.
    cells: rows `(position, keep, field, ring or -1)`. views: rows `(ring, window, days)`.
    metrics: rows `(how, a, b, c, d, kind is number, is money, program that gives it, guarded)`; guarded sums
    have the sum of the high parts in the next column or cell.
    dimensions: rows `(block position, ladder, categories, first category in the flat table, dependents)`;
    categories: rows `(program of enter or when, program of keep, interned id)`; policies: rows of
    `(hold, min_dwell, at, step_one)` by dimension and direction (0 up, 1 down).
    months: rows `(first day of month, of quarter, of year)` by period - PERIOD_TABLE_FIRST, int32.
    scalars: `(row words, metrics, attributes, dimensions, lateness, money scale, ids slab list, overrides
    list, attribute block)`.
    """

    scalars: I64
    starts: I64
    months: NDArray[np.int32]
    class_base: I64
    class_touch: I64
    class_ring_first: I64
    class_rings: I64
    class_cell_first: I64
    class_cells: I64
    rings: I64
    column_first: I64
    columns: I64
    cells: I64
    views: I64
    metrics: I64
    attribute_number: I64
    attribute_touch: I64
    dimensions: I64
    categories: I64
    policies: I64
    code: I64
    program_first: I64
    constants: I64
    numbers: NDArray[np.float64]


#: Positions in `PlanArrays.scalars`.
(
    ROW_WORDS,
    METRICS,
    ATTRIBUTES,
    DIMENSIONS,
    LATENESS,
    MONEY_SCALE,
    IDS_LIST,
    OVERRIDES_LIST,
    ATTRIBUTE_BLOCK,
) = range(9)


@dataclass(frozen=True, slots=True)
class Plan:
    """A pack made ready to run.

    `strings` are those that programs compare with; their positions are the numbers that stand for them.
    `labels` are, by topic, the label values that matter, in the order of their codes (1, 2, …).
    """

    pack: Pack
    arrays: PlanArrays
    strings: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    stack_words: int
