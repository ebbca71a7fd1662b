"""Words of customers as the table of `customers.parquet`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.plan_arrays import Plan
from rules.language.model import Dimension, Kind
from workers.replay.customers import customers_schema
from workers.replay.gather import Gathered
from workers.replay.seen import (
    CUSTOMER_HEAD,
    SEEN_CATEGORY,
    SEEN_CHANGES,
    SEEN_CHOSEN,
    SEEN_MODE,
    SEEN_PENDING_SINCE,
    SEEN_PENDING_UNTIL,
    SEEN_SINCE,
    SEEN_TO,
    SEEN_UNTIL,
    SEEN_WORDS,
)

I64 = NDArray[np.int64]


def columns_table(plan: Plan, gathered: Gathered, words: I64) -> pa.Table:
    """A slice of `Gathered.customers_by_id` as an Arrow table in the schema of the pack."""
    pack = plan.pack
    schema = customers_schema(pack)
    columns = [_words(gathered, words[0]), _plain(words[1], pa.int32()), _days(words[2], None)]
    for index, dimension in enumerate(pack.dimensions):
        first = CUSTOMER_HEAD + SEEN_WORDS * index
        columns += _dimension(dimension, words[first : first + SEEN_WORDS])
    place = CUSTOMER_HEAD + SEEN_WORDS * len(pack.dimensions)
    for kind in [a.kind for a in pack.attributes] + [m.kind for m in pack.metrics]:
        columns.append(_values(kind, gathered, words[place], words[-1], pack.digits))
        place += 1
    return pa.Table.from_arrays(
        [column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def _plain(values: I64, kind: pa.DataType, missing: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(values, type=pa.int64(), mask=missing).cast(kind)


def _days(values: I64, missing: NDArray[np.bool_] | None) -> pa.Array:
    days = np.where(missing, 0, values) if missing is not None else values
    return pa.array(days.astype(np.int32), mask=missing).cast(pa.date32())


def _words(gathered: Gathered, numbers: I64) -> pa.Array:
    """Customer ids by their places: consecutive enough to be copied as spans of the sorted ids."""
    ends = gathered.customers.ends
    texts = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), ends.size - 1, [None, pa.py_buffer(ends), pa.py_buffer(gathered.customers.text)]
    )
    return texts.take(pa.array(numbers)).cast(pa.large_string()).cast(pa.string())


def _named(names: list[str | None], numbers: I64, missing: NDArray[np.bool_] | None = None) -> pa.Array:
    indices = pa.array(np.where(missing, 0, numbers) if missing is not None else numbers, mask=missing)
    return pa.array(names, pa.string()).take(indices)


def _dimension(dimension: Dimension, seen: I64) -> list[pa.Array]:
    ids: list[str | None] = [category.id for category in dimension.categories]
    codes = [category.code for category in dimension.categories]
    waiting_not, free = seen[SEEN_TO] < 0, seen[SEEN_MODE] == 0
    return [
        _named(ids, seen[SEEN_CATEGORY]),
        _named(codes, seen[SEEN_CATEGORY]),
        _plain(seen[SEEN_SINCE], pa.timestamp("us", tz="UTC")),
        _plain(seen[SEEN_CHANGES], pa.int32()),
        _named(ids, seen[SEEN_TO], waiting_not),
        _days(seen[SEEN_PENDING_SINCE], waiting_not),
        _days(seen[SEEN_PENDING_UNTIL], waiting_not),
        _named(["", "pin", "floor"], seen[SEEN_MODE], free),
        _named(ids, seen[SEEN_CHOSEN], free),
        _days(seen[SEEN_UNTIL], free | (seen[SEEN_UNTIL] == at.NEVER)),
    ]


def _values(kind: Kind, gathered: Gathered, words: I64, parts: I64, digits: int) -> pa.Array:
    if kind is Kind.NUMBER:
        numbers = words.view(np.float64)
        return pa.array(numbers, mask=np.isnan(numbers))
    missing = words == at.ABSENT
    if kind is Kind.STRING:
        words = gathered.strings_of(parts, words)
        ends = gathered.strings.ends[: gathered.string_count + 1]
        texts = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(),
            gathered.string_count,
            [None, pa.py_buffer(ends), pa.py_buffer(gathered.strings.text)],
        )
        return (
            texts.take(pa.array(np.where(missing, 0, words), mask=missing))
            .cast(pa.large_string())
            .cast(pa.string())
        )
    words = np.where(missing, 0, words)
    if kind is Kind.BOOLEAN:
        return pa.array(words == 1, mask=missing)
    if kind is Kind.MONEY:
        return _decimals(words, missing, digits)
    return pa.array(words, mask=missing)


def _decimals(units: I64, missing: NDArray[np.bool_], digits: int) -> pa.Array:
    """Minor units as decimals: 128-bit little-endian two's complement, as Arrow lays them out."""
    pairs = np.empty((units.size, 2), np.int64)
    pairs[:, 0] = units
    pairs[:, 1] = units >> 63
    validity = pa.array(~missing).buffers()[1]
    kind = pa.decimal128(20, digits)
    return pa.Array.from_buffers(kind, units.size, [validity, pa.py_buffer(pairs)])
