"""A checked mapping: which events are made from a row, and how each field gets its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rules.engine.event import TYPES, Topic

Ambiguous = Literal["report", "earliest", "latest"]
Nonexistent = Literal["report", "later"]
AttributeKind = Literal["string", "integer", "number", "boolean"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the mapping file; both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Constant:
    """The same text in every row."""

    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """The cell of a column."""

    name: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A column within a template; whole numbers are filled with zeros up to `width`."""

    column: str
    width: int


@dataclass(frozen=True, slots=True)
class Template:
    """Text with cells in it; empty where one of the cells is empty."""

    parts: tuple[str | Slot, ...]


Source = Constant | Column | Template


def columns_of(source: Source) -> tuple[str, ...]:
    """The columns that a source reads, each once."""
    if isinstance(source, Column):
        return (source.name,)
    if isinstance(source, Template):
        return tuple(dict.fromkeys(part.column for part in source.parts if isinstance(part, Slot)))
    return ()


@dataclass(frozen=True, slots=True)
class Clock:
    """How a time is read. `format` is a strptime pattern or one of `epoch_s`, `epoch_ms`, `epoch_us`."""

    format: str | None = None
    timezone: str | None = None
    ambiguous: Ambiguous = "report"
    nonexistent: Nonexistent = "report"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field of an event. `table` translates the text; `default` stands for an empty or unlisted one."""

    name: str
    source: Source
    place: Place
    minor: bool = False
    absolute: bool = False
    clock: Clock = Clock()
    table: dict[str, str] | None = None
    default: str | None = None
    kind: AttributeKind | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one column's cell.

    `one_of` and `none_of` compare the text; `compare` compares the number with `limit`; `present` asks
    whether there is anything. An empty cell fulfils `none_of` and `present` false, and nothing else.
    """

    column: str
    place: Place
    test: Literal["one_of", "none_of", "compare", "present"]
    texts: tuple[str, ...] = ()
    operator: Literal["<", "<=", ">", ">=", "=="] = "=="
    limit: float = 0.0
    present: bool = True


@dataclass(frozen=True, slots=True)
class EventRule:
    """An event made from each row where `when` holds, in the files whose base name matches `files`."""

    type: str
    place: Place
    files: str
    when: tuple[Condition, ...]
    fields: tuple[FieldRule, ...]
    attributes: tuple[FieldRule, ...]

    @property
    def topic(self) -> Topic:
        """The topic of the events."""
        return TYPES[self.type]


@dataclass(frozen=True, slots=True)
class Layout:
    """How text is laid out. A `separator` of None is found from the header line."""

    separator: str | None = None
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str | None = None
    sheet: str | None = None
    header_row: int | None = None


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping file; `currency` is that of money which names none."""

    source: str
    currency: str | None
    layout: Layout
    events: tuple[EventRule, ...]
