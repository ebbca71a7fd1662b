"""Logging in at the organisation's provider: who comes in, as what, and what is not taken for a login."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from httpx2 import Response
from joserfc.jwk import OctKey, RSAKey

from tests.console.desk import Desk, Visitor, desk_over
from tests.console.provider import CLIENT, SECRET, FakeProvider, running
from workers.cli.errors import UserError
from workers.console.auth.oidc import Provider
from workers.settings.console import console_settings


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with running() as found:
        yield found


def desk_of(provider: FakeProvider, folder: Path, **more: Any) -> Desk:
    """A console that lets people log in there."""
    desk = desk_over(
        f"sqlite:///{folder}/t.db",
        folder,
        console_oidc_issuer=provider.address,
        console_oidc_client_id=CLIENT,
        console_oidc_client_secret=SECRET,
        **more,
    )
    desk.state.provider = Provider(desk.state.settings, "s" * 32)
    return desk


@pytest.fixture
def desk(provider: FakeProvider, tmp_path: Path) -> Iterator[Desk]:
    made = desk_of(provider, tmp_path)
    asked = made.state.provider
    yield made
    if asked is not None:
        asked.close()
    made.state.engine.dispose()


def log_in(visitor: Visitor, provider: FakeProvider, next_: str = "/") -> Response:
    """There and back again."""
    there = visitor.get(f"/login/oidc?{urlencode({'next': next_})}")
    assert there.status_code == 303
    return visitor.get(provider.authorize(there.headers["location"]).partition("127.0.0.1")[2])


def test_whoever_logs_in_at_the_provider_is_back_where_they_wanted(
    desk: Desk, provider: FakeProvider
) -> None:
    visitor = desk.visitor()
    assert "/login/oidc?next=%2Fchanges" in visitor.get("/login?next=%2Fchanges").text
    answer = log_in(visitor, provider, "/changes")
    assert (answer.status_code, answer.headers["location"]) == (303, "/changes")
    assert "anna@example.com" in visitor.get("/changes").text


def test_without_a_provider_nothing_is_said_of_one(sqlite_desk: Desk) -> None:
    visitor = sqlite_desk.visitor()
    assert "/login/oidc" not in visitor.get("/login").text
    assert visitor.get("/login/oidc").status_code == 404
    assert visitor.get("/login/oidc/back?code=x&state=y").status_code == 404


@pytest.mark.parametrize(
    ("claims", "acts", "erases"),
    [
        ({"roles": ["tierline-viewer"]}, 403, False),
        ({"roles": "tierline-operator"}, 200, False),
        ({"roles": ["other", "tierline-viewer", "tierline-admin"]}, 200, True),
    ],
)
def test_the_highest_role_that_the_provider_tells_counts(
    desk: Desk, provider: FakeProvider, claims: dict[str, Any], acts: int, erases: bool
) -> None:
    provider.claims |= claims
    visitor = desk.visitor()
    assert log_in(visitor, provider).status_code == 303
    answer = visitor.get("/acts")
    assert answer.status_code == acts
    assert ('value="erase"' in answer.text) == erases


@pytest.mark.parametrize(
    "roles", [None, [], ["admin"], {"tierline-admin": True}, 7, "tierline-administrator"]
)
def test_whoever_has_no_role_is_refused(desk: Desk, provider: FakeProvider, roles: Any) -> None:
    provider.claims["roles"] = roles
    visitor = desk.visitor()
    answer = log_in(visitor, provider)
    assert answer.status_code == 403
    assert "has no role here" in answer.text
    assert visitor.get("/").status_code == 303


def test_everybody_can_be_given_a_role_and_the_claim_can_lie_deep(
    provider: FakeProvider, tmp_path: Path
) -> None:
    desk = desk_of(
        provider, tmp_path, console_oidc_role="viewer", console_oidc_role_claim="realm_access.roles"
    )
    visitor = desk.visitor()
    assert log_in(visitor, provider).status_code == 303
    assert visitor.get("/acts").status_code == 403
    provider.claims["realm_access"] = {"roles": ["tierline-operator"]}
    assert log_in(visitor, provider).status_code == 303
    assert visitor.get("/acts").status_code == 200
    desk.state.engine.dispose()


def test_the_file_of_users_has_the_last_word(desk: Desk, provider: FakeProvider) -> None:
    provider.claims["email"] = "viewer-anna"
    visitor = desk.visitor()
    assert log_in(visitor, provider).status_code == 303
    assert visitor.get("/acts").status_code == 403


NOW = int(time.time())


@pytest.mark.parametrize(
    "forged",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another-program"},
        {"aud": None},
        {"aud": [CLIENT, "another-program"], "azp": "another-program"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": NOW - 3600},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"email": None},
        {"email": ""},
        {"email": "a\nb"},
        {"email": 7},
        {"email_verified": False},
    ],
)
def test_an_id_token_that_lacks_something_is_no_login(
    desk: Desk, provider: FakeProvider, forged: dict[str, Any]
) -> None:
    provider.forged = forged
    _refused(desk, provider)


def test_a_token_that_another_key_signed_is_no_login(desk: Desk, provider: FakeProvider) -> None:
    provider.signing = RSAKey.generate_key(2048, {"kid": str(provider.key.kid)})
    _refused(desk, provider)


def test_a_token_that_a_shared_secret_signed_is_no_login(desk: Desk, provider: FakeProvider) -> None:
    provider.header = {"alg": "HS256"}
    provider.signing = OctKey.import_key(SECRET.encode() * 2, {"kid": str(provider.key.kid)})
    _refused(desk, provider)


def test_keys_that_have_changed_are_asked_for_again(desk: Desk, provider: FakeProvider) -> None:
    assert log_in(desk.visitor(), provider).status_code == 303
    provider.renew_keys()
    assert log_in(desk.visitor(), provider).status_code == 303


def test_a_login_that_this_browser_did_not_begin_is_none(desk: Desk, provider: FakeProvider) -> None:
    """Otherwise a link could log a victim in as somebody else."""
    there = desk.visitor().get("/login/oidc").headers["location"]
    back = provider.authorize(there).partition("127.0.0.1")[2]
    assert desk.visitor().get(back).status_code == 403
    other = desk.visitor()
    other.get("/login/oidc")
    assert other.get(back).status_code == 403


def test_a_code_is_good_for_one_login(desk: Desk, provider: FakeProvider) -> None:
    visitor = desk.visitor()
    there = visitor.get("/login/oidc").headers["location"]
    kept = visitor.client.cookies["tierline_oidc"]
    back = provider.authorize(there).partition("127.0.0.1")[2]
    assert visitor.get(back).status_code == 303
    visitor.client.cookies.set("tierline_oidc", kept)
    assert visitor.get(back).status_code == 403


def test_somebody_who_does_not_agree_at_the_provider_is_back_at_the_form(
    desk: Desk, provider: FakeProvider
) -> None:
    provider.refuses = True
    _refused(desk, provider)


@pytest.mark.parametrize("next_", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_a_login_leads_nowhere_else(desk: Desk, provider: FakeProvider, next_: str) -> None:
    assert log_in(desk.visitor(), provider, next_).headers["location"] == "/"


def test_a_provider_that_is_another_or_away_is_said_and_passwords_still_work(
    desk: Desk, provider: FakeProvider
) -> None:
    provider.calls_itself = "https://another.example"
    visitor = desk.visitor()
    answer = visitor.get("/login/oidc")
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert visitor.log_in("viewer-anna").status_code == 303


def test_sessions_of_a_provider_end_when_it_is_no_longer_asked(desk: Desk, provider: FakeProvider) -> None:
    visitor = desk.visitor()
    log_in(visitor, provider)
    desk.state.provider = None
    assert visitor.get("/").status_code == 303


def test_what_a_browser_keeps_meanwhile_is_not_for_scripts(desk: Desk) -> None:
    answer = desk.visitor().get("/login/oidc")
    assert "HttpOnly" in answer.headers["set-cookie"]
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["redirect_uri"] == ["http://127.0.0.1/login/oidc/back"]
    assert SECRET not in answer.headers["location"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"console_oidc_issuer": "http://login.example.com"}, "is no issuer"),
        ({"console_oidc_issuer": "login.example.com"}, "is no issuer"),
        ({"console_oidc_issuer": "https://login.example.com"}, "`console_oidc_client_id` is missing"),
        ({"console_oidc_role": "root"}, "put the role"),
        ({"console_oidc_scope": "email"}, "`openid` among it"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        console_settings(**settings)


def _refused(desk: Desk, provider: FakeProvider) -> None:
    visitor = desk.visitor()
    answer = log_in(visitor, provider)
    assert answer.status_code == 403
    assert "did not come to its end" in answer.text
    assert visitor.get("/").status_code == 303
