"""Bodies as one text: what a batch brought, rendered in machine code."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.text.write import put_instant
from rules.jit import compiled

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

_BUFFER_LEAST, _BUFFER_MOST = 1 << 14, 1 << 26
#: Bytes of an instant as bodies show it, without quotes.
INSTANT_BYTES = 27


class Lines(NamedTuple):
    """`n` bodies, each followed by a line feed.

    Body i is `text[ends[i] : ends[i + 1] - 1]`, ends int64[n + 1]; `row` int64[n] is its customer's.
    """

    text: U8
    ends: I64
    row: I64

    def bodies(self) -> list[bytes]:
        """The bodies without their line feeds."""
        text, ends = self.text.tobytes(), self.ends.tolist()
        return [text[begin : end - 1] for begin, end in pairwise(ends)]


NO_LINES = Lines(np.zeros(0, np.uint8), np.zeros(1, np.int64), np.zeros(0, np.int64))


def rendered(row: I64, more: Callable[[int, U8, I64], int], line_bytes: int) -> Lines:
    """Render one line for each of the rows.

    `more(first, buffer, ends)` renders from a line on as many as fit, notes where each ends in the buffer,
    and says which line is next. `line_bytes`: how long a line is, about.
    """
    if row.size == 0:
        return NO_LINES
    pieces: list[U8] = []
    ends = np.zeros(row.size + 1, np.int64)
    buffer = np.empty(min(_BUFFER_LEAST + line_bytes * row.size, _BUFFER_MOST), np.uint8)
    done, written = 0, 0
    while done < row.size:
        reached = more(done, buffer, ends[1:])
        if reached > done:
            used = int(ends[reached])
            ends[done + 1 : reached + 1] += written
            written += used
            pieces.append(buffer[:used])
            done = reached
        if done < row.size:
            buffer = np.empty(min(4 * buffer.size, _BUFFER_MOST), np.uint8)
    return Lines(pieces[0] if len(pieces) == 1 else np.concatenate(pieces), ends, row)


@compiled
def instants(instant_us: I64) -> U8:
    """Instants in RFC 3339 with six fraction digits: uint8[n, 27]."""
    out = np.empty((instant_us.size, 27), np.uint8)
    quoted = np.empty(32, np.uint8)
    for i in range(instant_us.size):
        put_instant(quoted, 0, instant_us[i])
        out[i] = quoted[1:28]
    return out


def causes(changes: I64) -> dict[tuple[int, int, int], int]:
    """How many changes there are by dimension, category and cause (their numbers)."""
    if not len(changes):
        return {}
    kinds = len(at.CAUSES)
    categories = int(changes[:, at.CHANGE_TO].max()) + 1
    dimension_and_to = changes[:, at.CHANGE_DIMENSION] * categories + changes[:, at.CHANGE_TO]
    counts = np.bincount(dimension_and_to * kinds + changes[:, at.CHANGE_CAUSE])
    found = np.flatnonzero(counts)
    return {
        (code // kinds // categories, code // kinds % categories, code % kinds): count
        for code, count in zip(found.tolist(), counts[found].tolist(), strict=True)
    }


def states(notices: I64) -> dict[str, int]:
    """How many notices there are by state (S9.7)."""
    counts = np.bincount(notices[:, at.NOTICE_STATE], minlength=len(at.NOTICE_STATES)).tolist()
    return {state: count for state, count in zip(at.NOTICE_STATES, counts, strict=True) if count}
