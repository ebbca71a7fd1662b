"""The processes of a demo: a broker and a worker, their logs, and what to say when one of them dies."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from workers.broker.answers import free_port
from workers.broker.broker import HOST, KINDS, Broker
from workers.children import Child
from workers.cli.errors import UserError
from workers.settings.live import LiveSettings

#: Where people look first, if nobody else is there.
WEB_PORT = 6066


@contextmanager
def only_demo_in(folder: Path) -> Iterator[None]:
    """Keep a second demo out of a folder. Raises UserError where one is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(
                f"another demo runs in `{folder}`: end that one, or give this one a folder with --out"
            ) from None
        yield


class Children:
    """The broker and the worker of a demo; leaving it ends them and removes the broker's data."""

    def __init__(self, folder: Path, kind_or_address: str) -> None:
        """`kind_or_address`: `embedded`, `java`, or HOST:PORT of a broker that runs already."""
        self.logs = folder / "logs"
        self._data = folder / "broker"
        self._kind = kind_or_address
        self._ends = ExitStack()
        self._worker: Child | None = None
        self._broker: Broker | None = None
        self.address = ""

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def start_broker(self) -> Broker:
        """Start it, unless it runs already."""
        if self._kind not in KINDS:
            self._broker = Broker.given(self._kind)
            return self._broker
        shutil.rmtree(self._data, ignore_errors=True)
        self._ends.callback(shutil.rmtree, self._data, ignore_errors=True)
        self._ends.callback(self._keep_broker_log)
        self._broker = Broker.of(self._kind, self._data)
        self._ends.callback(self._broker.kill)  # its data goes with it: nothing is to be written down
        self._broker.start()
        return self._broker

    @property
    def broker(self) -> Broker:
        """The broker that was started."""
        if self._broker is None:
            raise RuntimeError("start the broker first")
        return self._broker

    def start_worker(self, rules: str, settings: LiveSettings) -> None:
        """Start one that runs a pack; it shows itself at `address`."""
        port = _port()
        self.address = f"http://{HOST}:{port}"
        log = self.logs / "worker.log"
        log.unlink(missing_ok=True)
        own = settings.model_copy(update={"web_host": HOST, "web_port": port, "instance_id": "demo"})
        command = [sys.executable, "-m", "workers.cli.main", "worker", "--rules", rules]
        self._worker = Child(command, log=log, variables=own.to_environment())
        self._ends.callback(self.stop_worker)
        self._worker.start()

    def stop_worker(self) -> None:
        """Let it end in order."""
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def check(self) -> None:
        """Raises UserError with its last words if one of them has ended."""
        if self._worker is not None and not self._worker.running:
            code, words = self._worker.exit_code(), self._worker.last_words()
            raise UserError(
                f"the worker has ended with exit code {code}; its last words were:\n{words}",
                f"all that it said is in {self._worker.log}; broker and worker have been stopped",
            )
        if self._broker is not None and not self._broker.running:
            kind, words = self._broker.kind, self._broker.last_words()
            raise UserError(
                f"the {kind} broker has ended; its last words were:\n{words}",
                f"all that it said is in {self.logs / 'broker.log'}; start the demo again, or use another "
                "broker with --broker",
            )

    def _keep_broker_log(self) -> None:
        said = self._data / "broker.log"
        if said.is_file():
            shutil.copyfile(said, self.logs / said.name)


def _port() -> int:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, WEB_PORT))
        except OSError:
            return free_port(HOST)
    return WEB_PORT
