"""Rows of Arrow batches as compact JSON records: what the slow path reads and what dead letters show (S10).

Columns that no event has are left out, and null cells. Timestamps are RFC 3339 with `Z` (without zone they
count as UTC), doubles are their shortest text, and an object in the text of `attributes` stands as the JSON
that it is. A null in a struct of attributes says nothing, one in a map removes the attribute.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from rules.intake.json_text import MalformedError, parse_json
from schemas.values import FIELDS

_UNITS_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def row_json(batch: pa.RecordBatch, index: int) -> bytes:
    """One row as a JSON object."""
    return rows_json(batch, [index])[0]


def rows_json(batch: pa.RecordBatch, indexes: Sequence[int]) -> list[bytes]:
    """Some rows as JSON objects, in the order of the indexes."""
    whole = range(batch.num_rows)
    rows = batch if indexes == whole else batch.take(pa.array(indexes, pa.int64()))
    members: list[list[bytes]] = [[] for _ in indexes]
    for name, column in event_columns(rows):
        key = _string(name.encode()) + b":"
        for row, text in zip(members, _texts(name, column), strict=True):
            if text is not None:
                row.append(key + text)
    return [b"{" + b",".join(row) + b"}" for row in members]


def event_columns(batch: pa.RecordBatch) -> list[tuple[str, pa.Array]]:
    """The columns that events have, with their names, in the order of S2.1.

    Of columns with the same name the last counts, as of duplicate keys.
    """
    return [
        (name, batch.column(places[-1]))
        for name in FIELDS
        if (places := batch.schema.get_all_field_indices(name))
    ]


def _texts(name: str, column: pa.Array) -> list[bytes | None]:
    """The cells of a column as JSON, None for null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_timestamp(kind):
        per_second = _UNITS_A_SECOND[kind.unit]
        return [_optional(value, per_second) for value in column.cast(pa.int64()).to_pylist()]
    if is_text(kind):
        cells = column.cast(pa.large_binary()).to_pylist()
        if name == "attributes":
            return [None if cell is None else _object_text(cell) for cell in cells]
        return [None if cell is None else _string(cell) for cell in cells]
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        values = column.to_numpy(zero_copy_only=False)
        missing = column.is_null().to_pylist()
        return [None if gone else _value(v) for v, gone in zip(values, missing, strict=True)]
    if pa.types.is_map(kind):
        return [None if cell is None else _value(dict(cell)) for cell in column.to_pylist()]
    return [
        None if cell is None else _value(_without_nulls(cell) if isinstance(cell, dict) else cell)
        for cell in column.to_pylist()
    ]


def is_text(kind: pa.DataType) -> bool:
    """Whether cells of an Arrow type are strings of bytes, which count as UTF-8."""
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _optional(value: int | None, per_second: int) -> bytes | None:
    return None if value is None else _instant(value, per_second)


def _instant(value: int, per_second: int) -> bytes:
    """Any instant, also one that no event may have, with six digits, or nine where there are finer ones."""
    seconds, rest = divmod(value, per_second)
    digits = f"{rest * (10**9 // per_second):09d}"
    return f'"{np.datetime64(seconds, "s")}.{digits[:6] if digits.endswith("000") else digits}Z"'.encode()


def _string(raw: bytes) -> bytes:
    """A JSON string. Wrong UTF-8 stays as it is, so that the record is refused for it."""
    text = raw.decode("utf-8", "surrogateescape")
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogateescape")


def _object_text(raw: bytes) -> bytes:
    """The JSON text of a cell as it is; what is not an object as a string."""
    try:
        values = parse_json(b"[" + raw + b"]")
    except MalformedError:
        return _string(raw)
    is_object = isinstance(values, list) and len(values) == 1 and isinstance(values[0], dict)
    return raw if is_object else _string(raw)


def _without_nulls(cell: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cell.items() if value is not None}


def _value(value: Any) -> bytes:
    """Any other cell as JSON."""
    if isinstance(value, bytes):
        return _string(value)
    if isinstance(value, dict):
        return b"{" + b",".join(_string(str(k).encode()) + b":" + _value(v) for k, v in value.items()) + b"}"
    if isinstance(value, list | tuple):
        return b"[" + b",".join(_value(item) for item in value) + b"]"
    if isinstance(value, Decimal):
        return format(value, "f").encode()
    if isinstance(value, float | np.floating):
        return str(value).encode() if math.isfinite(value) else f'"{value}"'.encode()
    if isinstance(value, date | datetime):
        return f'"{value.isoformat()}"'.encode()
    return json.dumps(value, ensure_ascii=False, default=str).encode()
