"""A change in words: what moved, what set it off, and the conditions that decided with their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]

_VERBS = {"up": "rises", "down": "falls", "move": "moves"}
_TIME_TEXT = slice(0, 16)


def change_in_words(change: Body) -> str:
    """One sentence that says what a change (S9) did and why, without the customer and the time."""
    return f"{move_in_words(change)}{_cause(change)}: {reasons_in_words(change)}"


def move_in_words(change: Body) -> str:
    """The move alone, such as `value_tier rises from silver to gold`."""
    dimension, source, to = change["dimension"], change["from"], change["to"]
    if source is None:
        return f"{dimension} starts as {to}"
    verb = _VERBS.get(change["direction"], "moves")
    aim = f" on the way to {change['target']}" if change["target"] != to else ""
    return f"{dimension} {verb} from {source} to {to}{aim}"


def reasons_in_words(change: Body) -> str:
    """The conditions that decided, each with the values it used, joined by semicolons."""
    return "; ".join(_reason(reason, change) for reason in change["reasons"])


def value_in_words(value: object) -> str:
    """A value as a body shows it, doubles to six digits; null is `missing`."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def instant_in_words(instant: str) -> str:
    """An RFC 3339 instant to the minute, such as `2026-03-01 16:00`."""
    return instant[_TIME_TEXT].replace("T", " ")


def _cause(change: Body) -> str:
    if change["cause"] == "event" and change["trigger"] is not None:
        return f" with {change['trigger']['type']}"
    if change["cause"] == "time":
        return " as time passes"
    if change["cause"] == "rules":
        return " under new rules"
    if change["cause"] == "merge":
        return " after a merge"
    return ""


def _reason(reason: Body, change: Body) -> str:
    word = reason["rule"].rpartition(".")[2]
    if word in {"pin", "floor"}:
        return _override(word, reason)
    if word == "otherwise":
        told = _values(change["metrics"])
        return f"no condition of another category holds, so {change['target']} remains{told}"
    answer = "holds" if reason["result"] else "no longer holds"
    return f"`{reason['expression']}` {answer}{_values(reason['values'])}"


def _values(values: Body) -> str:
    listed = ", ".join(f"{name} {value_in_words(value)}" for name, value in values.items())
    return f" ({listed})" if listed else ""


def _override(word: str, reason: Body) -> str:
    category = reason["rule"].split(".")[1]
    act = f"pinned to {category}" if word == "pin" else f"kept at {category} or above"
    values = reason["values"]
    actor = f" by {values['actor']}" if values.get("actor") else ""
    why = f", because: {values['reason']}" if values.get("reason") else ""
    return f"{act}{actor}{why}"
