"""An event line of a case, as the JSON object that a host takes."""

from __future__ import annotations

import difflib
import json

from rules.cases.words import LineError, Word, Words, read_time
from rules.engine.event import LABELS, TYPES
from rules.language.model import Kind, Pack

_NUMBERS = frozenset({"amount", "discount", "items", "score", "severity"})

_TOPIC_FIELDS: dict[str, tuple[str, ...]] = {
    "orders": ("order_id", "amount", "currency", "discount", "items", LABELS["orders"]),
    "payments": ("payment_id", "amount", "currency", "order_id", LABELS["payments"]),
    "feedback": ("feedback_id", "order_id", LABELS["feedback"]),
}

_TYPE_FIELDS: dict[str, tuple[str, ...]] = {
    "feedback.rating": ("score",),
    "feedback.nps": ("score",),
    "feedback.complaint": ("severity",),
    "category.assigned": ("dimension", "category", "mode", "until", "reason", "actor"),
    "category.released": ("dimension", "reason", "actor"),
    "customer.erased": ("reason", "actor"),
    "customer.merged": ("into", "reason", "actor"),
}

#: The id that names the thing an event is about, and the letter of those numbered automatically.
_OWN_ID = {"orders": ("order_id", "o"), "payments": ("payment_id", "p"), "feedback": ("feedback_id", "f")}

_WITH_ATTRIBUTES = ("customer.registered", "customer.updated")
_WITH_REASON = ("category.assigned", "category.released")


def read_event(words: Words, number: int, pack: Pack) -> tuple[str, bytes]:
    """Read `DATE TIME CUSTOMER TYPE NAME=VALUE …`; returns the customer and the event's JSON.

    `number` is the event's place in the case and numbers the ids that are not given. Raises LineError.
    """
    occurred_at, instant = read_time(words, pack.timezone)
    if instant is None:
        raise LineError(f"write the time of the event after `{occurred_at}`, as in `{occurred_at} 10:00`")
    customer = words.take("a customer").text
    event_type = words.take("an event type").text
    topic = TYPES.get(event_type)
    if topic is None:
        raise LineError(f"`{event_type}` is not an event type{_nearest(event_type, list(TYPES))}")
    fields = {
        "event_id": json.dumps(f"e{number}"),
        "type": json.dumps(event_type),
        "occurred_at": json.dumps(occurred_at),
        "customer_id": json.dumps(customer, ensure_ascii=False),
    }
    if topic in _OWN_ID:
        name, letter = _OWN_ID[topic]
        fields[name] = json.dumps(f"{letter}{number}")
    if event_type in _WITH_REASON:
        fields |= {"reason": '"case"', "actor": '"case"'}
    attributes = _read_fields(words, event_type, fields, pack)
    if attributes:
        fields["attributes"] = _object(attributes)
    return customer, _object(fields).encode()


def _read_fields(words: Words, event_type: str, fields: dict[str, str], pack: Pack) -> dict[str, str]:
    """Read the `NAME=VALUE` words into `fields`; returns the attributes among them, as JSON texts."""
    allowed = ("id", *_TOPIC_FIELDS.get(TYPES[event_type], ()), *_TYPE_FIELDS.get(event_type, ()))
    attributes: dict[str, str] = {}
    given: set[str] = set()
    while words:
        name = words.take("a field").text
        words.take_sign("=", f"after `{name}`")
        value = words.take(f"the value of `{name}`")
        if name in given:
            raise LineError(f"`{name}` is given twice")
        given.add(name)
        if name.startswith("attr.") and event_type in _WITH_ATTRIBUTES:
            attributes[name.removeprefix("attr.")] = _attribute(name.removeprefix("attr."), value, pack)
        elif name not in allowed:
            raise LineError(f"`{name}` is not a field of {event_type}{_nearest(name, list(allowed))}")
        elif name in _NUMBERS and not value.quoted and _is_json(value.text):
            fields[name] = value.text
        else:
            fields["event_id" if name == "id" else name] = json.dumps(value.text, ensure_ascii=False)
    return attributes


def _attribute(name: str, value: Word, pack: Pack) -> str:
    """The JSON text of an attribute's value, by the kind that the pack declares; `(none)` removes it."""
    kinds = {attribute.name: attribute.kind for attribute in pack.attributes}
    if name not in kinds:
        raise LineError(f"the pack declares no attribute `{name}`{_nearest(name, list(kinds))}")
    if value.is_sign("(none)"):
        return "null"
    if kinds[name] is not Kind.STRING and not value.quoted and _is_json(value.text):
        return value.text
    return json.dumps(value.text, ensure_ascii=False)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), (bool, int, float))
    except ValueError:
        return False


def _object(fields: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in fields.items()) + "}"


def _nearest(word: str, known: list[str]) -> str:
    """`: did you mean …?`, or the known words where none is near."""
    near = difflib.get_close_matches(word, known, 1)
    return f": did you mean `{near[0]}`?" if near else f": known are {', '.join(known)}"
