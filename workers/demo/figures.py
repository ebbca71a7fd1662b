"""What the demo has seen published: who is where, what moved, and whether all of it came."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from workers.watching.numbers import Numbers

#: Changes that are kept to be shown.
LATEST = 12

Body = Mapping[str, Any]


@dataclass(slots=True)
class Published:
    """Sums over all messages so far.

    `now`: by dimension and category, how many customers are there. `fresh`: changes not yet looked at by the
    display, `latest` those it has chosen, the newest last.
    """

    changes: int = 0
    notices: int = 0
    customers: int = 0
    now: dict[str, Counter[str]] = field(default_factory=dict)
    moves: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)
    latest: deque[Body] = field(default_factory=lambda: deque(maxlen=LATEST))
    numbers: Numbers = field(default_factory=lambda: Numbers(from_first=True))
    _fresh: Body | None = None
    _places: dict[str, dict[str, str]] = field(default_factory=dict)

    def take_change(self, raw: bytes | None) -> None:
        """A message of the topic of changes."""
        body = orjson.loads(raw or b"{}")
        if "sequence" not in body:
            return
        self.changes += 1
        self.numbers.check(body)
        if body["from"] is not None:
            self.moves[body["dimension"], body["from"], body["to"]] += 1
            self.moved[body["customer_id"]] += 1
            self._fresh = self._more_telling(body)
        elif self._fresh is None and not self.latest:
            self._fresh = body

    def take_categories(self, key: bytes | None, raw: bytes | None) -> None:
        """A message of the topic of current categories; null when a customer was erased."""
        customer = (key or b"").decode()
        before = self._places.pop(customer, {})
        for dimension, category in before.items():
            self.now[dimension][category] -= 1
        if raw is not None:
            categories = orjson.loads(raw)["categories"]
            after = {dimension: str(each["category"]) for dimension, each in categories.items()}
            for dimension, category in after.items():
                self.now.setdefault(dimension, Counter())[category] += 1
            self._places[customer] = after
        self.customers = len(self._places)

    def show_one_more(self) -> None:
        """Let one of the changes since the last time be among those shown."""
        if self._fresh is not None:
            self.latest.append(self._fresh)
            self._fresh = None

    def most_moved(self) -> tuple[str, int] | None:
        """The customer with the most moves, and how many."""
        return next(iter(self.moved.most_common(1)), None)

    def _more_telling(self, body: Body) -> Body:
        """Of two changes, the one in another dimension than what was shown last; else the newer."""
        if self._fresh is None or not self.latest:
            return body
        shown = self.latest[-1]["dimension"]
        return self._fresh if self._fresh["dimension"] != shown and body["dimension"] == shown else body
