"""What to generate: the whole input of the generator, so that equal settings give equal bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

DAY_US = 86_400_000_000
#: Customer numbers are written with eight digits.
CUSTOMERS_MAX = 99_999_999


@dataclass(frozen=True, slots=True)
class Settings:
    """`events` is the wished number of events, met within a few percent; shares are between 0 and 1.

    `start` is the first day; days begin at midnight UTC. `digits` are the minor digits of `currency`.
    """

    customers: int
    days: int
    events: int
    seed: int
    start: date = date(2025, 1, 1)
    currency: str = "USD"
    digits: int = 2
    late: float = 0.002
    duplicates: float = 0.001

    @property
    def start_us(self) -> int:
        """The first instant, in microseconds since 1970-01-01T00:00Z."""
        first = datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)
        return int(first.timestamp()) * 1_000_000

    @property
    def end_us(self) -> int:
        """The instant before which everything happens."""
        return self.start_us + self.days * DAY_US
