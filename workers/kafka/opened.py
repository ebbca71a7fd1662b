"""Clients for commands: opened with errors that say what to do, and closed whatever happens."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from workers.cli.errors import UserError
from workers.clock import running_seconds
from workers.kafka.aiokafka_patch import start_with_objects
from workers.kafka.clients import consumer, producer
from workers.settings.live import LiveSettings

_Client = TypeVar("_Client", AIOKafkaConsumer, AIOKafkaProducer)

#: Without it, Python would print what aiokafka logs.
_SILENCE = logging.NullHandler()
#: While a broker is away, aiokafka complains several times a second.
_TROUBLE_EVERY_S = 30.0


@asynccontextmanager
async def open_consumer(settings: LiveSettings, **more: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer of committed records without a group; raises UserError where no broker answers."""
    async with _opened(consumer(settings, **more), settings) as client:
        yield client


@asynccontextmanager
async def open_producer(settings: LiveSettings, **more: Any) -> AsyncIterator[AIOKafkaProducer]:
    """A started idempotent producer; raises UserError where no broker answers."""
    async with _opened(producer(settings, **more), settings) as client:
        yield client


async def partitions_of(
    client: AIOKafkaConsumer, topics: Iterable[str], settings: LiveSettings
) -> list[TopicPartition]:
    """All partitions of the topics; raises UserError for a topic that does not exist."""
    # of all topics: what the client itself knows is only of topics that it was asked for before
    cluster = await client._client.fetch_all_metadata()
    missing = [topic for topic in topics if topic not in cluster.topics()]
    if missing:
        raise UserError(
            f"there is no topic `{missing[0]}` on `{settings.brokers}`",
            "`tierline topics create` makes what is missing; another name is set by TIERLINE_TOPICS__...",
        )
    return [
        TopicPartition(topic, partition)
        for topic in topics
        for partition in sorted(cluster.partitions_for_topic(topic) or ())
    ]


@asynccontextmanager
async def _opened(client: _Client, settings: LiveSettings) -> AsyncIterator[_Client]:
    logging.getLogger("aiokafka").addHandler(_SILENCE)
    try:
        try:
            if isinstance(client, AIOKafkaConsumer):
                await start_with_objects(client)
            else:
                await client.start()
        except KafkaConnectionError as error:
            raise UserError(
                f"no broker answers at `{settings.brokers}`",
                "start it, or name another with --brokers or TIERLINE_BROKERS",
            ) from error
        except KafkaError as error:
            raise UserError(f"the broker at `{settings.brokers}` refuses: {told(error)}") from error
        yield client
    finally:
        await client.stop()


@contextmanager
def trouble_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Let the user hear, now and then, what keeps aiokafka from going on; it tries again by itself."""
    log, handler = logging.getLogger("aiokafka"), _Trouble(tell)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


class _Trouble(logging.Handler):
    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell
        self._told_s = -_TROUBLE_EVERY_S

    def emit(self, record: logging.LogRecord) -> None:
        now = running_seconds()
        if now - self._told_s >= _TROUBLE_EVERY_S:
            self._told_s = now
            self._tell(f"trouble with the broker, trying again: {record.getMessage()}")


def told(error: KafkaError) -> str:
    """What Kafka says of an error, as the end of a sentence."""
    text = str(error).removeprefix(f"{type(error).__name__}: ").strip() or type(error).__name__
    return text[0].lower() + text[1:]
