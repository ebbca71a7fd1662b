"""Commands that need more than the base: what to install where a library is missing."""

from __future__ import annotations

from typing import Final

#: Extras of the distribution, by command.
EXTRAS: Final = {
    **dict.fromkeys(
        ("worker", "topics", "produce", "watch", "dead-letters", "assign", "release", "erase", "verify"),
        ("live",),
    ),
    "projector": ("live", "sql"),
    "console": ("live", "sql", "console"),
    "console-user": ("console",),
    "console-token": ("console",),
    "demo": ("live", "embedded", "sql", "console"),
}
_OURS: Final = {"rules", "schemas", "workers"}


def missing(command: str, error: ModuleNotFoundError) -> tuple[str, str] | None:
    """What is missing and how to install it; None where that is not for the user to put right."""
    if command not in EXTRAS or error.name is None or error.name.partition(".")[0] in _OURS:
        return None
    return (
        f"`tierline {command}` needs the library `{error.name}`, which is not installed",
        f"install it with pip install 'tierline[{','.join(EXTRAS[command])}]', or `make install` in a clone",
    )
