"""What stands in an output partition beside what should: every body, byte for byte, none more, none less."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.clock import running_seconds
from workers.live.ports import Pair, Reading
from workers.live.streams import Streams

#: Records looked through at a time.
_SOME = 10_000
#: How often the end is asked for while a transaction is being finished.
_AGAIN_S = 0.1
_SHOWN_MAX = 200


class Messages(NamedTuple):
    """Messages as they follow from the inputs, in their order: keys and bodies."""

    keys: list[bytes]
    values: list[bytes]

    def cut(self, first: int) -> Messages:
        """Those from one on."""
        return Messages(self.keys[first:], self.values[first:])


class _There(NamedTuple):
    """Messages as they stand in the topic, read and not compared yet."""

    offsets: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]

    def drop(self, count: int) -> None:
        for column in self:
            del column[:count]


class Begin(Enum):
    """How the first of what is there and the first of what should be there find each other.

    EVEN: both begin with the first there ever was. REMOVED: the topic has lost its oldest ones.
    LATER: what should be there begins later, at a snapshot.
    """

    EVEN = auto()
    REMOVED = auto()
    LATER = auto()


@dataclass(frozen=True, slots=True)
class Finding:
    """The first message that is not as it should be: what is wrong in a sentence, and more lines."""

    what: str
    details: tuple[str, ...] = ()


class Output:
    """One output partition, followed from its begin."""

    def __init__(
        self, streams: Streams, reader: Reading, pair: Pair, end: int, begin: Begin, settle_s: float
    ) -> None:
        """`end`: what lies before it is accounted for; `settle_s`: how long a commit may take to show."""
        self._streams = streams
        self._reader = reader
        self._pair = pair
        self._end = end
        self._begin = begin
        self._settle_s = settle_s
        self._there = _There([], [], [])
        self._reached = 0
        self.compared = 0
        self.removed = 0

    async def compare(self, expected: Messages) -> Finding | None:
        """Hold the messages of a batch against what comes next; None if they are the same."""
        if not expected.values:
            return None
        if self._begin is not Begin.EVEN:
            expected = await self._meet(expected)
        there, count = self._there, len(expected.values)
        await self._fill(count)
        alike = there.values[:count] == expected.values and there.keys[:count] == expected.keys
        if not alike:
            count = self._first_differing(expected)
        if count:
            self._reached = there.offsets[count - 1] + 1
            there.drop(count)
        return None if alike else self._explained(count, expected)

    def _first_differing(self, expected: Messages) -> int:
        pairs = zip(self._there.keys, self._there.values, expected.keys, expected.values, strict=False)
        alike = 0
        for key, value, wanted_key, wanted_value in pairs:
            if key != wanted_key or value != wanted_value:
                break
            alike += 1
        return alike

    async def more(self) -> Finding | None:
        """The next message before the end that was to be accounted for, if there is one."""
        if self._begin is Begin.LATER:
            return None
        if not self._there.offsets:
            await self._read(1, self._end)
        if not self._there.offsets or self._there.offsets[0] >= self._end:
            return None
        return Finding(
            f"offset {self._there.offsets[0]} of {self._named} holds a message that is in no batch of the "
            "journal",
            (f"published {_summary(self._there.values[0])}",),
        )

    @property
    def gone(self) -> str:
        """What of the derived messages could not be compared, in a sentence."""
        return (
            f"the {self.removed:,} oldest messages of {self._named} are gone from the topic: only their hash "
            "was compared"
        )

    @property
    def _named(self) -> str:
        return f"`{self._pair[0]}/{self._pair[1]}`"

    async def _meet(self, expected: Messages) -> Messages:
        """Leave out what one side cannot have: no body comes twice, since each has a number of its own."""
        values = self._there.values
        if self._begin is Begin.REMOVED:
            if not values:
                await self._read(1, self._end)
            place = len(expected.values)
            if values and values[0] in expected.values:
                place = expected.values.index(values[0])
                self._begin = Begin.EVEN
            self.removed += place
            return expected.cut(place)
        while expected.values[0] not in values:
            self._there.drop(len(values))
            if not await self._read(_SOME, await self._ends()):
                break
        else:
            self._there.drop(values.index(expected.values[0]))
        self._begin = Begin.EVEN
        return expected

    async def _fill(self, count: int) -> None:
        """Have so many messages at hand, and one more if there is one; wait for a commit that goes on."""
        await self._read(count + 1, self._end)
        deadline_s = running_seconds() + self._settle_s
        while len(self._there.offsets) < count:
            end = await self._ends()
            if await self._read(count + 1, end):
                continue
            if running_seconds() > deadline_s:
                return
            await asyncio.sleep(_AGAIN_S)

    async def _ends(self) -> int:
        return (await self._reader.ends([self._pair]))[self._pair]

    async def _read(self, count: int, end: int) -> int:
        """Read on until so many are at hand or the end is reached; how many came."""
        before = len(self._there.offsets)
        for piece in await self._streams.take(self._pair, max(0, count - before), end):
            self._there.offsets.extend(piece.offset.tolist())
            self._there.keys.extend(_texts(piece.buffer, piece.key_start, piece.key_length))
            self._there.values.extend(_texts(piece.buffer, piece.value_start, piece.value_length))
        return len(self._there.offsets) - before

    def _explained(self, place: int, expected: Messages) -> Finding:
        """What is wrong with the message at a place of the batch; those before it are right, and dropped."""
        value, following = expected.values[place], expected.values[place + 1 :]
        which = f"message {place + 1} of {len(expected.values)} of the batch"
        if not self._there.offsets:
            return Finding(
                f"{self._named} ends at offset {self._reached}, and {which} is missing",
                (f"derived   {_summary(value)}",),
            )
        found, after = self._there.values[0], self._there.values[1:2]
        where = f"offset {self._there.offsets[0]} of {self._named}"
        if found == value:
            key, right = _text(self._there.keys[0]), _text(expected.keys[place])
            return Finding(f"{where} has the key {key}, and should have {right}")
        if after == [value]:
            return Finding(
                f"{where} holds a message that does not follow from the inputs",
                (f"published {_summary(found)}",),
            )
        replaced = bool(after) and following[:1] == after
        if found in following or not (replaced or _identity(found) == _identity(value)):
            return Finding(
                f"{which} is missing before {where}",
                (f"derived   {_summary(value)}", f"published {_summary(found)}"),
            )
        return Finding(
            f"{where} ({which}) differs from what the inputs give",
            (f"derived   {_summary(value)}", *_differing(found, value)),
        )


def _texts(
    buffer: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64]
) -> list[bytes | None]:
    data = buffer.data
    return [
        None if size < 0 else bytes(data[begin : begin + size])
        for begin, size in zip(start.tolist(), length.tolist(), strict=True)
    ]


def _parsed(value: bytes | None) -> dict[str, Any]:
    try:
        body = json.loads(value or b"")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _identity(value: bytes | None) -> tuple[object, ...]:
    """Which message it is, whatever it says."""
    body = _parsed(value)
    names = ("type", "customer_id", "life", "dimension", "sequence", "state", "effective_at")
    found = tuple(body.get(name) for name in names)
    return found if "sequence" not in body else found[:5]


def _summary(value: bytes | None) -> str:
    body = _parsed(value)
    names = ("customer_id", "dimension", "sequence", "state", "from", "to", "effective_at")
    if not body:
        return _text(value)
    return " ".join(f"{name}={body[name]}" for name in (*names, "type") if name in body)


def _differing(published: bytes | None, derived: bytes) -> list[str]:
    """One line for each field that differs."""
    left, right = _parsed(published), _parsed(derived)
    names = [name for name in right | left if left.get(name, ...) != right.get(name, ...)]
    if not names:
        return [f"published {_text(published)}", f"derived   {_text(derived)}"]
    return [f"{name}: published {_shown(left, name)}, derived {_shown(right, name)}" for name in names]


def _shown(body: dict[str, Any], name: str) -> str:
    if name not in body:
        return "nothing"
    text = json.dumps(body[name], ensure_ascii=False)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def _text(value: bytes | None) -> str:
    if value is None:
        return "null"
    shown = value[:_SHOWN_MAX].decode(errors="backslashreplace")
    return f"`{shown}`" if len(value) <= _SHOWN_MAX else f"`{shown}…`"
