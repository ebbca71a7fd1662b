"""The one module that reads the clock."""

from __future__ import annotations

import time


def unix_seconds() -> float:
    """Seconds since 1970-01-01T00:00Z."""
    return time.time()


def running_seconds() -> float:
    """Seconds since some moment; of use only as the difference of two."""
    return time.perf_counter()


def sleep_seconds(seconds: float) -> None:
    """Let time pass."""
    time.sleep(seconds)
