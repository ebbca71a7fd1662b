"""Whatever stands in the cells: a row is reported, or its events are accepted (`run_import` checks both)."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.importer.tables import csv_file, run_import

MAPPING = """
timezone: America/New_York
currency: USD
ambiguous: latest
nonexistent: later
numbers: {decimal: ".", thousands: ","}
events:
  - type: order.refunded
    event_id: "{a}-{b:03}"
    customer_id: a
    order_id: b
    occurred_at: time
    amount: money
    discount: {column: money, default: 0, absolute: true}
    currency: {column: currency, default: JPY}
    items: number
    channel: a
  - type: feedback.complaint
    when: {number: {present: true}}
    feedback_id: b
    customer_id: a
    occurred_at: {column: time, format: epoch_s}
    severity: number
  - type: customer.updated
    when: {number: "> 1"}
    customer_id: a
    occurred_at: time
    attributes:
      region: a
      n: {column: number, as: integer}
      share: {column: money, as: number}
      vip: {column: b, as: boolean}
  - type: category.assigned
    when: {currency: {not: [USD]}}
    customer_id: a
    occurred_at: time
    dimension: {constant: tier}
    category: {constant: low}
    until: time
    mode: {column: b, map: {p: pin, f: floor}, default: pin}
    reason: a
    actor: b
"""
TEXT = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["K1", "ü", '"', "\\", "a\nb", "\u0085", "\x7f", "x" * 128, "y" * 129, "p", "true"]),
)
NUMBER = st.one_of(
    st.integers(-(2**63), 2**63).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3).map(
        str
    ),
    st.sampled_from(
        ["", "0", "-0", "00.50", "1,000", "1,0", "1e5", "NaN", "inf", "4", "2", "5.0", "٣", "0x10", "1_000"]
    ),
)
TIME = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat(sep=" ")),
    st.sampled_from(
        ["2024-03-10 02:30", "2024-11-03 01:30", "2024-01-01", "1699999999", "2199-12-31T23:59:59.999999Z"]
    ),
    st.sampled_from(
        ["24:00", "2024-01-01T24:00Z", "2024-01-01T23:59:60Z", "2024-01-01T10:00+99:99", "0000-01-01"]
    ),
    st.integers(-(10**19), 10**19).map(str),
)
CURRENCY = st.sampled_from(["", "USD", "JPY", "KWD", "usd", "EUR", "XXX"])


@settings(max_examples=40)
@given(st.lists(st.tuples(TEXT, TEXT, TIME, NUMBER, NUMBER, CURRENCY), min_size=1, max_size=12))
def test_every_row_is_reported_or_its_events_are_accepted(rows: list[tuple[str, ...]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("a", "b", "time", "money", "number", "currency"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_import(Path(folder), MAPPING, csv_file(Path(folder), text.getvalue()))
    assert outcome.result.rows.read == len(rows)
