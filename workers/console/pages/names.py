"""What a pack calls its dimensions and categories, and the colours in which they are drawn.

A database may know categories that the pack no longer has: they go by their ids, in grey.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from rules.language.model import Category, Dimension, Pack
from rules.language.words import capital, metric_label, spoken
from workers.report.charts import colors

UNKNOWN_COLOR = "#7d8590"


@dataclass(frozen=True, slots=True)
class Treatment:
    """One line of a category's strategy, for people."""

    name: str
    value: str


class Names:
    """The words of one pack."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._dimensions = {each.id: each for each in pack.dimensions}
        self._categories = {
            (dimension.id, each.id): each for dimension in pack.dimensions for each in dimension.categories
        }
        self._colors = {each.id: colors(each) for each in pack.dimensions}
        self._metrics = {each.name: capital(metric_label(each)) for each in pack.metrics}

    def dimension(self, dimension: str) -> str:
        """What a dimension is called."""
        found = self._dimensions.get(dimension)
        return (found.title if found else None) or capital(spoken(dimension))

    def category(self, dimension: str, category: str | None) -> str:
        """What a category is called; a dash for none."""
        if not category:
            return "–"
        found = self._categories.get((dimension, category))
        return (found.title if found else None) or capital(spoken(category))

    def code(self, dimension: str, category: str) -> str | None:
        """A category's code in the pack of today."""
        found = self._categories.get((dimension, category))
        return found.code if found else None

    def color(self, dimension: str, category: str | None) -> str:
        """The colour of a category, as `#rrggbb`."""
        return self._colors.get(dimension, {}).get(category or "", UNKNOWN_COLOR)

    def metric(self, metric: str) -> str:
        """What a metric is called."""
        return self._metrics.get(metric) or capital(spoken(metric.removeprefix("attr.")))

    def attribute(self, attribute: str) -> str:
        """What an attribute is called."""
        return capital(spoken(attribute))

    def find_dimension(self, dimension: str) -> Dimension | None:
        """A dimension of the pack of today."""
        return self._dimensions.get(dimension)

    def find_category(self, dimension: str, category: str) -> Category | None:
        """A category of the pack of today."""
        return self._categories.get((dimension, category))


def treatments(strategy: str | dict[str, object] | None) -> list[Treatment]:
    """A strategy, as a mapping or its JSON, line by line."""
    mapping = json.loads(strategy) if isinstance(strategy, str) else strategy
    if not isinstance(mapping, dict):
        return []
    return [Treatment(capital(spoken(str(key))), _plain(value)) for key, value in mapping.items()]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
