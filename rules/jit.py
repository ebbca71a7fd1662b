"""The one door to numba: compiled to machine code on first use, typed for callers.

No fast-math anywhere: doubles must come out as IEEE 754 says, one rounding an operation (S6.3). Divisions
are guarded where they stand: the machine code of none looks for a zero by itself. Nor does it look for
positions that count from the end of an array, which was a sixth of the time of a replay: there are none, as
`NUMBA_BOUNDSCHECK=1` shows, under which a negative position is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import njit
from numba.np import arrayobj

F = TypeVar("F", bound=Callable[..., Any])

_INNER: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}

#: How the mangled names of our own functions begin, whose positions in arrays are never negative.
_OURS = ("_ZN5rules", "_ZN7workers")
_numba_index: Any = arrayobj.fix_integer_index


def _index(context: Any, builder: Any, kind: Any, at: Any, size: Any) -> Any:
    """A position in an array as it is. Numba would ask of every one whether it counts from the end."""
    if not kind.signed or not builder.function.name.startswith(_OURS):
        return _numba_index(context, builder, kind, at, size)
    if isinstance(at, ir.Constant) and at.constant < 0:
        # by this exception numba says that it has no machine code for something
        raise NotImplementedError("a position from the end of an array: count from its size")
    return builder.sext(at, size.type) if at.type.width < size.type.width else at


arrayobj.fix_integer_index = _index


def compiled(function: F) -> F:
    """Compile a function over primitive arrays; wrap-around integer arithmetic, no bounds checks.

    For what Python calls. Kept on disk, with all that is compiled into it.
    """
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))


def entered(function: F) -> F:
    """The same for functions that make no arrays.

    They do without the counting of references, which costs several times the work itself where tuples of
    arrays are handed from one small function to the next.
    """
    return cast(F, njit(cache=True, **_INNER)(function))


def lean(function: F) -> F:
    """The same for functions that only machine code calls, inlined wherever they are called."""
    return cast(F, njit(forceinline=True, **_INNER)(function))


def called(function: F) -> F:
    """The same for larger functions, which are called and not inlined."""
    return cast(F, njit(**_INNER)(function))


def wide(number: int) -> int:
    """A constant as a 64-bit integer: machine code is made anew for every plain number that is handed on."""
    return cast(int, np.int64(number))
