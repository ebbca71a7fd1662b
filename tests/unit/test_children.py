"""Processes that are started here end when they should, with all that they have started."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workers.children import Child
from workers.clock import running_seconds, sleep_seconds

PATIENCE_S = 30.0

_IGNORES_SIGTERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
_HAS_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
_STARTS_AND_WAITS = """
import sys, time
from pathlib import Path
from workers.children import Child
child = Child([sys.executable, "-c", "import time; time.sleep(600)"], log=Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(600)
"""


def eventually(holds: Callable[[], object]) -> None:
    until = running_seconds() + PATIENCE_S
    while not holds():
        assert running_seconds() < until
        sleep_seconds(0.01)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; nobody may have asked for its exit code yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    started: list[Child] = []

    def start(program: str, **variables: str) -> Child:
        made = Child([sys.executable, "-c", program], log=tmp_path / "log", variables=variables)
        started.append(made)
        made.start()
        return made

    yield start
    for each in started:
        each.kill()


def test_what_it_says_is_kept_and_its_variables_are_set(child: Callable[..., Child]) -> None:
    made = child("import os; print(os.environ['WORD'])", WORD="hello")
    assert made.wait(PATIENCE_S) == 0
    assert made.last_words() == "hello"


def test_one_that_does_not_listen_is_killed(child: Callable[..., Child]) -> None:
    made = child(_IGNORES_SIGTERM)
    eventually(lambda: made.last_words() == "ready")
    assert made.stop(patience_s=0.05) == -signal.SIGKILL


def test_what_it_has_started_goes_with_it(child: Callable[..., Child]) -> None:
    made = child(_HAS_A_CHILD)
    eventually(made.last_words)
    made.kill()
    eventually(lambda: is_gone(int(made.last_words())))


def test_it_starts_again_after_its_end(child: Callable[..., Child]) -> None:
    made = child("print('once', flush=True); import time; time.sleep(600)")
    with pytest.raises(RuntimeError, match="runs already"):
        made.start()
    eventually(made.last_words)
    assert made.kill() == -signal.SIGKILL
    made.start()
    eventually(lambda: made.last_words() == "once\nonce")
    assert made.running


def test_a_stopped_process_can_be_ended(child: Callable[..., Child]) -> None:
    made = child("import time; time.sleep(600)")
    made.signal(signal.SIGSTOP)
    assert made.stop() == -signal.SIGTERM


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a process that died")
def test_a_process_that_is_killed_leaves_no_child_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _STARTS_AND_WAITS, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert not is_gone(pid)
        owner.kill()
    eventually(lambda: is_gone(pid))
