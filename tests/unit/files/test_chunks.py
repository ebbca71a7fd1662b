"""Columns of few texts are read as numbers of them; that makes no difference to what is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rules.intake.tables import intake_of
from workers.files import chunks
from workers.files.chunks import decode_chunk, raw_records, read_chunks
from workers.files.sources import find_event_files, open_parquet
from workers.packs import open_pack

ROWS = 2_000
COLUMNS = {
    "none": [None] * ROWS,
    "few": [("web", "store", None, "app")[row % 4] for row in range(ROWS)],
    "one of them is not plain": [("web", 'the "old" store', "café")[row % 3] for row in range(ROWS)],
    "more than a dictionary holds": [f"channel {row} of {'many' * 50}" for row in range(ROWS)],
    "not UTF-8": [(b"web", b"\xff\xfe")[row % 2] for row in range(ROWS)],
    "numbers": list(range(ROWS)),
    "objects": [{"name": "web"}] * ROWS,
}


def read(path: Path, size: int) -> list[object]:
    """What comes of a file: events column by column, what was refused, and rows as dead letters show them."""
    intake = intake_of(open_pack("shop"))
    told: list[object] = []
    for chunk in read_chunks(find_event_files([path]), chunk_rows=size):
        decoded = decode_chunk(chunk, intake)
        events, positions = decoded.decoded.events, decoded.position
        rows = zip(
            positions[events.index].tolist(),
            events.type.tolist(),
            events.label.tolist(),
            events.amount.tolist(),
            strict=True,
        )
        told += [*rows, *(raw for raw in raw_records(chunk, positions[positions % 97 == 0]))]
        told += [
            (int(positions[each.index]), each.rejection, each.record) for each in decoded.decoded.rejected
        ]
    return told


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("size", [300, 5_000])
def test_how_texts_are_read_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: int
) -> None:
    path = tmp_path / "orders.parquet"
    table = {
        "event_id": [f"e{row}" for row in range(ROWS)],
        "type": [
            ("order.completed", "order.refunded", "order.unheard_of", None)[row % 4] for row in range(ROWS)
        ],
        "occurred_at": ["2024-05-01T12:00:00Z"] * ROWS,
        "customer_id": [f"C{row % 7}" for row in range(ROWS)],
        "order_id": [f"o{row}" for row in range(ROWS)],
        "amount": ["12.50"] * ROWS,
        "currency": [("USD", "EUR", "XXX")[row % 3] for row in range(ROWS)],
        "channel": COLUMNS[name],
    }
    pq.write_table(pa.table(table), path, row_group_size=700, dictionary_pagesize_limit=1_000)
    came = read(path, size)
    taken = few_texts(path)
    assert ("channel" in taken) == (name not in ("none", "numbers", "objects"))
    assert {"type", "currency"} <= set(taken)
    monkeypatch.setattr(chunks, "_FEW_TEXTS", ())
    plain = read(path, size)
    assert sorted(map(repr, came)) == sorted(map(repr, plain))
    assert len(came) > ROWS / 2


def few_texts(path: Path) -> Sequence[str]:
    """The columns that come as dictionaries."""
    (file,) = find_event_files([path])
    with open_parquet(file, few=chunks._FEW_TEXTS) as opened:
        return [each.name for each in opened.schema_arrow if pa.types.is_dictionary(each.type)]
