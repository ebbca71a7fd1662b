"""What a replay did, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from rules.calendar import date_from_period
from rules.language.model import Pack

Order = Literal["occurred", "arrival"]


@dataclass(slots=True)
class Summary:
    """The numbers of `summary.json`; every record read is exactly one of applied, rejected, a duplicate, of
    an unknown type, or after `until`."""

    pack: Pack
    generation: int
    order: Order
    until: int | None
    events: int = 0
    applied: int = 0
    changes: int = 0
    notices: int = 0
    erased: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    late: int = 0
    unknown_types: Counter[str] = field(default_factory=Counter)
    after_until: int = 0
    customers: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, object]:
        """The JSON value of `summary.json`; names sorted, so that equal runs differ in `seconds` alone."""
        return {
            "pack": {
                "name": self.pack.name,
                "version": self.pack.version,
                "fingerprint": self.pack.fingerprint,
            },
            "generation": self.generation,
            "order": self.order,
            "until": None if self.until is None else date_from_period(self.until).isoformat(),
            "events": self.events,
            "applied": self.applied,
            "changes": self.changes,
            "notices": self.notices,
            "erased": self.erased,
            "rejected": dict(sorted(self.rejected.items())),
            "duplicates": self.duplicates,
            "late": self.late,
            "unknown_types": dict(sorted(self.unknown_types.items())),
            "after_until": self.after_until,
            "customers": self.customers,
            "seconds": round(self.seconds, 3),
        }
