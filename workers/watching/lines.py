"""What is published as lines: coloured over two lines for people, on one line for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from workers.report.words import (
    cause_in_words,
    erasure_in_words,
    instant_in_words,
    notice_in_words,
    reasons_in_words,
)

Body = Mapping[str, Any]

_ARROWS = {"up": "▲", "down": "▼", "move": "▶", "initial": "●"}
_COLOURS = {"up": "green", "down": "red", "move": "yellow", "initial": "blue"}
#: A blank at which a line is not broken.
_JOINT = "\u00a0"


def kind_of(body: Body) -> str:
    """`change`, `notice` or `erased`."""
    if body.get("type") == "customer.erased":
        return "erased"
    return "notice" if "state" in body else "change"


def shown(body: Body) -> tuple[Text, Text | None]:
    """A message for a terminal: what happened, and below it why."""
    kind = kind_of(body)
    head = Text(instant_in_words(body["effective_at"]), "cyan")
    head.append(f"  {body['customer_id']}  ", "default")
    if kind == "erased":
        return head.append(erasure_in_words(body), "magenta"), None
    if kind == "notice":
        return head.append(f"⧗ {notice_in_words(body)}", "dim"), None
    colour = _COLOURS[body["direction"]]
    head.append(f"{_ARROWS[body['direction']]} ", colour)
    head.append(f"{body['dimension']}  ", "default").append(_move(body, "→"), f"bold {colour}")
    head.append(f"  {_why(body)}", "default")
    reasons = Text(reasons_in_words(body)).append(f"  [{_pack(body)}]".replace(" ", _JOINT), "dim")
    return head, reasons


def line(body: Body) -> str:
    """A message on one line, its parts apart by two blanks."""
    kind = kind_of(body)
    parts = [instant_in_words(body["effective_at"]), body["customer_id"]]
    if kind == "erased":
        parts.append(erasure_in_words(body))
    elif kind == "notice":
        parts.append(f"pending: {notice_in_words(body)}")
    else:
        parts += [body["dimension"], _move(body, "->"), _why(body), reasons_in_words(body), _pack(body)]
    return "  ".join(" ".join(part.split()) for part in parts)


def _move(change: Body, arrow: str) -> str:
    aim = f" (on the way to {change['target']})" if change["target"] != change["to"] else ""
    return f"{change['from'] or '—'} {arrow} {change['to']}{aim}"


def _why(change: Body) -> str:
    """Direction and cause, such as `up with order.completed`."""
    return f"{change['direction']} {cause_in_words(change) or 'by ' + change['cause']}"


def _pack(change: Body) -> str:
    return f"{change['pack']['name']} {change['pack']['version']}"
