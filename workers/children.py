"""Processes that this one starts and that never outlive it: brokers, workers of this machine.

A child leads a session of its own, so that a Ctrl-C reaches this process first, which then ends its children
in order. If this process dies without a word, the kernel kills the child (on Linux).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from workers.settings import environment_with

#: How long a child may take to end after it was asked to.
PATIENCE_S = 20.0
_LAST_LINES = 15

_alive: weakref.WeakSet[Child] = weakref.WeakSet()


class Child:
    """One command as a process; what it says goes to the end of a file, or where this process says its own.

    Start it from a thread that lives as long as it should: the kernel's promise is about the thread.
    """

    def __init__(
        self, command: Sequence[str | Path], *, log: Path | None, variables: Mapping[str, str] | None = None
    ) -> None:
        self.command = [str(word) for word in command]
        self.log = log
        self.variables = dict(variables or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, anew if it has ended. Raises RuntimeError if it runs."""
        if self.running:
            raise RuntimeError(f"{self.command[0]} runs already")
        with contextlib.nullcontext() if self.log is None else self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workers.tether", str(os.getpid()), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=None if log is None else subprocess.STDOUT,
                start_new_session=True,
                env=environment_with(self.variables),
            )
        _alive.add(self)

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id; the same before and after the command itself has taken over."""
        if self._process is None:
            raise RuntimeError("it has not been started")
        return self._process.pid

    def exit_code(self) -> int | None:
        """What it ended with: minus the signal's number if one ended it, None while it runs."""
        return self._process.poll() if self._process else None

    def stop(self, patience_s: float = PATIENCE_S) -> int:
        """Ask it to end, wait, and kill it where that does not help; returns its exit code."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        return self._end(patience_s)

    def kill(self) -> int:
        """End it at once (SIGKILL), with all that it has started; returns its exit code."""
        return self._end(0)

    def signal(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP and SIGCONT; nothing happens if it has ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait until it ends by itself. Raises TimeoutError."""
        if self._process is None:
            raise RuntimeError("it has not been started")
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.command[0]} still runs") from None

    def last_words(self) -> str:
        """The last lines of what it has said."""
        if self.log is None or not self.log.exists():
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:])

    def _end(self, patience_s: float) -> int:
        if self._process is None:
            return 0
        with contextlib.suppress(subprocess.TimeoutExpired):
            if patience_s:
                self._process.wait(patience_s)
        # the whole group: what it has started must not stay behind either
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        _alive.discard(self)
        return self._process.wait()


@atexit.register
def _end_all() -> None:
    for child in list(_alive):
        child.kill()
