"""Sending the records of dead letters once more, as they came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from aiokafka.errors import KafkaError

from workers.kafka.opened import open_producer, told
from workers.kafka.partitioner import partition_of
from workers.letters.letter import Letter
from workers.settings.live import LiveSettings

#: Tells of which letter a record is, to whoever looks at the input.
REDRIVEN_FROM = "tierline_redriven_from"
#: What the broker may take, not what a client thinks it should.
_REQUEST_BYTES_MAX = 16 << 20
_UNSENT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Sending:
    """A record that is to be sent, with the key it will have."""

    letter: Letter
    key: bytes | None
    record: bytes


@dataclass(slots=True)
class Redrive:
    """What is to be sent, and why the others are not: letters by reason."""

    sendings: list[Sending] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)


def plan_redrive(letters: Iterable[Letter], *, fix_key: bool) -> Redrive:
    """What can be sent of the letters; a record that several letters hold is sent once.

    `fix_key`: a record whose key is not its customer gets the `customer_id` that it names as its key.
    """
    redrive = Redrive()
    seen: set[tuple[str, bytes | None, bytes]] = set()
    for letter in letters:
        sending = _sending(letter, fix_key=fix_key)
        if isinstance(sending, Sending):
            same = (letter.source.topic, sending.key, sending.record)
            if same not in seen:
                seen.add(same)
                redrive.sendings.append(sending)
                continue
            sending = "the same record as that of another letter: sent once"
        redrive.left[sending] = redrive.left.get(sending, 0) + 1
    return redrive


async def send_again(
    settings: LiveSettings,
    redrive: Redrive,
    partitions: Mapping[str, int],
    *,
    keep_timestamp: bool,
    done: Callable[[int], None],
) -> list[tuple[Sending, str]]:
    """Send the records; which of them the broker did not take, and why.

    `partitions` is their number in each input topic. A record goes where its key belongs, one without a key
    where it was. Its timestamp is the present, or with `keep_timestamp` the one it had. `done` is told how
    many are through.
    """
    failed: list[tuple[Sending, str]] = []
    async with open_producer(settings, max_request_size=_REQUEST_BYTES_MAX) as client:
        for first in range(0, len(redrive.sendings), _UNSENT_MAX):
            some = redrive.sendings[first : first + _UNSENT_MAX]
            results = await asyncio.gather(
                *(
                    client.send_and_wait(
                        each.letter.source.topic,
                        value=each.record,
                        key=each.key,
                        partition=_partition(each, partitions[each.letter.source.topic]),
                        timestamp_ms=each.letter.source_timestamp_ms if keep_timestamp else None,
                        headers=[(REDRIVEN_FROM, str(each.letter.at).encode())],
                    )
                    for each in some
                ),
                return_exceptions=True,
            )
            for each, result in zip(some, results, strict=True):
                if isinstance(result, KafkaError):
                    failed.append((each, told(result)))
                elif isinstance(result, BaseException):
                    raise result
            done(first + len(some))
    return failed


def _sending(letter: Letter, *, fix_key: bool) -> Sending | str:
    """The record to be sent, or why there is none."""
    if letter.record is None:
        return "of an erased customer: nothing is kept of the record"
    if not letter.record:
        return "the record was empty: there is nothing to send"
    if letter.code != "key_mismatch":
        return Sending(letter, letter.key, letter.record)
    customer = letter.customer_id
    if not fix_key:
        return "the key is not the customer: give `--fix-key` to send it with the `customer_id` as its key"
    if customer is None:
        return "the key is not the customer, and the record names none"
    return Sending(letter, customer.encode(), letter.record)


def _partition(sending: Sending, partitions: int) -> int:
    if sending.key is None:
        return sending.letter.source.partition % partitions
    return partition_of(sending.key, partitions)
