"""Rows to events: the mapping's rules applied to a chunk, a column at a time.

A row is bad if any event that it should give is; then it gives none at all, so that it can be mended and
imported again as a whole. A row that no rule wants is filtered out. Each row is used, filtered or bad.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase

import polars as pl

from rules.engine.event import Topic
from rules.language.findings import listed, suggestion
from workers.cli.errors import UserError
from workers.importer.build import PROBLEM_SCHEMA, ROW, Builder, problem_rows, typed_name
from workers.importer.model import (
    Condition,
    EventRule,
    Mapping,
    columns_of,
)
from workers.importer.tables import Chunk, Table
from workers.importer.values import (
    number_text,
    text,
)

#: Ids made from the file's name, a row number and the place of a rule have at most 128 characters.
NAME_CHARACTERS_MAX = 100
#: Columns that an error lists at most.
COLUMNS_SHOWN = 30
COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}


@dataclass(frozen=True, slots=True, eq=False)
class Converted:
    """The events of a chunk by topic in the order of the rows, its problems, and what became of its rows."""

    events: dict[Topic, pl.DataFrame]
    problems: pl.DataFrame
    used: int
    filtered: int
    bad: int


class Converter:
    """The rules of a mapping that apply to one table.

    Raises `UserError` if none does, or if one names a column that the table does not have.
    """

    def __init__(self, mapping: Mapping, table: Table) -> None:
        self.mapping = mapping
        self.table = table
        self.rules = [
            (index, rule)
            for index, rule in enumerate(mapping.events, 1)
            if fnmatchcase(table.name, rule.files)
        ]
        if not self.rules:
            raise UserError(
                f"no event of `{mapping.source}` is made from `{table.name}`: its name fits no `from`"
            )
        named = all(any(field.name == "event_id" for field in rule.fields) for _, rule in self.rules)
        if not named and (len(table.name) > NAME_CHARACTERS_MAX or not table.name.isprintable()):
            raise UserError(
                f"`{table.name}` cannot be part of event ids: give the file a short name, or map `event_id`"
            )
        self.columns = sorted({name for _, rule in self.rules for name in self._check(rule)})

    def convert(self, chunk: Chunk) -> Converted:
        """The events and problems of the rows of a chunk."""
        texts = [self._text(chunk.frame[name]) for name in self.columns]
        frame = pl.DataFrame(
            [*texts, *(_typed(chunk.frame[name]) for name in self.columns), chunk.rows.alias(ROW)]
        )
        found = [_flaws(chunk)]
        made: list[tuple[EventRule, pl.DataFrame]] = []
        for index, rule in self.rules:
            chosen, undecided = self._choose(frame, rule)
            builder = Builder(self.mapping, self.table, rule, chosen)
            made.append((rule, builder.events(index)))
            found += [undecided, *builder.problems]
        report = pl.concat(found).sort("row", maintain_order=True)
        bad = report["row"].unique()
        used: list[pl.Series] = []
        by_topic: dict[Topic, list[pl.DataFrame]] = {}
        for rule, events in made:
            whole = events.filter(~pl.col(ROW).is_in(bad.implode()))
            used.append(whole[ROW])
            by_topic.setdefault(rule.topic, []).append(whole)
        count = pl.concat(used).n_unique()
        return Converted(
            {topic: _in_order(frames) for topic, frames in by_topic.items()},
            report,
            used=count,
            filtered=chunk.frame.height + len(chunk.flaws) - count - len(bad),
            bad=len(bad),
        )

    def number(self, value: pl.Series) -> pl.Series:
        """Text with the number it holds in the usual writing."""
        return number_text(value, self.mapping.layout, self.table.kind)

    def _check(self, rule: EventRule) -> list[str]:
        fields = (*rule.fields, *rule.attributes)
        wanted = [(field.place, name) for field in fields for name in columns_of(field.source)]
        wanted += [(condition.place, condition.column) for condition in rule.when]
        for place, name in wanted:
            where = f"{self.mapping.source}:{place.line}:{place.column}: `{self.table.name}` has"
            if name not in self.table.columns:
                known = listed(self.table.columns[:COLUMNS_SHOWN], "and")
                hint = suggestion(name, self.table.columns) or f": it has {known}"
                raise UserError(
                    f"{where} no column `{name}`{hint}",
                    hint="a text that is the same in every row is written `{constant: …}`",
                )
            if name in self.table.repeated:
                raise UserError(f"{where} more than one column `{name}`: rename all but one")
        return [name for _, name in wanted]

    def _text(self, column: pl.Series) -> pl.Series:
        made = text(column)
        if made is None:
            raise UserError(
                f"column `{column.name}` of `{self.table.name}` holds {column.dtype}: give plain values only"
            )
        return made.alias(column.name)

    def _choose(self, frame: pl.DataFrame, rule: EventRule) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows that fulfil all conditions, and those of which it cannot be told."""
        undecided = [PROBLEM_SCHEMA.to_frame()]
        for condition in rule.when:
            value = frame[condition.column]
            if condition.test == "compare":
                unclear = frame.filter(value.is_not_null() & self._double(value).is_null())
                cell = pl.col(condition.column)
                undecided.append(
                    problem_rows(unclear, condition.column, rule.type, "when", pl.lit("not_a_number"), cell)
                )
            frame = frame.filter(self._holds(condition, value))
        return frame, pl.concat(undecided)

    def _double(self, value: pl.Series) -> pl.Series:
        return self.number(value).cast(pl.Float64, strict=False)

    def _holds(self, condition: Condition, value: pl.Series) -> pl.Series:
        if condition.test == "present":
            return value.is_not_null() if condition.present else value.is_null()
        if condition.test == "one_of":
            return value.is_in(condition.texts).fill_null(False)
        if condition.test == "none_of":
            return ~value.is_in(condition.texts).fill_null(False)
        compared: pl.Series = COMPARISONS[condition.operator](self._double(value), condition.limit)
        return compared.fill_null(False)


def _flaws(chunk: Chunk) -> pl.DataFrame:
    rows = [(flaw.row, None, None, None, flaw.reason, flaw.detail, flaw.value) for flaw in chunk.flaws]
    return pl.DataFrame(rows, schema=PROBLEM_SCHEMA, orient="row")


def _in_order(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """The events of several rules, row by row and within a row in the order of the rules."""
    joined = frames[0] if len(frames) == 1 else pl.concat(frames).sort(ROW, maintain_order=True)
    return joined.drop(ROW)


def reasons(problems: pl.DataFrame) -> Counter[str]:
    """How many problems there are of each reason."""
    return Counter({str(reason): int(count) for reason, count in problems["reason"].value_counts().rows()})


def _typed(column: pl.Series) -> pl.Series:
    return column.alias(typed_name(column.name))
