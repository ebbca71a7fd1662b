"""What the kernel writes: one array, and views of it by table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rules.engine import layout as at
from rules.engine.kernel.arrays import I64
from rules.engine.plan_arrays import DIMENSIONS, EVALUATION_WORDS, Plan

_ERASURES = 64


class Out(NamedTuple):
    """`words` is what the kernel is handed: the OUT_ words of its head, then the tables that the others show.

    Of the lines of table t `used[t]` are taken, by the USED_ names; `counters` by the COUNTED_ names.
    `erasures` rows: (event, row, life, instant, position). `rejections` rows: (event, code position).
    """

    words: I64
    used: I64
    counters: I64
    evaluations: I64
    changes: I64
    notices: I64
    erasures: I64
    rejections: I64


def make_out(plan: Plan, rows: int) -> Out:
    """Room for so many lines; memory that is not written to costs nothing."""
    dimensions = int(plan.arrays.scalars[DIMENSIONS])
    rows = max(rows, 4 * dimensions)
    lines = (rows, rows, rows, _ERASURES, rows)
    widths = (
        int(plan.packed[EVALUATION_WORDS]),
        at.CHANGE_WORDS,
        at.NOTICE_WORDS,
        at.ERASURE_WORDS,
        at.REJECTION_WORDS,
    )
    firsts = [at.OUT_HEAD]
    for count, width in zip(lines, widths, strict=True):
        firsts.append(firsts[-1] + count * width)
    words = np.empty(firsts[-1], np.int64)
    words[: at.OUT_HEAD] = 0
    words[at.OUT_FIRST : at.OUT_FIRST + len(lines)] = firsts[:-1]
    words[at.OUT_LINES : at.OUT_LINES + len(lines)] = lines
    tables = [
        words[first : first + count * width].reshape(count, width)
        for first, count, width in zip(firsts[:-1], lines, widths, strict=True)
    ]
    counters = words[at.OUT_COUNTERS : at.OUT_COUNTERS + at.COUNTERS]
    return Out(words, words[: len(lines)], counters, *tables)
