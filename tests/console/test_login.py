"""Who comes in, how, and for how long."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.console.desk import PASSWORD, Desk, desk_over
from workers.console.auth import throttle
from workers.console.auth.people import Users, user_line


def test_whoever_is_not_logged_in_is_led_to_the_form_and_back_to_where_they_wanted(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.visitor()
    answer = visitor.get("/customers?text=C0")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fcustomers%3Ftext%3DC0")
    answer = visitor.log_in("viewer-anna", next_="/customers?text=C0")
    assert (answer.status_code, answer.headers["location"]) == (303, "/customers?text=C0")
    assert visitor.get("/customers?text=C0").status_code == 200


@pytest.mark.parametrize("next_", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil"])
def test_a_login_leads_nowhere_else(sqlite_desk: Desk, next_: str) -> None:
    assert sqlite_desk.visitor().log_in("viewer-anna", next_=next_).headers["location"] == "/"


@pytest.mark.parametrize(
    ("user", "password"),
    [("viewer-anna", "wrong"), ("nobody", PASSWORD), ("", ""), ("viewer-anna", PASSWORD + " ")],
)
def test_a_wrong_name_or_password_is_refused_in_the_same_words(
    sqlite_desk: Desk, user: str, password: str
) -> None:
    visitor = sqlite_desk.visitor()
    answer = visitor.log_in(user, password)
    assert answer.status_code == 401
    assert "The name or the password is wrong." in answer.text
    assert visitor.get("/").status_code == 303


def test_the_cookie_of_a_session_is_for_the_browser_alone(sqlite_desk: Desk) -> None:
    cookie = sqlite_desk.visitor().log_in("viewer-anna").headers["set-cookie"]
    assert "tierline_session=" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_over_https_cookies_are_sent_over_https_only(tmp_path: Path) -> None:
    desk = desk_over(f"sqlite:///{tmp_path}/t.db", tmp_path, console_https=True)
    answer = desk.visitor(base_url="https://127.0.0.1").log_in("viewer-anna")
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    desk.state.engine.dispose()


def test_a_proxy_that_is_trusted_says_that_the_browser_speaks_https(sqlite_desk: Desk) -> None:
    told = {"x-forwarded-proto": "https"}
    assert "strict-transport-security" in sqlite_desk.visitor().get("/login", headers=told).headers
    stranger = sqlite_desk.visitor(address="198.51.100.7")
    assert "strict-transport-security" not in stranger.get("/login", headers=told).headers


def test_logging_out_ends_the_session_also_for_whoever_has_copied_its_cookie(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.logged_in("viewer")
    copied = visitor.client.cookies["tierline_session"]
    assert visitor.send("/logout", {}).status_code == 303
    assert visitor.get("/").status_code == 303
    thief = sqlite_desk.visitor()
    thief.client.cookies.set("tierline_session", copied)
    assert thief.get("/").status_code == 303


def test_another_password_ends_the_sessions_of_before(sqlite_desk: Desk, tmp_path: Path) -> None:
    visitor = sqlite_desk.logged_in("viewer")
    (tmp_path / "new.txt").write_text(
        user_line("viewer-anna", "viewer", "another password"), encoding="utf-8"
    )
    sqlite_desk.state.users = Users.read(tmp_path / "new.txt")
    assert visitor.get("/").status_code == 303


def test_a_user_who_was_taken_out_of_the_file_is_out(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.logged_in("viewer")
    sqlite_desk.state.users = Users({})
    assert visitor.get("/").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "e30.aaaa.bbbb", '"', "x" * 100_000])
def test_a_forged_session_is_none(sqlite_desk: Desk, cookie: str) -> None:
    visitor = sqlite_desk.visitor()
    visitor.client.cookies.set("tierline_session", cookie)
    assert visitor.get("/").status_code == 303


def test_a_session_that_another_secret_signed_is_none(sqlite_desk: Desk, tmp_path: Path) -> None:
    from workers.console.auth.sessions import Sessions

    visitor = sqlite_desk.logged_in("admin")
    sqlite_desk.state.sessions = Sessions("t" * 32, 1)
    assert visitor.get("/").status_code == 303


def test_a_session_ends_after_its_hours(sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = sqlite_desk.logged_in("viewer")
    sqlite_desk.state.sessions.seconds = -1
    assert visitor.get("/").status_code == 303


def test_a_form_from_elsewhere_is_not_taken(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.visitor()
    assert visitor.post("/login", {"user": "viewer-anna", "password": PASSWORD}).status_code == 403
    operator = sqlite_desk.logged_in("operator")
    other = sqlite_desk.logged_in("operator").csrf("/")
    for csrf in ("", "0" * 64, other, "é"):
        for path in ("/acts/plan", "/acts/do", "/dead-letters/redrive", "/logout"):
            answer = operator.post(path, {"csrf": csrf, "number": "00000000-0000-4000-8000-000000000000"})
            assert answer.status_code == 403, path
    assert operator.get("/").status_code == 200


def test_guessing_is_slowed_down_and_the_right_password_has_to_wait_too(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(throttle, "running_seconds", lambda: now[0])
    visitor = sqlite_desk.visitor()
    for _ in range(throttle.FREE + 1):
        assert visitor.log_in("viewer-anna", "guess").status_code == 401
    answer = visitor.log_in("viewer-anna")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert sqlite_desk.visitor(address="198.51.100.7").log_in("viewer-anna").status_code == 429
    now[0] += 1000.0
    assert visitor.log_in("viewer-anna").status_code == 303


def test_an_address_that_guesses_many_names_is_slowed_down(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.visitor(address="198.51.100.7")
    for number in range(throttle.FREE + 1):
        visitor.log_in(f"nobody-{number}", "guess")
    assert visitor.log_in("viewer-anna").status_code == 429
    assert sqlite_desk.visitor(address="198.51.100.8").log_in("viewer-anna").status_code == 303


def test_behind_a_proxy_each_browser_has_an_address_of_its_own(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.visitor()
    visitor.client.headers["x-forwarded-for"] = "203.0.113.5"
    for number in range(throttle.FREE + 1):
        visitor.log_in(f"nobody-{number}", "guess")
    assert visitor.log_in("viewer-anna").status_code == 429
    visitor.client.headers["x-forwarded-for"] = "203.0.113.5, 203.0.113.6"
    assert visitor.log_in("viewer-anna").status_code == 303


def test_logins_are_lines_of_the_log_without_passwords_or_the_names_that_were_tried(
    sqlite_desk: Desk, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    from workers.logs import set_up_logs

    root = logging.getLogger()
    handlers = list(root.handlers)
    try:
        set_up_logs("json", "info")
        sqlite_desk.visitor().log_in("secret-typed-as-name", "guess-1234")
        sqlite_desk.visitor().log_in("viewer-anna")
        said = capsys.readouterr().err
    finally:
        root.handlers[:] = handlers
    assert '"event":"a login was refused"' in said.replace('": "', '":"')
    assert "viewer-anna" in said
    assert "secret-typed-as-name" not in said
    assert "guess-1234" not in said
    assert PASSWORD not in said


def test_a_proxy_names_who_has_logged_in_if_it_is_one_that_is_trusted(tmp_path: Path) -> None:
    desk = desk_over(
        f"sqlite:///{tmp_path}/t.db",
        tmp_path,
        console_proxy_header="X-Remote-User",
        console_proxy_addresses="10.0.0.0/8",
    )
    told = {"x-remote-user": "berta"}
    assert "berta" in desk.visitor(address="10.1.2.3").get("/", headers=told).text
    assert desk.visitor(address="192.0.2.1").get("/", headers=told).status_code == 303
    assert desk.visitor(address="10.1.2.3").get("/acts", headers=told).status_code == 403
    known = {"x-remote-user": "operator-anna"}
    assert desk.visitor(address="10.1.2.3").get("/acts", headers=known).status_code == 200
    desk.state.engine.dispose()


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("viewer", "/acts", 403),
        ("operator", "/acts", 200),
        ("admin", "/acts", 200),
        ("viewer", "/customers.csv", 200),
    ],
)
def test_a_role_may_what_it_may(sqlite_desk: Desk, role: str, path: str, status: int) -> None:
    assert sqlite_desk.logged_in(role).get(path).status_code == status  # type: ignore[arg-type]


def test_a_viewer_does_not_send_letters_again(sqlite_desk: Desk) -> None:
    answer = sqlite_desk.logged_in("viewer").send("/dead-letters/redrive", {"letter": "orders/0@0"})
    assert answer.status_code == 403
    assert sqlite_desk.outbox.sources == []
