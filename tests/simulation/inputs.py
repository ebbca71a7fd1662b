"""The inputs of a simulated service: who writes to them and how, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from tests.live.histories import Sent
from tests.live.published import Record
from tests.simulation.broker import Pair, SimulatedBroker
from tests.simulation.log import Writer
from workers.settings.live import LiveSettings

_DAY_S = 86_400.0
#: The marker of a producer's transaction comes after so long at most.
_MARKER_S = 0.3


class InputTopics:
    """The partitions of the inputs. Some seeds have producers with transactions, some of them aborted."""

    def __init__(
        self, broker: SimulatedBroker, settings: LiveSettings, seen: Counter[str], day_s: float
    ) -> None:
        """A day of the history passes in `day_s`."""
        self._broker, self._settings, self._seen, self._day_s = broker, settings, seen, day_s
        self._choose = broker.choose
        self._in_transactions = self._choose.random() < 0.4
        self._count = 0
        self.pairs: list[Pair] = [
            (topic, number) for topic in settings.topics.inputs for number in range(settings.partitions)
        ]

    async def produce(self, sent: Iterable[Sent]) -> None:
        """Send events, at their pace."""
        for each in sent:
            if self._settings.clock == "wall":
                ahead_us = each.timestamp_ms * 1000 - self._broker.wall_us()
                if ahead_us > 0:
                    await asyncio.sleep(min(ahead_us / 1e6 / _DAY_S * self._day_s, 3.0))
            elif self._choose.random() < 0.3:
                await asyncio.sleep(self._choose.random() * 0.5)
            self._send(each)

    def delete(self, pair: Pair, back_s: float) -> None:
        """Retention takes all there is of an input; after a while it is there again, as from a copy.

        Not before the shard's first batch: who begins anew begins with what is there.
        """
        log = self._broker.logs[pair]
        journal = self._broker.logs[self._settings.topics.journal, pair[1]]
        if not journal.committed(0, journal.end):
            return
        log.begin = log.end
        self._seen["input deleted"] += 1
        asyncio.get_running_loop().call_later(back_s, setattr, log, "begin", 0)

    def forbid(self, topic: str, back_s: float) -> None:
        """Nobody may read a topic for a while."""
        self._broker.forbidden.add(topic)
        self._seen["input forbidden"] += 1
        asyncio.get_running_loop().call_later(back_s, self._broker.forbidden.discard, topic)

    def _send(self, each: Sent) -> None:
        pair = (getattr(self._settings.topics, each.role), each.partition)
        record = Record(-1, each.timestamp_ms, each.key, each.value)
        if not self._in_transactions:
            self._broker.produce(pair, [record])
            return
        # in time, before or after, lie the records and markers of transactions that came to nothing
        ended = [True] + [False] * self._choose.choice((0, 0, 1, 2))
        self._choose.shuffle(ended)
        for commit in ended:
            self._count += 1
            writer = (f"producer-{self._count}", 0)
            self._broker.logs[pair].append([record], writer)
            after_s = self._choose.random() * _MARKER_S
            asyncio.get_running_loop().call_later(after_s, self._mark, pair, writer, commit)

    def _mark(self, pair: Pair, writer: Writer, commit: bool) -> None:
        self._broker.logs[pair].mark(writer, commit=commit)
        self._seen["input transaction committed" if commit else "input transaction aborted"] += 1
        self._broker.tell_readers()
