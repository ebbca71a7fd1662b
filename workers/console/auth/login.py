"""Logging in and out with a password."""

from __future__ import annotations

import math
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from workers.console.auth.people import PASSWORD_MAX
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
    state.telemetry.login("ok")
    log.info("logged in", actor=person.name, role=person.role, address=address)
    response = RedirectResponse(local(next), 303)
    _set(
        request,
        response,
        COOKIE,
        state.sessions.cookie(person.name, state.users.stamp(person.name)),
        state.sessions.seconds,
    )
    response.delete_cookie(VISITOR_COOKIE)
    return response


@router.post("/logout", dependencies=[Depends(forged_not)])
def log_out(visit: Visiting) -> Response:
    """End the session."""
    visit.state.sessions.end(visit.key)
    log.info("logged out", actor=visit.user)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


def _form(request: Request, next_: str, error: str | None = None, status: int = 200) -> Response:
    key = request.cookies.get(VISITOR_COOKIE) or secrets.token_urlsafe(16)
    csrf = state_of(request).sessions.form_token(key)
    response = render(request, None, "login.html", status, error=error, next=next_, csrf=csrf, oidc=False)
    _set(request, response, VISITOR_COOKIE, key, None)
    return response


def _set(request: Request, response: Response, name: str, value: str, seconds: int | None) -> None:
    """A cookie that no script reads and no other site sends; over https, only over https."""
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=is_https(request))
