"""The processes of a demo, their logs, and what to say when one of them dies."""

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
from workers.settings.loading import variable_of

#: Where people look first, if nobody else is there.
WEB_PORT, CONSOLE_PORT = 6066, 8080


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
    """The processes of a demo; leaving it ends them and removes the broker's data and the database."""

    def __init__(self, folder: Path, kind_or_address: str) -> None:
        """`kind_or_address`: `embedded`, `java`, or HOST:PORT of a broker that runs already."""
        self.logs = folder / "logs"
        self._data = folder / "broker"
        self._database = folder / "tierline.db"
        self._kind = kind_or_address
        self._ends = ExitStack()
        self._running: dict[str, Child] = {}
        self._broker: Broker | None = None
        self.address = ""
        self.console = ""

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
        port = _port(WEB_PORT)
        self.address = f"http://{HOST}:{port}"
        own = settings.model_copy(update={"web_host": HOST, "web_port": port, "instance_id": "demo"})
        self._start("worker", rules, own.to_environment())

    def start_surfaces(self, rules: str, settings: LiveSettings) -> None:
        """Start a projector into a database of its own, and a console, which shows itself at `console`."""
        self._remove_database()
        self._ends.callback(self._remove_database)
        port = _port(CONSOLE_PORT)
        self.console = f"http://{HOST}:{port}"
        own = settings.to_environment() | {variable_of("database"): f"sqlite:///{self._database.resolve()}"}
        self._start("projector", rules, own | {variable_of("projector_port"): str(free_port(HOST))})
        shown = {
            "console_host": HOST,
            "console_port": str(port),
            "console_open": "true",
            "console_workers": self.address,
        }
        self._start("console", rules, own | {variable_of(name): text for name, text in shown.items()})

    def _start(self, name: str, rules: str, variables: dict[str, str]) -> None:
        log = self.logs / f"{name}.log"
        log.unlink(missing_ok=True)
        command = [sys.executable, "-m", "workers.cli.main", name, "--rules", rules]
        child = self._running[name] = Child(command, log=log, variables=variables)
        self._ends.callback(self.stop, name)
        child.start()

    def stop(self, name: str) -> None:
        """Let one end in order."""
        child = self._running.pop(name, None)
        if child is not None:
            child.stop()

    def stop_all(self) -> None:
        """Let all of them end in order, those that read before the one that writes."""
        for name in reversed(list(self._running)):
            self.stop(name)

    def check(self) -> None:
        """Raises UserError with its last words if one of them has ended."""
        for name, child in self._running.items():
            if not child.running:
                code, words = child.exit_code(), child.last_words()
                raise UserError(
                    f"the {name} has ended with exit code {code}; its last words were:\n{words}",
                    f"all that it said is in {child.log}; the others have been stopped",
                )
        if self._broker is not None and not self._broker.running:
            kind, words = self._broker.kind, self._broker.last_words()
            raise UserError(
                f"the {kind} broker has ended; its last words were:\n{words}",
                f"all that it said is in {self.logs / 'broker.log'}; start the demo again, or use another "
                "broker with --broker",
            )

    def _remove_database(self) -> None:
        for ending in ("", "-wal", "-shm"):
            self._database.with_name(self._database.name + ending).unlink(missing_ok=True)

    def _keep_broker_log(self) -> None:
        said = self._data / "broker.log"
        if said.is_file():
            shutil.copyfile(said, self.logs / said.name)


def _port(wanted: int) -> int:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            return free_port(HOST)
    return wanted
