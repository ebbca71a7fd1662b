"""The web server of the console; the one who runs it says when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI


class Server(uvicorn.Server):
    """Ends when `should_exit` is set: answers what it was asked before, for `grace_s` seconds at most."""

    def __init__(self, app: FastAPI, *, grace_s: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,  # addresses hold customers
                lifespan="off",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=grace_s,
                timeout_keep_alive=30,
                h11_max_incomplete_event_size=32_768,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the command."""
        yield
