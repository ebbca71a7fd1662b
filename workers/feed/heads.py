"""What has to be known of a record to send it: its type, its customer and when it happened.

Machine code reads what is plainly right; only what it doubts is parsed in full. Nothing else of the record is
looked at: whether it is right is for the worker to say.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.engine.event import TOPICS, TYPES
from rules.intake.json_text import MalformedError, parse_json
from rules.intake.names import NameTable, find_name, is_name, name_table
from rules.intake.read_spans import BAD, read_instant
from rules.intake.scan import STRING, scan_object, skip_space
from rules.jit import compiled
from schemas.values import read_id
from schemas.values import read_instant as parse_instant

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

#: Values of `Heads.topic` that are no topic: a record that cannot be read, and one of an unknown type.
UNREADABLE, UNKNOWN = -1, -2
#: `Heads.occurred_us` of a record that does not say when it happened.
NO_TIME: Final = -1

_TYPE, _TIME, _CUSTOMER = range(3)
_DOUBTFUL = -3
_MEMBERS = 32
_ID_BYTES = 128


class Heads(NamedTuple):
    """Of `n` records: all int64[n].

    topic: position in `TOPICS`, or UNREADABLE or UNKNOWN; occurred_us: microseconds since
    1970-01-01T00:00Z, or NO_TIME; the key is `text[key_start : key_start + key_length]`, length -1 if the
    record names no customer. `text` uint8[] begins with the buffer of the records.
    """

    text: U8
    topic: I64
    occurred_us: I64
    key_start: I64
    key_length: I64


def read_heads(buffer: U8, start: I64, length: I64) -> Heads:
    """The heads of records; record i is `buffer[start[i] : start[i] + length[i]]`."""
    topic, occurred_us, key_start, key_length = np.empty((4, start.size), np.int64)
    _read(buffer, start, length, *_TABLES, topic, occurred_us, key_start, key_length)
    keys: list[bytes] = []
    end = buffer.size
    for index in np.flatnonzero(topic == _DOUBTFUL).tolist():
        record = buffer[start[index] : start[index] + length[index]].tobytes()
        topic[index], occurred_us[index], key = _parse(record)
        key_start[index], key_length[index] = end, -1 if key is None else len(key)
        if key is not None:
            keys.append(key)
            end += len(key)
    text = np.concatenate([buffer, np.frombuffer(b"".join(keys), np.uint8)]) if keys else buffer
    return Heads(text, topic, occurred_us, key_start, key_length)


def _parse(record: bytes) -> tuple[int, int, bytes | None]:
    """Topic, time and key of one record, the slow way."""
    try:
        fields = parse_json(record)
    except MalformedError:
        return UNREADABLE, NO_TIME, None
    if not isinstance(fields, dict):
        return UNREADABLE, NO_TIME, None
    kind = fields.get("type")
    if not isinstance(kind, str):
        topic = UNREADABLE
    else:
        topic = TOPICS.index(TYPES[kind]) if kind in TYPES else UNKNOWN
    try:
        occurred_us = parse_instant(fields.get("occurred_at"))
    except ValueError:
        occurred_us = NO_TIME
    try:
        key = read_id(fields.get("customer_id")).encode()
    except ValueError:
        key = None
    return topic, occurred_us, key


def _tables() -> tuple[NameTable, NameTable, I64]:
    topics = np.array([TOPICS.index(topic) for topic in TYPES.values()], np.int64)
    return name_table(["type", "occurred_at", "customer_id"]), name_table(list(TYPES)), topics


_TABLES = _tables()


@compiled
def _read(
    buffer: U8,
    start: I64,
    length: I64,
    fields: NameTable,
    types: NameTable,
    topics: I64,
    topic: I64,
    occurred_us: I64,
    key_start: I64,
    key_length: I64,
) -> None:
    at, long = np.zeros(3, np.int64), np.zeros(3, np.int64)
    kind = np.zeros(3, np.uint8)
    order = np.full(_MEMBERS, -1, np.int64)
    last = 0
    for i in range(start.size):
        topic[i] = _DOUBTFUL
        end = start[i] + length[i]
        first = skip_space(buffer, start[i], end)
        after = scan_object(buffer, first, end, fields, order, at, long, kind)
        if after < 0 or skip_space(buffer, after, end) != end:
            continue
        if kind[_TYPE] != STRING or kind[_TIME] != STRING or kind[_CUSTOMER] != STRING:
            continue
        instant = read_instant(buffer, at[_TIME], long[_TIME])
        if instant == BAD or not 1 <= long[_CUSTOMER] <= _ID_BYTES:
            continue
        if not is_name(types, last, buffer, at[_TYPE], long[_TYPE]):
            found = find_name(types, buffer, at[_TYPE], long[_TYPE])
            if found < 0:
                continue
            last = found
        topic[i] = topics[last]
        occurred_us[i] = instant
        key_start[i] = at[_CUSTOMER]
        key_length[i] = long[_CUSTOMER]
