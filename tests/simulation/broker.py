"""A simulated broker: partitions, transactions with fencing, positions of a group; it answers late or never.

It keeps Kafka's promises and no others. A request may be lost, or done and its answer lost, or done long
after the client gave up; markers of a transaction are written one partition after the other, after the commit
was answered; a producer's start fences its predecessor and waits until that one's transaction is over.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from aiokafka.errors import KafkaConnectionError, ProducerFenced, RequestTimedOutError

from tests.live.published import Record
from tests.simulation.log import Log, Writer

T = TypeVar("T")
Pair = tuple[str, int]

#: A client gives up a request after so long; a transaction is aborted after so long.
REQUEST_S, TRANSACTION_S = 5.0, 15.0


@dataclass(frozen=True)
class Weather:
    """How often things go wrong.

    Of each request the chance that it is lost, that its answer is lost, and that it is done only after the
    client gave up; `hop_s`: seconds that a good one takes at most, each way; `marker_s`: that pass at most
    until the next partition gets its marker.
    """

    lost: float = 0.0
    unanswered: float = 0.0
    belated: float = 0.0
    hop_s: float = 0.01
    marker_s: float = 0.02


@dataclass
class _Transaction:
    """What is known of a transactional id."""

    epoch: int = -1
    state: str = "none"  # none, open, ending
    pairs: set[Pair] = field(default_factory=set)
    offsets: dict[Pair, int] = field(default_factory=dict)
    begun: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)


class SimulatedBroker:
    """All partitions, transactional ids and groups."""

    def __init__(
        self,
        choose: Random,
        weather: Weather,
        topics: Iterable[str],
        partitions: int,
        wall_us: Callable[[], int],
        spawn: Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        """`spawn` makes a task that belongs to a process."""
        self._spawn = spawn
        self.choose = choose
        self.weather = weather
        self.wall_us = wall_us
        self.logs: dict[Pair, Log] = {(topic, p): Log() for topic in topics for p in range(partitions)}
        self.committed: dict[Pair, int] = {}
        self.transactions: dict[str, _Transaction] = defaultdict(_Transaction)
        self.grown = asyncio.Event()
        #: Topics that no client may read.
        self.forbidden: set[str] = set()
        self.seen: dict[str, int] = defaultdict(int)
        self._tasks: set[asyncio.Task[None]] = set()

    # --- how requests travel ----------------------------------------------------------------------------

    async def request(self, name: str, do: Callable[[], T]) -> T:
        """Have a request done, or not; raises what a client raises that got no answer."""
        weather, choose = self.weather, self.choose
        await self._hop()
        fate = choose.random()
        if fate < weather.lost:
            self.seen[f"{name} lost"] += 1
            await asyncio.sleep(choose.random() * REQUEST_S)
            raise choose.choice((RequestTimedOutError, KafkaConnectionError))(f"{name} was lost")
        if fate < weather.lost + weather.belated:
            self.seen[f"{name} belated"] += 1
            asyncio.get_running_loop().call_later(REQUEST_S * (0.5 + choose.random()), _quietly, do)
            await asyncio.sleep(choose.random() * REQUEST_S)
            raise RequestTimedOutError(f"{name} was not answered yet")
        answer = do()
        if fate < weather.lost + weather.belated + weather.unanswered:
            self.seen[f"{name} unanswered"] += 1
            await asyncio.sleep(choose.random() * REQUEST_S)
            raise choose.choice((RequestTimedOutError, KafkaConnectionError))(f"{name} was not answered")
        await self._hop()
        return answer

    async def _hop(self) -> None:
        await asyncio.sleep(self.choose.random() * self.weather.hop_s)

    # --- partitions -------------------------------------------------------------------------------------

    def produce(self, pair: Pair, records: list[Record]) -> None:
        """Somebody else's records, outside of any transaction."""
        self.logs[pair].append(records)
        self.tell_readers()

    def tell_readers(self) -> None:
        """There may be more to read."""
        self.grown.set()
        self.grown = asyncio.Event()

    # --- transactions -----------------------------------------------------------------------------------

    def fence(self, name: str) -> int | None:
        """Begin a new epoch; None while the transaction of the one before is not over yet."""
        transaction = self.transactions[name]
        if transaction.state == "open":
            transaction.epoch += 1  # whoever wrote it can write no more, from now on
            self._end(name, commit=False)
        if transaction.state == "ending":
            return None
        transaction.epoch += 1
        self.seen["fenced"] += 1
        return transaction.epoch

    def write(self, writer: Writer, pair: Pair, records: list[Record]) -> int:
        """Records of a transaction; the first of them opens it."""
        self._open(writer).pairs.add(pair)
        return self.logs[pair].append(records, writer)

    def add_offsets(self, writer: Writer, offsets: Mapping[Pair, int]) -> None:
        """Positions that count once the transaction is committed."""
        self._open(writer).offsets.update(offsets)

    def end(self, writer: Writer, *, commit: bool) -> None:
        """Commit or abort; the same request again changes nothing."""
        transaction = self._known(writer)
        if transaction.state == "open":
            self._end(writer[0], commit=commit)
        elif transaction.state == "ending":
            return

    def _known(self, writer: Writer) -> _Transaction:
        transaction = self.transactions[writer[0]]
        if transaction.epoch != writer[1]:
            self.seen["write of a fenced one refused"] += 1
            raise ProducerFenced
        return transaction

    def _open(self, writer: Writer) -> _Transaction:
        transaction = self._known(writer)
        if transaction.state == "ending":
            raise RequestTimedOutError("the transaction before is not over")
        if transaction.state == "none":
            transaction.state = "open"
            transaction.begun += 1
            asyncio.get_running_loop().call_later(TRANSACTION_S, self._expire, writer[0], transaction.begun)
        return transaction

    def _expire(self, name: str, begun: int) -> None:
        transaction = self.transactions[name]
        if transaction.state == "open" and transaction.begun == begun:
            self.seen["transaction timed out"] += 1
            transaction.epoch += 1
            self._end(name, commit=False)

    def _end(self, name: str, *, commit: bool) -> None:
        """Decide, and write the markers afterwards, partition by partition."""
        transaction = self.transactions[name]
        transaction.state = "ending"
        transaction.over = asyncio.Event()
        task = self._spawn("broker", self._mark(name, transaction, commit))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _mark(self, name: str, transaction: _Transaction, commit: bool) -> None:
        pairs = sorted(transaction.pairs)
        self.choose.shuffle(pairs)
        for pair in pairs:
            await asyncio.sleep(self.choose.random() * self.weather.marker_s)
            for entry in [each for each in self.logs[pair].entries if each.open]:
                if entry.writer is not None and entry.writer[0] == name:
                    self.logs[pair].mark(entry.writer, commit=commit)
                    break
            self.tell_readers()
        if commit:
            self.committed.update(transaction.offsets)
        self.seen["committed" if commit else "aborted"] += 1
        transaction.pairs, transaction.offsets, transaction.state = set(), {}, "none"
        transaction.over.set()


def _quietly(do: Callable[[], object]) -> None:
    """Do a request whose client has gone away."""
    with suppress(ProducerFenced, RequestTimedOutError):
        do()
