"""Logging in, with a password or at the organisation's provider, and out."""

from __future__ import annotations

import math
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from workers.console.auth import oidc
from workers.console.auth.oidc import LoginRefusedError, NoRoleError, Provider, ProviderAwayError
from workers.console.auth.people import PASSWORD_MAX, Person
from workers.console.auth.sessions import COOKIE, VISITOR_COOKIE
from workers.console.context import (
    Visiting,
    address_of,
    forged_not,
    is_https,
    person_of,
    render,
    state_of,
)
from workers.console.pages.preferences import local
from workers.console.pages.translations import N_
from workers.logs import logger

router = APIRouter(include_in_schema=False)
log = logger("console")

_WRONG = N_("The name or the password is wrong.")
_TOO_OFTEN = N_("Too many tries: wait a little and try again.")
_TOO_OLD = N_("The form was too old: try again.")
_NOT_TAKEN = N_("That login did not come to its end: try again.")
_NO_ROLE = N_("Your organisation's account has no role here: ask whoever looks after Tierline for one.")
_PROVIDER_AWAY = N_("Your organisation's login does not answer: try again shortly, or use a password.")


@router.get("/login")
def form(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """The form; whoever is logged in goes on at once."""
    if person_of(request) is not None:
        return RedirectResponse(local(next), 303)
    return _form(request, local(next))


@router.post("/login")
def log_in(
    request: Request,
    user: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=PASSWORD_MAX)] = "",
    csrf: Annotated[str, Form(max_length=128)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002 - the name in the form
) -> Response:
    """Check a password, and begin a session."""
    state, address = state_of(request), address_of(request)
    if not state.sessions.is_form_token(csrf, request.cookies.get(VISITOR_COOKIE, "")):
        return _form(request, local(next), _TOO_OLD, 403)
    names = f"user {user}", f"address {address}"
    wait_s = state.throttle.wait_s(*names)
    if wait_s > 0:
        state.telemetry.login("throttled")
        response = _form(request, local(next), _TOO_OFTEN, 429)
        response.headers["retry-after"] = str(math.ceil(wait_s))
        return response
    # counted before it is checked: many at once are no way around
    state.throttle.failed(*names)
    person = state.users.check(user, password)
    if person is None:
        state.telemetry.login("refused")
        log.warning("a login was refused", address=address)
        return _form(request, local(next), _WRONG, 401)
    state.throttle.passed(*names)
    cookie = state.sessions.cookie(person.name, state.users.stamp(person.name))
    return _logged_in(request, person, cookie, local(next))


@router.get("/login/oidc")
def begin(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Go to the organisation's provider."""
    provider = _provider_of(request)
    try:
        begun = provider.begin(_back(request), local(next))
    except ProviderAwayError as error:
        return _away(request, local(next), error)
    response = RedirectResponse(begun.address, 303)
    _set(request, response, oidc.COOKIE, begun.cookie, oidc.SECONDS_MAX)
    return response


@router.get("/login/oidc/back")
def come_back(request: Request) -> Response:
    """Come back from the provider, and begin a session."""
    provider, state, address = _provider_of(request), state_of(request), address_of(request)
    try:
        told, next_ = provider.finish(
            _back(request), request.cookies.get(oidc.COOKIE), dict(request.query_params)
        )
    except ProviderAwayError as error:
        return _away(request, "/", error)
    except NoRoleError:
        state.telemetry.login("refused")
        log.warning("a login at the provider was refused", address=address, reason="no role")
        return _form(request, "/", _NO_ROLE, 403)
    except LoginRefusedError as error:
        state.telemetry.login("refused")
        log.warning("a login at the provider was refused", address=address, reason=str(error))
        return _form(request, "/", _NOT_TAKEN, 403)
    person = state.users.find(told.name) or told
    response = _logged_in(request, person, state.sessions.cookie(told.name, "", told.role), local(next_))
    response.delete_cookie(oidc.COOKIE)
    return response


@router.post("/logout", dependencies=[Depends(forged_not)])
def log_out(visit: Visiting) -> Response:
    """End the session."""
    visit.state.sessions.end(visit.key)
    log.info("logged out", actor=visit.user)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


def _logged_in(request: Request, person: Person, cookie: str, next_: str) -> Response:
    state = state_of(request)
    state.telemetry.login("ok")
    log.info("logged in", actor=person.name, role=person.role, address=address_of(request))
    response = RedirectResponse(next_, 303)
    _set(request, response, COOKIE, cookie, state.sessions.seconds)
    response.delete_cookie(VISITOR_COOKIE)
    return response


def _provider_of(request: Request) -> Provider:
    provider = state_of(request).provider
    if provider is None:
        raise HTTPException(404)
    return provider


def _back(request: Request) -> str:
    """The address to which the provider sends the browser: it knows it, and takes no other."""
    return f"{'https' if is_https(request) else 'http'}://{request.url.netloc}/login/oidc/back"


def _away(request: Request, next_: str, error: ProviderAwayError) -> Response:
    log.warning("the provider of logins cannot be asked", reason=str(error))
    return _form(request, next_, _PROVIDER_AWAY, 503)


def _form(request: Request, next_: str, error: str | None = None, status: int = 200) -> Response:
    key = request.cookies.get(VISITOR_COOKIE) or secrets.token_urlsafe(16)
    state = state_of(request)
    csrf = state.sessions.form_token(key)
    response = render(
        request,
        None,
        "login.html",
        status,
        error=error,
        next=next_,
        csrf=csrf,
        oidc=state.provider is not None,
    )
    _set(request, response, VISITOR_COOKIE, key, None)
    return response


def _set(request: Request, response: Response, name: str, value: str, seconds: int | None) -> None:
    """A cookie that no script reads and no other site sends; over https, only over https."""
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=is_https(request))
