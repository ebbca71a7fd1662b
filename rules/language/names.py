"""The names that an expression may use (S6.1), and why others cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rules.language.findings import Code, suggestion
from rules.language.model import (
    AttributeRef,
    CurrentRef,
    DaysInCategoryRef,
    DimensionRef,
    Expression,
    MetricRef,
    Name,
)


class UnresolvedError(Exception):
    """The expression uses something whose own declaration is wrong; that has been reported already."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may name.

    A metric or attribute that is declared with errors is None. `dimensions` are the earlier ones with the ids
    of their categories, None where those are in error. `current` holds the category ids of the own dimension,
    None in metrics. `elsewhere` says of other names why they cannot be used here. `digits` are the minor
    digits of `currency`.
    """

    currency: str
    digits: int
    metrics: Mapping[str, MetricRef | None]
    attributes: Mapping[str, AttributeRef | None]
    dimensions: Mapping[str, tuple[DimensionRef, tuple[str, ...]] | None] = field(default_factory=dict)
    current: tuple[str, ...] | None = None
    elsewhere: Mapping[str, tuple[Code, str]] = field(default_factory=dict)

    def name(self, name: str) -> Name | None:
        """What a name stands for, None if it is not known here; raises `UnresolvedError`."""
        if self.current is not None and name == "current":
            return CurrentRef()
        if self.current is not None and name == "days_in_category":
            return DaysInCategoryRef()
        if name in self.metrics:
            return _resolved(self.metrics[name])
        if name in self.dimensions:
            dimension = self.dimensions[name]
            return _resolved(dimension[0] if dimension else None)
        return None

    def attribute(self, name: str) -> Name | None:
        """The attribute `attr.name`, None if it is not declared; raises `UnresolvedError`."""
        return _resolved(self.attributes[name]) if name in self.attributes else None

    def categories(self, node: Expression) -> tuple[tuple[str, ...], str] | None:
        """The category ids that a dimension or `current` can have, and what it is called; else None."""
        if isinstance(node, CurrentRef):
            return self.current or (), "this dimension"
        if isinstance(node, DimensionRef):
            entry = self.dimensions[node.name]
            return entry[1] if entry else (), f"`{node.name}`"
        return None

    def explain(self, name: str) -> tuple[Code, str]:
        """Why a name is not known here, and what to write instead."""
        if name in self.elsewhere:
            code, why = self.elsewhere[name]
            return code, f"`{name}` {why}"
        if name in ("current", "days_in_category"):
            return (
                Code.UNKNOWN_NAME,
                f"`{name}` is known only in the conditions of a dimension: leave it out here",
            )
        if name in self.attributes or name == "attr":
            return (
                Code.UNKNOWN_NAME,
                f"write an attribute as `attr.{name if name in self.attributes else 'NAME'}`",
            )
        if name in ("none", "null"):
            return Code.UNKNOWN_NAME, f"`{name}` is no value: write `missing(x)` or `present(x)`"
        if name in ("missing", "present", "min", "max"):
            return Code.EXPRESSION_SYNTAX, f"`{name}` needs brackets: write `{name}(…)`"
        known = [*self.metrics, *self.dimensions, *(f"attr.{item}" for item in self.attributes)]
        if self.current is not None:
            known += ["current", "days_in_category"]
        hint = suggestion(name, known) or ": declare a metric of that name, or correct it"
        return Code.UNKNOWN_NAME, f"there is no `{name}`{hint}"

    def explain_attribute(self, name: str) -> tuple[Code, str]:
        """Why an attribute is not known, and what to write instead."""
        hint = suggestion(name, self.attributes) or ": declare it under `attributes`"
        return Code.UNKNOWN_NAME, f"there is no attribute `{name}`{hint}"


def _resolved(name: Name | None) -> Name:
    if name is None:
        raise UnresolvedError
    return name
