"""A Parquet row as JSON: what its cells become, whatever Arrow calls their types."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rules.intake.row_json import row_json, rows_json


def cell(name: str, value: Any, kind: pa.DataType) -> str:
    batch = pa.RecordBatch.from_arrays([pa.array([None, value], kind)], names=[name])
    assert row_json(batch, 0) == b"{}"
    return row_json(batch, 1).decode()


@pytest.mark.parametrize(
    ("name", "value", "kind", "text"),
    [
        ("type", 'é\n"', pa.string(), r'{"type":"é\n\""}'),
        ("type", "é", pa.large_string(), '{"type":"é"}'),
        ("type", b"x", pa.binary(), '{"type":"x"}'),
        ("type", "x", pa.dictionary(pa.int8(), pa.string()), '{"type":"x"}'),
        ("amount", 12.5, pa.float64(), '{"amount":12.5}'),
        ("amount", 1e22, pa.float64(), '{"amount":1e+22}'),
        ("amount", np.float32(0.1), pa.float32(), '{"amount":0.1}'),
        ("amount", float("nan"), pa.float64(), '{"amount":"nan"}'),
        ("amount", Decimal("12.30"), pa.decimal128(9, 2), '{"amount":12.30}'),
        ("amount", Decimal("1E+3"), pa.decimal128(9, -3), '{"amount":1000}'),
        ("items", 3, pa.uint64(), '{"items":3}'),
        ("items", True, pa.bool_(), '{"items":true}'),
        ("until", date(2024, 2, 29), pa.date32(), '{"until":"2024-02-29"}'),
        ("occurred_at", 1, pa.timestamp("s"), '{"occurred_at":"1970-01-01T00:00:01.000000Z"}'),
        ("occurred_at", -1, pa.timestamp("ms"), '{"occurred_at":"1969-12-31T23:59:59.999000Z"}'),
        ("occurred_at", 1, pa.timestamp("us", "Asia/Tokyo"), '{"occurred_at":"1970-01-01T00:00:00.000001Z"}'),
        ("occurred_at", 1, pa.timestamp("ns"), '{"occurred_at":"1970-01-01T00:00:00.000000001Z"}'),
        ("attributes", '{"a": null}', pa.string(), '{"attributes":{"a": null}}'),
        ("attributes", '{"a": 1', pa.string(), r'{"attributes":"{\"a\": 1"}'),
        ("attributes", '{},"event_id":"x"', pa.string(), r'{"attributes":"{},\"event_id\":\"x\""}'),
        ("attributes", "[1]", pa.string(), '{"attributes":"[1]"}'),
        (
            "attributes",
            {"a": None, "b": 2},
            pa.struct([("a", pa.string()), ("b", pa.int64())]),
            '{"attributes":{"b":2}}',
        ),
        (
            "attributes",
            [("a", None), ("b", 2)],
            pa.map_(pa.string(), pa.int64()),
            '{"attributes":{"a":null,"b":2}}',
        ),
        ("shoe_size", 42, pa.int64(), "{}"),
    ],
)
def test_a_cell_as_json(name: str, value: Any, kind: pa.DataType, text: str) -> None:
    assert cell(name, value, kind) == text


def test_wrong_utf8_stays_in_the_record() -> None:
    column = pa.array([b"a\xffb"], pa.binary()).view(pa.string())
    assert row_json(pa.RecordBatch.from_arrays([column], names=["type"]), 0) == b'{"type":"a\xffb"}'


def test_keys_stand_in_the_order_of_the_fields_and_rows_in_the_order_asked_for() -> None:
    batch = pa.RecordBatch.from_pylist([{"amount": i, "event_id": f"e{i}"} for i in range(3)])
    assert rows_json(batch, [2, 0]) == [b'{"event_id":"e2","amount":2}', b'{"event_id":"e0","amount":0}']
