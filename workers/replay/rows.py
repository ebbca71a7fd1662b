"""Parquet rows of events as the compact JSON that they stand for, without nulls (S10)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from rules.intake.json_text import MalformedError, parse_json

#: The columns that mean something (S2.1); all others are ignored, as unknown fields are.
COLUMNS = (
    "event_id",
    "type",
    "occurred_at",
    "customer_id",
    "order_id",
    "payment_id",
    "feedback_id",
    "amount",
    "discount",
    "currency",
    "items",
    "channel",
    "method",
    "score",
    "severity",
    "topic",
    "attributes",
    "dimension",
    "category",
    "mode",
    "until",
    "reason",
    "actor",
    "into",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

#: Gives the JSON text of a value, None where there is none.
_Writer = Callable[[Any], str | None]


def rows_as_json(batch: pa.RecordBatch) -> Iterator[bytes]:
    """Each row of a batch as one compact JSON object, its keys in the order of S2."""
    columns = []
    for name in COLUMNS:
        if name in batch.schema.names:
            column = batch.column(name)
            if pa.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            columns.append((json.dumps(name), *_texts(name, column)))
    for row in range(batch.num_rows):
        members = []
        for key, values, write in columns:
            text = write(values[row])
            if text is not None:
                members.append(f"{key}:{text}")
        yield ("{" + ",".join(members) + "}").encode()


def _texts(name: str, column: pa.Array) -> tuple[list[Any], _Writer]:
    """The values of a column, and how to write one."""
    if pa.types.is_timestamp(column.type):
        unit = _PER_SECOND[column.type.unit]
        return column.cast(pa.int64()).to_pylist(), lambda value: _timestamp(value, unit)
    if name == "attributes" and pa.types.is_map(column.type):
        return column.to_pylist(), lambda value: None if value is None else _object(dict(value), nulls=True)
    if name == "attributes" and pa.types.is_struct(column.type):
        return column.to_pylist(), lambda value: None if value is None else _object(value, nulls=False)
    if name == "attributes":
        return column.to_pylist(), _embedded
    return column.to_pylist(), _value


def _value(value: object) -> str | None:
    """A value as JSON; doubles and decimals as numbers in their shortest form, days as text."""
    match value:
        case None:
            return None
        case bool() | str() | int():
            return json.dumps(value, ensure_ascii=False)
        case float():
            return repr(value) if math.isfinite(value) else json.dumps(str(value))
        case Decimal():
            return format(value, "f")
        case date():
            return json.dumps(value.isoformat())
        case bytes():
            return json.dumps(value.decode(errors="replace"), ensure_ascii=False)
        case dict():
            return _object(value, nulls=True)
        case list():
            return "[" + ",".join(_value(each) or "null" for each in value) + "]"
        case _:
            return json.dumps(str(value), ensure_ascii=False)


def _timestamp(value: int | None, per_second: int) -> str | None:
    """A timestamp as RFC 3339 in UTC, which a column without zone means too."""
    if value is None:
        return None
    seconds, fraction = divmod(value, per_second)
    try:
        moment = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    except OverflowError:
        return json.dumps(str(value))
    nanoseconds = f"{fraction * (10**9 // per_second):09d}"
    digits = nanoseconds[:6] if nanoseconds.endswith("000") else nanoseconds
    return f'"{moment.zfill(19)}.{digits}Z"'


def _object(value: dict[str, Any], *, nulls: bool) -> str:
    """An object; a null in a map removes an attribute, one in a struct only says that the row has none."""
    members = []
    for key, each in value.items():
        if each is not None or nulls:
            members.append(f"{json.dumps(key, ensure_ascii=False)}:{_value(each) or 'null'}")
    return "{" + ",".join(members) + "}"


def _embedded(value: object) -> str | None:
    """Attributes as JSON text become the object they spell; any other text stays text."""
    if isinstance(value, str):
        try:
            if isinstance(parse_json(value.encode()), dict):
                return value
        except MalformedError:
            pass
    return _value(value)
