"""The worker's frame, a Faust app: it starts the web server and the data plane, and ends them in turn.

The data plane talks to Kafka by itself, under `settings.group`. Faust, left alone, would join a group of its
own with a leader topic, and start a producer and a consumer for them; that moves nothing of ours and could
only get in the way, so here Faust starts none of it: it makes no topic and opens no connection.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Protocol, Self

import faust
import mode
from faust.app.base import BootStrategy

from workers.live.web import Shards, Site
from workers.logs import logger
from workers.settings.live import LiveSettings

#: How long all may take to end: the data plane has a shorter budget for its batches and last snapshots.
STOP_S = 75.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class DataPlane(Shards, Protocol):
    """What the frame asks of the data plane."""

    async def start(self) -> None:
        """Begin to work; returns soon."""
        ...

    async def wait(self) -> None:
        """Until it has ended; raises what ended it."""
        ...

    async def stop(self) -> None:
        """Finish the batches in hand, write last snapshots, leave the group."""
        ...


class _NoKafka(BootStrategy):
    enable_kafka = False
    enable_web = True
    enable_sensors = False


class _Frame(faust.App):
    BootStrategy: ClassVar[Any] = _NoKafka

    def _create_directories(self) -> None:
        """Faust would leave an empty folder for tables, of which there are none, wherever it is started."""


class _SiteService(mode.Service):
    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site

    async def on_start(self) -> None:
        await self._site.start()

    async def on_stop(self) -> None:
        await self._site.stop()


class _PlaneService(mode.Service):
    """Opens the data plane and runs it; `ended` is done when that is, and holds what ended it."""

    def __init__(self, open_plane: Callable[[], Awaitable[DataPlane]], site: Site) -> None:
        super().__init__()
        self._open_plane, self._site = open_plane, site
        self._plane: DataPlane | None = None
        self._plane_started = False
        self._running: asyncio.Task[None] | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def on_start(self) -> None:
        # in a task: the web server already answers while a broker is waited for
        self._running = asyncio.create_task(self._run(), name="data plane")

    async def on_stop(self) -> None:
        if not self._plane_started:
            await self._cancel()
        if self._plane is not None:
            await self._plane.stop()
        await self._cancel()

    async def _cancel(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    async def _run(self) -> None:
        try:
            plane = await self._open_plane()
            self._plane = plane
            self._site.show(plane)
            await plane.start()
            self._plane_started = True
            await plane.wait()
        except Exception as error:
            self.ended.set_exception(error)
            self.ended.exception()  # it has been seen, whether or not somebody still waits for it
        else:
            self.ended.set_result(None)


def make_app(settings: LiveSettings, *services: mode.Service, site: mode.Service) -> faust.App:
    """The Faust app; `services` are started in their order after the web server, and ended before it."""
    app = _Frame(
        f"{settings.group}-app",
        broker=[f"kafka://{each}" for each in settings.bootstrap_servers],  # named, never asked
        store="memory://",
        autodiscover=False,
        env={},  # else any variable such as WEB_PORT or DATADIR would win over what is said here
    )
    app.web_server(site)
    for service in services:
        app.service(service)  # type: ignore[arg-type] # declared for classes, takes instances too
    return app


async def run_worker(
    settings: LiveSettings, site: Site, open_plane: Callable[[], Awaitable[DataPlane]]
) -> int | None:
    """Run a worker until its data plane ends, or a signal ends it: the signal's number, else None.

    `open_plane` makes the data plane, while the web server already answers: it may wait for a broker. The
    first SIGINT or SIGTERM ends everything in good order, within `STOP_S`; the second ends the process at
    once, and the next start then does what the first would have spared it. Raises what ended the data plane.
    """
    log = logger("worker")
    service = _PlaneService(open_plane, site)
    app = make_app(settings, service, site=_SiteService(site))
    with _Signals() as signals:
        await app.start()
        ends: tuple[asyncio.Future[Any], ...] = (service.ended, signals.first)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if signals.first.done():
            log.info("worker is stopping", signal=signal.Signals(signals.first.result()).name)
        try:
            await asyncio.wait_for(app.stop(), STOP_S)
        except TimeoutError:
            log.warning("worker ends before all was finished", waited_s=STOP_S)
        if signals.first.done():
            return signals.first.result()
    await service.ended
    return None


class _Signals:
    """Takes SIGINT and SIGTERM for the loop: `first` holds the first one's number, the second ends all."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.first: asyncio.Future[int] = self._loop.create_future()
        self._before = {number: signal.getsignal(number) for number in _SIGNALS}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self._take, number)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            self._loop.remove_signal_handler(number)
            signal.signal(number, handler)

    def _take(self, number: int) -> None:
        if self.first.done():
            os._exit(128 + number)  # at once: open transactions are aborted by whoever takes over
        self.first.set_result(number)
