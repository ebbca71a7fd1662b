"""Looking at an engine while another thread moves it: between two events, not only between two batches."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import numpy as np
from numpy.typing import NDArray


class Turns:
    """A lock of which whoever moves a state is asked to let go.

    Who moves the state enters it as a context manager, and lets go for a moment while the bell is not 0; who
    looks enters `look`. A plain lock that a thread gives back and takes again at once is as good as never
    given back, as a waiting thread is still waking up then: so whoever wants it stands at a door first.
    """

    def __init__(self, bell: NDArray[np.int64]) -> None:
        """`bell`: int64[1], looked at by the thread that moves the state."""
        self._bell = bell
        self._door = threading.Lock()
        self._lock = threading.Lock()
        self._ringing = threading.Lock()

    @property
    def taken(self) -> bool:
        """Whether somebody holds it or waits for it."""
        return self._lock.locked() or self._door.locked()

    def __enter__(self) -> None:
        with self._door:
            self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @contextmanager
    def look(self) -> Iterator[None]:
        """Wait until nobody moves the state, which is soon; nobody does until the end of the block."""
        self._ring(1)
        try:
            self.__enter__()
        finally:
            self._ring(-1)
        try:
            yield
        finally:
            self._lock.release()

    def _ring(self, more: int) -> None:
        with self._ringing:
            self._bell[0] += more
