"""What people decide: said before, done once, and told to the log."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from tests.console.desk import Desk, Visitor
from tests.unit.queries.world import instant_us
from workers.settings.live import live_settings
from workers.sql import tables as at

_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
_AREA = re.compile(r"<textarea name=\"customers\"[^>]*>\n?(.*?)</textarea>", re.DOTALL)
PIN = {"act": "pin", "dimension": "tier", "category": "tier.gold", "until": "", "reason": "goodwill"}


def words(html: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html[html.index("<main") :]))


def confirm(visitor: Visitor, plan: str, **more: str) -> Any:
    """Send the form that a plan shows."""
    form = dict(_HIDDEN.findall(plan))
    area = _AREA.search(plan)
    assert area is not None
    return visitor.post("/acts/do", {**form, "customers": area[1], **more})


def test_a_plan_says_in_numbers_who_moves_and_writes_nothing(sqlite_desk: Desk) -> None:
    people = sqlite_desk.world.customers
    chosen = [own for own in people if own.startswith("C0")][:10]
    elsewhere = sum(people[own]["now"]["tier"][0] != "gold" for own in chosen)
    answer = sqlite_desk.logged_in("operator").send(
        "/acts/plan", {**PIN, "customers": "\n".join([*chosen, "nobody"])}
    )
    said = words(answer.text)
    assert answer.status_code == 200
    assert f"{elsewhere} customers move at once." in said
    assert "1 id is not known" in said
    assert "nobody" in said
    assert "goodwill" in said
    assert sqlite_desk.outbox.events == []


def test_what_was_confirmed_becomes_an_event_for_each_customer(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.logged_in("operator")
    plan = visitor.send("/acts/plan", {**PIN, "customers": "C001\nC002\nC001\n", "until": "2190-01-01"}).text
    answer = confirm(visitor, plan)
    assert answer.status_code == 200
    assert "Events were written for 2 customers." in words(answer.text)
    first, second = sqlite_desk.outbox.events
    assert {"C001", "C002"} == {first["customer_id"], second["customer_id"]}
    told = {
        name: first[name] for name in ("type", "dimension", "category", "mode", "until", "reason", "actor")
    }
    assert told == {
        "type": "category.assigned",
        "dimension": "tier",
        "category": "gold",
        "mode": "pin",
        "until": "2190-01-01",
        "reason": "goodwill",
        "actor": "operator-anna",
    }


def test_a_confirmation_that_is_sent_twice_writes_the_same_events(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.logged_in("operator")
    plan = visitor.send("/acts/plan", {**PIN, "customers": "C001\nC002"}).text
    confirm(visitor, plan)
    confirm(visitor, plan)
    ids = [each["event_id"] for each in sqlite_desk.outbox.events]
    assert len(ids) == 4
    assert len(set(ids)) == 2


def test_a_floor_moves_only_those_below_it(sqlite_desk: Desk) -> None:
    people = sqlite_desk.world.customers
    below = sum(each["now"]["tier"][0] == "bronze" for each in people.values())
    answer = sqlite_desk.logged_in("operator").send(
        "/acts/plan", {**PIN, "act": "floor", "category": "tier.silver", "customers": "\n".join(people)}
    )
    assert f"{below} customers move at once." in words(answer.text)


def test_a_release_says_for_how_many_there_is_nothing_to_release(sqlite_desk: Desk) -> None:
    _override(sqlite_desk, "C001", "tier")
    _override(sqlite_desk, "C002", "life")
    form = {"act": "release", "dimension": "tier", "reason": "over", "customers": "C001\nC002\nC003"}
    visitor = sqlite_desk.logged_in("operator")
    plan = visitor.send("/acts/plan", form).text
    assert "The rules decide again for 1 customer." in words(plan)
    assert "For 2 customers there is nothing to release." in words(plan)
    confirm(visitor, plan)
    assert {each["type"] for each in sqlite_desk.outbox.events} == {"category.released"}


def test_only_an_admin_erases_and_only_after_typing_the_id(sqlite_desk: Desk) -> None:
    form = {"act": "erase", "reason": "asked for it", "customers": "C001"}
    assert sqlite_desk.logged_in("operator").send("/acts/plan", form).status_code == 403
    assert (
        sqlite_desk.logged_in("operator")
        .send("/acts/do", {**form, "number": "00000000-0000-4000-8000-000000000000", "typed": "C001"})
        .status_code
        == 403
    )
    admin = sqlite_desk.logged_in("admin")
    plan = admin.send("/acts/plan", form).text
    assert confirm(admin, plan, typed="c001").status_code == 422
    assert sqlite_desk.outbox.events == []
    assert confirm(admin, plan, typed="C001").status_code == 200
    assert [each["type"] for each in sqlite_desk.outbox.events] == ["customer.erased"]


def test_many_are_erased_after_typing_how_many(sqlite_desk: Desk) -> None:
    admin = sqlite_desk.logged_in("admin")
    plan = admin.send("/acts/plan", {"act": "erase", "reason": "end", "customers": "C001\nC002"}).text
    assert confirm(admin, plan, typed="C001").status_code == 422
    assert confirm(admin, plan, typed="2").status_code == 200
    assert len(sqlite_desk.outbox.events) == 2


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"act": "promote"}, "Choose what is to be done."),
        ({"customers": " \n "}, "Name at least one customer"),
        ({"reason": " "}, "Say why"),
        ({"dimension": "tear"}, "Choose a dimension."),
        ({"category": ""}, "Choose a category."),
        ({"category": "life.new"}, "The category belongs to another dimension"),
        ({"category": "tier.golden"}, "The category belongs to another dimension"),
        ({"until": "tomorrow"}, "is no day"),
        ({"until": "2020-01-01"}, "give a later day"),
        ({"act": "floor", "dimension": "life", "category": "life.new"}, "no higher and lower"),
        ({"customers": "x" * 129}, "128 characters"),
        ({"customers": "\n".join(f"C{number}" for number in range(20_001))}, "at most 20000 customers"),
        ({"reason": "x" * 257}, "must have at most 256 characters"),
    ],
)
def test_what_cannot_be_is_said_beside_the_form_that_keeps_what_was_typed(
    sqlite_desk: Desk, changed: dict[str, str], sentence: str
) -> None:
    form = {**PIN, "customers": "C001", **changed}
    answer = sqlite_desk.logged_in("operator").send("/acts/plan", form)
    assert answer.status_code == 422
    assert sentence in words(answer.text)
    assert 'role="alert"' in answer.text
    assert sqlite_desk.outbox.events == []


@pytest.mark.parametrize(
    ("name", "content", "ids"),
    [
        ("ids.txt", b"C001\r\n\r\nC002\n", ["C001", "C002"]),
        (
            "ids.csv",
            b'\xef\xbb\xbfcustomer_id,tier\r\nC001,gold\r\n"C,2",x\r\n\'=C3,x\r\n',
            ["C001", "C,2", "=C3"],
        ),
        ("ids.csv", b"C001;gold\nC002;silver\n", ["C001", "C002"]),
        ("ids.txt", "中\nÜnal\n".encode(), ["中", "Ünal"]),
    ],
)
def test_ids_come_from_a_file_too(sqlite_desk: Desk, name: str, content: bytes, ids: list[str]) -> None:
    visitor = sqlite_desk.logged_in("operator")
    plan = visitor.send("/acts/plan", {**PIN, "customers": "C009"}, files={"file": (name, content)}).text
    confirm(visitor, plan)
    assert [each["customer_id"] for each in sqlite_desk.outbox.events] == ["C009", *ids]


def test_a_broker_that_is_away_is_said_and_nothing_counts_as_done(sqlite_desk: Desk) -> None:
    sqlite_desk.outbox.away = True
    visitor = sqlite_desk.logged_in("operator")
    answer = confirm(visitor, visitor.send("/acts/plan", {**PIN, "customers": "C001"}).text)
    assert answer.status_code == 503
    assert "Nothing was written: no broker answers" in words(answer.text)


def test_where_the_clock_is_the_log_a_decision_is_made_at_the_latest_moment_of_the_log(
    sqlite_desk: Desk,
) -> None:
    sqlite_desk.state.live = live_settings(clock="log")
    visitor = sqlite_desk.logged_in("operator")
    confirm(visitor, visitor.send("/acts/plan", {**PIN, "customers": "C001"}).text)
    assert sqlite_desk.outbox.at_ms == [instant_us(21) // 1000]


def test_an_id_stays_text_in_the_confirmation(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.logged_in("operator")
    plan = visitor.send("/acts/plan", {**PIN, "customers": "</textarea><script>x</script>"}).text
    assert "<script>x" not in plan


def test_letters_are_sent_again_after_saying_which(sqlite_desk: Desk) -> None:
    with sqlite_desk.state.engine.connect() as connection:
        rows = connection.execute(select(at.DEAD_LETTERS.c.source, at.DEAD_LETTERS.c.position).limit(2)).all()
    places = [f"{source}@{position}" for source, position in rows]
    visitor = sqlite_desk.logged_in("operator")
    plan = visitor.send("/dead-letters/redrive", {"letter": places})
    assert plan.status_code == 200
    assert sqlite_desk.outbox.sources == []
    done = visitor.send("/dead-letters/redrive", {"letter": places, "confirmed": "true"})
    assert "2 of 2 records were sent." in words(done.text)
    assert sqlite_desk.outbox.sources == sorted((source, position) for source, position in rows)


@pytest.mark.parametrize("place", ["orders", "orders/0", "@", "orders/0@x", "orders/0@" + "9" * 30, "\x00@1"])
def test_a_place_that_is_none_is_refused(sqlite_desk: Desk, place: str) -> None:
    answer = sqlite_desk.logged_in("operator").send("/dead-letters/redrive", {"letter": place})
    assert answer.status_code in (404, 422)


def test_an_act_is_counted_by_its_kind(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.logged_in("operator")
    confirm(visitor, visitor.send("/acts/plan", {**PIN, "customers": "C001\nC002"}).text)
    assert 'tierline_console_acts_total{act="pin"} 2.0' in visitor.get("/metrics").text


def _override(desk: Desk, customer: str, dimension: str) -> None:
    with desk.state.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = off")
        connection.execute(
            at.OVERRIDES.insert().values(
                customer_id=customer, dimension=dimension, mode="pin", category="gold", assigned_us=1
            )
        )
        connection.commit()
        connection.exec_driver_sql("PRAGMA query_only = on")
