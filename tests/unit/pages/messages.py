"""The messages that templates and modules of the console hold, as gettext's tools see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import DEFAULT_KEYWORDS, extract

CONSOLE = Path(__file__).parents[3] / "workers" / "console"
_KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None, "_say": None, "say": None}
_OPTIONS = {"trimmed": "false", "silent": "false", "trim_blocks": "true", "lstrip_blocks": "true"}

Message = str | tuple[str, ...]


def messages() -> set[Message]:
    """Every message, those with a plural as pairs."""
    found: set[Message] = set()
    for path in [*CONSOLE.glob("templates/*.html"), *CONSOLE.rglob("*.py")]:
        found.update(_messages(path))
    return found


def _messages(path: Path) -> Iterator[Message]:
    method = "jinja2.ext:babel_extract" if path.suffix == ".html" else "python"
    with path.open("rb") as file:
        for _, message, _, _ in extract(method, file, _KEYWORDS, options=_OPTIONS):
            yield message if isinstance(message, str) else tuple(message)
