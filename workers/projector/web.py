"""What a projector shows over HTTP: whether it lives, whether it has caught up, its figures."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from workers.projector.telemetry import Telemetry


@dataclass(slots=True)
class Standing:
    """What is told of a projector; `trouble` is what it waits for, None if nothing."""

    caught_up: bool = False
    trouble: str | None = "it is starting"


async def serve(listening: socket.socket, telemetry: Telemetry, standing: Standing) -> web.AppRunner:
    """Answer requests from now on; `cleanup` of what is returned ends it."""

    async def alive(_request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_request: web.Request) -> web.Response:
        is_ready = standing.caught_up and standing.trouble is None
        body: dict[str, object] = {"ready": is_ready}
        if not is_ready:
            body["error"] = standing.trouble or "it has not yet projected what was there at its start"
        return web.json_response(body, status=200 if is_ready else 503)

    async def figures(_request: web.Request) -> web.Response:
        return web.Response(body=telemetry.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", alive), web.get("/readyz", ready), web.get("/metrics", figures)])
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    return runner
