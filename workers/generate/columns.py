"""Made-up events as Arrow tables in the layout of event files: numbers become ids, labels and text."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rules.engine.event import TOPICS, TYPES, Topic
from workers.generate.facts import TYPE_CODES, Facts
from workers.generate.people import CHANNELS, METHODS, REGIONS, SEGMENTS
from workers.generate.settings import Settings
from workers.generate.shopping import TOPICS as COMPLAINT_TOPICS

_DIGITS = np.frombuffer("".join(f"{n:04d}" for n in range(10_000)).encode(), np.uint32)
_HEX = np.frombuffer("".join(f"{n:04x}" for n in range(65_536)).encode(), np.uint32)
#: Where the groups of four hex digits stand in an id of 36 characters.
_HEX_AT = (0, 4, 9, 14, 19, 24, 28, 32)


def topic_tables(events: Facts, settings: Settings) -> dict[Topic, pa.Table]:
    """The events by topic, each in the order given."""
    topic_of = np.array([TOPICS.index(topic) for topic in TYPES.values()], np.uint8)
    topics = topic_of[events["type"]]
    builders = {"customers": _customers, "orders": _orders, "payments": _payments, "feedback": _feedback}
    result: dict[Topic, pa.Table] = {}
    for index, topic in enumerate(TOPICS):
        chosen = events[topics == index]
        columns = {
            "event_id": event_ids(chosen["event"], settings.seed),
            "type": _labels(chosen["type"].astype(np.int8), tuple(TYPES)),
            "occurred_at": pa.array(chosen["occurred_us"], pa.timestamp("us", "UTC")),
            "customer_id": numbered("C", chosen["customer"].astype(np.int64) + 1, 2),
        }
        result[topic] = pa.table({**columns, **builders[topic](chosen, settings)})
    return result


def _orders(events: Facts, settings: Settings) -> dict[str, pa.Array]:
    return {
        "order_id": numbered("ord-", events["order"] + 1, 3),
        "amount": _money(events["amount"], settings.digits),
        "discount": _money(events["discount"], settings.digits),
        "currency": _constant(settings.currency, len(events)),
        "items": _integers(events["items"]),
        "channel": _labels(events["label"], CHANNELS),
    }


def _payments(events: Facts, settings: Settings) -> dict[str, pa.Array]:
    return {
        "payment_id": numbered("pay-", events["thing"] + 1, 3),
        "order_id": numbered("ord-", events["order"] + 1, 3),
        "amount": _money(events["amount"], settings.digits),
        "currency": _constant(settings.currency, len(events)),
        "method": _labels(events["label"], METHODS),
    }


def _feedback(events: Facts, _settings: Settings) -> dict[str, pa.Array]:
    graded = events["type"] == TYPE_CODES["feedback.complaint"]
    return {
        "feedback_id": numbered("fb-", events["thing"] + 1, 3),
        "order_id": numbered("ord-", events["order"] + 1, 3),
        "score": _integers(np.where(graded, -1, events["score"])),
        "severity": _integers(np.where(graded, events["score"], -1)),
        "topic": _labels(events["label"], COMPLAINT_TOPICS),
    }


def _customers(events: Facts, _settings: Settings) -> dict[str, pa.Array]:
    """`attributes` as JSON text: both at the registration, one at an update."""
    choices = [
        json.dumps(
            {name: value for name, value in (("region", region), ("segment", segment)) if value},
            separators=(",", ":"),
        )
        for region in (*REGIONS, None)
        for segment in (*SEGMENTS, None)
    ]
    region = np.where(events["region"] < 0, len(REGIONS), events["region"])
    segment = np.where(events["segment"] < 0, len(SEGMENTS), events["segment"])
    return {"attributes": _labels((region * (len(SEGMENTS) + 1) + segment).astype(np.int8), tuple(choices))}


def event_ids(numbers: NDArray[np.int64], seed: int) -> pa.Array:
    """Ids of 36 characters that look like UUIDs; different for different numbers of one seed.

    The first 16 digits are a one-to-one scrambling of the number, so no two ids can be equal.
    """
    with np.errstate(over="ignore"):
        high = _scramble(numbers.astype(np.uint64) + _scramble(np.array([seed + 1], np.uint64)))
        low = _scramble(high ^ np.uint64(0x5DEECE66D1CE4E5B))
    text = np.full((numbers.size, 36), ord("-"), np.uint8)
    for group, at in enumerate(_HEX_AT):
        half, shift = (high, 48 - 16 * group) if group < 4 else (low, 112 - 16 * group)
        digits = _HEX[(half >> np.uint64(shift)) & np.uint64(0xFFFF)]
        text[:, at : at + 4] = digits.view(np.uint8).reshape(-1, 4)
    return _fixed_text(text)


def _scramble(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014), a bijection of 64-bit integers."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def numbered(prefix: str, numbers: NDArray[np.int64], groups: int) -> pa.Array:
    """Ids such as `ord-000000000012`: the prefix and `groups` times four digits; null for numbers below 1."""
    lead = np.frombuffer(prefix.encode(), np.uint8)
    text = np.empty((numbers.size, lead.size + 4 * groups), np.uint8)
    text[:, : lead.size] = lead
    rest = np.maximum(numbers, 0)
    for group in reversed(range(groups)):
        at = lead.size + 4 * group
        text[:, at : at + 4] = _DIGITS[rest % 10_000].view(np.uint8).reshape(-1, 4)
        rest = rest // 10_000
    return _fixed_text(text, numbers >= 1)


def _fixed_text(text: NDArray[np.uint8], present: NDArray[np.bool_] | None = None) -> pa.Array:
    """Rows of ASCII bytes, all of the same length, as a string array; null where not present."""
    count, width = text.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    valid = None if present is None else pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text), valid)


def _labels(codes: NDArray[np.int8], names: tuple[str, ...]) -> pa.Array:
    indices = pa.array(codes, pa.int8(), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names)).dictionary_decode()


def _integers(values: NDArray[np.int64]) -> pa.Array:
    return pa.array(values.astype(np.int64), mask=values < 0)


def _constant(value: str, count: int) -> pa.Array:
    return pa.repeat(value, count)


def _money(minor: NDArray[np.int64], digits: int) -> pa.Array:
    """Minor units as decimals with the currency's digits; null below 0."""
    words = np.zeros((minor.size, 2), np.int64)
    words[:, 0] = np.maximum(minor, 0)
    valid = pa.py_buffer(np.packbits(minor >= 0, bitorder="little"))
    return pa.Array.from_buffers(pa.decimal128(18, digits), minor.size, [valid, pa.py_buffer(words)])
