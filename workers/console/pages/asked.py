"""What an address or a form asks for, read so that a mistake is a sentence on the page and never an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from rules.language.model import Pack
from workers.console.context import Visit
from workers.console.pages.rendering import query
from workers.sql.queries.customers import Filter, Sort, SortKey

_SORTS: Mapping[str, SortKey] = {"id": "id", "updated": "updated", "revenue": "revenue"}


class Wrong(ValueError):  # noqa: N818 - told on the page, in the language of who asks
    """What was asked cannot be."""


def parameters_of(request: Request) -> dict[str, list[str]]:
    """The query with repeated names as lists; what is empty is left out."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.url.query, max_num_fields=500):
        if value:
            found.setdefault(name, []).append(value)
    return found


def first(parameters: Mapping[str, list[str]], name: str) -> str:
    """The first value of a name; empty where there is none."""
    return parameters.get(name, [""])[0]


def day_in(visit: Visit, text: str) -> date | None:
    """A day of a form; None where it is empty. Raises Wrong."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Wrong(visit.say("“%(text)s” is no day: write it like 2026-03-31.", text=text[:40])) from None
    if not 1970 <= day.year < 2199:
        raise Wrong(visit.say("“%(text)s” is no day: write it like 2026-03-31.", text=text[:40]))
    return day


def starts_us(visit: Visit, day: date) -> int:
    """The first instant of a day in the pack's zone, in microseconds since 1970."""
    zone = visit.state.pages.formats[visit.language].zone
    moment = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def known_dimension(pack: Pack, text: str) -> str:
    """The id of a dimension of the pack; the first one's for any other text."""
    ids = [each.id for each in pack.dimensions]
    return text if text in ids else ids[0]


@dataclass(frozen=True, slots=True)
class Period:
    """Two days, both included."""

    first: str
    last: str


def period_in(visit: Visit, parameters: Mapping[str, list[str]], default: Period) -> Period:
    """The period of a form. Raises Wrong."""
    start = day_in(visit, first(parameters, "first")) or date.fromisoformat(default.first)
    end = day_in(visit, first(parameters, "last")) or date.fromisoformat(default.last)
    if start > end:
        raise Wrong(visit.say("The period ends before it begins."))
    return Period(start.isoformat(), end.isoformat())


@dataclass(frozen=True, slots=True)
class CustomersAsked:
    """The form of a search as it was filled in, and what it asks for."""

    text: str = ""
    pending: str = ""
    categories: Mapping[str, list[str]] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    since_in: str = ""
    since_from: str = ""
    since_to: str = ""
    until: str = ""

    @classmethod
    def read(cls, pack: Pack, parameters: Mapping[str, list[str]]) -> CustomersAsked:
        """What is in an address; names that the pack does not have are passed over."""
        dimensions = {each.id: {category.id for category in each.categories} for each in pack.dimensions}
        attributes = {each.name for each in pack.attributes}
        since_in, pending = first(parameters, "since_in"), first(parameters, "pending")
        return cls(
            text=first(parameters, "text").strip()[:128],
            pending=pending if pending in {"any", *dimensions} else "",
            categories={
                dimension: chosen
                for dimension, known in dimensions.items()
                if (chosen := [each for each in parameters.get(f"in.{dimension}", ()) if each in known])
            },
            attributes={
                name: first(parameters, f"attr.{name}") for name in attributes if f"attr.{name}" in parameters
            },
            since_in=since_in if since_in in dimensions else "",
            since_from=first(parameters, "since_from"),
            since_to=first(parameters, "since_to"),
            until=first(parameters, "until"),
        )

    def filter(self, visit: Visit) -> Filter:
        """The filter. Raises Wrong."""
        since_from, since_to = day_in(visit, self.since_from), day_in(visit, self.since_to)
        if (since_from or since_to) and not self.since_in:
            raise Wrong(visit.say("Choose the dimension that “since” is about."))
        until = day_in(visit, self.until)
        return Filter(
            text=self.text,
            categories=self.categories,
            attributes={name: [value] for name, value in self.attributes.items()},
            since_in=self.since_in or None,
            since_from_us=None if since_from is None else starts_us(visit, since_from),
            since_to_us=None if since_to is None else starts_us(visit, since_to + timedelta(days=1)),
            pending=self.pending or None,
            until=None if until is None else until.isoformat(),
        )

    def active(self, visit: Visit, parameters: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """What is asked for, one by one: a name, the value, and the address without it."""
        say, names = visit.say, visit.state.pages.names

        def without(*gone: str) -> str:
            return "/customers" + query(dict(parameters), page=None, **dict.fromkeys(gone))

        listed: list[tuple[str, str, str]] = []
        if self.text:
            listed.append((say("id begins with"), self.text, without("text")))
        for dimension, categories in self.categories.items():
            text = ", ".join(names.category(dimension, each) for each in categories)
            listed.append((names.dimension(dimension), text, without(f"in.{dimension}")))
        for name, value in self.attributes.items():
            listed.append((names.attribute(name), value, without(f"attr.{name}")))
        if self.since_in:
            text = f"{self.since_from or '…'} – {self.since_to or '…'}"
            listed.append(
                (
                    say("since, in %(dimension)s", dimension=names.dimension(self.since_in)),
                    text,
                    without("since_in", "since_from", "since_to"),
                )
            )
        if self.pending:
            text = say("any") if self.pending == "any" else names.dimension(self.pending)
            listed.append((say("coming up"), text, without("pending")))
        if self.until:
            listed.append((say("comes up to day"), self.until, without("until")))
        return listed


def sort_in(parameters: Mapping[str, list[str]]) -> Sort:
    """How a list is to be sorted: `-updated` is by the last change, the latest first."""
    text = first(parameters, "sort")
    return Sort(_SORTS.get(text.lstrip("-"), "id"), text.startswith("-"))


def beside(path: str, parameters: Mapping[str, Any], cursors: Iterable[str | None]) -> list[str | None]:
    """Addresses of the pages beside a page of a list, by their cursors."""
    return [None if each is None else path + query(dict(parameters), page=each) for each in cursors]
