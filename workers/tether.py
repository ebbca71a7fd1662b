"""Become another command that the kernel kills when the process that wanted it is gone (on Linux).

    python -m workers.tether PARENT_PID COMMAND [ARGUMENT...]

Elsewhere the command just runs.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

#: `prctl(PR_SET_PDEATHSIG, signal)`; it holds over exec.
_PARENT_DEATH_SIGNAL = 1


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then become the command."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(f"the process {parent} that wanted `{command[0]}` is gone")
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
