"""Every page answers, escapes what it shows, and carries the headers that keep others out."""

from __future__ import annotations

import re

import pytest

from tests.console.desk import Desk, desk_over
from workers.console.api.routes import ROUTERS as API_ROUTERS
from workers.sql import tables as at

PAGES = [
    "/",
    "/?dimension=life&span=30",
    "/customers",
    "/customers?text=C00&in.tier=gold&in.tier=silver&attr.city=Berlin&sort=-revenue",
    "/customers?since_in=tier&since_from=2026-01-02&pending=any&until=2026-03-05",
    "/customers/C001",
    "/customers/C001?dimension=tier",
    "/changes?dimension=tier&category=tier.gold&cause=time&first=2026-01-01&last=2026-02-01",
    "/pending?dimension=tier&until=2026-03-09",
    "/flows?dimension=need",
    "/value?a=tier&b=life&measure=revenue",
    "/rules",
    "/dead-letters?code=schema&topic=orders",
    "/dead-letters/orders/0/0",
    "/api/docs",
]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_answers_a_viewer(sqlite_desk: Desk, page: str, language: str) -> None:
    answer = sqlite_desk.logged_in("viewer").get(page, headers={"accept-language": language})
    assert answer.status_code in ({200, 404} if page.startswith("/dead-letters/") else {200}), page
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_answer_over_either_database(desk: Desk, page: str) -> None:
    assert desk.logged_in("admin").get(page).status_code in (200, 404)


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/api/v1/overview", "/healthz", "/static/own/x"])
def test_every_answer_has_the_headers_that_keep_others_out(sqlite_desk: Desk, path: str) -> None:
    headers = sqlite_desk.visitor().get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers


def test_the_overview_tells_customers_without_a_watermark_from_none_at_all(sqlite_desk: Desk) -> None:
    """As in a database that was filled from a part of the topics."""
    visitor = sqlite_desk.logged_in("viewer")
    assert "Every class is final up to" in visitor.get("/").text
    with sqlite_desk.state.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = off")
        connection.execute(at.SHARDS.delete())
        connection.commit()
        connection.exec_driver_sql("PRAGMA query_only = on")
    text = sqlite_desk.logged_in("viewer").get("/").text
    assert "Up to when this is final is not known yet." in text
    assert "Nothing has been classified" not in text


def test_what_events_and_customers_bring_is_text_and_never_a_part_of_the_page(sqlite_desk: Desk) -> None:
    evil = '"><script>alert(1)</script>'
    writing = sqlite_desk.state.engine.execution_options()
    with writing.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = off")
        connection.execute(
            at.DEAD_LETTERS.insert().values(
                source="orders/9",
                position=1,
                code=evil[:30],
                detail=evil,
                customer_key=evil,
                record=evil,
                at_us=2_000_000_000_000_000,
            )
        )
        connection.execute(at.ATTRIBUTES.update().values(value=evil))
        connection.execute(at.CHANGES.update().values(trigger_event_id=evil, trigger_type=evil))
        connection.commit()
        connection.exec_driver_sql("PRAGMA query_only = on")
    visitor = sqlite_desk.logged_in("admin")
    own = next(own for own, each in sqlite_desk.world.customers.items() if each["attributes"])
    for page in (
        "/dead-letters",
        "/dead-letters/orders/9/1",
        f"/customers/{own}",
        "/customers",
        "/changes",
        f"/customers?text={evil}",
        f"/acts?customer={evil}",
        f"/nothing{evil}",
    ):
        text = visitor.get(page).text
        assert "<script>alert" not in text, page
    assert "&lt;script&gt;alert(1)" in visitor.get("/dead-letters/orders/9/1").text


def test_a_page_that_is_not_there_is_said_so_in_the_language_of_the_browser(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.logged_in("viewer")
    answer = visitor.get("/nothing", headers={"accept-language": "zh"})
    assert answer.status_code == 404
    assert "没有此页面" in answer.text


def test_what_goes_wrong_shows_no_trace(sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = sqlite_desk.logged_in("viewer")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret of the machine")

    monkeypatch.setattr("workers.console.pages.value_page.concentration", broken)
    monkeypatch.setattr("workers.console.api.reading.value.concentration", broken)
    for path in ("/value", "/api/v1/value/concentration"):
        answer = visitor.get(path)
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text


def test_a_database_that_is_away_is_a_sentence_and_the_console_is_not_ready(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.logged_in("viewer")
    with sqlite_desk.state.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = off")
        connection.exec_driver_sql("DROP TABLE projection")
        connection.commit()
    assert visitor.get("/").status_code == 503
    assert "The database does not answer" in visitor.get("/").text
    assert visitor.get("/api/v1/freshness").json()["error"].startswith("The database does not answer")
    assert visitor.get("/readyz").status_code == 503
    assert visitor.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-length": "4000001"}, 413),
        ({"content-length": "99999999999999999999999999"}, 413),
        ({"content-length": "-1"}, 413),
        ({"content-length": "²"}, 413),
        ({"transfer-encoding": "chunked"}, 411),
    ],
)
def test_a_request_that_is_too_large_or_says_no_length_is_not_read(
    sqlite_desk: Desk, headers: dict[str, str], status: int
) -> None:
    raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = sqlite_desk.visitor().client.post("/login", content=b"", headers=raw)
    assert answer.status_code == status


def test_an_address_with_a_character_that_no_text_has_is_refused(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.logged_in("viewer")
    assert visitor.get("/customers?text=%00").status_code == 400
    assert visitor.get("/customers/%00").status_code == 400


def test_the_metrics_count_routes_and_never_a_customer(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.logged_in("viewer")
    visitor.get("/customers/C001")
    visitor.get("/nothing/C001")
    told = visitor.get("/metrics").text
    route = re.escape('{method="GET",route="/customers/{customer_id:path}",status="200"}')
    assert re.search(f"tierline_console_requests_total{route} 1", told)
    assert 'tierline_console_logins_total{outcome="ok"} 1.0' in told
    assert "C001" not in told


def test_an_open_console_lets_in_whoever_uses_its_own_address_only(tmp_path: pytest.TempPathFactory) -> None:
    folder = tmp_path
    desk = desk_over(f"sqlite:///{folder}/t.db", folder, console_open=True)  # type: ignore[arg-type]
    assert "demo" in desk.visitor().get("/").text
    assert desk.visitor(base_url="http://rebound.example").get("/").status_code == 421
    desk.state.engine.dispose()


def test_every_address_of_the_api_is_described() -> None:
    paths = [route.path for each in API_ROUTERS for route in each.routes]  # type: ignore[attr-defined]
    assert len(paths) == len(set(paths))
    assert all(path.startswith("/api/v1/") for path in paths)
