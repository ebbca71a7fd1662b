"""Every row of a table becomes events, is filtered out, or is reported with its number, column and reason."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from tests.unit.importer.tables import csv_file, run_import
from workers.cli.errors import UserError
from workers.importer import tables

ORDERS = """
timezone: Europe/Berlin
currency: EUR
events:
  - type: order.completed
    event_id: "e-{no}"
    order_id: "ORD-{no}"
    customer_id: customer
    occurred_at: at
    amount: amount
"""
GERMAN = ORDERS.replace("currency: EUR", 'currency: EUR\nnumbers: {decimal: ",", thousands: "."}')


def test_a_row_becomes_an_event(tmp_path: Path) -> None:
    file = csv_file(tmp_path, "no,customer,at,amount\n7,K1,2024-07-01 12:00,5\n")
    assert run_import(tmp_path, ORDERS, file).orders == [
        {
            "event_id": "e-7",
            "type": "order.completed",
            "occurred_at": "2024-07-01T10:00:00.000000Z",
            "customer_id": "K1",
            "order_id": "ORD-7",
            "amount": "5.00",
            "currency": "EUR",
        }
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"no,customer,at,amount\n7,K1,2024-07-01,5\n",
        b"\xef\xbb\xbfno,customer,at,amount\r\n7,K1,2024-07-01,5\r\n",
        b"no;customer;at;amount\n7;K1;2024-07-01;5",
        b"no\tcustomer\tat\tamount\n7\tK1\t2024-07-01\t5\n",
        b"no|customer|at|amount\n7|K1|2024-07-01|5\n",
        b'"no","customer","at","amount"\n"7","K1"," 2024-07-01 ","5"\n',
        b"extra,amount,at,customer,no\nx,5.00,2024-07-01,K1,7\n",
        b"no,customer,at,amount\n\n\n7,K1,2024-07-01,5\n\n",
    ],
    ids=["plain", "mark and crlf", "semicolon", "tab", "bar", "quotes", "other order", "blank lines"],
)
def test_the_layout_of_a_text_file_does_not_matter(tmp_path: Path, text: bytes) -> None:
    outcome = run_import(tmp_path, ORDERS, csv_file(tmp_path, text))
    assert [(order["order_id"], order["amount"]) for order in outcome.orders] == [("ORD-7", "5.00")]
    assert outcome.result.rows.read == 1


def test_quotes_hold_separators_line_ends_and_quotes(tmp_path: Path) -> None:
    file = csv_file(
        tmp_path, 'no,customer,at,amount\n"a,""b""",K1,2024-07-01,5\n"x\ny",K1,2024-07-01,5\nz,K1,bad,5\n'
    )
    outcome = run_import(tmp_path, ORDERS, file)
    assert [order["order_id"] for order in outcome.orders] == ['ORD-a,"b"']
    # The id with the line end is refused; the row after it is on line 5 of the file.
    assert outcome.problems() == [
        (3, "no", "control_character"),
        (3, "no", "control_character"),
        (5, "at", "not_a_time"),
    ]


def test_a_text_file_in_another_encoding(tmp_path: Path) -> None:
    file = csv_file(tmp_path, "no,customer,at,amount\n7,Jürgen,2024-07-01,5\n".encode("cp1252"))
    assert run_import(tmp_path, ORDERS, file).problems() == [(2, None, "not_text")]
    mapping = ORDERS + "csv: {encoding: cp1252}\n"
    assert run_import(tmp_path, mapping, file).orders[0]["customer_id"] == "Jürgen"


def test_rows_that_are_no_rows_are_reported_and_the_others_go_on(tmp_path: Path) -> None:
    lines = ["no,customer,at,amount", "1,K1,2024-07-01,5", "2,K1,2024-07-01", '"3"x,K1,2024-07-01,5']
    lines += ["4,K1,2024-07-01,5,6", "5,K1,2024-07-01,5", '"6,K1,2024-07-01,5']
    outcome = run_import(tmp_path, ORDERS, csv_file(tmp_path, "\n".join(lines)))
    assert [order["order_id"] for order in outcome.orders] == ["ORD-1", "ORD-5"]
    assert outcome.problems() == [
        (3, None, "wrong_width"),
        (4, None, "not_csv"),
        (5, None, "wrong_width"),
        (7, None, "not_csv"),
    ]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("5", "5.00"),
        ("5.", "5.00"),
        (".5", "0.50"),
        ("+5.5", "5.50"),
        ("005.50000", "5.50"),
        ("0", "0.00"),
        ("-0.00", "0.00"),
        ("10000000000.00", "10000000000.00"),
        ("10000000000.01", "too_large"),
        ("99999999999999999999", "too_large"),
        ("0.005", "too_fine"),
        ("-5", "negative"),
        ("1e3", "not_a_number"),
        ("1,000", "not_a_number"),
        ("€5", "not_a_number"),
        (".", "not_a_number"),
        ("-", "not_a_number"),
        ("", "missing"),
    ],
)
def test_money_is_read_exactly_or_reported(tmp_path: Path, cell: str, expected: str) -> None:
    outcome = run_import(
        tmp_path, ORDERS, csv_file(tmp_path, f'no,customer,at,amount\n7,K1,2024-07-01,"{cell}"\n')
    )
    found = [order["amount"] for order in outcome.orders] + [row["reason"] for row in outcome.bad]
    assert found == [expected]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1.234.567,5", "1234567.50"),
        ("1234,56", "1234.56"),
        ("1.234", "1234.00"),
        ("12.5", "not_a_number"),
        ("1.23,4", "not_a_number"),
        ("1,2,3", "not_a_number"),
    ],
)
def test_decimal_commas_and_marks_between_thousands(tmp_path: Path, cell: str, expected: str) -> None:
    outcome = run_import(
        tmp_path, GERMAN, csv_file(tmp_path, f"no;customer;at;amount\n7;K1;2024-07-01;{cell}\n")
    )
    found = [order["amount"] for order in outcome.orders] + [row["reason"] for row in outcome.bad]
    assert found == [expected]


@pytest.mark.parametrize(
    ("field", "cells", "expected"),
    [
        ("{column: amount, unit: minor}", ("1999", "EUR"), "19.99"),
        ("{column: amount, unit: minor}", ("1999", "JPY"), "1999"),
        ("{column: amount, unit: minor}", ("1999", "KWD"), "1.999"),
        ("{column: amount, unit: minor}", ("19.5", "EUR"), "too_fine"),
        ("{column: amount, unit: major}", ("19", "JPY"), "19"),
        ("{column: amount}", ("19.5", "JPY"), "too_fine"),
        ("{column: amount}", ("19.555", "KWD"), "19.555"),
        ("{column: amount}", ("19.5", ""), "19.50"),
        ("{column: amount}", ("19.5", "EURO"), "unknown_currency"),
        ("{column: amount, absolute: true}", ("-19.5", "EUR"), "19.50"),
        ("{column: amount, default: 1}", ("", "EUR"), "1.00"),
    ],
)
def test_units_and_currencies(tmp_path: Path, field: str, cells: tuple[str, str], expected: str) -> None:
    mapping = ORDERS.replace("amount: amount", f"amount: {field}\n    currency: currency")
    file = csv_file(tmp_path, "no,customer,at,amount,currency\n7,K1,2024-07-01,{},{}\n".format(*cells))
    outcome = run_import(tmp_path, mapping, file)
    found = [order["amount"] for order in outcome.orders] + [row["reason"] for row in outcome.bad]
    assert found == [expected]


@pytest.mark.parametrize(
    ("field", "cell", "expected"),
    [
        ("at", "2024-07-01T12:00:00Z", "2024-07-01T12:00:00.000000Z"),
        ("at", "2024-07-01 12:00:00.1234567+02:00", "2024-07-01T10:00:00.123456Z"),
        ("at", "2024-07-01T12:00-0330", "2024-07-01T15:30:00.000000Z"),
        ("at", "2024-07-01", "2024-06-30T22:00:00.000000Z"),
        ("at", "2024-02-30", "not_a_time"),
        ("at", "01.07.2024", "not_a_time"),
        ("at", "1969-12-31", "year_out_of_range"),
        ("at", "2200-01-02", "year_out_of_range"),
        ("at", "", "missing"),
        ('{column: at, format: "%d.%m.%Y %H:%M"}', "01.07.2024 12:00", "2024-07-01T10:00:00.000000Z"),
        ('{column: at, format: "%d.%m.%Y"}', "01.07.2024", "2024-06-30T22:00:00.000000Z"),
        ('{column: at, format: "%m/%d/%Y %I:%M %p"}', "07/01/2024 01:00 PM", "2024-07-01T11:00:00.000000Z"),
        (
            '{column: at, format: "%Y-%m-%d %H:%M %z"}',
            "2024-07-01 12:00 +0500",
            "2024-07-01T07:00:00.000000Z",
        ),
        ('{column: at, format: "%d.%m.%Y"}', "2024-07-01", "not_a_time"),
        ("{column: at, format: epoch_s}", "1719828000", "2024-07-01T10:00:00.000000Z"),
        ("{column: at, format: epoch_ms}", "1719828000123", "2024-07-01T10:00:00.123000Z"),
        ("{column: at, format: epoch_s}", "99999999999999999999", "not_a_time"),
        ("{column: at, timezone: Asia/Tokyo}", "2024-07-01 12:00", "2024-07-01T03:00:00.000000Z"),
        ("at", "2024-03-31 02:30", "nonexistent_time"),
        ("at", "2024-10-27 02:30", "ambiguous_time"),
        ("at", "2024-10-27 02:30+01:00", "2024-10-27T01:30:00.000000Z"),
        ("{column: at, nonexistent: later}", "2024-03-31 02:30", "2024-03-31T01:30:00.000000Z"),
        ("{column: at, ambiguous: earliest}", "2024-10-27 02:30", "2024-10-27T00:30:00.000000Z"),
        ("{column: at, ambiguous: latest}", "2024-10-27 02:30", "2024-10-27T01:30:00.000000Z"),
        ("{column: at, ambiguous: latest}", "2024-03-31 02:30", "nonexistent_time"),
    ],
)
def test_times_are_read_in_their_zone_or_reported(
    tmp_path: Path, field: str, cell: str, expected: str
) -> None:
    mapping = ORDERS.replace("occurred_at: at", f"occurred_at: {field}")
    outcome = run_import(tmp_path, mapping, csv_file(tmp_path, f"no,customer,at,amount\n7,K1,{cell},5\n"))
    found = [order["occurred_at"] for order in outcome.orders] + [row["reason"] for row in outcome.bad]
    assert found == [expected]


def test_a_time_without_offset_needs_a_zone(tmp_path: Path) -> None:
    mapping = ORDERS.replace("timezone: Europe/Berlin\n", "")
    file = csv_file(tmp_path, "no,customer,at,amount\n1,K1,2024-07-01,5\n2,K1,2024-07-01T00:00Z,5\n")
    outcome = run_import(tmp_path, mapping, file)
    assert outcome.problems() == [(2, "at", "no_offset")]
    assert outcome.orders[0]["occurred_at"] == "2024-07-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("{status: done}", ["1"]),
        ("{status: [done, sent]}", ["1", "2"]),
        ('{status: "!= done"}', ["2", "3", "4"]),
        ("{status: {not: [done, sent]}}", ["3", "4"]),
        ("{status: {present: false}}", ["4"]),
        ("{status: {present: true}}", ["1", "2", "3"]),
        ('{amount: ">= 20"}', ["2", "3"]),
        ('{amount: "< 20", status: done}', ["1"]),
        ('{amount: "== 20.0"}', ["2"]),
        ("{amount: 20.0}", []),
    ],
)
def test_when_chooses_rows_by_columns(tmp_path: Path, condition: str, kept: list[str]) -> None:
    rows = ["1,K,2024-07-01,10,done", "2,K,2024-07-01,20,sent", "3,K,2024-07-01,30,open", "4,K,2024-07-01,,"]
    file = csv_file(tmp_path, "\n".join(["no,customer,at,amount,status", *rows]))
    mapping = ORDERS.replace(
        "amount: amount", f"amount: {{column: amount, default: 0}}\n    when: {condition}"
    )
    outcome = run_import(tmp_path, mapping, file)
    assert [order["event_id"][2:] for order in outcome.orders] == kept
    assert outcome.result.rows.filtered == 4 - len(kept)


def test_a_number_that_cannot_be_compared_makes_the_row_bad(tmp_path: Path) -> None:
    file = csv_file(tmp_path, "no,customer,at,amount\n1,K1,2024-07-01,five\n")
    mapping = ORDERS.replace("amount: amount", 'amount: amount\n    when: {amount: "> 0"}')
    assert run_import(tmp_path, mapping, file).problems() == [(2, "amount", "not_a_number")]


def test_one_row_gives_several_events_or_none(tmp_path: Path) -> None:
    mapping = (
        ORDERS
        + """
  - type: payment.succeeded
    when: {paid: {present: true}}
    payment_id: "P-{no:05}"
    order_id: "ORD-{no}"
    customer_id: customer
    occurred_at: paid
    amount: amount
    method: {column: how, map: {K: card, R: invoice}}
  - type: feedback.rating
    when: {stars: {present: true}}
    feedback_id: "F-{no}"
    customer_id: customer
    occurred_at: at
    score: stars
"""
    )
    rows = ["1,K1,2024-07-01,5,2024-07-02,K,5", "2,K2,2024-07-01,5,,,", "3,K3,2024-07-01,5,2024-07-02,X,6"]
    outcome = run_import(
        tmp_path, mapping, csv_file(tmp_path, "\n".join(["no,customer,at,amount,paid,how,stars", *rows]))
    )
    assert outcome.result.events == {"order.completed": 2, "payment.succeeded": 1, "feedback.rating": 1}
    assert outcome.events["payments"][0]["payment_id"] == "P-00001"
    assert outcome.events["payments"][0]["method"] == "card"
    assert outcome.events["payments"][0]["event_id"] == "orders.csv:2:2"
    # Row 4 gives no order either: it is to be mended and imported again as a whole.
    assert outcome.problems() == [(4, "how", "not_listed"), (4, "stars", "out_of_range")]


def test_events_stand_in_the_order_of_the_rows(tmp_path: Path) -> None:
    mapping = ORDERS + ORDERS[ORDERS.index("  - type") :].replace("completed", "placed").replace(
        "e-{no}", "p-{no}"
    )
    file = csv_file(tmp_path, "no,customer,at,amount\n1,K1,2024-07-02,5\n2,K1,2024-07-01,5\n")
    assert [order["event_id"] for order in run_import(tmp_path, mapping, file).orders] == [
        "e-1",
        "p-1",
        "e-2",
        "p-2",
    ]


def test_attributes_keep_their_kind_and_leave_out_what_is_empty(tmp_path: Path) -> None:
    mapping = """
timezone: UTC
events:
  - type: customer.registered
    customer_id: id
    occurred_at: {constant: "2024-01-01"}
    attributes:
      region: Region
      n: {column: n, as: integer}
      share: {column: share, as: number}
      vip: {column: vip, as: boolean}
"""
    rows = ['1,"No\\rth ""1""",3,0.50,yes', "2,,,,", "3,x,3.5,x,maybe"]
    outcome = run_import(tmp_path, mapping, csv_file(tmp_path, "\n".join(["id,Region,n,share,vip", *rows])))
    first, second = outcome.events["customers"]
    assert first["attributes"] == {"region": 'No\\rth "1"', "n": 3, "share": 0.5, "vip": True}
    assert "attributes" not in second
    assert outcome.problems() == [
        (4, "n", "not_an_integer"),
        (4, "share", "not_a_number"),
        (4, "vip", "not_a_boolean"),
    ]


def test_parquet_keeps_types_and_counts_rows_from_one(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "no": [1, 2, 3, 4],
            "customer": [10.0, 11.0, None, 13.0],
            "at": ["2024-07-01T12:00", "2024-03-31T02:30", "2024-07-01T00:00", "2024-07-01T00:00"],
            "amount": [Decimal("5.10"), Decimal(1), Decimal(1), Decimal("0.07")],
        },
        schema_overrides={"amount": pl.Decimal(10, 2)},
    ).with_columns(pl.col("at").str.to_datetime(time_unit="ms"))
    frame.write_parquet(tmp_path / "orders.parquet")
    outcome = run_import(tmp_path, ORDERS, tmp_path / "orders.parquet")
    assert [(order["customer_id"], order["occurred_at"], order["amount"]) for order in outcome.orders] == [
        ("10", "2024-07-01T10:00:00.000000Z", "5.10"),
        ("13", "2024-06-30T22:00:00.000000Z", "0.07"),
    ]
    assert outcome.problems() == [(2, "at", "nonexistent_time"), (3, "customer", "missing")]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (
            pl.Series([datetime(2024, 7, 1, tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo"),
            "2024-07-01T00:00:00.000000Z",
        ),
        (pl.Series([date(2024, 7, 1)]), "2024-06-30T22:00:00.000000Z"),
        (pl.Series(["2024-07-01"], dtype=pl.Categorical), "2024-06-30T22:00:00.000000Z"),
    ],
)
def test_parquet_times_of_all_kinds(tmp_path: Path, column: pl.Series, expected: str) -> None:
    pl.DataFrame({"no": [1], "customer": ["K"], "at": column, "amount": [5.25]}).write_parquet(
        tmp_path / "o.parquet"
    )
    outcome = run_import(tmp_path, ORDERS, tmp_path / "o.parquet")
    assert [(order["occurred_at"], order["amount"]) for order in outcome.orders] == [(expected, "5.25")]


def test_excel_dates_numbers_and_row_numbers(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    rows = [
        ["", "a title above the table"],
        [],
        ["no", "customer", "at", "amount"],
        [1, "K1", datetime.fromisoformat("2024-07-01T12:30"), 5.1],
        [],
        [2, "K2", date(2024, 7, 2), "12.50"],
        [3, "K3", "tomorrow", 1],
        ["A-4", None, date(2024, 7, 3), 7],
    ]
    for row in rows:
        sheet.append(row)
    book.save(tmp_path / "orders.xlsx")
    outcome = run_import(tmp_path, ORDERS + "excel: {header_row: 3}\n", tmp_path / "orders.xlsx")
    assert [(order["order_id"], order["occurred_at"], order["amount"]) for order in outcome.orders] == [
        ("ORD-1", "2024-07-01T10:30:00.000000Z", "5.10"),
        ("ORD-2", "2024-07-01T22:00:00.000000Z", "12.50"),
    ]
    assert outcome.problems() == [(7, "at", "not_a_time"), (8, "customer", "missing")]
    with pytest.raises(UserError, match="has no sheet `Orders`: it has Sheet"):
        run_import(tmp_path, ORDERS + "excel: {sheet: Orders}\n", tmp_path / "orders.xlsx")


def test_chunks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{n},K{n % 3},2024-07-01,{'x' if n % 10 == 7 else n}" for n in range(100)]
    file = csv_file(tmp_path, "\n".join(["no,customer,at,amount", *rows]))
    whole = run_import(tmp_path, ORDERS, file)
    monkeypatch.setattr(tables, "CHUNK_ROWS", 7)
    parts = run_import(tmp_path, ORDERS, file)
    assert parts.orders == whole.orders
    assert parts.bad == whole.bad
    assert [row["row"] for row in whole.bad] == [n + 2 for n in range(100) if n % 10 == 7]


def test_several_files_and_rules_by_name(tmp_path: Path) -> None:
    mapping = (
        ORDERS.replace("type: order.completed", 'type: order.completed\n    from: "a*"')
        + """
  - type: customer.erased
    from: "b*"
    customer_id: who
    occurred_at: when
"""
    )
    first = csv_file(tmp_path, "no,customer,at,amount\n1,K1,2024-07-01,5\n", "a.csv")
    second = csv_file(tmp_path, "who,when\nK2,2024-07-01\n", "b.csv")
    outcome = run_import(tmp_path, mapping, first, second)
    assert outcome.result.events == {"order.completed": 1, "customer.erased": 1}
    with pytest.raises(UserError, match=r"no event of .* is made from `c.csv`"):
        run_import(tmp_path, mapping, csv_file(tmp_path, "x\n1\n", "c.csv"))
