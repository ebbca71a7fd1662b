"""Cells to the values of event fields, a whole column at a time, each with a reason where it is not one.

The text that comes in is trimmed, and null where there is none. The rules are those of S2.1 to S2.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from rules.language.model import INTEGER_LIMIT
from rules.money import MINOR_DIGITS, MONEY_MAX
from schemas.values import ID_CHARACTERS_MAX, ITEMS_MAX, LABEL_CHARACTERS_MAX, REMARK_CHARACTERS_MAX
from workers.importer.model import Layout

#: What is wrong, by reason code; the sentence goes on from the field's name.
SENTENCES: dict[str, str] = {
    "missing": "is empty, and the event needs it",
    "not_listed": "is not in the `map` of the mapping",
    "not_a_number": "is not a number",
    "not_an_integer": "is not an integer",
    "not_a_boolean": "is neither true nor false",
    "out_of_range": "is out of range",
    "negative": "is negative: say `absolute: true` to take it without its sign",
    "too_fine": "has more digits than its currency, or a fraction of a minor unit",
    "too_large": "is too large",
    "unknown_currency": "is not an ISO 4217 currency",
    "not_a_time": "is not a time in the format of the mapping",
    "no_offset": "has no offset from UTC, and the mapping names no `timezone`",
    "ambiguous_time": "was shown twice on the clocks of that day: say `ambiguous: earliest` or `latest`",
    "nonexistent_time": "was skipped by the clocks of that day: say `nonexistent: later`",
    "year_out_of_range": "is not in the years 1970 to 2199",
    "not_a_date": "is not a date",
    "not_a_choice": "is neither `pin` nor `floor`",
    "too_long": "is too long",
    "control_character": "holds a control character",
}

_INTEGERS = {"items": (0, ITEMS_MAX), "severity": (1, 5)}
_SCORES = {"feedback.rating": (1, 5), "feedback.nps": (0, 10)}
_LENGTHS = {
    **dict.fromkeys(("channel", "method", "topic"), LABEL_CHARACTERS_MAX),
    **dict.fromkeys(("dimension", "category", "reason", "actor"), REMARK_CHARACTERS_MAX),
}
_CONTROL = r"[\x00-\x1f\x7f-\x{9f}]"
_WHOLE_DIGITS_MAX = 13
_CHOICES = {"currency": (list(MINOR_DIGITS), "unknown_currency"), "mode": (["pin", "floor"], "not_a_choice")}
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "1", "y", "t"), "true"),
    **dict.fromkeys(("false", "no", "0", "n", "f"), "false"),
}
_DECIMAL = r"^(?P<sign>[+-]?)0*(?P<whole>\d*)(?:\.(?P<fraction>\d*?)0*)?$"
#: Powers of ten by exponent, for the digits that currencies have.
_POWERS = {0: 1, 1: 10, 2: 100, 3: 1000, 4: 10_000}


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A column of values, and of the codes of what is wrong with them (null where nothing is)."""

    value: pl.Series
    problem: pl.Series

    def spread(self, count: int) -> Checked:
        """The only row, as often as asked for."""
        return Checked(self.value.new_from_index(0, count), self.problem.new_from_index(0, count))


def first_problem(*cases: tuple[pl.Expr, str]) -> pl.Expr:
    """The code of the first condition that holds."""
    return pl.coalesce(*(pl.when(condition).then(pl.lit(code)) for condition, code in cases))


def text(column: pl.Series) -> pl.Series | None:
    """A column as trimmed text, null where empty; None for types without text (lists, structs, bytes)."""
    dtype = column.dtype
    if dtype == pl.String:
        trimmed = column.str.strip_chars()
        return trimmed.set(trimmed == "", None)
    if dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        exact = ((whole.cast(pl.Float64) == column) & (column.abs() < 2.0**53)).fill_null(False)
        return whole.cast(pl.String).zip_with(exact, column.cast(pl.String))
    if isinstance(dtype, pl.Datetime):
        moment = column.dt.cast_time_unit("us")
        if dtype.time_zone is None:
            return moment.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
        return moment.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    plain = dtype.is_numeric() or dtype in (pl.Boolean, pl.Null, pl.Date, pl.Time)
    return column.cast(pl.String) if plain or isinstance(dtype, pl.Categorical | pl.Enum) else None


def number_text(value: pl.Series, layout: Layout, kind: str) -> pl.Series:
    """Numbers of text files with a decimal point and without marks between thousands.

    In spreadsheets and Parquet files real numbers have a point already, so there `thousands` is not touched.
    """
    if kind == "csv" and layout.thousands is not None:
        mark = re.escape(layout.thousands)
        grouped = value.str.contains(rf"^[+-]?\d{{1,3}}({mark}\d{{3}})+(\{layout.decimal}\d*)?$").fill_null(
            False
        )
        value = value.str.replace_all(layout.thousands, "", literal=True).zip_with(grouped, value)
    if layout.decimal == "," and kind != "parquet":
        if kind == "csv":
            value = value.str.replace_all(".", "?", literal=True)
        value = value.str.replace(",", ".", literal=True)
    return value


def money(number: pl.Series, currency: pl.Series, *, minor: bool, absolute: bool) -> Checked:
    """Exact decimal text with all minor digits of the currency, one a row; null where that is unknown."""
    frame = (
        pl.DataFrame([number.alias("number"), currency.alias("currency")])
        .with_columns(
            pl.col("number").str.extract_groups(_DECIMAL).struct.unnest(),
            digits=pl.col("currency").replace_strict(MINOR_DIGITS, default=None, return_dtype=pl.Int64),
        )
        .with_columns(pl.col("fraction").fill_null(""), valid=pl.col("number").str.contains(r"\d"))
    )
    length = pl.col("fraction").str.len_chars().cast(pl.Int64)
    allowed = pl.lit(0) if minor else pl.col("digits")
    fits = (pl.col("whole").str.len_chars() <= _WHOLE_DIGITS_MAX) & (length <= allowed)
    frame = frame.with_columns(
        _digits(pl.when(fits).then("whole")).alias("units"),
        _digits(pl.when(fits).then("fraction")).alias("part"),
        _power(pl.col("digits")).alias("scale"),
        _power(pl.col("digits") - length).alias("shift"),
        length=length,
    )
    if not minor:
        frame = frame.with_columns(units=pl.col("units") * pl.col("scale") + pl.col("part") * pl.col("shift"))
    nothing = (pl.col("whole") == "") & (pl.col("fraction") == "")
    rest = (pl.col("units") % pl.col("scale") + pl.col("scale")).cast(pl.String).str.slice(1)
    return _checked(
        frame,
        pl.concat_str(
            (pl.col("units") // pl.col("scale")).cast(pl.String),
            pl.when(pl.col("scale") > 1).then(pl.lit(".")).otherwise(pl.lit("")),
            rest,
        ),
        (pl.col("number").is_not_null() & (pl.col("whole").is_null() | ~pl.col("valid")), "not_a_number"),
        ((pl.col("sign") == "-") & ~nothing & pl.lit(not absolute), "negative"),
        (pl.col("whole").str.len_chars() > _WHOLE_DIGITS_MAX, "too_large"),
        (pl.col("length") > allowed, "too_fine"),
        (pl.col("units") > MONEY_MAX, "too_large"),
    )


def integer(number: pl.Series, low: int, high: int) -> Checked:
    """An integer from `low` to `high`; a fraction of zero is none."""
    whole = pl.col("x").str.extract(r"^\+?(-?\d+)(?:\.0*)?$")
    frame = pl.DataFrame([number.alias("x")]).with_columns(whole=whole)
    value = pl.col("whole").cast(pl.Int64, strict=False)
    return _checked(
        frame,
        value,
        (pl.col("x").is_not_null() & pl.col("whole").is_null(), "not_an_integer"),
        (pl.col("whole").is_not_null() & ~value.is_between(low, high).fill_null(False), "out_of_range"),
    )


def limited(value: pl.Series, longest: int) -> Checked:
    """Text of at most so many characters."""
    return _checked(value.to_frame("x"), pl.col("x"), (pl.col("x").str.len_chars() > longest, "too_long"))


def identifier(value: pl.Series) -> Checked:
    """An id: at most 128 characters, none of them a control character."""
    return _checked(
        value.to_frame("x"),
        pl.col("x"),
        (pl.col("x").str.len_chars() > ID_CHARACTERS_MAX, "too_long"),
        (pl.col("x").str.contains(_CONTROL), "control_character"),
    )


def day(value: pl.Series, pattern: str | None) -> Checked:
    """A date as `YYYY-MM-DD`; a time behind it is left out."""
    head = value if pattern else value.str.extract(r"^(\d{4}-\d{2}-\d{2})(?:[T ].*)?$")
    date = head.str.to_date(pattern or "%Y-%m-%d", strict=False).dt.strftime("%Y-%m-%d")
    frame = pl.DataFrame([value.alias("x"), date.alias("date")])
    return _checked(
        frame, pl.col("date"), (pl.col("x").is_not_null() & pl.col("date").is_null(), "not_a_date")
    )


def attribute(value: pl.Series, number: pl.Series, kind: str) -> Checked:
    """An attribute's JSON text."""
    if kind == "integer":
        checked = integer(number, -INTEGER_LIMIT, INTEGER_LIMIT)
        return Checked(checked.value.cast(pl.String), checked.problem)
    if kind == "number":
        double = number.cast(pl.Float64, strict=False)
        frame = pl.DataFrame([number.alias("x"), double.alias("double")])
        finite = pl.col("double").is_finite().fill_null(False)
        # JSON knows no leading zeros, plus signs or bare points: the text is made anew from the double.
        return _checked(
            frame, pl.col("double").cast(pl.String), (pl.col("x").is_not_null() & ~finite, "not_a_number")
        )
    if kind == "boolean":
        truth = value.str.to_lowercase().replace_strict(_BOOLEANS, default=None, return_dtype=pl.String)
        frame = pl.DataFrame([value.alias("x"), truth.alias("truth")])
        wrong = pl.col("x").is_not_null() & pl.col("truth").is_null()
        return _checked(frame, pl.col("truth"), (wrong, "not_a_boolean"))
    wrapped = value.to_frame("x").select(x=pl.struct("x").struct.json_encode())["x"]
    quoted = wrapped.str.slice(5).str.head(-1).set(value.is_null(), None)
    return Checked(quoted, pl.Series([None], dtype=pl.String).new_from_index(0, len(value)))


def field_value(name: str, kind: str, value: pl.Series, number: pl.Series, pattern: str | None) -> Checked:
    """Any field but times, money and attributes; `kind` is the event's type, `pattern` that of a date."""
    if name == "until":
        return day(value, pattern)
    if name == "score":
        return integer(number, *_SCORES[kind])
    if name in _INTEGERS:
        return integer(number, *_INTEGERS[name])
    if name in _CHOICES:
        allowed, problem = _CHOICES[name]
        return _checked(value.to_frame("x"), pl.col("x"), (~pl.col("x").is_in(allowed), problem))
    return identifier(value) if name.endswith("_id") else limited(value, _LENGTHS[name])


def _checked(frame: pl.DataFrame, value: pl.Expr, *cases: tuple[pl.Expr, str]) -> Checked:
    made = frame.select(value=value, problem=first_problem(*cases))
    return Checked(made["value"], made["problem"])


def _digits(digits: pl.Expr) -> pl.Expr:
    """Digits, perhaps none, as an integer."""
    return pl.concat_str(pl.lit("0"), digits).cast(pl.Int64, strict=False)


def _power(exponent: pl.Expr) -> pl.Expr:
    return exponent.replace_strict(_POWERS, default=None, return_dtype=pl.Int64)
