"""Who may use the API: a token, or on the console's own pages whoever is logged in, to read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from workers.console.api.shapes import Problem
from workers.console.auth.people import Role
from workers.console.context import (
    LoginNeededError,
    RefusedError,
    Visit,
    address_of,
    language_of,
    person_of,
    state_of,
)

_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token of the console's file of tokens; `tierline console-token NAME` makes one.",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
_PROBLEMS = {
    400: "The request cannot be read, or its cursor is none of this list.",
    401: "A token is needed, or this one is not known.",
    403: "The role of the token does not allow it.",
    413: "The request is too large.",
    422: "A parameter is missing or wrong; the sentence names it.",
    429: "Too many wrong tokens from this address: wait as long as `Retry-After` says.",
    503: "The database, or for acts the broker, does not answer.",
}
#: Answers that every address may give.
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": text} for status, text in _PROBLEMS.items()
}
NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Problem, "description": "There is no such thing."}
}

Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="`next` or `previous` of another page; else the first page."),
]
Size = Annotated[int, Query(ge=1, le=500, description="Rows a page.")]


def caller(request: Request, response: Response, given: Credentials) -> Visit:
    """Who asks: by a token, or by a session for requests that only read."""
    del response
    state = state_of(request)
    if given is None:
        found = person_of(request) if request.method in ("GET", "HEAD") else None
        if found is None:
            raise LoginNeededError
        return Visit(state, *found, language_of(request), "auto")
    place = f"token {address_of(request)}"
    wait_s = state.throttle.wait_s(place)
    if wait_s > 0:
        raise RefusedError(
            429, "too many wrong tokens: wait a little", {"retry-after": str(math.ceil(wait_s))}
        )
    person = state.tokens.check(given.credentials)
    if person is None:
        state.throttle.failed(place)
        raise RefusedError(401, "this token is not known", {"www-authenticate": "Bearer"})
    return Visit(state, person, f"token {person.name}", language_of(request), "auto")


Calling = Annotated[Visit, Depends(caller)]


def allowed(role: Role) -> Callable[[Visit], Visit]:
    """A dependency: the caller, who may do what a role may."""

    def checked(visit: Calling) -> Visit:
        if not visit.person.may(role):
            raise RefusedError(403, f"this needs the role `{role}`, and the token is of a `{visit.role}`")
        return visit

    return checked
