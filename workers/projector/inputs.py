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


def said(columns: RecordColumns, intake: Intake, pack: Pack) -> Iterator[Order | Attribute | Override]:
    """What the accepted records of `orders` and `customers` say; the refused ones are in the dead letters."""
    decoded = decode_records(
        columns.buffer,
        columns.value_start,
        columns.value_length,
        intake,
        keys=Keys(columns.buffer, columns.key_start, columns.key_length),
        timestamps_us=columns.timestamp_ms * 1000,
    )
    events = decoded.events
    for index in range(events.index.size):
        type_ = _NAMES[events.type[index]]
        customer_id = _text(events.customer_text, events.customer_start[index], events.customer_length[index])
        if type_ in _ORDERS:
            if events.amount[index] != ABSENT:
                yield _order(events, index, type_, customer_id)
        elif events.detail[index] >= 0:
            override = _override(events.details[events.detail[index]], pack)
            if override is not None:
                yield override
        else:
            yield from _attributes(events, index, customer_id, pack)


def _order(events: EventColumns, index: int, type_: str, customer_id: str) -> Order:
    return Order(
        customer_id,
        _text(events.event_text, events.event_start[index], events.event_length[index]),
        type_,
        int(events.occurred_us[index]),
        int(events.amount[index]),
    )


def _override(event: Event, pack: Pack) -> Override | None:
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
    )


def _attributes(events: EventColumns, index: int, customer_id: str, pack: Pack) -> Iterator[Attribute]:
    occurred_us = int(events.occurred_us[index])
    for place in range(events.attribute_first[index], events.attribute_first[index + 1]):
        name = pack.attributes[events.attribute_index[place]].name
        yield Attribute(customer_id, name, _value(events, place), occurred_us)


def _value(events: EventColumns, place: int) -> str | None:
    kind, bits = events.attribute_kind[place], int(events.attribute_value[place])
    if kind == ATTRIBUTE_REMOVED:
        return None
    if kind == ATTRIBUTE_INTEGER:
        return str(bits)
    if kind == ATTRIBUTE_NUMBER:
        return repr(struct.unpack("<d", struct.pack("<q", bits))[0])
    if kind == ATTRIBUTE_BOOLEAN:
        return "true" if bits else "false"
    return _text(events.attribute_text, events.attribute_start[place], events.attribute_length[place])


def _text(buffer: np.ndarray[tuple[int], np.dtype[np.uint8]], start: int, length: int) -> str:
    return buffer[start : start + length].tobytes().decode().replace("\x00", "\ufffd")
