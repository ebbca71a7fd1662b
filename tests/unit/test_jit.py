"""What machine code of ours does without."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

import numba
import numpy as np
import pytest

from rules.jit import called

pytestmark = pytest.mark.skipif(
    cast(Any, numba.config).DISABLE_JIT, reason="without the JIT there is no machine code"
)


def _element(array: Any, at: int) -> Any:
    return array[at]


def _last(array: Any) -> Any:
    return array[-1]


def _own(function: Callable[..., Any]) -> Any:
    """A function as if it stood in one of our modules."""
    own = FunctionType(function.__code__, {"__name__": "rules.made_up"})
    return called(own)


def test_positions_are_taken_as_they_are() -> None:
    own = _own(_element)
    assert own(np.arange(5), 3) == 3
    (text,) = own.inspect_llvm().values()
    assert "icmp slt" not in text
    assert "select" not in text


def test_a_position_from_the_end_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="count from its size"):
        _own(_last)(np.arange(5))


def test_other_peoples_functions_are_left_alone() -> None:
    assert numba.njit(_last)(np.arange(5)) == 4
    assert numba.njit(_element)(np.arange(5), -2) == 3
