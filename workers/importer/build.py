"""The events of one rule, a field at a time, and what is wrong with them."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from rules.engine.event import Topic
from workers.importer.model import (
    Column,
    Constant,
    EventRule,
    FieldRule,
    Mapping,
    Source,
    Template,
    columns_of,
)
from workers.importer.read_mapping import MONEY, fields_of
from workers.importer.tables import Table
from workers.importer.times import instant
from workers.importer.values import (
    SENTENCES,
    Checked,
    attribute,
    field_value,
    first_problem,
    money,
    number_text,
)

#: The column that holds the number of the row; no column of a file has such a name.
ROW = "\0row"
_REASON = "\0reason"
_INTEGERS = frozenset({"items", "score", "severity"})
#: Bad rows: row number, column, event type, field, reason code, a sentence, the value as it stands.
PROBLEM_SCHEMA = pl.Schema(
    {
        "row": pl.Int64,
        "column": pl.String,
        "event": pl.String,
        "field": pl.String,
        "reason": pl.String,
        "detail": pl.String,
        "value": pl.String,
    }
)


class Builder:
    """The events of one rule from the rows that it wants; `problems` fills as fields are read."""

    def __init__(self, mapping: Mapping, table: Table, rule: EventRule, rows: pl.DataFrame) -> None:
        self.mapping = mapping
        self.table = table
        self.rule = rule
        self.rows = rows
        self.problems: list[pl.DataFrame] = []

    def events(self, index: int) -> pl.DataFrame:
        """The events, bad ones included, with the number of the row; `index` is the rule's in the mapping."""
        required = fields_of(self.rule.type)
        made: dict[str, pl.Series] = {}
        # The currency first, because it says how many digits the money has.
        for field in sorted(self.rule.fields, key=lambda field: field.name != "currency"):
            needed = required[field.name] or (field.name == "currency" and self.mapping.currency is None)
            made[field.name] = self._field(field, needed, made)
            if field.name == "currency":
                made["currency"] = made["currency"].fill_null(self.mapping.currency or "")
        if "event_id" not in made:
            own = pl.format("{}:{}:{}", pl.lit(self.table.name), pl.col(ROW), pl.lit(index))
            made["event_id"] = self.rows.select(own.alias("event_id"))["event_id"]
        if MONEY & made.keys():
            made["currency"] = self._currency(made)
        if self.rule.attributes:
            made["attributes"] = self._attributes()
        made["type"] = pl.Series([self.rule.type]).new_from_index(0, self.rows.height)
        columns = [self.rows[ROW]]
        for name, dtype in topic_columns(self.mapping, self.rule.topic).items():
            values = made.get(name)
            column = (
                pl.Series([None], dtype=dtype).new_from_index(0, self.rows.height)
                if values is None
                else values
            )
            columns.append(column.cast(dtype).alias(name))
        return pl.DataFrame(columns)

    def _currency(self, made: dict[str, pl.Series]) -> pl.Series:
        if "currency" in made:
            return made["currency"]
        return pl.Series([self.mapping.currency], dtype=pl.String).new_from_index(0, self.rows.height)

    def _field(self, field: FieldRule, needed: bool, made: dict[str, pl.Series]) -> pl.Series:
        given, unlisted = self._given(field)
        if field.name in MONEY:
            number = self._number(field, given)
            checked = money(number, self._currency(made), minor=field.minor, absolute=field.absolute)
        elif isinstance(field.source, Constant) and self.rows.height:
            one = given.head(1)
            clock = replace(field.clock, format=None)
            checked = instant(one, clock) if field.name == "occurred_at" else self._plain(field, one, None)
            checked = checked.spread(self.rows.height)
        elif field.name == "occurred_at":
            checked = instant(self._moments(field, given), field.clock)
        else:
            dated = self._moments(field, given) is not given
            checked = self._plain(field, given, None if dated else field.clock.format)
        problem = checked.problem.zip_with(unlisted.is_null(), unlisted)
        if needed:
            problem = problem.set(given.is_null() & problem.is_null(), "missing")
        self._report(field, problem)
        return checked.value

    def _moments(self, field: FieldRule, given: pl.Series) -> pl.Series:
        """The dates or times of a column that holds such, else the text."""
        if isinstance(field.source, Column) and field.table is None and field.default is None:
            own = self.rows[typed_name(field.source.name)]
            if isinstance(own.dtype, pl.Datetime | pl.Date):
                return own
        return given

    def _plain(self, field: FieldRule, given: pl.Series, pattern: str | None) -> Checked:
        return field_value(field.name, self.rule.type, given, self._number(field, given), pattern)

    def _attributes(self) -> pl.Series:
        """The attributes of each row as JSON text, those that are empty left out."""
        parts: dict[str, pl.Series] = {}
        for field in self.rule.attributes:
            given, unlisted = self._given(field)
            checked = attribute(given, self._number(field, given), self._kind(field))
            self._report(field, checked.problem.zip_with(unlisted.is_null(), unlisted))
            parts[field.name] = checked.value
        members = [pl.concat_str(pl.lit(f'"{name}":'), pl.col(name)) for name in parts]
        joined = pl.DataFrame(parts).select(x=pl.concat_str(members, separator=",", ignore_nulls=True))
        whole = pl.concat_str(pl.lit("{"), "x", pl.lit("}"))
        return joined.select(x=pl.when(pl.col("x") != "").then(whole))["x"]

    def _kind(self, field: FieldRule) -> str:
        """What kind an attribute has: as the mapping says, else as the column's type is."""
        if field.kind is not None or field.table is not None or not isinstance(field.source, Column):
            return field.kind or "string"
        dtype = self.rows.schema[typed_name(field.source.name)]
        if dtype == pl.Boolean:
            return "boolean"
        return "integer" if dtype.is_integer() else "number" if dtype.is_numeric() else "string"

    def _number(self, field: FieldRule, given: pl.Series) -> pl.Series:
        return (
            given
            if isinstance(field.source, Constant)
            else number_text(given, self.mapping.layout, self.table.kind)
        )

    def _given(self, field: FieldRule) -> tuple[pl.Series, pl.Series]:
        """The text a field starts from (the source, translated, or the default), and where it is unlisted."""
        frame = self.rows.select(x=source_text(field.source), problem=pl.lit(None, pl.String))
        if isinstance(field.source, Constant):
            frame = pl.DataFrame({"x": [field.source.text], "problem": pl.Series([None], dtype=pl.String)})
            frame = frame.select(pl.all().repeat_by(self.rows.height).explode())
        if field.table is not None:
            translated = pl.col("x").replace_strict(field.table, default=None, return_dtype=pl.String)
            unlisted = pl.col("x").is_not_null() & translated.is_null() & pl.lit(field.default is None)
            frame = frame.select(x=translated, problem=first_problem((unlisted, "not_listed")))
        if field.default is not None:
            frame = frame.with_columns(pl.col("x").fill_null(field.default))
        return frame["x"], frame["problem"]

    def _report(self, field: FieldRule, problem: pl.Series) -> None:
        if problem.null_count() == len(problem):
            return
        wrong = self.rows.with_columns(problem.alias(_REASON)).filter(pl.col(_REASON).is_not_null())
        columns = ", ".join(columns_of(field.source)) or None
        self.problems.append(
            problem_rows(
                wrong, columns, self.rule.type, field.name, pl.col(_REASON), source_text(field.source)
            )
        )


def topic_columns(mapping: Mapping, topic: Topic) -> dict[str, pl.DataType]:
    """The columns that the events of a topic may fill under the mapping, and their types."""
    rules = [rule for rule in mapping.events if rule.topic == topic]
    names = ["event_id", "type", "occurred_at", "customer_id"]
    for rule in rules:
        names += [field.name for field in rule.fields]
        names += ["currency"] if MONEY & {field.name for field in rule.fields} else []
        names += ["attributes"] if rule.attributes else []
    dtypes: dict[str, pl.DataType] = {
        "occurred_at": pl.Datetime("us", "UTC"),
        **dict.fromkeys(_INTEGERS, pl.Int64()),
    }
    return {name: dtypes.get(name, pl.String()) for name in dict.fromkeys(names)}


def source_text(source: Source) -> pl.Expr:
    """The text of a source."""
    if isinstance(source, Constant):
        return pl.lit(source.text)
    if isinstance(source, Column):
        return pl.col(source.name)
    return _template(source)


def _template(source: Template) -> pl.Expr:
    parts = []
    for part in source.parts:
        if isinstance(part, str):
            parts.append(pl.lit(part))
        else:
            cell = pl.col(part.column)
            parts.append(cell.str.zfill(part.width) if part.width else cell)
    return pl.concat_str(parts)


def typed_name(column: str) -> str:
    """The name under which a column keeps its own type beside its text."""
    return f"\0typed {column}"


def problem_rows(
    rows: pl.DataFrame, column: str | None, event: str, field: str, code: pl.Expr, value: pl.Expr
) -> pl.DataFrame:
    """Rows of `PROBLEM_SCHEMA` for the rows of a chunk in which a field has a problem."""
    return rows.select(
        row=pl.col(ROW),
        column=pl.lit(column, pl.String),
        event=pl.lit(event),
        field=pl.lit(field),
        reason=code,
        detail=pl.concat_str(pl.lit(f"`{field}` "), code.replace_strict(SENTENCES, return_dtype=pl.String)),
        value=value,
    )
