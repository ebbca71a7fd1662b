"""The pack in words, with what is done for the customers of each category."""

from __future__ import annotations

from dataclasses import dataclass

from rules.language.model import Category, Dimension, Pack
from rules.language.words import Wording, capital
from workers.console.pages.names import Names
from workers.console.pages.wording import policy_in_words, wording


@dataclass(frozen=True, slots=True)
class CategoryWords:
    """A category and when a customer is in it; conditions in words, `texts` as the pack has them."""

    title: str
    code: str | None
    color: str
    enter: str
    keep: str
    when: str
    texts: tuple[str, ...]
    strategy: str | None
    description: str


@dataclass(frozen=True, slots=True)
class DimensionWords:
    """A dimension, its categories (of a ladder the highest first), and when moves happen."""

    id: str
    title: str
    ladder: bool
    description: str
    categories: tuple[CategoryWords, ...]
    upgrade: str
    downgrade: str


@dataclass(frozen=True, slots=True)
class MetricWords:
    """A metric and what it is."""

    name: str
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class PackWords:
    """A whole pack."""

    dimensions: tuple[DimensionWords, ...]
    metrics: tuple[MetricWords, ...]


def pack_in_words(pack: Pack, language: str, names: Names) -> PackWords:
    """What a pack says, in a language."""
    words = wording(language, pack)
    return PackWords(
        tuple(_dimension(each, words, language, names) for each in pack.dimensions),
        tuple(
            MetricWords(each.name, names.metric(each.name), capital(words.metric(each)))
            for each in pack.metrics
        ),
    )


def _dimension(dimension: Dimension, words: Wording, language: str, names: Names) -> DimensionWords:
    ladder = dimension.kind == "ladder"
    listed = [_category(dimension, each, words, names) for each in dimension.categories]
    return DimensionWords(
        dimension.id,
        names.dimension(dimension.id),
        ladder,
        _one_line(dimension.description),
        tuple(reversed(listed)) if ladder else tuple(listed),
        policy_in_words(language, dimension.upgrade),
        policy_in_words(language, dimension.downgrade),
    )


def _category(dimension: Dimension, category: Category, words: Wording, names: Names) -> CategoryWords:
    conditions = (category.enter, category.keep, category.when)
    enter, keep, when = (words.condition(each) if each else "" for each in conditions)
    return CategoryWords(
        names.category(dimension.id, category.id),
        category.code,
        names.color(dimension.id, category.id),
        enter,
        keep,
        when,
        tuple(each.text for each in conditions if each),
        category.strategy_json,
        _one_line(category.description),
    )


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
