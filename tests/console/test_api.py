"""The API: what the pages show as JSON, by tokens and roles, with errors that are sentences."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.console.desk import Desk
from workers.console.worker_client import Answer

PIN: dict[str, Any] = {
    "customers": ["C001", "C002"],
    "dimension": "tier",
    "category": "gold",
    "mode": "pin",
    "reason": "goodwill",
}
ANSWERED = [
    "/overview",
    "/freshness",
    "/pack",
    "/dimensions/tier/timeline?step=week",
    "/dimensions/tier/flows?first=2026-01-01&last=2026-01-31",
    "/changes-by-day?dimension=tier",
    "/customers?category=tier:gold&category=tier:silver&attribute=city:Berlin&sort=-revenue",
    "/customers?since_in=tier&since_first=2026-01-02&since_last=2026-01-20",
    "/customers?pending=any&until=2026-03-05",
    "/customers.csv?text=C00",
    "/customers/C001",
    "/customers/C'; --",
    "/changes?customer_id=C001",
    "/changes?dimension=tier&category=gold&cause=override",
    "/pending",
    "/dead-letters",
    "/dead-letters/counts",
    "/value/revenue?dimension=tier",
    "/value/concentration",
    "/value/cross?a=tier&b=life&measure=revenue",
]


@pytest.mark.parametrize("path", ANSWERED)
def test_every_address_answers_a_token(desk: Desk, path: str) -> None:
    assert desk.ask(f"/api/v1{path}").status_code == 200


@pytest.mark.parametrize("path", ANSWERED)
def test_nobody_is_answered_without_a_token(sqlite_desk: Desk, path: str) -> None:
    answer = sqlite_desk.ask(f"/api/v1{path}", role=None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "a token is needed" in answer.json()["error"]


def test_a_wrong_token_is_none_and_guessing_is_slowed_down(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.visitor()
    statuses = [
        visitor.get("/api/v1/pack", headers={"authorization": f"Bearer {number}"}).status_code
        for number in range(8)
    ]
    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_whoever_is_logged_in_may_read_but_not_act_without_a_token(sqlite_desk: Desk) -> None:
    admin = sqlite_desk.logged_in("admin")
    assert admin.get("/api/v1/pack").status_code == 200
    assert admin.client.post("/api/v1/overrides", json=PIN).status_code == 401
    assert sqlite_desk.outbox.events == []


def test_pages_of_customers_lead_to_all_of_them_once(sqlite_desk: Desk) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        params = {"size": "7"} | ({"cursor": cursor} if cursor else {})
        page = sqlite_desk.ask("/api/v1/customers", params=params).json()
        seen += [each["customer_id"] for each in page["customers"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(sqlite_desk.world.customers)
    assert page["count"] == len(seen)


def test_a_customer_is_told_with_categories_and_what_the_worker_says(sqlite_desk: Desk) -> None:
    told = sqlite_desk.ask("/api/v1/customers/C001?live=true").json()
    tier, _since_us, sequence = sqlite_desk.world.customers["C001"]["now"]["tier"]
    assert told["categories"]["tier"]["category"] == tier
    assert told["categories"]["tier"]["sequence"] == sequence
    assert told["categories"]["tier"]["since"].startswith("2026-")
    assert (told["now"], told["now_missing"]) == (None, "away")
    sqlite_desk.workers.answer = Answer({"dimensions": {}, "metrics": {"orders": 3}})
    assert sqlite_desk.ask("/api/v1/customers/C001?live=true").json()["now"]["metrics"] == {"orders": 3}
    assert sqlite_desk.ask("/api/v1/customers/nobody").status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/dimensions/tear/flows", 404, "there is no dimension `tear`: the pack has"),
        ("/customers?category=gold", 422, "`category` is `gold`: write NAME:VALUE"),
        ("/customers?attribute=town:x", 422, "NAME is one of"),
        ("/customers?sort=name", 422, "`sort`"),
        ("/customers?size=0", 422, "`size`"),
        ("/customers?cursor=abc", 400, "the cursor is none of this list"),
        ("/customers?since_first=2026-01-01", 422, "`since_in` is missing"),
        ("/customers?pending=tear", 422, "no dimension `tear`"),
        ("/changes?category=gold", 422, "`dimension` is missing"),
        ("/changes?first=2026-13-01", 422, "`first`"),
        ("/changes?cause=luck", 422, "`cause`"),
        ("/changes-by-day?first=2026-02-01&last=2026-01-01", 422, "the period ends before it begins"),
        ("/changes-by-day?first=1970-01-01&last=2199-01-01", 422, "the period is too long"),
        ("/dead-letters/orders/0/99999999999999999999", 422, "`offset`"),
        ("/dead-letters/orders/0/999999", 404, "no such dead letter"),
        ("/value/cross?a=tier", 422, "`b`"),
        ("/nothing", 404, "There is no such page."),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(
    sqlite_desk: Desk, path: str, status: int, said: str
) -> None:
    answer = sqlite_desk.ask(f"/api/v1{path}")
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert said in answer.json()["error"]


def test_what_a_spreadsheet_would_take_for_a_formula_is_text_in_the_csv(sqlite_desk: Desk) -> None:
    from workers.sql import tables as at

    evil = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://evil.example")']
    with sqlite_desk.state.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = off")
        for own, text in zip(list(sqlite_desk.world.customers), evil, strict=False):
            connection.execute(at.ATTRIBUTES.delete().where(at.ATTRIBUTES.c.customer_id == own))
            connection.execute(
                at.ATTRIBUTES.insert().values(customer_id=own, name="city", value=text, assigned_us=1)
            )
        connection.commit()
        connection.exec_driver_sql("PRAGMA query_only = on")
    text = sqlite_desk.ask("/api/v1/customers.csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {f"'{each}" for each in evil} <= {row["city"] for row in rows}
    assert len(rows) == len(sqlite_desk.world.customers)
    for row in rows:
        assert not any(str(cell).startswith(("=", "+", "@", "\t")) for cell in row.values())


@pytest.mark.parametrize(
    ("role", "path", "body", "status"),
    [
        ("viewer", "/overrides", PIN, 403),
        ("viewer", "/releases", {"customers": ["C1"], "dimension": "tier", "reason": "x"}, 403),
        ("viewer", "/redrives", {"letters": ["orders/0@1"]}, 403),
        ("operator", "/erasures", {"customers": ["C1"], "reason": "x"}, 403),
        ("operator", "/overrides", PIN, 200),
        ("admin", "/erasures", {"customers": ["C1"], "reason": "x"}, 200),
    ],
)
def test_a_token_may_what_its_role_may(
    sqlite_desk: Desk, role: str, path: str, body: dict[str, Any], status: int
) -> None:
    assert sqlite_desk.ask(f"/api/v1{path}", role, "POST", json=body).status_code == status
    assert bool(sqlite_desk.outbox.events) == (status == 200)


def test_an_override_tells_what_it_does_and_the_event_names_the_token(sqlite_desk: Desk) -> None:
    people = sqlite_desk.world.customers
    moves = sum(people[own]["now"]["tier"][0] != "gold" for own in PIN["customers"])
    dry = sqlite_desk.ask("/api/v1/overrides", "operator", "POST", json={**PIN, "dry_run": True}).json()
    assert (dry["moves"], dry["written"]) == (moves, 0)
    assert sqlite_desk.outbox.events == []
    done = sqlite_desk.ask("/api/v1/overrides", "operator", "POST", json=PIN).json()
    assert (done["known"], done["written"], done["why_not"]) == (2, 2, None)
    assert {each["actor"] for each in sqlite_desk.outbox.events} == {"operator-program"}


def test_the_same_number_gives_the_same_events(sqlite_desk: Desk) -> None:
    body = {**PIN, "number": "6a1d3c5e-0000-4000-8000-000000000001"}
    for _ in range(2):
        sqlite_desk.ask("/api/v1/overrides", "operator", "POST", json=body)
    assert len({each["event_id"] for each in sqlite_desk.outbox.events}) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"customers": []},
        {"customers": ["x" * 129]},
        {"customers": ["a\u0000b"]},
        {"dimension": "tear"},
        {"category": "golden"},
        {"mode": "nail"},
        {"mode": "floor", "dimension": "life", "category": "new"},
        {"until": "2020-01-01"},
        {"reason": "x" * 257},
        {"more": 1},
    ],
)
def test_an_override_that_cannot_be_is_refused_and_not_written(
    sqlite_desk: Desk, changed: dict[str, Any]
) -> None:
    answer = sqlite_desk.ask("/api/v1/overrides", "operator", "POST", json={**PIN, **changed})
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert sqlite_desk.outbox.events == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"customers": "C1"}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_body_that_is_no_such_request_is_refused(sqlite_desk: Desk, content: bytes) -> None:
    headers = {"authorization": f"Bearer {sqlite_desk.tokens['admin']}", "content-type": "application/json"}
    answer = sqlite_desk.visitor().client.post("/api/v1/erasures", content=content, headers=headers)
    assert answer.status_code in (400, 422)
    assert list(answer.json()) == ["error"]


def test_a_broker_that_is_away_is_said(sqlite_desk: Desk) -> None:
    sqlite_desk.outbox.away = True
    answer = sqlite_desk.ask("/api/v1/overrides", "operator", "POST", json=PIN)
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("nothing was written: no broker answers")


def test_the_description_has_every_address_its_errors_and_nothing_of_the_pages(sqlite_desk: Desk) -> None:
    told = sqlite_desk.visitor().get("/api/openapi.json").json()
    assert all(path.startswith("/api/v1/") for path in told["paths"])
    for path, methods in told["paths"].items():
        for method, described in methods.items():
            assert described["description"].strip(), path
            assert {"200", "401", "403", "422"} <= set(described["responses"]), (path, method)
            assert described["security"], path


def test_the_page_of_the_description_loads_nothing_from_elsewhere(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.visitor()
    html = visitor.get("/api/docs").text
    assert "http" not in html.replace("<!doctype html>", "")
    import re

    for address in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert visitor.get(address).status_code == 200, address
