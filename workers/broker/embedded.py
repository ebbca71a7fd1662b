"""The embedded broker: one small program that speaks Kafka's protocol, from the package `noida-db`.

It is young: for a demonstration and for tests, where nothing but Python is installed. Transactions,
read_committed and fencing work as in Kafka as far as our tests go. It lives in memory and writes its data
down once a second and when it is stopped, so a kill loses what it acknowledged last: what is said about
exactly-once is tested with Apache Kafka.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from pathlib import Path

_PACKAGE = "noida_db"
_PROGRAM = "noida-db"


def why_not() -> str | None:
    """Why the embedded broker cannot run here; None if it can."""
    if _program():
        return None
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return (
            f"the embedded broker exists for linux on x86_64 only, and this is {sys.platform} on "
            f"{platform.machine()}: use another with --broker HOST:PORT, or `--broker java`"
        )
    return "the embedded broker is not installed: run `make install`, or use another with --broker HOST:PORT"


def recipe(folder: Path, host: str, port: int) -> list[str | Path]:
    """The command of a broker with its data in a folder."""
    program = _program()
    if program is None:
        raise RuntimeError("ask why_not first")
    program.chmod(0o755)
    return [
        program,
        "start",
        "--only",
        "kafka",
        "--host",
        host,
        "--kafka-port",
        str(port),
        "--data-dir",
        folder / "data",
    ]


def _program() -> Path | None:
    # the program itself, not the package's command: that is a process in front of it, which a kill would hit
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    program = Path(found.submodule_search_locations[0]) / _PROGRAM
    return program if program.is_file() else None
