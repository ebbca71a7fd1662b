"""Whether everything came, and once: seen from the numbers that changes carry, without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Generation, life, number.
_Place = tuple[int, int, int]


@dataclass(slots=True)
class Numbers:
    """The last number of every customer's life and dimension (S7.4).

    `from_first`: everything from the first change on is read, so numbers begin at 1; else the first one seen
    of each is taken as it is, and so is the first one of another generation. Keeps some hundred bytes a
    customer and dimension.
    """

    from_first: bool
    missing: int = 0
    repeated: int = 0
    _last: dict[tuple[str, str], _Place] = field(default_factory=dict)

    def check(self, change: Mapping[str, Any]) -> str | None:
        """A sentence if something is missing before this change or it came before; None if it is next."""
        name = change["customer_id"], change["dimension"]
        number = change["sequence"]
        place = change["generation"], change["life"], number
        last = self._last.get(name)
        if last is not None and place <= last:
            self.repeated += 1
            return f"{_of(change)} came before: number {number} after number {last[2]}"
        self._last[name] = place
        expected = self._expected(last, place)
        if number <= expected:
            return None
        self.missing += number - expected
        gap = f"number {expected} is" if number == expected + 1 else f"numbers {expected} to {number - 1} are"
        return f"{_of(change)}: {gap} missing before number {number}"

    def _expected(self, last: _Place | None, place: _Place) -> int:
        """The number that is next; where nothing is known to go before, the one that came."""
        if last is None:
            return 1 if self.from_first else place[2]
        if last[0] != place[0]:
            return place[2]
        return last[2] + 1 if last[1] == place[1] else 1

    @property
    def whole(self) -> bool:
        """Whether nothing was missing and nothing came twice."""
        return not self.missing and not self.repeated


def _of(change: Mapping[str, Any]) -> str:
    life = f" (life {change['life']})" if change["life"] > 1 else ""
    return f"`{change['customer_id']}`{life}, {change['dimension']}"
