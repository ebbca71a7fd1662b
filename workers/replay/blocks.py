"""Decoded events dealt out by customer.

A customer's result depends on the customer's own events alone (S4.5). So events are dealt out to parts by the
hash of their customer, and each part is then played by itself: its state fits the processor's caches, parts
run side by side, and memory holds one part at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.engine.event import Event
from rules.intake.columns import ABSENT, ATTRIBUTE_STRING, EventColumns
from rules.intake.hashing import hash64
from rules.jit import entered
from rules.words import copy_bytes, frozen

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

#: Words of an event: instant, values v1 to v3, place (file rank and position), kind, text, extra.
(INSTANT, VALUE_1, VALUE_2, VALUE_3, PLACE, KIND, TEXT, EXTRA) = range(8)
EVENT_WORDS = 8
#: A place is `file rank << PLACE_BITS | position`: positions up to 2^40 and a million files.
PLACE_BITS = 40
#: Words of an attribute: index, kind and length; value or bits; where a string begins in the text.
ATTRIBUTE_WORDS = 3


@dataclass(frozen=True, slots=True)
class Block:
    """Some events of one part, in the order in which they came.

    words       int64[n, EVENT_WORDS]; KIND = type << 48 | label << 32 | period (as unsigned 32 bits);
                TEXT = start << 24 | length of customer id << 12 | length of event id, the two side by side;
                EXTRA = (control + 1) << 40 | number of attributes << 32 | first attribute
    text        uint8[bytes]
    attributes  int64[m, ATTRIBUTE_WORDS]: kind << 40 | index << 32 | length; value; start in text
    details     decoded assignments, releases and erasures, which EXTRA's control refers to
    """

    words: I64
    text: U8
    attributes: I64
    details: tuple[Event, ...]


@entered
def _measure(
    part: I64,
    text_size: I64,
    counts: I64,
    attribute_counts: I64,
    shift: int,
    events: tuple[U8, I64, NDArray[np.int32], NDArray[np.int32]],
    attributes: tuple[NDArray[np.int32], U8, NDArray[np.int32]],
    taken: NDArray[np.bool_],
) -> None:
    """The part of every event (-1: not taken), and the sizes of the parts."""
    customer_text, customer_start, customer_length, event_length = events
    attribute_first, attribute_kind, attribute_length = attributes
    for i in range(part.size):
        if not taken[i]:
            part[i] = -1
            continue
        key = hash64(customer_text, customer_start[i], int(customer_length[i]))
        p = np.int64(key >> np.uint64(shift)) if shift < 64 else np.int64(0)
        part[i] = p
        counts[p] += 1
        text_size[p] += customer_length[i] + event_length[i]
        for k in range(attribute_first[i], attribute_first[i + 1]):
            attribute_counts[p] += 1
            if attribute_kind[k] == ATTRIBUTE_STRING:
                text_size[p] += attribute_length[k]


@entered
def _deal(
    part: I64,
    next_event: I64,
    next_text: I64,
    next_attribute: I64,
    text_first: I64,
    attribute_begin: I64,
    rank: int,
    numbers: tuple[I64, I64, I64, I64, I64, I64],
    kinds: tuple[U8, NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    customers: tuple[U8, I64, NDArray[np.int32]],
    ids: tuple[U8, I64, NDArray[np.int32]],
    attributes: tuple[NDArray[np.int32], U8, U8, I64, U8, I64, NDArray[np.int32]],
    words: I64,
    text: U8,
    attribute_words: I64,
) -> None:
    """Copy every event to its part's stretch of the three outputs."""
    instant, amount, discount, items, score, position = numbers
    kind, label, period, detail = kinds
    customer_text, customer_start, customer_length = customers
    event_text, event_start, event_length = ids
    first, index, attribute_kind, value, attribute_text, attribute_start, attribute_length = attributes
    for i in range(part.size):
        p = part[i]
        if p < 0:
            continue
        line = words[next_event[p]]
        next_event[p] += 1
        line[INSTANT] = instant[i]
        line[VALUE_1] = amount[i] if amount[i] != ABSENT else score[i]
        line[VALUE_2] = discount[i]
        line[VALUE_3] = items[i]
        line[PLACE] = (np.int64(rank) << PLACE_BITS) | position[i]
        unsigned = np.int64(period[i]) & 0xFFFFFFFF
        line[KIND] = (np.int64(kind[i]) << 48) | (np.int64(label[i]) << 32) | unsigned
        at = next_text[p]
        line[TEXT] = ((at - text_first[p]) << 24) | (np.int64(customer_length[i]) << 12) | event_length[i]
        copy_bytes(text, at, customer_text, customer_start[i], customer_length[i])
        at += customer_length[i]
        copy_bytes(text, at, event_text, event_start[i], event_length[i])
        at += event_length[i]
        count = first[i + 1] - first[i]
        begin = next_attribute[p]
        line[EXTRA] = (np.int64(detail[i] + 1) << 40) | (np.int64(count) << 32) | (begin - attribute_begin[p])
        for a in range(first[i], first[i + 1]):
            out = attribute_words[next_attribute[p]]
            next_attribute[p] += 1
            length = np.int64(attribute_length[a]) if attribute_kind[a] == ATTRIBUTE_STRING else np.int64(0)
            out[0] = (np.int64(attribute_kind[a]) << 40) | (np.int64(index[a]) << 32) | length
            out[1] = value[a]
            out[2] = at - text_first[p]
            copy_bytes(text, at, attribute_text, attribute_start[a], int(length))
            at += length
        next_text[p] = at


def deal(
    events: EventColumns, position: I64, rank: int, parts: int, taken: NDArray[np.bool_]
) -> list[tuple[int, Block]]:
    """Deal a decoded batch out to `parts` parts (a power of two): the part and block of each that got any.

    `position` int64[n] are the 1-based lines or rows of the events, `rank` that of their file; only events
    with `taken[i]` are dealt.
    """
    n = events.index.size
    part = np.empty(n, np.int64)
    counts, sizes, attributes = (np.zeros(parts, np.int64) for _ in range(3))
    _measure(
        part,
        sizes,
        counts,
        attributes,
        64 - (parts.bit_length() - 1),
        (frozen(events.customer_text), events.customer_start, events.customer_length, events.event_length),
        (events.attribute_first, events.attribute_kind, events.attribute_length),
        taken,
    )
    event_first, text_first, attribute_first = (_starts(each) for each in (counts, sizes, attributes))
    words = np.empty((event_first[-1], EVENT_WORDS), np.int64)
    text = np.empty(text_first[-1], np.uint8)
    attribute_words = np.empty((attribute_first[-1], ATTRIBUTE_WORDS), np.int64)
    _deal(
        part,
        event_first[:-1].copy(),
        text_first[:-1].copy(),
        attribute_first[:-1].copy(),
        text_first,
        attribute_first,
        rank,
        (events.occurred_us, events.amount, events.discount, events.items, events.score, position),
        (events.type, events.label, events.period, events.detail),
        (frozen(events.customer_text), events.customer_start, events.customer_length),
        (frozen(events.event_text), events.event_start, events.event_length),
        (
            events.attribute_first,
            events.attribute_index,
            events.attribute_kind,
            events.attribute_value,
            frozen(events.attribute_text),
            events.attribute_start,
            events.attribute_length,
        ),
        words,
        text,
        attribute_words,
    )
    return [
        (
            p,
            _block(
                words[event_first[p] : event_first[p + 1]],
                text[text_first[p] : text_first[p + 1]],
                attribute_words[attribute_first[p] : attribute_first[p + 1]],
                events.details,
            ),
        )
        for p in np.flatnonzero(counts).tolist()
    ]


def _block(words: I64, text: U8, attributes: I64, details: tuple[Event, ...]) -> Block:
    """A block with only those of the batch's details that its own events refer to."""
    if not details:
        return Block(words, text, attributes, ())
    extra = words[:, EXTRA]
    own = np.flatnonzero(extra >> 40)
    chosen = tuple(details[i - 1] for i in (extra[own] >> 40).tolist())
    extra[own] = (np.arange(1, own.size + 1) << 40) | (extra[own] & ((1 << 40) - 1))
    return Block(words, text, attributes, chosen)


def _starts(counts: I64) -> I64:
    starts = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts
