"""The fast decoders say what `decode_event` says, of every record: accepted or not, why, and every value.

Hypothesis only draws the seed: a batch of a few hundred records comes from it, and a failure prints the
record that differs. `--hypothesis-seed=N` repeats a run.
"""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rules.intake.arrow_columns import decode_table
from rules.intake.decode import decode_event
from rules.intake.json_columns import Keys, decode_records
from rules.intake.row_json import rows_json
from rules.intake.tables import intake_of
from rules.language.load import load_pack
from tests.properties.intake_comparison import assert_same
from tests.properties.intake_records import PACK_TEXT, arrow_batch, good_fields, json_record

PACK = load_pack(PACK_TEXT, "intake.yaml")
INTAKE = intake_of(PACK)
SEEDS = st.integers(0, 2**32 - 1)
UNHURRIED = settings(max_examples=25, print_blob=True)
BATCH = 300


def laid_out(
    records: list[bytes], between: bytes = b""
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The records in one buffer."""
    length = np.array([len(record) for record in records], np.int64)
    start = np.cumsum(length + len(between)) - length
    return np.frombuffer(b"".join(between + record for record in records), np.uint8), start, length


@given(seed=SEEDS)
@UNHURRIED
def test_json_records_decode_as_one_by_one(seed: int) -> None:
    rng = random.Random(seed)
    records = [json_record(rng) for _ in range(BATCH)]
    buffer, start, length = laid_out(records, rng.choice([b"", b"\n", b'"', b"\x00\x00"]))
    answers = [decode_event(record, PACK) for record in records]
    assert_same(decode_records(buffer, start, length, INTAKE), records, answers, INTAKE)


@given(seed=SEEDS)
@UNHURRIED
def test_keys_and_timestamps_decode_as_one_by_one(seed: int) -> None:
    rng = random.Random(seed)
    records = [json_record(rng) for _ in range(BATCH)]
    buffer, start, length = laid_out(records)
    plain = [decode_event(record, PACK) for record in records]
    keys: list[bytes | None] = []
    times = []
    for answer in plain:
        customer = getattr(answer, "customer_id", None) or "C1"
        keys.append(rng.choice([customer.encode()] * 8 + [None, b"", b"C", customer.encode() + b"x"]))
        occurred = getattr(answer, "occurred_us", 0)
        times.append(occurred + rng.choice([0, 5, -86_400_000_000, -86_400_000_001, -(10**12)]))
    text, key_start, key_length = laid_out([key or b"" for key in keys])
    key_length[[key is None for key in keys]] = -1
    answers = [
        decode_event(record, PACK, key=key, timestamp_us=time)
        for record, key, time in zip(records, keys, times, strict=True)
    ]
    decoded = decode_records(
        buffer,
        start,
        length,
        INTAKE,
        keys=Keys(text, key_start, key_length),
        timestamps_us=np.array(times, np.int64),
    )
    assert_same(decoded, records, answers, INTAKE)


@given(seed=SEEDS)
@UNHURRIED
def test_arrow_rows_decode_as_their_json_one_by_one(seed: int) -> None:
    rng = random.Random(seed)
    batch = arrow_batch(rng, BATCH + 40).slice(rng.randrange(40), BATCH)
    records = rows_json(batch, range(BATCH))
    answers = [decode_event(record, PACK) for record in records]
    assert_same(decode_table(batch, INTAKE), records, answers, INTAKE)


@pytest.mark.parametrize("seed", range(3))
def test_usual_records_never_take_the_slow_path(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    records: list[bytes] = []
    while len(records) < 2000:
        fields = good_fields(rng)
        if fields["type"].strip('"').split(".")[0] != "category" and fields["type"] != '"customer.erased"':
            records.append(("{" + ", ".join(f'"{k}": {v}' for k, v in fields.items()) + "}").encode())
    answers = [decode_event(record, PACK) for record in records]
    slow: list[bytes] = []

    def watched(raw: bytes, *rest: object, **options: object) -> object:
        slow.append(raw)
        return decode_event(raw, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("rules.intake.merge.decode_event", watched)
    decoded = decode_records(*laid_out(records), INTAKE)
    assert_same(decoded, records, answers, INTAKE)
    assert [raw for raw in slow if b"customer.merged" not in raw] == []


def test_a_record_without_value_is_rejected_and_the_next_one_is_read() -> None:
    good = (
        b'{"event_id":"e","type":"customer.updated","occurred_at":"2024-01-01T00:00:00Z","customer_id":"c"}'
    )
    buffer, start, length = laid_out([good])
    decoded = decode_records(buffer, np.repeat(start, 2), np.array([-1, length[0]]), INTAKE)
    assert [(one.index, one.rejection.code, one.record) for one in decoded.rejected] == [
        (0, "malformed_json", b"")
    ]
    assert decoded.events.index.tolist() == [1]
