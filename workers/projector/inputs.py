"""What the projector takes from the inputs: orders, attributes, and overrides, as the worker reads them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from rules.calendar import date_from_period
from rules.engine.event import TYPES, Event
from rules.intake.columns import (
    ABSENT,
    ATTRIBUTE_BOOLEAN,
    ATTRIBUTE_INTEGER,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_REMOVED,
    EventColumns,
)
from rules.intake.json_columns import Keys, decode_records
from rules.intake.tables import Intake
from rules.language.model import Pack
from rules.shard.records import RecordColumns
from workers.projector.fold import Attribute, Order, Override

_NAMES = tuple(TYPES)
_ORDERS = frozenset({"order.completed", "order.refunded"})
_PARTITION, _TOPIC = 46, 62  # the bits of a place from which its partition and its topic count


def place_of(rank: int, partition: int) -> int:
    """Where a partition begins among all places; `rank`: 0 or 1, which of the inputs it is of.

    A place is one number for topic, partition and offset, so that of two messages it can be said which
    comes first, whichever was read first: int64, an offset below 2**46, a partition below 2**16.
    """
    return (rank << _TOPIC) + (partition << _PARTITION)


def said(
    columns: RecordColumns, intake: Intake, pack: Pack, first_place: int
) -> Iterator[Order | Attribute | Override]:
    """What the accepted records of `orders` and `customers` say; the refused ones are in the dead letters.

    The place of each is `first_place` (that of the partition, see `place_of`) plus its offset.
    """
    decoded = decode_records(
        columns.buffer,
        columns.value_start,
        columns.value_length,
        intake,
        keys=Keys(columns.buffer, columns.key_start, columns.key_length),
        timestamps_us=columns.timestamp_ms * 1000,
    )
    events = decoded.events
    places = (columns.offset[events.index] + first_place).tolist()
    for index, place in enumerate(places):
        type_ = _NAMES[events.type[index]]
        customer_id = _text(events.customer_text, events.customer_start[index], events.customer_length[index])
        if type_ in _ORDERS:
            if events.amount[index] != ABSENT:
                yield _order(events, index, type_, customer_id, place)
        elif events.detail[index] >= 0:
            override = _override(events.details[events.detail[index]], pack, place)
            if override is not None:
                yield override
        else:
            yield from _attributes(events, index, customer_id, pack, place)


def _order(events: EventColumns, index: int, type_: str, customer_id: str, place: int) -> Order:
    return Order(
        customer_id,
        _text(events.event_text, events.event_start[index], events.event_length[index]),
        type_,
        int(events.occurred_us[index]),
        int(events.amount[index]),
        place,
    )


def _override(event: Event, pack: Pack, place: int) -> Override | None:
    """An assignment or a release; None for an erasure, of which the changes tell."""
    if event.dimension is None:
        return None
    dimension = pack.dimensions[event.dimension]
    return Override(
        event.customer_id,
        dimension.id,
        event.mode,
        None if event.category is None else dimension.categories[event.category].id,
        None if event.until is None else date_from_period(event.until).isoformat(),
        event.reason,
        event.actor,
        event.occurred_us,
        place,
    )


def _attributes(
    events: EventColumns, index: int, customer_id: str, pack: Pack, place: int
) -> Iterator[Attribute]:
    occurred_us = int(events.occurred_us[index])
    for entry in range(events.attribute_first[index], events.attribute_first[index + 1]):
        name = pack.attributes[events.attribute_index[entry]].name
        yield Attribute(customer_id, name, _value(events, entry), occurred_us, place)


def _value(events: EventColumns, entry: int) -> str | None:
    kind, bits = events.attribute_kind[entry], int(events.attribute_value[entry])
    if kind == ATTRIBUTE_REMOVED:
        return None
    if kind == ATTRIBUTE_INTEGER:
        return str(bits)
    if kind == ATTRIBUTE_NUMBER:
        return repr(struct.unpack("<d", struct.pack("<q", bits))[0])
    if kind == ATTRIBUTE_BOOLEAN:
        return "true" if bits else "false"
    return _text(events.attribute_text, events.attribute_start[entry], events.attribute_length[entry])


def _text(buffer: np.ndarray[tuple[int], np.dtype[np.uint8]], start: int, length: int) -> str:
    return buffer[start : start + length].tobytes().decode().replace("\x00", "\ufffd")
