"""Where all customers of a part are at its end, as a table of words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.engine import Engine
from rules.engine.plan_arrays import ATTRIBUTE_BLOCK, DIMENSIONS, METRICS, Plan
from rules.jit import entered
from rules.words import row_ahead

I64 = NDArray[np.int64]

#: Columns of `customers_matrix` before those of the dimensions, and for each dimension.
CUSTOMER_HEAD = 3
(
    SEEN_CATEGORY,
    SEEN_SINCE,
    SEEN_CHANGES,
    SEEN_TO,
    SEEN_PENDING_SINCE,
    SEEN_PENDING_UNTIL,
    SEEN_MODE,
    SEEN_CHOSEN,
    SEEN_UNTIL,
) = range(9)
SEEN_WORDS = 9

#: Words of a dimension's block in the state that are shown as they are, but for the last: the slab of
#: overrides, of which what is in force is looked up.
_SHOWN = {
    SEEN_CATEGORY: at.CATEGORY,
    SEEN_SINCE: at.ENTERED_US,
    SEEN_CHANGES: at.COUNT,
    SEEN_TO: at.PENDING_TARGET,
    SEEN_PENDING_SINCE: at.PENDING_SINCE,
    SEEN_PENDING_UNTIL: at.PENDING_UNTIL,
    SEEN_MODE: at.OVERRIDE,
}


@entered
def _put_columns(table: I64, order: I64, chosen: I64, first: int, out: I64) -> None:
    """Some columns of a table, its lines in an order, as the columns from `first` on of another."""
    last = order.size - 1
    for i in range(order.size):
        row_ahead(table, order[min(i + 4, last)])
        for k in range(chosen.size):
            out[i, first + k] = table[order[i], chosen[k]]


@entered
def turn(table: I64, order: I64, columns: I64) -> None:
    """The lines of a table in an order, column by column: int64[n, c] to the first c of int64[>= c, n]."""
    last = order.size - 1
    for i in range(order.size):
        row_ahead(table, order[min(i + 4, last)])
        for column in range(table.shape[1]):
            columns[column, i] = table[order[i], column]


def customer_words(plan: Plan) -> int:
    """Columns of `customers_matrix`."""
    scalars = plan.arrays.scalars
    seen = CUSTOMER_HEAD + SEEN_WORDS * int(scalars[DIMENSIONS])
    return seen + len(plan.pack.attributes) + int(scalars[METRICS])


def customers_matrix(engine: Engine, plan: Plan, rank: I64) -> I64:
    """All known customers by the bytes of their ids: row, life, `as_of`; by dimension category, instant of
    the last change, changes, where a pending move leads (-1: none), since, until, override's mode (0: none
    active), category, until (NEVER: open); then attributes and metrics as words of the state.
    """
    known, as_of, metrics = engine.sight()
    by_id = np.argsort(rank[known])
    known, as_of = known[by_id], as_of[by_id]
    matrix = np.empty((known.size, customer_words(plan)), np.int64)
    chosen = [at.AS_OF, at.LIFE, at.AS_OF]
    for dimension in range(int(plan.arrays.scalars[DIMENSIONS])):
        block = int(plan.arrays.dimensions[dimension, 0])
        chosen += [block + _SHOWN.get(column, at.CATEGORY) for column in range(SEEN_WORDS)]
    first = int(plan.arrays.scalars[ATTRIBUTE_BLOCK])
    chosen += [first + at.ATTRIBUTE_WORDS * each for each in range(len(plan.pack.attributes))]
    _put_columns(engine.rows(), known, np.array(chosen, np.int64), 0, matrix)
    _put_columns(metrics, by_id, np.arange(metrics.shape[1]), len(chosen), matrix)
    matrix[:, 0] = rank[known]
    matrix[:, 2] = as_of
    for dimension in range(int(plan.arrays.scalars[DIMENSIONS])):
        seen = matrix[:, CUSTOMER_HEAD + SEEN_WORDS * dimension :]
        _see_steps(plan, dimension, seen)
        _see_overrides(engine, known, as_of, dimension, seen)
    return matrix


def _see_steps(plan: Plan, dimension: int, seen: I64) -> None:
    """Where a pending move leads at first, where it goes one category at a time."""
    policies = plan.pack.dimensions[dimension]
    if policies.kind != "ladder":
        return
    category, pending = seen[:, SEEN_CATEGORY].copy(), seen[:, SEEN_TO].copy()
    if policies.upgrade.step_one:
        seen[pending > category, SEEN_TO] = category[pending > category] + 1
    if policies.downgrade.step_one:
        down = (pending < category) & (pending >= 0)
        seen[down, SEEN_TO] = category[down] - 1


def _see_overrides(engine: Engine, known: I64, as_of: I64, dimension: int, seen: I64) -> None:
    """The overrides in force, in place of where they are to be found."""
    ever = np.flatnonzero(seen[:, SEEN_MODE])
    seen[:, SEEN_MODE : SEEN_UNTIL + 1] = (0, 0, at.NEVER)
    for i in ever.tolist():
        override = engine.override(int(known[i]), dimension)
        if override is not None and as_of[i] < override[at.OVERRIDE_UNTIL]:
            seen[i, SEEN_MODE] = override[at.OVERRIDE_MODE]
            seen[i, SEEN_CHOSEN] = override[at.OVERRIDE_CATEGORY]
            seen[i, SEEN_UNTIL] = override[at.OVERRIDE_UNTIL]
