"""How much of a tick goes into each batch, so that live records need not wait long behind it."""

from __future__ import annotations

#: Evaluations of a tick in one batch, about: while live records come, and while none do.
BUSY, IDLE = 1_000, 20_000
#: Live records come if there were some so many seconds ago: that none are in hand now says little.
LATELY_S = 1.0


class TickPace:
    """The pace of the ticks of one shard; times are those of `running_seconds`.

    While live records come, slices are small, and there is one at a time on its way to the broker.
    """

    def __init__(self) -> None:
        self._fed_s = float("-inf")
        self._on_its_way = False

    def fed(self, now_s: float) -> None:
        """Live records have come."""
        self._fed_s = now_s

    def taken(self) -> None:
        """A slice goes into a batch."""
        self._on_its_way = True

    def committed(self) -> None:
        """A batch with a slice is committed."""
        self._on_its_way = False

    def evaluations(self, now_s: float) -> int:
        """How many evaluations the next slice may take, about; 0: it is to wait."""
        if now_s - self._fed_s >= LATELY_S:
            return IDLE
        return 0 if self._on_its_way else BUSY
