"""The console's own files: style, scripts and icons, each under a name that holds a hash of its content.

A browser may keep them for ever: another content has another name.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

FOLDER = Path(__file__).parent.parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    name: str
    content: bytes
    media_type: str


@cache
def _assets() -> dict[str, Asset]:
    """All files by their plain names."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in _TYPES:
            content = path.read_bytes()
            name = f"{path.stem}.{sha256(content).hexdigest()[:12]}{path.suffix}"
            found[path.name] = Asset(name, content, _TYPES[path.suffix])
    return found


@cache
def _by_hashed_name() -> dict[str, Asset]:
    return {each.name: each for each in _assets().values()}


def asset(name: str) -> str:
    """The address of a file, such as `/static/own/console.3f2a….css` for `console.css`."""
    return f"/static/own/{_assets()[name].name}"


def charts_script() -> str:
    """The address of Plotly's script, with its version: another version has another address."""
    return f"/static/vendor/plotly-{version('plotly')}.min.js"


@cache
def charts_style_ids() -> tuple[str, ...]:
    """Ids of elements for which Plotly looks before it writes style sheets of its own into a page.

    Those are for its maps, which are not used here, and a content security policy forbids them.
    """
    return tuple(re.findall(r'getElementById\("([0-9a-f]{64})"\)', _plotly().decode()))


@cache
def _plotly() -> bytes:
    return (resources.files("plotly") / "package_data" / "plotly.min.js").read_bytes()


@cache
def _plotly_packed() -> bytes:
    return gzip.compress(_plotly(), 6)


@router.get("/static/vendor/plotly-{number}.min.js")
def plotly(number: str, request: Request) -> Response:
    """Plotly's script from the installed package."""
    if number != version("plotly"):
        raise HTTPException(404)
    headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
    packed = "gzip" in request.headers.get("accept-encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(_plotly_packed() if packed else _plotly(), media_type=_TYPES[".js"], headers=headers)


@router.get("/static/own/{name}")
def own_file(name: str) -> Response:
    """One of the files."""
    found = _by_hashed_name().get(name)
    if found is None:
        raise HTTPException(404)
    return Response(found.content, media_type=found.media_type, headers={"Cache-Control": FOR_EVER})
