"""Why a change was made (S9.3), in plain words: each condition that decided, its answer, and its numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rules.language.model import Condition, Kind, Pack
from rules.language.words import capital, spoken
from workers.console.pages.formats import Formats
from workers.console.pages.names import Names
from workers.console.pages.translations import translations
from workers.console.pages.wording import wording
from workers.report.words import value_in_words

ReasonKind = Literal["condition", "otherwise", "pin", "floor"]
_KINDS: dict[str, ReasonKind] = {"otherwise": "otherwise", "pin": "pin", "floor": "floor"}


@dataclass(frozen=True, slots=True)
class Told:
    """A name and its value, both for people."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. `words` is empty where today's pack has no such condition: then `expression` says it."""

    kind: ReasonKind
    result: bool
    words: str
    expression: str
    category: str
    values: tuple[Told, ...]
    actor: str
    why: str


class Reasons:
    """Reads reasons for one pack and one language."""

    def __init__(self, pack: Pack, language: str, names: Names, formats: Formats) -> None:
        self._names, self._formats = names, formats
        self._say = translations(language).gettext
        words = wording(language, pack)
        self._conditions = {
            (f"{dimension.id}.{category.id}.{part}", condition.text): capital(words.condition(condition))
            for dimension in pack.dimensions
            for category in dimension.categories
            for part, condition in _conditions(category.enter, category.keep, category.when)
        }
        self._kinds: dict[str, Kind] = {each.name: each.kind for each in pack.metrics}
        self._dimensions = {each.id for each in pack.dimensions}

    def read(self, reasons: str | Sequence[Mapping[str, Any]] | None) -> list[Reason]:
        """The reasons of a change, given as JSON or read already."""
        listed = json.loads(reasons) if isinstance(reasons, str) else reasons
        return [self._reason(each) for each in listed or []]

    def words(self, rule: str, expression: str | None) -> str:
        """A condition of today's pack in words; empty for any other."""
        return self._conditions.get((rule, expression or ""), "")

    def told(self, values: str | Mapping[str, Any] | None, dimension: str) -> tuple[Told, ...]:
        """Values as a change of a dimension carries them, for people."""
        mapping = json.loads(values) if isinstance(values, str) else values
        return tuple(
            Told(self._label(name), self.value(name, value, dimension))
            for name, value in (mapping or {}).items()
        )

    def value(self, name: str, value: object, dimension: str = "") -> str:
        """A value by the name it has in a pack."""
        if value is None:
            return self._say("not known")
        if isinstance(value, bool):
            return self._say("yes") if value else self._say("no")
        if name in self._dimensions or name == "current":
            return self._names.category(dimension if name == "current" else name, str(value))
        if self._kinds.get(name) == Kind.MONEY and isinstance(value, str):
            return self._formats.amount(value)
        if isinstance(value, int):
            return self._formats.number(value)
        return value_in_words(value)

    def _label(self, name: str) -> str:
        if name == "current":
            return self._say("Category so far")
        if name == "days_in_category":
            return self._say("Days in the category so far")
        if name in self._dimensions:
            return self._names.dimension(name)
        if name.startswith("attr."):
            return capital(spoken(name.removeprefix("attr.")))
        return self._names.metric(name)

    def _reason(self, reason: Mapping[str, Any]) -> Reason:
        dimension, category, part = [*str(reason["rule"]).split("."), "", ""][:3]
        values: Mapping[str, Any] = reason.get("values") or {}
        expression = reason.get("expression") or ""
        override = part in {"pin", "floor"}
        return Reason(
            _KINDS.get(part, "condition"),
            bool(reason.get("result")),
            self.words(reason["rule"], expression),
            expression,
            self._names.category(dimension, category),
            () if override else self.told(values, dimension),
            str(values.get("actor") or "") if override else "",
            str(values.get("reason") or "") if override else "",
        )


def _conditions(
    enter: Condition | None, keep: Condition | None, when: Condition | None
) -> list[tuple[str, Condition]]:
    """The conditions of a category by the last word of the rule they make; `keep` defaults to `enter`."""
    listed = [("enter", enter), ("keep", keep or enter), ("when", when)]
    return [(part, condition) for part, condition in listed if condition is not None]
