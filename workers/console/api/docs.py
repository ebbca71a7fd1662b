"""The API's description (OpenAPI), and a page to read and try it, from the installed package's files."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.openapi.utils import get_openapi
from fastapi.requests import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

from workers.console.api.routes import ROUTERS
from workers.console.pages.assets import FOR_EVER, asset

router = APIRouter(include_in_schema=False)

_TYPES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
}
_ABOUT = """What the console shows and does, for programs.

Every request carries a token: `Authorization: Bearer TOKEN`. A token has a role: `viewer` reads, `operator`
also overrides, releases and sends dead letters again, `admin` also erases. Whoever is logged in on the pages
may read here without a token.

Instants are RFC 3339 in UTC, days are days of the pack's time zone, money is whole minor units of the pack's
currency (`/api/v1/pack` says which). Lists come in pages: follow `next` until it is null. What cannot be
answered is `{"error": "one sentence"}`.
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · Tierline</title>
<link rel="icon" href="{icon}" type="image/svg+xml">
<link rel="stylesheet" href="/api/docs/{number}/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<noscript>The description of the API is at <a href="/api/openapi.json">/api/openapi.json</a>.</noscript>
<script src="/api/docs/{number}/swagger-ui-bundle.js"></script>
<script src="{start}"></script>
</body>
</html>
"""


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of the API alone, without the pages."""
    if app.openapi_schema is None:
        routes = [route for each in ROUTERS for route in each.routes]
        app.openapi_schema = get_openapi(
            title="Tierline", version=version("tierline"), description=_ABOUT, routes=routes
        )
    return app.openapi_schema


@router.get("/api/openapi.json")
def openapi(request: Request) -> Response:
    """The description."""
    return JSONResponse(describe(request.app))


@router.get("/api/docs")
def page() -> Response:
    """The page."""
    number = version("swagger-ui-bundle")
    html = _PAGE.format(number=number, icon=asset("favicon.svg"), start=asset("api_docs.js"))
    return HTMLResponse(html)


@router.get("/api/docs/{number}/{name}")
def file(number: str, name: str) -> Response:
    """A file of the page."""
    if name not in _TYPES or number != version("swagger-ui-bundle"):
        raise HTTPException(404)
    return Response(_file(name), media_type=_TYPES[name], headers={"cache-control": FOR_EVER})


@cache
def _file(name: str) -> bytes:
    return (Path(str(swagger_ui_path)) / name).read_bytes()
