"""Which of what is published is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Choice:
    """What is wanted; an empty set wants everything. A message without the field asked for is not wanted.

    `categories` are those that a move leads to.
    """

    dimensions: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    causes: frozenset[str] = frozenset()

    def wants(self, body: Mapping[str, Any]) -> bool:
        """Whether a change, a notice or an erasure is to be shown."""
        asked = (
            (self.dimensions, "dimension"),
            (self.categories, "to"),
            (self.customers, "customer_id"),
            (self.causes, "cause"),
        )
        return all(not wanted or body.get(name) in wanted for wanted, name in asked)
