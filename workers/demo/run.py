"""The demo: everything started in turn, fed, watched and shown, and ended whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.live import Live

from rules.language.model import Pack
from workers.cli.errors import UserError
from workers.clock import running_seconds, unix_seconds
from workers.demo.children import Children
from workers.demo.display import Progress, Screen, plain_change, plain_line
from workers.demo.events import DemoEvents
from workers.demo.worker_figures import ask_worker
from workers.feed.feeder import Feeder
from workers.feed.pace import Pace
from workers.files.sources import find_event_files
from workers.kafka.clients import admin
from workers.kafka.following import follow, start_at
from workers.kafka.opened import open_consumer, partitions_of
from workers.kafka.topics import create_topics
from workers.kafka.waiting import wait_for_broker
from workers.settings.live import LiveSettings, live_settings
from workers.settings.topics import TopicNames

#: A tick comes after a day of the log's time: no topic ever lags so far behind another that events are late.
TICK_DELAY_S = 86_400.0
#: The demo is for the eye: larger batches leave more of a small machine to everything else.
COMMIT_INTERVAL_MS = 100
_FRAME_S = 0.25
_PLAIN_S = 1.0
#: After so long without a sign of life something is wrong that nobody has noticed.
_READY_PATIENCE_S = 120.0
_SETTLED_S = 3.0
_BROKER_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user chose."""

    rules: str
    pack: Pack
    broker: str
    pace: Pace
    live: bool
    stay: bool
    surfaces: bool
    folder: Path


@dataclass(slots=True)
class Outcome:
    """What the demo came to: all events were through after so many seconds of feeding."""

    settings: LiveSettings
    progress: Progress
    seconds: float = 0.0


def settings_of(broker: str, *, given: bool) -> LiveSettings:
    """Settings of a demo on a broker; on one that is given, topics and group have names of their own."""
    name = f"tierline-demo-{int(unix_seconds())}"
    own: dict[str, Any] = {"group": name, "topics": TopicNames.prefixed(f"{name}.")} if given else {}
    return live_settings(
        brokers=broker,
        clock="log",
        tick_delay_s=TICK_DELAY_S,
        commit_interval_ms=COMMIT_INTERVAL_MS,
        log_format="console",
        **own,
    )


class Demo:
    """One run of the demo on children that are ended by the caller."""

    def __init__(
        self,
        wishes: Wishes,
        children: Children,
        console: Console,
        make_events: Callable[[], DemoEvents],
        on_finish: Callable[[Outcome], None],
    ) -> None:
        self._wishes = wishes
        self._children = children
        self._console = console
        self._make_events = make_events
        self._on_finish = on_finish
        self.finished = False

    async def run(self) -> None:
        """Until all events are through, or for as long as the user stays."""
        wishes, children = self._wishes, self._children
        settings = settings_of(children.broker.address, given=children.broker.kind == "given")
        outcome = Outcome(settings, Progress(total=0))
        await wait_for_broker(settings, self._console.print, timeout_s=_BROKER_PATIENCE_S)
        topics = await create_topics(settings)
        children.start_worker(wishes.rules, settings)
        if wishes.surfaces:
            children.start_surfaces(wishes.rules, settings)
        events = await asyncio.to_thread(self._make_events)
        self._console.print(f"[dim]{events.origin}[/]", highlight=False)
        progress = outcome.progress
        progress.total = events.total
        progress.first_ms, progress.last_ms = events.span_ms()
        async with aiohttp.ClientSession() as session, _topics_removed(settings, children):
            await self._until_ready(session)
            tasks = [
                self._feed(settings, events, topics.partitions, progress),
                self._read(settings, progress),
                self._look(session, progress),
                self._show(settings, progress),
                self._watch_children(),
                self._finish(outcome),
            ]
            await _until_first(tasks)

    async def _until_ready(self, session: aiohttp.ClientSession) -> None:
        """Until the worker holds its shards."""
        self._console.print("[dim]waiting for the worker[/]")
        until = running_seconds() + _READY_PATIENCE_S
        while True:
            self._children.check()
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(f"{self._children.address}/readyz") as answer:
                    if answer.status == 200:
                        return
            if running_seconds() > until:
                raise UserError(
                    "the worker does not become ready",
                    f"see what it says in {self._children.logs / 'worker.log'}",
                )
            await asyncio.sleep(0.1)

    async def _feed(
        self, settings: LiveSettings, events: DemoEvents, partitions: int, progress: Progress
    ) -> None:
        def tell(taken: int, until_us: int) -> None:
            progress.sent += taken
            progress.latest_ms = min(until_us // 1000, progress.last_ms)

        progress.status = "feeding"
        files = find_event_files(list(events.files.values()))
        async with Feeder(settings, files, partitions) as feeder:
            await feeder.run(self._wishes.pace, tell)
        await asyncio.Event().wait()

    async def _read(self, settings: LiveSettings, progress: Progress) -> None:
        published, topics = progress.published, settings.topics
        async with open_consumer(settings) as client:
            places = await partitions_of(client, [topics.changes, topics.categories], settings)
            await start_at(client, places, "first")
            async for records in follow(client, to_end=False):
                for number, record in enumerate(records):
                    if record.topic == topics.changes:
                        published.take_change(record.value)
                    else:
                        published.take_categories(record.key, record.value)
                    if number % 200 == 0:
                        await asyncio.sleep(0)

    async def _look(self, session: aiohttp.ClientSession, progress: Progress) -> None:
        while True:
            progress.worker = await ask_worker(session, self._children.address) or progress.worker
            await asyncio.sleep(_FRAME_S * 2)

    async def _watch_children(self) -> None:
        while True:
            self._children.check()
            await asyncio.sleep(_FRAME_S)

    async def _show(self, settings: LiveSettings, progress: Progress) -> None:
        if not self._wishes.live:
            await self._print(progress)
        where = (
            f"console {self._children.console}" if self._children.console else "",
            f"Kafka {settings.brokers}",
            f"worker {self._children.address}",
            f"logs {self._children.logs}",
            "Ctrl-C ends it",
        )
        screen = Screen(
            self._console,
            self._wishes.pack,
            "   ".join(each for each in where if each),
        )
        with Live(console=self._console, auto_refresh=False) as live:
            try:
                while True:
                    progress.published.show_one_more()
                    live.update(screen.draw(progress), refresh=True)
                    await asyncio.sleep(_FRAME_S * 2)
            finally:
                live.update(screen.draw(progress), refresh=True)

    async def _print(self, progress: Progress) -> None:
        """A line a second, and a change with its reasons; nothing new when all is done."""
        told: tuple[int, int] | None = None
        change = None
        while True:
            await asyncio.sleep(_PLAIN_S)
            progress.published.show_one_more()
            seen = progress.worker.taken, progress.published.changes
            if self.finished and seen == told:
                continue
            told = seen
            self._say(plain_line(progress))
            latest = plain_change(progress)
            if latest is not None and latest != change:
                self._say(latest)
            change = latest

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    async def _finish(self, outcome: Outcome) -> None:
        """Until all is through and what came of it has been read; then, if the user stays, for ever."""
        progress, started = outcome.progress, running_seconds()
        while not (progress.sent == progress.total and progress.worker.taken >= progress.total):
            await asyncio.sleep(_FRAME_S)
        outcome.seconds = running_seconds() - started
        progress.status = "the last changes"
        seen, since = -1, running_seconds()
        while running_seconds() - since < _SETTLED_S:
            if progress.published.changes != seen:
                seen, since = progress.published.changes, running_seconds()
            await asyncio.sleep(_FRAME_S)
        self.finished = True
        progress.status = "all events are through"
        self._on_finish(outcome)
        if self._wishes.stay:
            await asyncio.Event().wait()


async def _until_first(works: list[Coroutine[Any, Any, None]]) -> None:
    """Run all until one of them ends, and raise what ended it; the others are cancelled and awaited."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


@asynccontextmanager
async def _topics_removed(settings: LiveSettings, children: Children) -> AsyncIterator[None]:
    """Leave nothing behind on a broker that somebody else runs."""
    try:
        yield
    finally:
        if children.broker.kind == "given":
            await asyncio.to_thread(children.stop_all)
            client = admin(settings)
            with contextlib.suppress(KafkaError):  # a broker that has gone keeps them
                await client.start()
                await client.delete_topics(list(settings.topics.by_role().values()))
            await client.close()
