"""The one place that reads the environment: what tunes a process and can never change an answer.

| variable | what it does |
|---|---|
| `NUMBA_CACHE_DIR` | keep compiled machine code in this folder, as it is; then nobody else looks after it |
| `XDG_CACHE_HOME` | the user's folder of caches; `.cache` in `HOME` if it is not set |
| `TIERLINE_...` | the live service and everything that talks to Kafka: `workers.settings.live` |
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path

_NUMBA_CACHE = "NUMBA_CACHE_DIR"


def machine_code_folder() -> Path | None:
    """Where machine code is kept, if that has been chosen."""
    chosen = os.environ.get(_NUMBA_CACHE)
    return Path(chosen) if chosen else None


def keep_machine_code_in(folder: Path, locator: str) -> None:
    """Let numba, which is not imported yet, and all processes to come keep machine code in a folder.

    `locator` names the class that tells numba whether what is kept there still holds.
    """
    os.environ[_NUMBA_CACHE] = str(folder)
    os.environ["NUMBA_CACHE_LOCATOR_CLASSES"] = locator


def cache_home() -> Path | None:
    """The user's folder of caches, if there is one."""
    for name, below in (("XDG_CACHE_HOME", "."), ("HOME", ".cache")):
        folder = Path(os.environ.get(name, ""))
        if folder.is_absolute():
            return folder / below
    return None


def environment_with(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with some variables more, for a process that it starts."""
    return {**os.environ, **variables}


def user_name() -> str | None:
    """The name this process's user is logged in with, if it has one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
