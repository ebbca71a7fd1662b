"""What is known of customers now, without changing anything."""

from __future__ import annotations

import numpy as np

from rules.engine import layout as at
from rules.engine.kernel.arrays import I64, State
from rules.engine.kernel.machine import compute_all
from rules.jit import entered


@entered
def customer_values(plan: I64, state: State, work: I64, known: I64, as_of: I64, values: I64) -> None:
    """The `as_of` of customers, ticks they have not seen worked in, and their metrics at it, row by row."""
    for i in range(known.size):
        row = state.rows[known[i]]
        period = row[at.AS_OF]
        for k in range(state.ticks.shape[0]):
            if state.ticks[k, 0] >= row[at.TICKS]:
                period = max(period, state.ticks[k, 1])
                break
        as_of[i] = np.int64(period)
        work[at.NOW_STAMP] += 1
        work[at.NOW_PERIOD] = period
        compute_all(plan, state.pool, work, row)
        for metric in range(values.shape[1]):
            values[i, metric] = work[at.WORK_METRICS + at.METRIC_WORDS * metric + at.METRIC_VALUE]
