"""Records for tests, as a reader hands them over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rules.shard.records import Ordered, RecordColumns


def columns(
    records: Sequence[tuple[int, int]] | Sequence[tuple[int, int, bytes | None, bytes | None]],
) -> RecordColumns:
    """Records of one partition: (offset, timestamp in ms), maybe (key, value), else `offset`."""
    buffer = bytearray(b"#")  # what lies before the first record is none of it
    rows = []
    for record in records:
        offset, timestamp = record[:2]
        key, value = record[2:] if len(record) == 4 else (b"k", str(offset).encode())
        rows.append(
            (
                offset,
                timestamp,
                len(buffer),
                -1 if key is None else len(key),
                len(buffer) + len(key or b""),
                -1 if value is None else len(value),
            )
        )
        buffer += (key or b"") + (value or b"")
    table = np.array(rows, np.int64).reshape(-1, 6)
    return RecordColumns(np.frombuffer(bytes(buffer), np.uint8), *table.T.copy())


def listed(records: Ordered) -> list[tuple[int, int, bytes]]:
    """The records of a batch as (topic, offset, value)."""
    return [
        (
            int(records.input[i]),
            int(records.offset[i]),
            records.buffer[records.value_start[i] :][: max(0, records.value_length[i])].tobytes(),
        )
        for i in range(records.offset.size)
    ]
