"""The one place where names of aiokafka are replaced, pinned to the version that it was written for.

Three things, each only with that version; with another one aiokafka does its work as it is, only slower:
- a consumer started by `start` gives one `Piece` a response and partition instead of an object a record. Its
  network, sessions, positions and errors stay aiokafka's, and other consumers of the process are not touched;
- such a consumer, and one of `start_with_objects`, rests before it asks a broker again that says at once that
  there is nothing, as the embedded one does;
- `shorten_back_off`: a producer that begins a transaction while the broker still writes the markers of the
  one before asks again after 2 ms instead of 20.
`workers.kafka.batches` asks `fits`, too, before it hands batches of its own to a producer.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from types import FunctionType
from typing import Any

import aiokafka
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError

from workers.clock import running_seconds
from workers.kafka.columns import Piece, columns_of, read_response

#: The version of aiokafka whose source was read for this; a test holds what is replaced to it.
WRITTEN_FOR = "0.14.0"
#: With 2 ms a transaction right after another takes 5 ms instead of 24, measured on Apache Kafka 4.1.
BACK_OFF_S = 0.002

_REST_MIN_S = 0.001

_log = logging.getLogger(__name__)


@functools.cache
def fits() -> bool:
    """Whether the aiokafka that is installed is the one this was written for; says so once if it is not."""
    if aiokafka.__version__ == WRITTEN_FOR:
        return True
    _log.warning(
        "aiokafka %s is not version %s, for which tierline is tuned: reading and sending cost more",
        aiokafka.__version__,
        WRITTEN_FOR,
    )
    return False


async def start(consumer: AIOKafkaConsumer) -> bool:
    """Start a consumer so that it gives pieces of columns; false if it gives aiokafka's objects."""
    if not fits():
        await consumer.start()
        return False
    await _start_with_columns()(consumer)
    return True


async def start_with_objects(consumer: AIOKafkaConsumer) -> None:
    """Start a consumer so that it gives aiokafka's objects, but rests as those of `start` do."""
    if fits():
        await _start_resting()(consumer)
    else:
        await consumer.start()


def shorten_back_off() -> None:
    """Let all producers of the process begin a transaction soon after the one before."""
    if fits():
        from aiokafka.producer import sender

        sender.BACKOFF_OVERRIDE = BACK_OFF_S


class Rest:
    """How long to wait before a broker is asked for records again.

    A broker that has none holds a fetch for `max_wait_s`. Where one answers sooner that there is nothing,
    asking again at once would keep a core busy: the rest doubles from 1 ms to a quarter of `max_wait_s`, and
    the first records, or an answer that was held, end it.
    """

    def __init__(self, max_wait_s: float) -> None:
        self._max_wait_s, self._last_s = max_wait_s, 0.0

    def after(self, waited_s: float, *, found: bool) -> float:
        """Seconds to rest after an answer that took `waited_s`."""
        if found or waited_s > self._max_wait_s / 2:
            self._last_s = 0.0
        else:
            self._last_s = min(max(2 * self._last_s, _REST_MIN_S), self._max_wait_s / 4)
        return self._last_s


class _Response:
    """Stands for `MemoryRecords` and keeps the bytes of a response."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def size_in_bytes(self) -> int:
        return len(self.raw)

    def has_next(self) -> bool:
        """Whether the first batch is there as a whole."""
        return len(self.raw) > 17 and len(self.raw) >= 12 + int.from_bytes(self.raw[8:12], "big", signed=True)


@functools.cache
def _resting_fetcher() -> Any:
    from aiokafka.consumer import fetcher

    class RestingFetcher(fetcher.Fetcher):  # type: ignore[misc]
        """Rests before it asks a broker again that had nothing."""

        _fetch_max_wait_ms: int
        _take = fetcher.Fetcher._proc_fetch_request

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._rests: defaultdict[int, Rest] = defaultdict(lambda: Rest(self._fetch_max_wait_ms / 1000))

        async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool:
            asked = running_seconds()
            found: bool = await self._take(assignment, node_id, request)
            rest_s = self._rests[node_id].after(running_seconds() - asked, found=found)
            if rest_s:
                with suppress(asyncio.CancelledError):  # aiokafka awaits the requests that it has cancelled
                    await asyncio.sleep(rest_s)
            return found

    return RestingFetcher


@functools.cache
def _start_resting() -> Callable[[AIOKafkaConsumer], Awaitable[None]]:
    from aiokafka.consumer import consumer

    return with_names(consumer.AIOKafkaConsumer.start, Fetcher=_resting_fetcher())


@functools.cache
def _start_with_columns() -> Callable[[AIOKafkaConsumer], Awaitable[None]]:
    from aiokafka.consumer import consumer, fetcher
    from aiokafka.record import memory_records

    class ColumnRecords(fetcher.PartitionRecords):  # type: ignore[misc]
        """The records of one response and partition, as one piece."""

        _records: Any
        next_fetch_offset: int

        def _unpack_records(self) -> Iterator[Piece]:
            response: _Response = self._records
            committed = self._isolation_level == fetcher.READ_COMMITTED
            piece = read_response(
                response.raw,
                self.next_fetch_offset,
                self._aborted_transactions,
                read_committed=committed,
                check_crcs=self._check_crcs,
            )
            if piece is None:
                piece = self._plainly(response)
            self.next_fetch_offset = piece.next_offset
            yield piece

        def _plainly(self, response: _Response) -> Piece:
            """The same from aiokafka's objects."""
            # the compiled one takes the format of the first batch for that of all
            self._records = memory_records._MemoryRecordsPy(response.raw)
            objects, damage = [], None
            try:
                objects.extend(super()._unpack_records())
            except (CorruptRecordException, UnsupportedCodecError) as error:
                # not the trace: aiokafka's batches in a cycle of references crash the garbage collector
                damage = error.with_traceback(None)
            except Exception as error:  # what its parser stumbles over where there is no checksum
                damage = CorruptRecordException(str(error))
            return Piece(columns_of(objects), self.next_fetch_offset, damage)

    class ColumnFetcher(_resting_fetcher()):  # type: ignore[misc]
        """Takes what comes from the broker as columns."""

        _take = with_names(
            fetcher.Fetcher._proc_fetch_request, MemoryRecords=_Response, PartitionRecords=ColumnRecords
        )

    return with_names(consumer.AIOKafkaConsumer.start, Fetcher=ColumnFetcher)


def with_names(function: Callable[..., Any], **names: object) -> Callable[..., Any]:
    """The same function, which finds other things under some of the global names that it uses.

    Raises: NameError if it does not use one of them.
    """
    if not isinstance(function, FunctionType):
        raise TypeError(f"`{function!r}` is not written in Python")
    unused = names.keys() - set(function.__code__.co_names)
    if unused:
        raise NameError(f"`{function.__qualname__}` does not use {', '.join(sorted(unused))}")
    known = {**function.__globals__, **names}
    copy = FunctionType(
        function.__code__, known, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy
