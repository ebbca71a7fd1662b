"""A change in words: what moved, what set it off, and the conditions that decided with their values.

And what else is published: that a move is coming, and that a customer was erased.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]

_VERBS = {"up": "rises", "down": "falls", "move": "moves"}
_TIME_TEXT = slice(0, 16)


def change_in_words(change: Body) -> str:
    """One sentence that says what a change (S9) did and why, without the customer and the time."""
    cause = cause_in_words(change)
    return f"{move_in_words(change)}{cause and ' '}{cause}: {reasons_in_words(change)}"


def move_in_words(change: Body) -> str:
    """The move alone, such as `value_tier rises from silver to gold`."""
    dimension, source, to = change["dimension"], change["from"], change["to"]
    if source is None:
        return f"{dimension} starts as {to}"
    verb = _VERBS.get(change["direction"], "moves")
    aim = f" on the way to {change['target']}" if change["target"] != to else ""
    return f"{dimension} {verb} from {source} to {to}{aim}"


def cause_in_words(change: Body) -> str:
    """What set the move off, such as `with order.completed`; empty where the reasons say it."""
    if change["cause"] == "event" and change["trigger"] is not None:
        return f"with {change['trigger']['type']}"
    return {"time": "as time passes", "rules": "under new rules", "merge": "after a merge"}.get(
        change["cause"], ""
    )


def reasons_in_words(change: Body) -> str:
    """The conditions that decided, each with the values it used, joined by semicolons."""
    return "; ".join(_reason(reason, change) for reason in change["reasons"])


def notice_in_words(notice: Body) -> str:
    """A pending notice (S9.7) as a sentence, without the customer and the time."""
    move = f"from {notice['from']} to {notice['to']}"
    if notice["state"] == "started":
        return f"{notice['dimension']} will move {move} on {notice['until']} if nothing happens"
    if notice["state"] == "updated":
        return f"{notice['dimension']} will now move {move} on {notice['until']} if nothing happens"
    return f"{notice['dimension']} will not move {move} on {notice['until']} after all"


def erasure_in_words(erasure: Body) -> str:
    """That a customer was erased (S12.1), by whom and why."""
    actor = f" by {erasure['actor']}" if erasure["actor"] else ""
    why = f", because: {erasure['reason']}" if erasure["reason"] else ""
    return f"erased{actor}{why}"


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
