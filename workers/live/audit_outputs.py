"""What stands in an output partition beside what should: every body, byte for byte, none more, none less."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import Any, NamedTuple

from workers.clock import running_seconds
from workers.live.ports import Pair, Reading
from workers.live.streams import Streams

#: Records looked through at a time.
_SOME = 10_000
#: How often the end is asked for while a transaction is being finished.
_AGAIN_S = 0.1
_SHOWN_MAX = 200


class Body(NamedTuple):
    """A message as it follows from the inputs."""

    key: bytes
    value: bytes


class Found(NamedTuple):
    """A message as it stands in the topic."""

    offset: int
    key: bytes | None
    value: bytes | None


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
        self._there: deque[Found] = deque()
        self._reached = 0
        self.compared = 0
        self.removed = 0

    async def compare(self, expected: Sequence[Body]) -> Finding | None:
        """Hold the messages of a batch against what comes next; None if they are the same."""
        if not expected:
            return None
        if self._begin is not Begin.EVEN:
            expected = await self._meet(expected)
        await self._fill(len(expected))
        for place, body in enumerate(expected):
            if not self._there or self._there[0][1:] != body:
                return self._explained(place, expected)
            self._reached = self._there.popleft().offset + 1
            self.compared += 1
        return None

    async def more(self) -> Finding | None:
        """The next message before the end that was to be accounted for, if there is one."""
        if self._begin is Begin.LATER:
            return None
        if not self._there:
            await self._read(1, self._end)
        if not self._there or self._there[0].offset >= self._end:
            return None
        found = self._there[0]
        return Finding(
            f"offset {found.offset} of {self._named} holds a message that is in no batch of the journal",
            (f"published {_summary(found.value)}",),
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

    async def _meet(self, expected: Sequence[Body]) -> Sequence[Body]:
        """Leave out what one side cannot have: no body comes twice, since each has a number of its own."""
        if self._begin is Begin.REMOVED:
            if not self._there:
                await self._read(1, self._end)
            first = self._there[0].value if self._there else None
            place = next((i for i, body in enumerate(expected) if body.value == first), len(expected))
            self.removed += place
            if place < len(expected):
                self._begin = Begin.EVEN
            return expected[place:]
        while self._there or await self._read(_SOME, await self._ends()):
            if self._there[0].value == expected[0].value:
                break
            self._there.popleft()
        self._begin = Begin.EVEN
        return expected

    async def _fill(self, count: int) -> None:
        """Have so many messages at hand, and one more if there is one; wait for a commit that goes on."""
        await self._read(count + 1, self._end)
        deadline_s = running_seconds() + self._settle_s
        while len(self._there) < count:
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
        came = 0
        for piece in await self._streams.take(self._pair, max(0, count - len(self._there)), end):
            data = piece.buffer.data
            for offset, key, key_length, value, length in zip(
                *(column.tolist() for column in (piece.offset, *piece[3:])), strict=True
            ):
                self._there.append(
                    Found(
                        offset,
                        None if key_length < 0 else bytes(data[key : key + key_length]),
                        None if length < 0 else bytes(data[value : value + length]),
                    )
                )
                came += 1
        return came

    def _explained(self, place: int, expected: Sequence[Body]) -> Finding:
        body, following = expected[place], [each.value for each in expected[place + 1 :]]
        which = f"message {place + 1} of {len(expected)} of the batch"
        if not self._there:
            return Finding(
                f"{self._named} ends at offset {self._reached}, and {which} is missing",
                (f"derived   {_summary(body.value)}",),
            )
        found = self._there[0]
        after = next(islice(self._there, 1, 2), None)
        where = f"offset {found.offset} of {self._named}"
        if found.value == body.value:
            return Finding(f"{where} has the key {_text(found.key)}, and should have {_text(body.key)}")
        if after is not None and after.value == body.value:
            return Finding(
                f"{where} holds a message that does not follow from the inputs",
                (f"published {_summary(found.value)}",),
            )
        replaced = after is not None and following[:1] == [after.value]
        if found.value in following or not (replaced or _identity(found.value) == _identity(body.value)):
            return Finding(
                f"{which} is missing before {where}",
                (f"derived   {_summary(body.value)}", f"published {_summary(found.value)}"),
            )
        return Finding(
            f"{where} ({which}) differs from what the inputs give",
            (f"derived   {_summary(body.value)}", *_differing(found.value, body.value)),
        )


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
