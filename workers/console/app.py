"""The console as an application: its parts put together, and what holds for every request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from rules.language.words import capital
from workers.cli.errors import UserError
from workers.clock import running_seconds
from workers.console.api import docs
from workers.console.api.routes import ROUTERS as API_ROUTERS
from workers.console.auth import login
from workers.console.context import (
    LoginNeededError,
    RefusedError,
    is_https,
    language_of,
    render,
    state_of,
)
from workers.console.pages import assets, preferences
from workers.console.pages.rendering import query
from workers.console.pages.routes import ROUTERS as PAGE_ROUTERS
from workers.console.pages.translations import N_
from workers.console.state import State
from workers.logs import logger
from workers.sql import tables as at
from workers.sql.queries.pages import CursorError

log = logger("console")

API = "/api/"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_A_YEAR = "max-age=31536000"
#: Of a request, its head not counted.
BODY_BYTES_MAX = 4_000_000
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data: blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}
_NO_LENGTH = N_("A request must say how long it is.")
_TOO_LARGE = N_("The request is too large: send fewer at once.")
_AWAY = N_("The database does not answer. Nothing is lost; try again shortly.")
_BROKEN = N_("This page could not be shown; the console's log says why.")
_NO_TEXT = N_("The address holds a character that no text has.")
_NO_HOST = N_("This console is open to this machine alone: use the address 127.0.0.1.")
_SENTENCES = {
    404: N_("There is no such page."),
    405: N_("This address does not take such requests."),
}
_HEADLINES = {
    403: N_("Not allowed"),
    404: N_("Not found"),
    413: N_("Too large"),
    422: N_("That cannot be done"),
    429: N_("Too often"),
    500: N_("Something went wrong"),
    503: N_("Away for the moment"),
}
_HEADLINE = N_("That cannot be read")


def create_app(state: State) -> FastAPI:
    """The application of some parts."""
    app = FastAPI(title="Tierline", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.console = state
    app.include_router(health)
    app.include_router(assets.router)
    app.include_router(preferences.router)
    app.include_router(login.router)
    for router in (*PAGE_ROUTERS, *API_ROUTERS, docs.router):
        app.include_router(router)
    app.middleware("http")(_around)
    for kind, handler in _HANDLERS.items():
        app.exception_handler(kind)(handler)
    return app


health = APIRouter(include_in_schema=False)


@health.get("/healthz")
async def alive() -> Response:
    """The process lives and answers."""
    return PlainTextResponse("alive\n")


@health.get("/readyz")
def ready(request: Request) -> Response:
    """The tables can be read."""
    try:
        with state_of(request).engine.connect() as connection:
            connection.execute(select(at.PROJECTION.c.projected_us)).first()
    except SQLAlchemyError:
        return JSONResponse({"ready": False, "error": "the database does not answer, or has no tables"}, 503)
    return JSONResponse({"ready": True})


@health.get("/metrics")
def figures(request: Request) -> Response:
    """The figures for Prometheus."""
    return Response(state_of(request).telemetry.text(), media_type=CONTENT_TYPE_LATEST)


async def _around(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    """What holds for every request: a bounded body, headers, figures, and no trace of ours in an answer."""
    started, state = running_seconds(), state_of(request)
    refused = _refused_at_once(request)
    if refused is not None:
        response = _answer(request, *refused)
    else:
        try:
            response = await go_on(request)
        except Exception:
            log.exception("a request could not be answered")
            response = _answer(request, 500, _BROKEN)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if is_https(request):
        response.headers.setdefault("strict-transport-security", _A_YEAR)
    response.headers.setdefault("cache-control", "no-store")
    route = str(getattr(request.scope.get("route"), "path", "other"))
    method = request.method if request.method in _METHODS else "other"
    state.telemetry.answered(route, method, response.status_code, running_seconds() - started)
    return response


def _refused_at_once(request: Request) -> tuple[int, str] | None:
    """The status and sentence for a request that is not even looked at."""
    length = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers:
        return 411, _NO_LENGTH
    if not (length.isascii() and length.isdecimal()) or int(length[:20]) > BODY_BYTES_MAX:
        return 413, _TOO_LARGE
    if "\x00" in request.url.path or "%00" in request.url.query:
        return 400, _NO_TEXT
    # a name of another site that leads to this machine would otherwise be let in
    if state_of(request).settings.console_open and request.url.hostname not in _LOCAL_NAMES:
        return 421, _NO_HOST
    return None


def _answer(request: Request, status: int, sentence: str) -> Response:
    """An error as a page for people and as JSON for programs."""
    if request.url.path.startswith(API):
        return JSONResponse({"error": sentence}, status)
    say = state_of(request).pages.sayer(language_of(request))
    return render(
        request,
        None,
        "error.html",
        status,
        code=status,
        headline=say(_HEADLINES.get(status, _HEADLINE)),
        sentence=capital(say(sentence)),
    )


async def _login_needed(request: Request, _: Exception) -> Response:
    if request.url.path.startswith(API):
        return JSONResponse(
            {"error": "a token is needed: send the header `Authorization: Bearer TOKEN`"},
            401,
            {"www-authenticate": "Bearer"},
        )
    if request.method != "GET":
        return RedirectResponse("/login", 303)
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login{query(next=asked)}", 303)


async def _refused(request: Request, error: RefusedError) -> Response:
    response = _answer(request, error.status, error.sentence)
    response.headers.update(error.headers)
    return response


async def _user_error(request: Request, error: UserError) -> Response:
    return _answer(request, 422, error.message)


async def _bad_cursor(request: Request, error: Exception) -> Response:
    return _answer(request, 400, str(error))


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    wrong = error.errors()[0]
    name = ".".join(str(part) for part in wrong["loc"][1:]) or "the request"
    return _answer(request, 422, f"`{name}`: {wrong['msg'].lower()}")


async def _http_error(request: Request, error: HTTPException) -> Response:
    sentence = _SENTENCES.get(error.status_code, str(error.detail))
    response = _answer(request, error.status_code, sentence)
    response.headers.update(error.headers or {})
    return response


async def _database_away(request: Request, error: Exception) -> Response:
    log.warning("the database does not answer", reason=str(getattr(error, "orig", error)).splitlines()[0])
    return _answer(request, 503, _AWAY)


_HANDLERS: dict[type[Exception], Any] = {
    LoginNeededError: _login_needed,
    RefusedError: _refused,
    UserError: _user_error,
    CursorError: _bad_cursor,
    RequestValidationError: _invalid,
    HTTPException: _http_error,
    SQLAlchemyError: _database_away,
}
