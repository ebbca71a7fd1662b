"""One dead letter as it lies in its topic."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import orjson
from aiokafka import ConsumerRecord

#: Where a record was refused, in the headers of its letter.
TIMESTAMP_HEADER = "tierline_timestamp_ms"


@dataclass(frozen=True, slots=True)
class Place:
    """An offset in a partition of a topic."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}:{self.offset}"

    @classmethod
    def read(cls, text: str) -> Place | None:
        """What `str` gave; None for another text."""
        topic, _, rest = text.rpartition("/")
        partition, _, offset = rest.partition(":")
        if not (topic and _digits(partition) and _digits(offset)):
            return None
        return cls(topic, int(partition), int(offset))


@dataclass(frozen=True, slots=True)
class Letter:
    """Why a record was refused, where it came from, and the record.

    `at` is the letter's own place, `source` the record's. `record` is None where the letter keeps nothing of
    it (a customer who was erased). Timestamps in ms since 1970; the record's is None where nobody told it.
    """

    at: Place
    timestamp_ms: int
    source: Place
    source_timestamp_ms: int | None
    key: bytes | None
    body: dict[str, Any]
    record: bytes | None

    @property
    def code(self) -> str:
        """The reason in one word."""
        return str(self.body["code"])

    @property
    def customer_id(self) -> str | None:
        """What the record itself says; None where that cannot be read."""
        try:
            found = orjson.loads(self.record or b"")["customer_id"]
        except (ValueError, KeyError, TypeError):
            return None
        return found if isinstance(found, str) and found else None


def read_letter(record: ConsumerRecord) -> Letter | None:
    """The letter of a record of the topic of dead letters; None where it is none."""
    try:
        body = orjson.loads(record.value or b"")
        topic, _, partition = body["source"].rpartition("/")
        source = Place(topic, int(partition), int(body["position"]))
        raw = _raw(body)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    told = dict(record.headers).get(TIMESTAMP_HEADER, b"")
    return Letter(
        at=Place(record.topic, record.partition, record.offset),
        timestamp_ms=record.timestamp,
        source=source,
        source_timestamp_ms=int(told) if told.isdigit() else None,
        key=record.key,
        body=body,
        record=raw,
    )


def _raw(body: dict[str, Any]) -> bytes | None:
    if body.get("record_base64") is not None:
        return base64.b64decode(body["record_base64"])
    text = body.get("record")
    return None if text is None else str(text).encode()


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
