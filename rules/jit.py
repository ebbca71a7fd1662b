"""The one door to numba: compiled to machine code on first use, cached on disk, and typed for callers.

No fast-math anywhere: doubles must come out as IEEE 754 says, one rounding an operation (S6.3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function over primitive arrays; wrap-around integer arithmetic, no bounds checks."""
    return cast(F, njit(cache=True, nogil=True)(function))


def lean(function: F) -> F:
    """The same for functions that make no arrays, and inlined wherever they are called.

    They do without the counting of references, which costs several times the work itself where tuples of
    arrays are handed from one small function to the next.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False, "forceinline": True}
    return cast(F, njit(**options)(function))


def called(function: F) -> F:
    """The same for larger functions, which are called and not inlined."""
    options: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}
    return cast(F, njit(**options)(function))
