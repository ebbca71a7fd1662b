"""The commands as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import workers.data
from workers.cli.main import run

DATA = Path(next(iter(workers.data.__path__)))
MAPPING = """
timezone: UTC
currency: USD
events:
  - type: order.completed
    customer_id: who
    order_id: no
    occurred_at: at
    amount: amount
"""


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_generate_writes_four_topics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--customers",
        "50",
        "--days",
        "90",
        "--events",
        "900",
        "--start",
        "2024-02-01",
        "--currency",
        "JPY",
    ]
    assert run(["generate", *arguments, "--out", str(tmp_path / "out")]) == 0
    assert "order.completed" in capsys.readouterr().out
    orders = lines(tmp_path / "out/orders.ndjson")
    assert {order["currency"] for order in orders} == {"JPY"}
    assert str(orders[0]["occurred_at"]).startswith("2024-02-01")
    assert json.loads((tmp_path / "out/generate.json").read_text())["parameters"]["start"] == "2024-02-01"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--currency", "EURO"], "`EURO` is not a currency"),
        (["--events", "5", "--events-per-customer", "1"], "not both"),
        (["--start", "2199-01-01"], "must lie between 1970 and 2190"),
        (["--for", "imported"], "not both"),
    ],
)
def test_generate_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(["generate", "--customers", "5", "--out", str(tmp_path / "out"), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_real_baskets_are_imported_without_a_bad_row(tmp_path: Path) -> None:
    files = [str(path) for path in sorted(DATA.glob("*.parquet"))]
    command = [
        "import",
        "--mapping",
        str(DATA / "completejourney.yaml"),
        *files,
        "--out",
        str(tmp_path / "out"),
    ]
    assert run([*command, "--strict"]) == 0
    summary = json.loads((tmp_path / "out/import-summary.json").read_text())
    assert summary["rows"] == {"read": 156_649, "used": 156_649, "filtered": 0, "bad": 0}
    assert summary["events"] == {"customer.registered": 801, "order.completed": 155_848}
    orders = lines(tmp_path / "out/orders.ndjson")
    assert orders[0] == {
        "event_id": "basket-31198570044",
        "type": "order.completed",
        "occurred_at": "2017-01-01T11:53:26.000000Z",
        "customer_id": "H0900",
        "order_id": "ORD-31198570044",
        "amount": "0.50",
        "discount": "0.00",
        "items": 1,
        "channel": "store",
        "currency": "USD",
    }
    first = lines(tmp_path / "out/customers.ndjson")[0]
    assert first["occurred_at"] == "2017-01-01T05:00:00.000000Z"
    assert first["attributes"] == {
        "age": "65+",
        "income": "35-49K",
        "home_ownership": "Homeowner",
        "marital_status": "Married",
        "household_size": "2",
        "household_comp": "2 Adults No Kids",
        "kids_count": "0",
    }


def test_real_orders_get_made_up_payments_and_feedback(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(MAPPING)
    rows = [f"K{n % 7},{n},2024-01-{n % 28 + 1:02},5" for n in range(200)]
    (tmp_path / "a.csv").write_text("\n".join(["who,no,at,amount", *rows]))
    imported, extras = str(tmp_path / "imported"), str(tmp_path / "extras")
    assert (
        run(["import", "--mapping", str(tmp_path / "m.yaml"), str(tmp_path / "a.csv"), "--out", imported])
        == 0
    )
    assert run(["generate", "--for", imported, "--out", extras]) == 0
    assert {path.name for path in (tmp_path / "extras").iterdir()} == {
        "feedback.ndjson",
        "generate.json",
        "payments.ndjson",
    }
    assert run(["generate", "--out", extras]) == 2


def test_bad_rows_are_counted_and_strict_says_no(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.yaml").write_text(MAPPING)
    (tmp_path / "a.csv").write_text("who,no,at,amount\nK1,1,2024-01-01,5\nK1,2,soon,5\n")
    out = tmp_path / "out"
    command = ["import", "--mapping", str(tmp_path / "m.yaml"), str(tmp_path / "a.csv"), "--out", str(out)]
    assert run(command) == 0
    assert "1 bad rows gave no event" in capsys.readouterr().out
    assert run([*command, "--strict"]) == 1
    assert lines(out / "report/bad-rows.ndjson") == [
        {
            "file": "a.csv",
            "row": 3,
            "column": "at",
            "event": "order.completed",
            "field": "occurred_at",
            "reason": "not_a_time",
            "detail": "`occurred_at` is not a time in the format of the mapping",
            "value": "soon",
        }
    ]


def test_a_bad_mapping_and_a_missing_file_end_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.yaml").write_text(MAPPING.replace("who", "whom"))
    (tmp_path / "a.csv").write_text("who,no,at,amount\n")
    command = ["import", "--mapping", str(tmp_path / "m.yaml"), "--out", str(tmp_path / "out")]
    assert run([*command, str(tmp_path / "a.csv")]) == 2
    assert "m.yaml:6:18: `a.csv` has no column `whom`, did you mean `who`?" in capsys.readouterr().err
    assert run([*command, str(tmp_path / "b.csv")]) == 2
    assert capsys.readouterr().err.startswith("error: `")
    assert run(["import", "--mapping", str(tmp_path / "n.yaml"), str(tmp_path / "a.csv"), "--out", "x"]) == 2
    assert "n.yaml`: no such file or directory" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
