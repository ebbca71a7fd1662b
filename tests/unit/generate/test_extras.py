"""Payments and feedback made up for real orders fit those orders."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.accepting import accepted, open_pack
from workers.cli.errors import UserError
from workers.generate.extras import demo_extras, generate_extras

FIRST = datetime(2024, 1, 1, 12, tzinfo=UTC)


def orders() -> pl.DataFrame:
    """300 customers with an order a week; every third stops after half a year; every tenth order is free."""
    rows = [
        (
            f"K{who}",
            f"O-{who}-{week}",
            FIRST + timedelta(weeks=week, minutes=who),
            "0.00" if week % 10 == 9 else "12.50",
        )
        for who in range(300)
        for week in range(26 if who % 3 == 0 else 52)
    ]
    frame = pl.DataFrame(rows, schema=["customer_id", "order_id", "occurred_at", "amount"], orient="row")
    return frame.with_columns(pl.col("occurred_at").cast(pl.Datetime("us", "UTC")), currency=pl.lit("USD"))


def made(seed: int = 1) -> dict[str, pl.DataFrame]:
    return {topic: pl.DataFrame(pl.from_arrow(table)) for topic, table in demo_extras(orders(), seed).items()}


def test_each_order_that_costs_something_is_paid_once() -> None:
    payments = made()["payments"]
    paid = payments.filter(pl.col("type") == "payment.succeeded")
    bought = orders().filter(
        (pl.col("amount") != "0.00") & (pl.col("occurred_at") < orders()["occurred_at"].max())
    )
    assert set(paid["order_id"]) >= set(bought["order_id"]) - set(orders().tail(500)["order_id"])
    assert paid["order_id"].is_unique().all()
    assert 0.005 < 1 - paid.height / payments.height < 0.06
    assert set(paid["amount"]) == {"12.50"}


def test_who_left_has_complained_more_often() -> None:
    complaints = made()["feedback"].filter(pl.col("type") == "feedback.complaint")
    left = complaints["customer_id"].str.slice(1).cast(pl.Int64) % 3 == 0
    assert left.sum() > 25
    assert (~left).sum() < 25


def test_events_are_in_order_and_not_after_the_last_order() -> None:
    for frame in made().values():
        assert frame["occurred_at"].is_sorted()
        assert frame["occurred_at"].max() <= orders()["occurred_at"].max()  # type: ignore[operator]
        assert frame["event_id"].is_unique().all()


def test_the_same_seed_gives_the_same_events() -> None:
    for topic in ("payments", "feedback"):
        assert made(1)[topic].equals(made(1)[topic])
        assert not made(1)[topic].equals(made(2)[topic])


@pytest.mark.parametrize("kind", ["ndjson", "parquet"])
def test_extras_of_an_import_are_accepted(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "in"
    source.mkdir()
    given = orders().with_columns(type=pl.lit("order.completed"))
    if kind == "parquet":
        given.write_parquet(source / "orders.parquet")
    else:
        stamped = given.with_columns(pl.col("occurred_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
        stamped.write_ndjson(source / "orders.ndjson")
    counts = generate_extras(source, tmp_path / "out", "ndjson", seed=1)
    assert accepted(tmp_path / "out", open_pack()) == counts
    assert json.loads((tmp_path / "out/generate.json").read_text())["made_up"] is True


def test_a_folder_without_orders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give the folder of an import"):
        generate_extras(tmp_path, tmp_path / "out", "ndjson", seed=1)
