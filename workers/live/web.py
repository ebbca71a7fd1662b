"""What a worker shows over HTTP: whether it lives, whether it is ready, its figures, and single customers.

Only reads. Every error is one sentence; nothing of the program's inside is shown, and paths, which name
customers, are not logged. A customer is shown as the engine knows it, which may be one commit ahead of what
has been published.
"""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar
from urllib.parse import unquote

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST

from rules.engine.engine import Engine
from rules.engine.look import look
from rules.engine.look_body import look_body
from workers.kafka.partitioner import partition_of
from workers.live.telemetry import Telemetry
from workers.logs import logger

T = TypeVar("T")

_CUSTOMERS = "/customers/"
_ID_MAX = 128
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
#: A malformed request is answered, and else nobody's business: its log line would show a path, and a trace.
_UNHEARD = logging.getLogger("tierline.web.malformed")
_UNHEARD.disabled = True
#: How long an answer may still take once the server is asked to end.
_END_S = 2.0

_INDEX = """Tierline worker

/healthz         200 while the process lives and answers
/readyz          200 once all shards that this worker holds are ready
/metrics         figures for Prometheus
/customers/ID    one customer now: categories, why, and what is coming (the id percent-encoded)
"""


class Shards(Protocol):
    """What is shown of the shards that this worker holds."""

    partitions: int  # how many shards there are in all, here and elsewhere
    joined: bool  # whether the group has told which of them are this worker's, be it none

    def shards(self) -> Mapping[int, str]:
        """The shards that are this worker's, and the state of each: one of `telemetry.STATES`."""
        ...

    def reasons(self) -> Mapping[int, str]:
        """Why shards failed that are not ready since, a sentence each."""
        ...

    async def ask(self, shard: int, question: Callable[[Engine], T]) -> T:
        """What a question says of a shard's engine, asked between two events.

        Raises KeyError where the shard is not here or not ready.
        """
        ...


class Site:
    """The web server of a worker; it answers before there is anything to show."""

    def __init__(self, telemetry: Telemetry, listening: socket.socket) -> None:
        """`listening` as `listen` gives it."""
        self._telemetry, self._listening = telemetry, listening
        self._shards: Shards | None = None
        self._runner: web.AppRunner | None = None

    def show(self, shards: Shards) -> None:
        """Show these shards from now on."""
        self._shards = shards

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        host, port = self._listening.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def start(self) -> None:
        """Answer requests from now on."""
        app = web.Application(middlewares=[_plain_errors])
        # one handler for all paths: an id may hold anything, slashes and dots too, which a router would read
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(
            app, access_log=None, logger=_UNHEARD, handle_signals=False, shutdown_timeout=_END_S
        )
        await self._runner.setup()
        await web.SockSite(self._runner, self._listening).start()

    async def stop(self) -> None:
        """Finish what is being answered, and close."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._listening.close()

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.raw_path.partition("?")[0]
        pages: dict[str, Callable[[], web.Response]] = {
            "/": lambda: web.Response(text=_INDEX),
            "/healthz": lambda: web.Response(text="alive\n"),
            "/readyz": self._ready,
            "/metrics": self._metrics,
        }
        if path in pages:
            return pages[path]()
        if path.startswith(_CUSTOMERS):
            return await self._customer(_customer_id(path.removeprefix(_CUSTOMERS)))
        return _refused(404, "there is no such page: `/` lists those there are")

    def _ready(self) -> web.Response:
        held = self._shards
        states = {} if held is None else held.shards()
        ready = held is not None and held.joined and all(state == "ready" for state in states.values())
        body: dict[str, object] = {"ready": ready, "shards": {str(n): states[n] for n in sorted(states)}}
        reasons = {} if held is None else held.reasons()
        if reasons:
            body["reasons"] = {str(n): reasons[n] for n in sorted(reasons)}
        if held is None:
            body["error"] = "the worker is starting: it waits for a broker and looks at the topics"
        elif not held.joined:
            body["error"] = "the worker is joining its group: which shards are its own is not settled"
        elif not states:
            body["note"] = "the group has more workers than shards: this one stands by"
        return _json(200 if ready else 503, body)

    def _metrics(self) -> web.Response:
        return web.Response(body=self._telemetry.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _customer(self, customer_id: str) -> web.Response:
        held = self._shards
        if held is None:
            return _refused(503, "the worker is starting: try again shortly")
        shard, here = partition_of(customer_id.encode(), held.partitions), held.shards()
        if shard not in here:
            return _refused(
                421,
                f"the customer belongs to shard {shard}, which is partition {shard} of every topic: ask the "
                "worker that holds it",
                shard=shard,
                shards_here=sorted(here),
            )

        def question(engine: Engine) -> dict[str, object] | None:
            found = look(engine, customer_id)
            return None if found is None else look_body(engine.plan.pack, found)

        try:
            body = await held.ask(shard, question)
        except KeyError:
            state = held.shards().get(shard, "elsewhere now")
            return _refused(503, f"shard {shard} is {state}: try again when it is ready", shard=shard)
        if body is None:
            return _refused(
                404,
                "nothing is known of this customer: ids are compared to the letter, look at capitals, "
                "leading zeros and blanks",
                shard=shard,
            )
        return _json(200, {**body, "shard": shard})


def _customer_id(escaped: str) -> str:
    """The id in a path; raises a 400 where there can be none like it."""
    if _BAD_ESCAPE.search(escaped):
        raise web.HTTPBadRequest(text="after a `%` come two hexadecimal digits: write a `%` itself as `%25`")
    try:
        customer_id = unquote(escaped, errors="strict")
        customer_id.encode()
    except UnicodeError:
        raise web.HTTPBadRequest(
            text="the id is not UTF-8: percent-encode the bytes of its UTF-8 text"
        ) from None
    if not 1 <= len(customer_id) <= _ID_MAX or _CONTROL.search(customer_id):
        raise web.HTTPBadRequest(
            text=f"an id has 1 to {_ID_MAX} characters, none of them a control character"
        )
    return customer_id


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error as one sentence in JSON; of one of ours the log has the rest."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed:
        return _refused(405, "this address only reads: use GET")
    except web.HTTPException as error:
        return _refused(error.status, error.text or error.reason)
    except Exception:
        logger("web").exception("a request could not be answered")
        return _refused(500, "the worker could not answer: its log says why")


def _refused(status: int, sentence: str, **more: object) -> web.Response:
    return _json(status, {"error": sentence, **more})


def _json(status: int, body: Mapping[str, object]) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, indent=2) + "\n"
    headers = {"Retry-After": "1"} if status == 503 else None
    return web.Response(text=text, status=status, content_type="application/json", headers=headers)
