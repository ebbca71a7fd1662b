"""The console's own files: style, scripts and icons, each under a name that holds a hash of its content.

A browser may keep them for ever: another content has another name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, HTTPException, Response

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


@router.get("/static/own/{name}")
def own_file(name: str) -> Response:
    """One of the files."""
    found = _by_hashed_name().get(name)
    if found is None:
        raise HTTPException(404)
    return Response(found.content, media_type=found.media_type, headers={"Cache-Control": FOR_EVER})
