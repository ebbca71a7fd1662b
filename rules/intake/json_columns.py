"""Records in JSON to columns: the fast path of Kafka batches and NDJSON files (S2).

Machine code reads what is plainly right. Only the records that it doubts go through `decode_event`, one by
one, and their events are put back at their places, so poison costs what it weighs and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.intake.assemble import (
    DOUBTFUL,
    FAST,
    Columns,
    Memory,
    Spans,
    assemble,
    new_columns,
    new_memory,
    new_spans,
)
from rules.intake.columns import Decoded
from rules.intake.decode import NO_KEY
from rules.intake.merge import SlowRecord, merged
from rules.intake.scan import scan_object, skip_space
from rules.intake.tables import Intake, Tables
from rules.jit import entered
from rules.words import frozen

#: No attribute takes fewer bytes of JSON than this: `"a":1,`.
_ATTRIBUTE_BYTES_MIN = 6


class Keys(NamedTuple):
    """The records' keys: `text[start[i] : start[i] + length[i]]`, a negative length where there is none.

    text uint8[], start int64[n], length int64[n]. Often the same buffer as that of the records.
    """

    text: NDArray[np.uint8]
    start: NDArray[np.int64]
    length: NDArray[np.int64]

    def key(self, index: int) -> bytes | None:
        """The key of one record."""
        start, length = int(self.start[index]), int(self.length[index])
        return None if length < 0 else self.text[start : start + length].tobytes()


_NO_KEYS = Keys(np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64))
_NO_TIMES = np.empty(0, np.int64)


def decode_records(
    buffer: NDArray[np.uint8],
    start: NDArray[np.int64],
    length: NDArray[np.int64],
    intake: Intake,
    *,
    keys: Keys | None = None,
    timestamps_us: NDArray[np.int64] | None = None,
) -> Decoded:
    """Decode `n` records that lie in a buffer; record `i` is `buffer[start[i] : start[i] + length[i]]`.

    A record of negative length has no value; it is `malformed_json`, as an empty one is.

    `timestamps_us` are the records' timestamps in microseconds, int64[n]; without them nothing is `future`.
    The texts of the events are spans of `buffer`, which must stay as it is for as long as they are used.
    """
    columns = new_columns(start.size, _attributes_max(int(length.sum()), start.size, intake))
    memory = new_memory(len(intake.pack.attributes))
    spans = new_spans(intake.tables.fields.length.size)
    inner = new_spans(len(intake.pack.attributes))
    _decode(
        frozen(buffer),
        start.astype(np.int64, copy=False),
        length.astype(np.int64, copy=False),
        _NO_KEYS if keys is None else keys,
        _NO_TIMES if timestamps_us is None else timestamps_us,
        keys is not None,
        intake.max_ahead_us,
        intake.tables,
        memory,
        spans,
        inner,
        columns,
    )

    def doubtful() -> Iterator[SlowRecord]:
        for index in np.flatnonzero(columns.status == DOUBTFUL).tolist():
            begin, size = int(start[index]), max(0, int(length[index]))
            yield SlowRecord(
                index=index,
                record=buffer[begin : begin + size].tobytes(),
                at=begin,
                key=NO_KEY if keys is None else keys.key(index),
                timestamp_us=None if timestamps_us is None else int(timestamps_us[index]),
            )

    return merged(columns, buffer, intake.pack, doubtful())


def _attributes_max(size: int, records: int, intake: Intake) -> int:
    return min(size // _ATTRIBUTE_BYTES_MIN + 1, records * len(intake.pack.attributes)) + 1


@entered
def _decode(
    buf: NDArray[np.uint8],
    start: NDArray[np.int64],
    length: NDArray[np.int64],
    keys: Keys,
    timestamps_us: NDArray[np.int64],
    keyed: bool,
    max_ahead_us: int,
    tables: Tables,
    memory: Memory,
    spans: Spans,
    inner: Spans,
    columns: Columns,
) -> None:
    for i in range(start.size):
        end = start[i] + length[i]
        at = skip_space(buf, start[i], end)
        stop = scan_object(buf, at, end, tables.fields, memory.fields, spans.start, spans.length, spans.kind)
        status = DOUBTFUL
        if stop >= 0 and skip_space(buf, stop, end) == end:
            status = assemble(buf, spans, inner, tables, memory, columns, i)
        if status == FAST and keyed:
            size = keys.length[i]
            if size != columns.customer_length[i]:
                status = DOUBTFUL
            else:
                for k in range(size):
                    if keys.text[keys.start[i] + k] != buf[columns.customer_start[i] + k]:
                        status = DOUBTFUL
        if (
            status == FAST
            and timestamps_us.size > 0
            and columns.occurred_us[i] > timestamps_us[i] + max_ahead_us
        ):
            status = DOUBTFUL
        if status != FAST:
            columns.attribute_first[i + 1] = columns.attribute_first[i]
        columns.status[i] = status
