"""`tierline assign`, `release`, `erase` write an event that the service takes, or none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import orjson
import pytest

from rules.calendar import period_from_date
from rules.engine.event import Event
from rules.intake.decode import decode_event
from tests.live.commands import Desk, desk
from workers.cli import kafka_options
from workers.kafka.partitioner import partition_of
from workers.packs import open_pack

__all__ = ["desk"]

TO_GOLD = ("--rules", "shop", "--dimension", "value_tier", "--category", "gold", "--reason", "goodwill")


def written(desk: Desk) -> list[Event]:
    """What was written into the customers' topic, as the service reads it."""
    found = []
    for record in desk.read(desk.scene.topics.customers):
        event = decode_event(
            record.value, open_pack("shop"), key=record.key, timestamp_us=record.timestamp * 1000
        )
        assert isinstance(event, Event)
        assert record.partition == partition_of(event.customer_id.encode(), 2)
        found.append(event)
    return found


def test_a_pin_is_written_as_the_service_takes_it(desk: Desk) -> None:
    said = desk.run("assign", "C1", *TO_GOLD, "--actor", "anna", "--until", "2190-01-01", "--yes")
    (event,) = written(desk)
    shop = open_pack("shop")
    assert event.dimension is not None
    dimension = shop.dimensions[event.dimension]
    assert event.category is not None
    assert (event.type, event.customer_id, dimension.id) == ("category.assigned", "C1", "value_tier")
    assert dimension.categories[event.category].id == "gold"
    assert (event.mode, event.reason, event.actor) == ("pin", "goodwill", "anna")
    assert event.until == period_from_date(date(2190, 1, 1))
    assert said.code == 0
    assert said.lines[0] == "pin to `gold` in `value_tier` until 2190-01-01 for 1 customer: C1"
    assert said.lines[-1] == "category.assigned was written for 1 of 1 customer"


def test_a_floor_without_end(desk: Desk) -> None:
    desk.run("assign", "C1", *TO_GOLD, "--mode", "floor", "--yes")
    (event,) = written(desk)
    assert (event.mode, event.until) == ("floor", None)


def test_an_override_is_released(desk: Desk) -> None:
    desk.run("release", "C1", "--rules", "shop", "--dimension", "value_tier", "--reason", "over", "--yes")
    (event,) = written(desk)
    assert (event.type, event.customer_id, event.reason) == ("category.released", "C1", "over")


def test_a_customer_is_erased(desk: Desk) -> None:
    desk.run("erase", "C1", "--reason", "asked for it", "--yes")
    (event,) = written(desk)
    assert (event.type, event.customer_id, event.reason) == ("customer.erased", "C1", "asked for it")


def test_customers_come_from_the_line_and_from_a_file_each_once(desk: Desk, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("C2\n\n C3 \nC1\n", encoding="utf-8")
    desk.run("assign", "C1", "--file", str(ids), *TO_GOLD, "--yes")
    assert sorted(event.customer_id for event in written(desk)) == ["C1", "C2", "C3"]


def test_the_moment_can_be_one_of_the_log(desk: Desk) -> None:
    desk.run("assign", "C1", *TO_GOLD, "--at", "2017-12-31T12:00:00Z", "--yes")
    (record,) = desk.read(desk.scene.topics.customers)
    assert orjson.loads(record.value)["occurred_at"] == "2017-12-31T12:00:00.000000Z"
    assert record.timestamp == 1_514_721_600_000


@pytest.mark.parametrize(("answer", "count"), [("y", 1), ("yes", 1), ("", 0), ("n", 0)])
def test_an_assignment_waits_for_a_yes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str, count: int
) -> None:
    monkeypatch.setattr(kafka_options, "can_ask", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: answer)
    assert desk.run("assign", "C1", *TO_GOLD).code == (0 if count else 1)
    assert len(written(desk)) == count


@pytest.mark.parametrize(("answer", "count"), [("C1", 1), ("y", 0), ("c1", 0)])
def test_an_erasure_waits_for_the_id(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str, count: int
) -> None:
    monkeypatch.setattr(kafka_options, "can_ask", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: answer)
    desk.run("erase", "C1", "--reason", "asked for it")
    assert len(written(desk)) == count


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--dimension", "value_teir"], "no dimension `value_teir`, did you mean `value_tier`?"),
        (["--category", "golden"], "no category `golden`, did you mean `gold`?"),
        (["--dimension", "lifecycle", "--category", "active", "--mode", "floor"], "mode `pin`"),
        (["--until", "2017-01-01"], "give a later day"),
        (["--reason", "x" * 257], "`reason` of customer `C1` must have"),
        (["--at", "noon"], "`--at noon` is no moment"),
        (["--rules", "shpo"], "there is no pack `shpo`"),
    ],
)
def test_what_the_service_would_refuse_is_not_written(desk: Desk, changed: list[str], message: str) -> None:
    said = desk.run("assign", "C1", *TO_GOLD, *changed, "--yes")
    assert said.code == 2
    assert message in said.err
    assert written(desk) == []


def test_an_id_that_is_too_long_stops_all_of_them(desk: Desk) -> None:
    said = desk.run("assign", "C1", "C" * 129, *TO_GOLD, "--yes")
    assert said.code == 2
    assert written(desk) == []


def test_somebody_must_be_named(desk: Desk) -> None:
    assert "name at least one customer" in desk.run("assign", *TO_GOLD, "--yes").err
