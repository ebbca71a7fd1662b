"""How the process deals with memory."""

from __future__ import annotations

import ctypes
import gc
import sys

# Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_KEEP_BYTES, _GROW_BYTES = 1 << 30, 64 << 20

#: New objects before the collector of circles looks for some; it looks at all of them more rarely.
_NEW_OBJECTS, _YOUNG, _OLD = 50_000, 20, 50


def collect_rarely() -> None:
    """Look for circles of objects less often: of the start of a process that took a fifth."""
    gc.set_threshold(_NEW_OBJECTS, _YOUNG, _OLD)


def look_only_at_what_comes() -> None:
    """Let the collector of circles pass over all that is there now, for good.

    To be called once a service has started. What it has imported stays, and looking at all of that took the
    collector a tenth of a second each time, in which no thread did anything else.
    """
    gc.collect()
    gc.freeze()


def leave_all_as_it_is() -> None:
    """Let the collector of circles pass over all there is when the process ends: the system takes it back.

    Looking at everything once more took a fifth of the time of a short command.
    """
    gc.freeze()


def keep_freed_memory() -> None:
    """Let large arrays be made of memory that earlier ones gave back, where the C library can be asked to.

    Left to itself, glibc returns every large array to the system at once, and the next one has all its pages
    cleared anew: a third of the time of a large replay.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
    mallopt(_M_TOP_PAD, _GROW_BYTES)
