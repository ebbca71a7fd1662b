"""Slows down those who guess passwords: after some failures a name, or an address, has to wait."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from workers.clock import running_seconds

#: So many failures are forgiven; after each one more the wait doubles, from the first to the last.
FREE = 5
_FIRST_S, _LAST_S = 2.0, 300.0
#: A failure is forgotten after so long, and never more than so many names and addresses are remembered.
_FORGET_S, _NAMES_MAX = 900.0, 10_000


class Throttle:
    """Failures by name and by address."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = Lock()

    def wait_s(self, *names: str) -> float:
        """How long one of these has still to wait; 0 if none has to."""
        now = running_seconds()
        with self._lock:
            return max((self._left(name, now) for name in names), default=0.0)

    def failed(self, *names: str) -> None:
        """A wrong password, for each of these."""
        now = running_seconds()
        with self._lock:
            for name in names:
                count, at_s = self._failures.pop(name, (0, now))
                self._failures[name] = (count if now - at_s < _FORGET_S else 0) + 1, now
            while len(self._failures) > _NAMES_MAX:
                self._failures.popitem(last=False)

    def passed(self, name: str, *others: str) -> None:
        """The right password: the failures of a name are forgotten; of others, such as addresses, only one.

        Otherwise whoever has one password could guess those of others from their address for ever.
        """
        with self._lock:
            self._failures.pop(name, None)
            for other in others:
                count, at_s = self._failures.get(other, (0, 0.0))
                if count:
                    self._failures[other] = count - 1, at_s

    def _left(self, name: str, now: float) -> float:
        count, at_s = self._failures.get(name, (0, 0.0))
        if count <= FREE or now - at_s >= _FORGET_S:
            return 0.0
        wait = min(_LAST_S, _FIRST_S * 2.0 ** min(count - FREE - 1, 20))
        return max(0.0, at_s + wait - now)
