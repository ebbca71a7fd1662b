"""What `tierline generate` promises of its events: the same for the same seed, valid, and believable."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from tests.accepting import accepted, open_pack
from workers.cli.errors import UserError
from workers.generate.columns import event_ids, numbered
from workers.generate.facts import TYPE_CODES, Facts
from workers.generate.run import generate
from workers.generate.settings import DAY_US, Settings
from workers.generate.stream import stream

SMALL = Settings(customers=400, days=120, events=4000, seed=11)
TOPICS = ("customers", "feedback", "orders", "payments")


def write(settings: Settings, folder: Path, kind: str = "ndjson") -> dict[str, int]:
    assert kind in {"ndjson", "parquet"}
    return generate(settings, folder, "parquet" if kind == "parquet" else "ndjson", lambda *_: None)


@cache
def year() -> Facts:
    """A year of 20,000 customers, without late and double events."""
    settings = Settings(customers=20_000, days=365, events=200_000, seed=3, late=0, duplicates=0)
    events: Facts = np.concatenate([piece.events for piece in stream(settings)])
    return events


def of_type(events: Facts, kind: str) -> Facts:
    chosen: Facts = events[events["type"] == TYPE_CODES[kind]]
    return chosen


@pytest.mark.parametrize("kind", ["ndjson", "parquet"])
def test_equal_settings_give_equal_bytes(tmp_path: Path, kind: str) -> None:
    for folder in ("a", "b"):
        write(SMALL, tmp_path / folder, kind)
    names = [path.name for path in sorted((tmp_path / "a").iterdir())]
    assert names == sorted([*(f"{topic}.{kind}" for topic in TOPICS), "generate.json"])
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_another_seed_gives_other_events(tmp_path: Path) -> None:
    write(SMALL, tmp_path / "a")
    write(replace(SMALL, seed=12), tmp_path / "b")
    assert (tmp_path / "a/orders.ndjson").read_bytes() != (tmp_path / "b/orders.ndjson").read_bytes()


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3)])
def test_every_event_is_accepted(tmp_path: Path, currency: str, digits: int) -> None:
    counts = write(
        replace(SMALL, currency=currency, digits=digits, late=0.05, duplicates=0.05), tmp_path / "out"
    )
    assert accepted(tmp_path / "out", open_pack()) == counts


def test_parquet_and_ndjson_hold_the_same_events(tmp_path: Path) -> None:
    write(SMALL, tmp_path / "lines")
    write(SMALL, tmp_path / "parquet", "parquet")
    for topic in TOPICS:
        lines = [json.loads(line) for line in (tmp_path / f"lines/{topic}.ndjson").read_text().splitlines()]
        rows = pl.read_parquet(tmp_path / f"parquet/{topic}.parquet").rows(named=True)
        for line, row in zip(lines, rows, strict=True):
            shown = {name: value for name, value in row.items() if value is not None}
            shown["occurred_at"] = shown["occurred_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            for name in {"amount", "discount"} & shown.keys():
                shown[name] = str(shown[name])
            if "attributes" in shown:
                shown["attributes"] = json.loads(shown["attributes"])
            assert line == shown


def test_the_summary_counts_what_is_in_the_files(tmp_path: Path) -> None:
    counts = write(SMALL, tmp_path / "out")
    summary = json.loads((tmp_path / "out/generate.json").read_text())
    lines = sum(len(path.read_bytes().splitlines()) for path in (tmp_path / "out").glob("*.ndjson"))
    assert summary["types"] == counts
    assert summary["events"] == sum(counts.values()) == lines
    assert summary["parameters"]["seed"] == 11


@pytest.mark.parametrize("events", [30_000, 100_000, 400_000])
def test_the_wished_number_of_events_is_met_within_five_percent(events: int) -> None:
    settings = Settings(customers=10_000, days=365, events=events, seed=5)
    made = sum(piece.events.size for piece in stream(settings))
    assert abs(made / events - 1) < 0.05


def test_without_late_and_double_events_files_are_in_the_order_of_time() -> None:
    assert (np.diff(year()["occurred_us"]) >= 0).all()
    assert np.unique(year()["event"]).size == year().size


def test_late_and_double_events_come_in_the_wished_shares() -> None:
    settings = Settings(customers=5000, days=200, events=100_000, seed=3, late=0.02, duplicates=0.01)
    events = np.concatenate([piece.events for piece in stream(settings)])
    assert (np.diff(events["arrival_us"]) >= 0).all()
    _, first = np.unique(events["event"], return_index=True)
    assert 1 - first.size / events.size == pytest.approx(0.01, rel=0.2)
    once = events[first]
    delay = once["arrival_us"] - once["occurred_us"]
    assert (delay > 0).mean() == pytest.approx(0.02, rel=0.2)
    assert delay.max() <= 20 * DAY_US


def test_nothing_happens_outside_the_days_or_before_the_customer_registers() -> None:
    events = year()
    assert events["occurred_us"].min() >= SMALL.start_us
    assert events["occurred_us"].max() < SMALL.start_us + 365 * DAY_US
    registered = of_type(events, "customer.registered")
    assert np.unique(registered["customer"]).size == registered.size == 20_000
    joined = np.zeros(20_000, np.int64)
    joined[registered["customer"]] = registered["occurred_us"]
    assert (events["occurred_us"] >= joined[events["customer"]]).all()


def test_customers_buy_at_very_different_rates() -> None:
    counts = np.sort(np.bincount(of_type(year(), "order.completed")["customer"], minlength=20_000))
    assert counts[-2000:].sum() > 0.35 * counts.sum()  # the best tenth
    assert 0.1 < (counts == 0).mean() < 0.5
    assert (counts >= 2).mean() > 0.3


def test_the_shares_of_types_are_those_of_a_shop() -> None:
    count = np.bincount(year()["type"], minlength=len(TYPE_CODES))
    completed = count[TYPE_CODES["order.completed"]]
    shares = {kind: count[code] / completed for kind, code in TYPE_CODES.items()}
    assert 0.02 < shares["order.cancelled"] < 0.08
    assert 0.02 < shares["order.refunded"] < 0.08
    assert 0.01 < shares["payment.failed"] < 0.08
    assert 0.005 < shares["payment.overdue"] < 0.05
    assert 0.05 < shares["feedback.rating"] < 0.3
    assert 0.01 < shares["feedback.complaint"] < 0.1
    assert shares["payment.refunded"] == pytest.approx(shares["order.refunded"], rel=0.1)


def test_the_year_and_the_week_have_their_seasons() -> None:
    ordered = of_type(year(), "order.placed")["occurred_us"]
    months = np.bincount(
        ordered.astype("datetime64[us]").astype("datetime64[M]").astype(int) % 12, minlength=12
    )
    assert months[11] > 1.15 * months[6]
    weekdays = np.bincount((ordered // DAY_US + 3) % 7, minlength=7)  # Monday is 0
    assert weekdays[5] > 1.2 * weekdays[0]


def test_who_complains_often_leaves() -> None:
    events = year()
    middle = slice(SMALL.start_us + 60 * DAY_US, SMALL.start_us + 240 * DAY_US)

    def between(part: Facts, begin: int, end: int) -> Facts:
        return part[(part["occurred_us"] >= begin) & (part["occurred_us"] < end)]

    buyers = of_type(events, "order.completed")
    complaints = between(of_type(events, "feedback.complaint"), middle.start, middle.stop)
    grave = complaints[complaints["score"] >= 3]
    before = np.bincount(
        between(buyers, middle.start - 60 * DAY_US, middle.start)["customer"], minlength=20_000
    )
    after = np.bincount(
        between(buyers, middle.stop, middle.stop + 120 * DAY_US)["customer"], minlength=20_000
    )
    complained = np.bincount(grave["customer"], minlength=20_000) > 0
    active = before > 0
    stopped_angry = (after[active & complained] == 0).mean()
    stopped_calm = (after[active & ~complained] == 0).mean()
    assert (active & complained).sum() > 100
    assert stopped_angry > 1.5 * stopped_calm


def test_ratings_are_bad_after_a_grave_complaint() -> None:
    complaints = of_type(year(), "feedback.complaint")
    grave = complaints[complaints["score"] >= 4]
    ratings = of_type(year(), "feedback.rating")
    upset = np.full(20_000, 2**62)
    np.minimum.at(upset, grave["customer"], grave["occurred_us"])
    gap = ratings["occurred_us"] - upset[ratings["customer"]]
    soon = (gap > 0) & (gap < 30 * DAY_US)
    assert ratings["score"][soon].mean() < 3 < 4 < ratings["score"][gap < 0].mean()


def test_ids_are_unique_and_look_like_ids() -> None:
    numbers: NDArray[np.int64] = np.arange(50_000)
    ids = event_ids(numbers, seed=1).to_pylist()
    assert len(set(ids)) == 50_000
    assert {len(name) for name in ids} == {36}
    assert set(ids).isdisjoint(event_ids(numbers, seed=2).to_pylist())
    assert numbered("ord-", np.array([12, 0, 123_456_789]), 3).to_pylist() == [
        "ord-000000000012",
        None,
        "ord-000123456789",
    ]


def test_a_folder_with_other_files_is_refused_and_an_earlier_output_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(UserError, match="holds other files"):
        write(SMALL, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    write(SMALL, tmp_path / "out", "parquet")
    write(SMALL, tmp_path / "out", "ndjson")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".ndjson", ".json"}


def test_what_is_interrupted_leaves_no_output(tmp_path: Path) -> None:
    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(SMALL, tmp_path / "out", "ndjson", stop)
    assert list((tmp_path / "out").iterdir()) == []
    write(SMALL, tmp_path / "out")


def test_what_a_killed_run_left_does_not_stop_the_next(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report/bad-rows.ndjson.partial").write_text("half")
    write(SMALL, tmp_path)
