"""Arrays over bytes of others, as compiled functions like to take them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]


class _Unlocked:
    def __init__(self, array: U8) -> None:
        self.kept = array
        self.__array_interface__ = {**array.__array_interface__, "data": (array.ctypes.data, False)}


def unlocked(array: U8) -> U8:
    """The same bytes without a copy, uint8[n], not marked as read-only; still nobody may write to them.

    To the compiler a read-only array is another type, and all that takes it would be compiled twice.
    """
    if array.flags.writeable or not array.size:
        return array if array.flags.writeable else np.empty(0, np.uint8)
    return np.asarray(_Unlocked(array))
