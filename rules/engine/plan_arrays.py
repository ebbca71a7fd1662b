"""The plan as the kernel reads it: groups of arrays, and which position means what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
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


#: Positions in `PlanArrays.scalars`, and the same in the packed plan.
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
#: Positions in the packed plan of what follows from the others: how many rings, cells and words of an
#: evaluation there are, and where the scratch of views and the stack lie in `Work`.
(RING_COUNT, CELL_COUNT, EVALUATION_WORDS, VIEWS_AT, STACK_AT) = range(9, 14)
#: Positions in the packed plan of the places where its tables begin.
(
    STARTS,
    MONTHS,
    CLASS_BASE,
    CLASS_TOUCH,
    CLASS_RING_FIRST,
    CLASS_RINGS,
    CLASS_CELL_FIRST,
    CLASS_CELLS,
    RINGS,
    COLUMN_FIRST,
    COLUMNS,
    CELLS,
    VIEWS,
    METRIC_ROWS,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_TOUCH,
    DIMENSION_ROWS,
    CATEGORIES,
    POLICIES,
    CODE,
    PROGRAM_FIRST,
    CONSTANTS,
    NUMBERS,
) = range(14, 37)
_HEAD_WORDS = 40

#: Words of a row of a table, by table.
RING_WORD, RING_ENTRY, RING_REACH, RING_ROW = range(4)
COLUMN_KEEP, COLUMN_FIELD, COLUMN_ROW = range(3)
CELL_POSITION, CELL_KEEP, CELL_FIELD, CELL_RING, CELL_ROW = range(5)
VIEW_RING, VIEW_WINDOW, VIEW_DAYS, VIEW_ROW = range(4)
(
    METRIC_HOW,
    METRIC_A,
    METRIC_B,
    METRIC_C,
    METRIC_D,
    METRIC_NUMBER,
    METRIC_MONEY,
    METRIC_PROGRAM,
    METRIC_GUARDED,
    METRIC_ROW,
) = range(10)
DIMENSION_BLOCK, DIMENSION_LADDER, DIMENSION_COUNT, DIMENSION_FIRST, DIMENSION_DEPENDENTS, DIMENSION_ROW = (
    range(6)
)
CATEGORY_ENTER, CATEGORY_KEEP, CATEGORY_ID, CATEGORY_ROW = range(4)
POLICY_HOLD, POLICY_DWELL, POLICY_AT, POLICY_STEP_ONE, POLICY_ROW = range(5)
CODE_OP, CODE_A, CODE_B, CODE_C, CODE_ROW = range(5)
MONTH_ROW = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """A pack made ready to run.

    `packed` is `arrays` one behind the other, as the kernel reads it (`pack_plan`). `strings` are those that
    programs compare with; their positions are the numbers that stand for them. `labels` are, by topic, the
    label values that matter, in the order of their codes (1, 2, …).
    """

    pack: Pack
    arrays: PlanArrays
    packed: I64
    strings: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    stack_words: int


def pack_plan(arrays: PlanArrays) -> I64:
    """The tables of a plan in one array: scalars, the places of the tables, the tables; doubles as bits.

    One array instead of two dozen is what keeps machine code small: each is seven values to hand on, wherever
    one function calls another.
    """
    tables = [
        np.ascontiguousarray(table).ravel().view(np.int64)
        if table.dtype == np.float64
        else np.ascontiguousarray(table, np.int64).ravel()
        for table in arrays[1:]
    ]
    head = np.zeros(_HEAD_WORDS, np.int64)
    head[: arrays.scalars.size] = arrays.scalars
    head[RING_COUNT], head[CELL_COUNT] = arrays.rings.shape[0], arrays.cells.shape[0]
    metrics, attributes, dimensions = (int(arrays.scalars[i]) for i in (METRICS, ATTRIBUTES, DIMENSIONS))
    head[EVALUATION_WORDS] = at.EVALUATION_HEAD + metrics + attributes + dimensions
    head[VIEWS_AT] = at.WORK_METRICS + at.METRIC_WORDS * metrics
    head[STACK_AT] = head[VIEWS_AT] + at.VIEW_WORDS * arrays.views.shape[0]
    places = np.cumsum([_HEAD_WORDS, *(table.size for table in tables)])
    head[STARTS : NUMBERS + 1] = places[:-1]
    return np.concatenate([head, *tables])
