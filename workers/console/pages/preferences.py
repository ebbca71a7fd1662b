"""Language and appearance, chosen on any page and kept by the browser."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from workers.console.pages.rendering import THEMES
from workers.console.pages.translations import LANGUAGES

LANGUAGE_COOKIE, THEME_COOKIE = "tierline_language", "tierline_theme"
_A_YEAR_S = 365 * 86400

router = APIRouter(include_in_schema=False)


@router.post("/preferences")
def prefer(
    language: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = "",
    next_: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """Remember a choice and show the page again; what is no choice of ours changes nothing."""
    response = RedirectResponse(local(next_), 303)
    for cookie, value, known in (
        (LANGUAGE_COOKIE, language, tuple(LANGUAGES)),
        (THEME_COOKIE, theme, THEMES),
    ):
        if value in known:
            response.set_cookie(cookie, value, max_age=_A_YEAR_S, samesite="lax", httponly=True)
    return response


def local(address: str) -> str:
    """An address of this site to go to; `/` for any that could lead elsewhere."""
    plain = address.isascii() and address.isprintable() and "\\" not in address
    return address if plain and address.startswith("/") and not address.startswith("//") else "/"
