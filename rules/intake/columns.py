"""A batch of accepted events as columns: what the fast decoders give and the kernel takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.engine.event import Event, Rejection

#: Stands for a number that the event does not have.
ABSENT = np.int64(-(2**63))

#: Values of `EventColumns.attribute_kind`.
ATTRIBUTE_REMOVED, ATTRIBUTE_INTEGER, ATTRIBUTE_NUMBER, ATTRIBUTE_STRING, ATTRIBUTE_BOOLEAN = range(5)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected record: its index in the batch handed in, why, and its bytes as they came."""

    index: int
    rejection: Rejection
    record: bytes


@dataclass(frozen=True, slots=True)
class EventColumns:
    """`n` accepted events in input order; the i-th element of every per-event array belongs to one event.

    index           int64[n]   position of the record in the batch handed in (rising)
    type            uint8[n]   code of the type: its position in `TYPES`
    occurred_us     int64[n]   microseconds since 1970-01-01T00:00Z
    period          int32[n]   local day of the pack's time zone
    amount          int64[n]   minor units of the pack's currency, converted; ABSENT if the event has none
    discount        int64[n]   the same
    items           int64[n]   ABSENT if none
    score           int64[n]   score of a rating or nps, severity of a complaint; ABSENT if none
    label           int32[n]   1-based position of the event's channel, method or topic in the labels that the
                               pack's metrics name for that topic (`LabelCodes`); 0 for none or any other
    customer_start  int64[n]   the customer id is `customer_text[start : start + length]`, UTF-8 bytes
    customer_length int32[n]
    event_start     int64[n]   the event id in `event_text`, likewise
    event_length    int32[n]
    detail          int32[n]   index into `details` for category.assigned, category.released and
                               customer.erased, else -1
    attribute_first int32[n+1] the event's attributes are the elements first[i] to first[i + 1] of:
    attribute_index  uint8[m]  index into `Pack.attributes`
    attribute_kind   uint8[m]  one of the ATTRIBUTE_ constants
    attribute_value  int64[m]  the integer, the bits of the double, 0 or 1; unused for strings and removals
    attribute_start  int64[m]  a string's UTF-8 bytes in `attribute_text`
    attribute_length int32[m]
    """

    index: NDArray[np.int64]
    type: NDArray[np.uint8]
    occurred_us: NDArray[np.int64]
    period: NDArray[np.int32]
    amount: NDArray[np.int64]
    discount: NDArray[np.int64]
    items: NDArray[np.int64]
    score: NDArray[np.int64]
    label: NDArray[np.int32]
    customer_text: NDArray[np.uint8]
    customer_start: NDArray[np.int64]
    customer_length: NDArray[np.int32]
    event_text: NDArray[np.uint8]
    event_start: NDArray[np.int64]
    event_length: NDArray[np.int32]
    detail: NDArray[np.int32]
    attribute_first: NDArray[np.int32]
    attribute_index: NDArray[np.uint8]
    attribute_kind: NDArray[np.uint8]
    attribute_value: NDArray[np.int64]
    attribute_text: NDArray[np.uint8]
    attribute_start: NDArray[np.int64]
    attribute_length: NDArray[np.int32]
    details: tuple[Event, ...]


def no_events() -> EventColumns:
    """A batch without events."""
    long, short, byte = np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint8)
    return EventColumns(
        index=long,
        type=byte,
        occurred_us=long,
        period=short,
        amount=long,
        discount=long,
        items=long,
        score=long,
        label=short,
        customer_text=byte,
        customer_start=long,
        customer_length=short,
        event_text=byte,
        event_start=long,
        event_length=short,
        detail=short,
        attribute_first=np.zeros(1, np.int32),
        attribute_index=byte,
        attribute_kind=byte,
        attribute_value=long,
        attribute_text=byte,
        attribute_start=long,
        attribute_length=short,
        details=(),
    )


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded batch: what was accepted, what was rejected (by rising index), and the unknown types."""

    events: EventColumns
    rejected: tuple[Rejected, ...]
    unknown: dict[str, int]
