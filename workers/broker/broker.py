"""A broker that is started, killed and started again on the same data, or one that somebody else runs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from workers.broker import apache, embedded
from workers.broker.answers import answers, free_port
from workers.children import Child
from workers.cli.errors import UserError
from workers.clock import running_seconds, sleep_seconds

#: A broker is there after a second or a few; by feel, for a machine with much else to do.
START_PATIENCE_S = 90.0
_LOOK_AGAIN_S = 0.05

#: Makes a folder ready for data and returns the command that serves it: (folder, host, port) -> command.
Recipe = Callable[[Path, str, int], Sequence[str | Path]]

HOST = "127.0.0.1"
KINDS: dict[str, Recipe] = {"embedded": embedded.recipe, "java": apache.recipe}


def why_not(kind: str) -> str | None:
    """Why a kind of broker cannot be started on this machine; None if it can."""
    return {"embedded": embedded.why_not, "java": apache.why_not}[kind]()


class Broker:
    """One broker; `with` starts it and ends it.

    `address`: HOST:PORT, the same after every start.
    `kind`: `embedded` (a small broker that comes as a Python package), `java` (Apache Kafka), `given`.
    """

    def __init__(self, kind: str, address: str, child: Child | None, folder: Path | None) -> None:
        self.kind = kind
        self.address = address
        self._child = child
        self._own_folder = folder

    @classmethod
    def of(cls, kind: str, folder: Path | None = None, port: int | None = None) -> Broker:
        """A broker of this machine, not started yet; with a folder for its data, else one that goes with it.

        Without a port it takes one that is free. `kind` is `embedded` or `java`. Raises UserError where the
        machine lacks something.
        """
        reason = why_not(kind)
        if reason:
            raise UserError(reason)
        place = folder or Path(tempfile.mkdtemp(prefix="tierline-broker-"))
        own = None if folder else place
        place.mkdir(parents=True, exist_ok=True)
        port = free_port(HOST) if port is None else port
        try:
            command = KINDS[kind](place, HOST, port)
        except BaseException:
            _remove(own)
            raise
        return cls(kind, f"{HOST}:{port}", Child(command, log=place / "broker.log"), own)

    @classmethod
    def given(cls, address: str) -> Broker:
        """A broker that runs somewhere and is only used."""
        return cls("given", address, None, None)

    def start(self) -> None:
        """Start it and wait until it answers. Raises UserError with its last words if it does not."""
        if self._child is None:
            return
        self._child.start()
        host, _, port = self.address.rpartition(":")
        until = running_seconds() + START_PATIENCE_S
        while not answers(host, int(port)):
            if not self._child.running or running_seconds() > until:
                self.kill()
                raise UserError(
                    f"the {self.kind} broker does not start: its last words were:\n{self._child.last_words()}"
                )
            sleep_seconds(_LOOK_AGAIN_S)

    @property
    def survives_kill(self) -> bool:
        """Whether all that it has acknowledged is there after a SIGKILL."""
        return self.kind != "embedded"

    @property
    def running(self) -> bool:
        """Whether its process lives; one that somebody else runs is taken to."""
        return self._child is None or self._child.running

    def last_words(self) -> str:
        """The last lines of what it has said; nothing of one that somebody else runs."""
        return self._child.last_words() if self._child else ""

    def kill(self) -> None:
        """End it at once (SIGKILL); `start` brings it back on the same data, as far as it `survives_kill`."""
        self._mine().kill()

    def stop(self) -> None:
        """Let it end in order; its data stays until `close`."""
        if self._child:
            self._child.stop()

    def signal(self, number: int) -> None:
        """Send its process a signal, such as SIGSTOP."""
        self._mine().signal(number)

    def close(self) -> None:
        """End it, and remove the data if nobody chose a folder for it."""
        if self._child:
            self._child.stop(patience_s=0 if self._own_folder else 20)
        _remove(self._own_folder)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _mine(self) -> Child:
        if self._child is None:
            raise RuntimeError("a broker that was given is not ours to end")
        return self._child


def _remove(folder: Path | None) -> None:
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
