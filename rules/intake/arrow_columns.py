"""Rows of Arrow batches, as Parquet files give them, to columns of events without an object per row (S10).

Columns are named as the fields of an event; null is absent, and other columns are ignored. Each becomes an
array of spans or plain values, and the rows then go the way of JSON records (`assemble`). What is doubtful is
written as JSON and decoded the slow way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
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
from rules.intake.row_json import event_columns, is_text, rows_json
from rules.intake.scan import (
    ABSENT,
    DECIMAL,
    DOUBLE,
    FALSE,
    INTEGER,
    LIST,
    OBJECT,
    STRING,
    TRUE,
    is_plain,
    is_printable,
)
from rules.intake.tables import FIELDS, Intake, Tables
from rules.jit import entered, lean
from rules.words import ahead, frozen

#: No attribute takes fewer bytes of JSON than this: `"a":1,`.
_ATTRIBUTE_BYTES_MIN = 6
#: Microseconds a unit of a timestamp; nanoseconds are divided instead.
_UNIT_US = {"s": 1_000_000, "ms": 1_000, "us": 1}
#: 2200-01-01T00:00Z in microseconds.
_INSTANT_END_US = 7_258_118_400_000_000
#: Cells are asked for so many rows ahead, whenever a line of the caches has been worked through.
_AHEAD, _LINE = 32, 8
#: A kind that no field may have: the slow path says so.
_ODD = LIST


class _Cells(NamedTuple):
    """The cells of `c` columns that events have, a row each: int64[c, n] (see `Spans`), and what they are.

    field    int64[c]    the position in `FIELDS`, -1 for a field that only the slow path reads
    checked  bool[c]     the column has text with bytes other than printable ASCII: look at each of its cells
    """

    start: NDArray[np.int64]
    length: NDArray[np.int64]
    kind: NDArray[np.uint8]
    field: NDArray[np.int64]
    checked: NDArray[np.bool_]


@dataclass(slots=True)
class _Text:
    """The texts of all columns, one after the other."""

    parts: list[NDArray[np.uint8]] = field(default_factory=list)
    size: int = 0

    def add(self, part: NDArray[np.uint8]) -> int:
        """The position at which a part begins."""
        self.parts.append(part)
        self.size += part.size
        return self.size - part.size


def decode_table(batch: pa.RecordBatch, intake: Intake) -> Decoded:
    """Decode the rows of a batch; rejected rows carry their JSON as record."""
    text = _Text()
    given = event_columns(batch)
    shape = (len(given), batch.num_rows)
    cells = _Cells(
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.zeros(shape, np.uint8),
        np.array([FIELDS.index(name) if name in FIELDS else -1 for name, _ in given], np.int64),
        np.zeros(len(given), np.bool_),
    )
    attribute_bytes = 0
    for row, (name, column) in enumerate(given):
        size_before = text.size
        cells.checked[row] = _fill(
            column,
            text,
            cells.start[row],
            cells.length[row],
            cells.kind[row],
            OBJECT if name == "attributes" else STRING,
        )
        if name == "attributes":
            attribute_bytes = text.size - size_before
    buffer = np.concatenate(text.parts) if text.parts else np.empty(0, np.uint8)
    attributes = len(intake.pack.attributes)
    most = min(attribute_bytes // _ATTRIBUTE_BYTES_MIN + 1, batch.num_rows * attributes) + 1
    columns = new_columns(batch.num_rows, most)
    _decode(
        frozen(buffer),
        cells,
        intake.tables,
        new_memory(attributes),
        new_spans(len(FIELDS)),
        new_spans(attributes),
        columns,
    )

    def doubtful() -> Iterator[SlowRecord]:
        indexes = np.flatnonzero(columns.status == DOUBTFUL).tolist()
        for index, record in zip(indexes, rows_json(batch, indexes), strict=True):
            yield SlowRecord(index=index, record=record, at=-1, key=NO_KEY, timestamp_us=None)

    return merged(columns, buffer, intake.pack, doubtful())


def _fill(
    column: pa.Array,
    text: _Text,
    start: NDArray[np.int64],
    length: NDArray[np.int64],
    kind: NDArray[np.uint8],
    text_kind: int,
) -> bool:
    """Write the cells of one column; whether each of its texts must be looked at."""
    checked = False
    if pa.types.is_dictionary(column.type) and (
        not is_text(column.type.value_type) or column.dictionary.null_count
    ):
        column = column.cast(column.type.value_type)
    if pa.types.is_dictionary(column.type):
        kind[:] = text_kind
        checked = _fill_named(column, text, start, length)
    elif is_text(column.type):
        kind[:] = text_kind
        checked = _fill_text(column, text, start, length)
    elif pa.types.is_timestamp(column.type):
        _fill_instants(column, start, kind)
    elif pa.types.is_integer(column.type) and column.type != pa.uint64():
        kind[:] = INTEGER
        start[:] = _values(column, np.dtype(column.type.to_pandas_dtype()))
    elif pa.types.is_float64(column.type):
        kind[:] = DOUBLE
        start[:] = _values(column, np.dtype(np.int64))
    elif pa.types.is_decimal128(column.type) and column.type.scale >= 0:
        words = _values(column, np.dtype([("low", np.int64), ("high", np.int64)]))
        start[:] = words["low"]
        length[:] = column.type.scale
        kind[:] = np.where(words["high"] == words["low"] >> 63, DECIMAL, _ODD)
    elif pa.types.is_boolean(column.type):
        kind[:] = np.where(column.fill_null(False).to_numpy(zero_copy_only=False), TRUE, FALSE)
    else:
        kind[:] = _ODD
    if column.null_count:
        kind[column.is_null().to_numpy(zero_copy_only=False)] = ABSENT
    return checked


def _values(column: pa.Array, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The cells of a column of fixed width, whatever stands where there are nulls."""
    data = column.buffers()[1]
    if data is None:
        return np.zeros(len(column), dtype)
    return np.frombuffer(data, dtype, len(column), column.offset * dtype.itemsize)


def _fill_text(column: pa.Array, text: _Text, start: NDArray[np.int64], length: NDArray[np.int64]) -> bool:
    if not len(column):
        return False
    column = column.cast(pa.large_binary())
    _, offsets_buffer, data = column.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64, len(column) + 1, column.offset * 8)
    if data is None:
        return False
    part = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    np.add(offsets[:-1], text.add(part) - offsets[0], out=start)
    np.subtract(offsets[1:], offsets[:-1], out=length)
    return not is_printable(frozen(part))


def _fill_named(
    column: pa.DictionaryArray, text: _Text, start: NDArray[np.int64], length: NDArray[np.int64]
) -> bool:
    """Texts that are numbers of others: each of those is there once."""
    names = column.dictionary
    if not len(names):
        return False
    starts, lengths = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    checked = _fill_text(names, text, starts, lengths)
    indices = column.indices.fill_null(0) if column.null_count else column.indices
    _name(_values(indices.cast(pa.int32()), np.dtype(np.int32)), starts, lengths, start, length)
    return checked


@entered
def _name(
    numbers: NDArray[np.int32],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    start: NDArray[np.int64],
    length: NDArray[np.int64],
) -> None:
    for i in range(numbers.size):
        start[i] = starts[numbers[i]]
        length[i] = lengths[numbers[i]]


def _fill_instants(column: pa.Array, start: NDArray[np.int64], kind: NDArray[np.uint8]) -> None:
    values = _values(column, np.dtype(np.int64))
    unit = column.type.unit
    if unit == "ns":
        micros, rest = np.divmod(values, 1000)
        right = (rest == 0) & (micros >= 0) & (micros < _INSTANT_END_US)
        start[:] = micros
    else:
        right = (values >= 0) & (values < _INSTANT_END_US // _UNIT_US[unit])
        start[:] = np.where(right, values, 0) * _UNIT_US[unit]
    kind[:] = np.where(right, INTEGER, _ODD)


@lean
def _cells_ahead(cells: _Cells, i: int) -> None:
    """Ask for the cells of some rows: columns are more than the processor would see by itself."""
    for c in range(cells.field.size):
        ahead(cells.start, c, 8 * i)
        ahead(cells.length, c, 8 * i)
        ahead(cells.kind, c, i)


@entered
def _decode(
    buf: NDArray[np.uint8],
    cells: _Cells,
    tables: Tables,
    memory: Memory,
    spans: Spans,
    inner: Spans,
    columns: Columns,
) -> None:
    for k in range(spans.kind.size):
        spans.kind[k] = ABSENT
    for i in range(columns.status.size):
        if i % _LINE == 0:
            _cells_ahead(cells, i + _AHEAD)
        right = True
        for c in range(cells.field.size):
            kind = cells.kind[c, i]
            if cells.checked[c] and kind != ABSENT:
                right &= is_plain(buf, cells.start[c, i], cells.length[c, i])
            k = cells.field[c]
            if k >= 0:
                spans.start[k] = cells.start[c, i]
                spans.length[k] = cells.length[c, i]
                spans.kind[k] = kind
        status = assemble(buf, spans, inner, tables, memory, columns, i) if right else DOUBTFUL
        if status != FAST:
            columns.attribute_first[i + 1] = columns.attribute_first[i]
        columns.status[i] = status
