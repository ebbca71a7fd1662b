"""The mapping that the folder's README offers to copy works."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl

import workers.importer
from tests.unit.importer.tables import csv_file, run_import


def test_the_mapping_to_copy_works(tmp_path: Path) -> None:
    readme = (Path(next(iter(workers.importer.__path__))) / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```yaml\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Customer", "Since", "Region", "Staff"])
    book.active.append([7, "2020-05-01", "north", 12])
    book.save(tmp_path / "customers.xlsx")
    header = "Order No;Customer;Date;Total;Rebate cents;Pieces;Shop;Status\n"
    rows = [
        "1;7;01.02.2024 10:00;1.234,50;150;3;O;paid",
        "2;7;02.02.2024 10:00;10,00;;1;X;unpaid",
        "3;7;;;;;;open",
    ]
    orders = csv_file(tmp_path, header + "\n".join(rows), "orders-2024.csv")
    outcome = run_import(tmp_path, found.group(1), orders, tmp_path / "customers.xlsx")
    assert outcome.bad == []
    assert outcome.result.events == {"order.completed": 1, "payment.failed": 1, "customer.registered": 1}
    order = outcome.orders[0]
    assert (order["customer_id"], order["amount"], order["discount"], order["channel"]) == (
        "C000007",
        "1234.50",
        "1.50",
        "web",
    )
    assert outcome.events["customers"][0]["attributes"] == {"region": "north", "employees": 12}
