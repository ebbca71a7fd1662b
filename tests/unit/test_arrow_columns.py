"""Parquet rows of the usual shapes go the fast way, and give what their JSON gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from rules.intake import merge
from rules.intake.arrow_columns import decode_table
from rules.intake.decode import decode_event
from rules.intake.row_json import rows_json
from rules.intake.tables import intake_of
from rules.language.load import load_pack
from tests.properties.intake_comparison import assert_same
from tests.properties.intake_records import PACK_TEXT

PACK = load_pack(PACK_TEXT, "intake.yaml")
INTAKE = intake_of(PACK)
START = datetime(2024, 3, 9, 23, 30, tzinfo=UTC)


def rows() -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for i in range(200):
        common = {
            "event_id": f"e{i}",
            "customer_id": f"kunde-ä-{i % 7}",
            "occurred_at": START + timedelta(hours=i),
        }
        if i % 4 == 0:
            made.append(common | {"type": "order.completed", "order_id": "O", "amount": i / 100, "items": i})
        elif i % 4 == 1:
            made.append(
                common | {"type": "payment.failed", "payment_id": "P", "amount": i / 4, "currency": "EUR"}
            )
        elif i % 4 == 2:
            made.append(
                common | {"type": "feedback.nps", "feedback_id": "F", "score": i % 11, "topic": "delivery"}
            )
        else:
            made.append(common | {"type": "customer.updated", "attributes": f'{{"age": {i}, "region": "ü"}}'})
    return made


def as_text(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"occurred_at": row["occurred_at"].isoformat().replace("+00:00", "Z")}


def as_decimals(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"amount": Decimal(f"{row['amount']:.2f}") if "amount" in row else None}


def as_doubles(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: float(row[name]) for name in ("items", "score") if name in row}


def naive(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"occurred_at": row["occurred_at"].replace(tzinfo=None)}


@pytest.mark.parametrize("shape", [dict, as_text, as_decimals, as_doubles, naive])
def test_usual_rows_never_take_the_slow_path(
    shape: Callable[[dict[str, Any]], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = dict.fromkeys(name for row in rows() for name in row)
    shaped = [{name: shape(row).get(name) for name in names} for row in rows()]
    batch = pa.RecordBatch.from_pylist(shaped)
    records = rows_json(batch, range(batch.num_rows))
    answers = [decode_event(record, PACK) for record in records]
    slow: list[bytes] = []
    monkeypatch.setattr(merge, "decode_event", lambda raw, *_, **__: slow.append(raw))
    assert_same(decode_table(batch, INTAKE), records, answers, INTAKE)
    assert slow == []


def test_a_batch_without_rows_or_without_known_columns_has_no_events() -> None:
    empty = pa.RecordBatch.from_pylist([], pa.schema([("event_id", pa.string()), ("type", pa.string())]))
    assert decode_table(empty, INTAKE).events.index.size == 0
    foreign = decode_table(pa.RecordBatch.from_pydict({"x": [1, 2]}), INTAKE)
    assert [one.rejection.detail for one in foreign.rejected] == ["`type` is missing"] * 2


@pytest.mark.parametrize("index", [pa.int8(), pa.int32(), pa.uint32(), pa.int64()])
@pytest.mark.parametrize("missing", ["by its index", "by its value"])
@pytest.mark.parametrize("first", [0, 3])
def test_texts_may_be_numbers_of_texts(index: pa.DataType, missing: str, first: int) -> None:
    names: list[str | None] = ["de", "nowhere", "USD", "EUR", None]
    numbers = [None, 3, 2, None, 3] if missing == "by its index" else [4, 3, 2, 4, 3]
    currency = pa.DictionaryArray.from_arrays(
        pa.array([numbers[i % 5] for i in range(200)], index), pa.array(names)
    )
    batch = pa.RecordBatch.from_pylist(rows())
    place = batch.schema.get_field_index("currency")
    batch = (
        batch.set_column(place, "currency", currency)
        if place >= 0
        else batch.append_column("currency", currency)
    )
    batch = batch.slice(first)
    records = rows_json(batch, range(batch.num_rows))
    answers = [decode_event(record, PACK) for record in records]
    assert_same(decode_table(batch, INTAKE), records, answers, INTAKE)
