"""Options that the commands for a running service share, and the moments they take."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from workers.cli.errors import UserError
from workers.clock import unix_seconds

Brokers = Annotated[
    str | None,
    typer.Option(
        "--brokers",
        metavar="HOST:PORT",
        help="The Kafka brokers; else those of TIERLINE_BROKERS, else 127.0.0.1:9092.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]

_AGO = re.compile(r"([0-9]{1,9})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def moment_ms(text: str, option: str) -> int:
    """A moment as ms since 1970: `2026-03-01`, `2026-03-01T16:00:00Z` (UTC if it says no zone), or `2h` ago.

    Raises UserError that names the option.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return max(0, int((unix_seconds() - int(ago[1]) * _SECONDS[ago[2]]) * 1000))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            f"`{option} {text}` is no moment: write 2026-03-01, 2026-03-01T16:00:00Z, "
            "or how long ago, such as 30m, 2h or 7d"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp() * 1000))


def confirm(question: str, yes: bool, expected: str = "yes") -> None:
    """Go on only if the user types what is expected (or just `y` for `yes`), or has said `--yes`.

    Raises UserError where nobody can be asked, and ends with exit code 1 where the answer is no.
    """
    if yes:
        return
    if not can_ask():
        raise UserError("nobody is there to be asked: say --yes to do it without asking")
    answer = typer.prompt(question, default="", show_default=False, prompt_suffix=" ").strip()
    if answer == expected or (expected == "yes" and answer.lower() in {"y", "yes"}):
        return
    typer.echo("nothing was sent")
    raise typer.Exit(1)


def can_ask() -> bool:
    """Whether somebody sits there who can answer."""
    return sys.stdin.isatty()
