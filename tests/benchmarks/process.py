"""One child process from start to end: how long, how much processor, how much memory, and what else went on.

The peak memory that the kernel reports for a child is never less than that of the process which started it.
So this process stays small: whatever is large or heavy to import is measured in a child.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Columns of the first line of /proc/stat in which a processor is busy: user, nice, system, irq, softirq,
#: steal.
_BUSY = (1, 2, 3, 6, 7, 8)


class FailedError(Exception):
    """A measured process did not end well."""


@dataclass(frozen=True, slots=True)
class Run:
    """One process: wall and CPU seconds (of all its threads and children), peak bytes in memory.

    `load` is the machine's load average at the end, `others` how many processors everything else on the
    machine kept busy meanwhile (where the machine does not say: 0), `printed` what the process printed.
    """

    seconds: float
    cpu_s: float
    peak_bytes: int
    load: float
    others: float
    printed: str


def measure(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Run:
    """Run a command and measure it; raises `FailedError` with the end of what it said where it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        busy = busy_seconds()
        started = time.perf_counter()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, env={**os.environ, **(env or {})}
        )
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        busy = busy_seconds() - busy
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip()[-2000:]
            raise FailedError(f"`{' '.join(map(str, command))}` ended with {child.returncode}: {last}")
        out.seek(0)
        printed = out.read().decode()
    cpu_s = used.ru_utime + used.ru_stime
    others = max(0.0, (busy - cpu_s) / seconds)
    return Run(seconds, cpu_s, used.ru_maxrss * 1024, os.getloadavg()[0], others, printed)


def busy_seconds() -> float:
    """Seconds of all processors that were spent on anything, since the machine started."""
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0
    columns = path.read_text().splitlines()[0].split()
    return sum(int(columns[i]) for i in _BUSY) / os.sysconf("SC_CLK_TCK")
