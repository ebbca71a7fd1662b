"""A mapping with an error is refused with the line and column, and with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.importer.tables import csv_file, run_import
from workers.cli.errors import UserError
from workers.importer.model import Column, Constant, Slot, Template
from workers.importer.read_mapping import read_mapping

GOOD = """timezone: UTC
currency: EUR
events:
  - type: order.completed
    order_id: "ORD-{no:04}"
    customer_id: customer
    occurred_at: at
    amount: {column: amount, unit: minor}
    channel: {constant: web}
"""


def test_texts_are_columns_templates_or_constants() -> None:
    rule = read_mapping(GOOD, "m.yaml").events[0]
    sources = {field.name: field.source for field in rule.fields}
    assert sources["order_id"] == Template(("ORD-", Slot("no", 4)))
    assert sources["customer_id"] == Column("customer")
    assert sources["channel"] == Constant("web")
    escaped = read_mapping(GOOD.replace("ORD-{no:04}", "{{x}}{a b}"), "m.yaml").events[0].fields
    assert next(field.source for field in escaped if field.name == "order_id") == Template(
        ("{", "x", "}", Slot("a b", 0))
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("timezone: UTC", "timezone: Berlin", "m.yaml:1:11: `Berlin` is not a time zone"),
        (
            "timezone: UTC",
            "timezones: UTC",
            "m.yaml:1:1: the mapping has no `timezones`, did you mean `timezone`?",
        ),
        ("currency: EUR", "currency: EURO", "m.yaml:2:11: `EURO` is not a currency"),
        ("currency: EUR\n", "", "m.yaml:3:5: say which `currency` the money has"),
        (
            "order.completed",
            "order.complete",
            "m.yaml:4:11: `order.complete` is not an event type, did you mean `order.completed`?",
        ),
        ("order.completed", "customer.merged", "m.yaml:4:11: `customer.merged` is not supported yet"),
        ("customer_id: customer\n    ", "", "m.yaml:4:5: `order.completed` needs `customer_id`"),
        (
            "channel:",
            "chanel:",
            "m.yaml:9:5: `order.completed` has no field `chanel`, did you mean `channel`?",
        ),
        ("channel: {constant: web}", "attributes: {a: b}", "m.yaml:9:5: `order.completed` has no attributes"),
        ("unit: minor", "unit: cents", "m.yaml:8:36: `unit` must be `major` or `minor`, not `cents`"),
        ("unit: minor", "units: minor", "m.yaml:8:30: `amount` has no `units`, did you mean `unit`?"),
        (
            "{constant: web}",
            "{constant: web, column: x}",
            "m.yaml:9:14: `channel` must have one of `column`, `template` or `constant`",
        ),
        ("{constant: web}", "{}", "m.yaml:9:14: `channel` must have one of"),
        ("{constant: web}", "[web]", "m.yaml:9:14: `channel` must be a mapping"),
        ("ORD-{no:04}", "ORD-{no", "m.yaml:5:15: `ORD-{no` is not a template"),
        (
            "occurred_at: at",
            "occurred_at: {column: at, format: dmy}",
            "m.yaml:7:39: `dmy` is not a time format",
        ),
        (
            "occurred_at: at",
            "occurred_at: {column: at, ambiguous: first}",
            "m.yaml:7:42: `ambiguous` must be",
        ),
        ("channel:", "when: {a: '> b'}\n    channel:", "m.yaml:9:15: `>` compares numbers, and `b` is none"),
        ("channel:", "customer_id: b\n    channel:", "`customer_id` is already there in line 6"),
        ("events:", "csv: {separator: ab}\nevents:", "m.yaml:3:18: `separator` must be one character"),
        ("events:", "csv: {encoding: utf9}\nevents:", "m.yaml:3:17: `utf9` is not an encoding"),
        ("events:", "numbers: {thousands: .}\nevents:", "m.yaml:3:10: `decimal` must be `.` or `,`"),
        ("events:", "events: 1\nx:", "m.yaml:"),
        ("    amount:", "   amount:", "m.yaml:8:"),
    ],
)
def test_errors_name_the_place_and_the_way_out(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(UserError) as raised:
        read_mapping(GOOD.replace(old, new, 1), "m.yaml")
    assert message in raised.value.message


def test_an_empty_mapping_is_refused() -> None:
    with pytest.raises(UserError, match="give `events`"):
        read_mapping("", "m.yaml")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "no,customr,at,amount",
            "mapping.yaml:6:18: `orders.csv` has no column `customer`, did you mean `customr`?",
        ),
        ("no,who,at,amount", "`orders.csv` has no column `customer`: it has `no`, `who`, `at` and `amount`"),
        ("no,customer,customer,at,amount", "has more than one column `customer`"),
    ],
)
def test_a_column_that_the_file_does_not_have_is_named(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        run_import(tmp_path, GOOD, csv_file(tmp_path, header + "\n1,2,3,4\n"))
    assert message in raised.value.message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n1,2\n", "is empty"),
        ("a.doc", b"x", "is of no known kind"),
        ("a.parquet", b"no parquet", "cannot be read as Parquet"),
        ("a.xlsx", b"no spreadsheet", "cannot be read as a spreadsheet"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        run_import(tmp_path, GOOD, csv_file(tmp_path, content, name))


def test_a_file_name_that_makes_no_id_is_refused_unless_events_have_ids(tmp_path: Path) -> None:
    file = csv_file(tmp_path, "no,customer,at,amount\n1,K1,2024-01-01,5\n", "x" * 120 + ".csv")
    with pytest.raises(UserError, match="cannot be part of event ids"):
        run_import(tmp_path, GOOD, file)
    named = GOOD.replace("order_id:", "event_id: no\n    order_id:")
    assert run_import(tmp_path, named, file).orders[0]["event_id"] == "1"


def test_missing_and_repeated_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not there"):
        run_import(tmp_path, GOOD, tmp_path / "none.csv")
    file = csv_file(tmp_path, "no,customer,at,amount\n")
    with pytest.raises(UserError, match="more than once"):
        run_import(tmp_path, GOOD, file, file)


def test_a_column_of_lists_is_refused(tmp_path: Path) -> None:
    import polars as pl

    frame = pl.DataFrame({"no": [[1]], "customer": ["K"], "at": ["2024-01-01"], "amount": [1]})
    frame.write_parquet(tmp_path / "orders.parquet")
    with pytest.raises(UserError, match=r"column `no` of `orders\.parquet` holds List"):
        run_import(tmp_path, GOOD, tmp_path / "orders.parquet")
