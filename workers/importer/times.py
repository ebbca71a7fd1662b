"""Times of any layout to instants in UTC, a whole column at a time."""

from __future__ import annotations

from typing import Literal

import polars as pl

from workers.importer.model import Clock
from workers.importer.values import Checked, first_problem

_END_US = 7_258_118_400_000_000  # 2200-01-01T00:00Z
_EPOCH_FACTORS = {"epoch_s": 1_000_000, "epoch_ms": 1000, "epoch_us": 1}
_ISO = (
    r"^(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<minute>\d{2}:\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?)?"
    r" ?(?:(?P<zulu>[Zz])|(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2}))?$"
)


def instant(value: pl.Series, clock: Clock) -> Checked:
    """Text, dates or datetimes as datetimes in UTC to the microsecond.

    Without a format: ISO 8601, with or without an offset; a date alone is its midnight. A time without offset
    is read on the clock's time zone; one that the zone's clocks showed twice or never is a problem unless the
    clock says how to read it.
    """
    frame = pl.DataFrame([value.alias("x")])
    dtype = value.dtype
    if isinstance(dtype, pl.Datetime):
        name = "naive" if dtype.time_zone is None else "utc"
        moment = value.dt.cast_time_unit("us")
        frame = frame.with_columns(
            moment.alias(name) if name == "naive" else moment.dt.convert_time_zone("UTC").alias(name)
        )
    elif dtype == pl.Date:
        frame = frame.with_columns(naive=value.cast(pl.Datetime("us")))
    elif clock.format is None:
        frame = _iso(frame)
    elif clock.format in _EPOCH_FACTORS:
        count = value.str.extract(
            r"^(-?\d{1,13})(?:\.0*)?$" if clock.format == "epoch_s" else r"^(-?\d{1,16})(?:\.0*)?$"
        )
        frame = frame.with_columns(utc=_epoch(count, clock.format))
    elif "%z" in clock.format or "%:z" in clock.format:
        frame = frame.with_columns(
            utc=value.str.to_datetime(clock.format, time_unit="us", time_zone="UTC", strict=False)
        )
    else:
        frame = frame.with_columns(naive=value.str.to_datetime(clock.format, time_unit="us", strict=False))
    for name, zone in (("utc", "UTC"), ("naive", None)):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.Datetime("us", zone)).alias(name))
    return _on_clock(frame, clock)


def _epoch(count: pl.Series, unit: str) -> pl.Series:
    moment = (count.cast(pl.Int64, strict=False) * _EPOCH_FACTORS[unit]).cast(pl.Datetime("us"))
    return moment.dt.replace_time_zone("UTC")


def _iso(frame: pl.DataFrame) -> pl.DataFrame:
    """Column `naive` for ISO text without an offset, column `utc` for text with one."""
    frame = frame.with_columns(pl.col("x").str.extract_groups(_ISO).struct.unnest())
    joined = pl.concat_str(
        pl.col("date"),
        pl.lit("T"),
        pl.col("minute").fill_null("00:00"),
        pl.lit(":"),
        pl.col("second").fill_null("00"),
        pl.lit("."),
        pl.col("fraction").fill_null("0").str.slice(0, 6),
    )
    size = pl.col("hours").cast(pl.Int64) * 60 + pl.col("minutes").cast(pl.Int64)
    frame = frame.with_columns(
        moment=joined.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False),
        ahead=pl.when(pl.col("zulu").is_not_null())
        .then(0)
        .otherwise(pl.when(pl.col("sign") == "-").then(-size).otherwise(size)),
    )
    utc = (pl.col("moment") - pl.duration(minutes=pl.col("ahead"))).dt.replace_time_zone("UTC")
    return frame.select("x", utc=utc, naive=pl.when(pl.col("ahead").is_null()).then("moment"))


def _on_clock(frame: pl.DataFrame, clock: Clock) -> Checked:
    """Times without offset (`naive`) read on the clock's zone and put beside those that had one (`utc`)."""
    naive, zone = pl.col("naive"), clock.timezone or "UTC"
    before = naive - pl.duration(days=1)

    def local(moment: pl.Expr, which: Literal["earliest", "latest"]) -> pl.Expr:
        placed = moment.dt.replace_time_zone(zone, ambiguous=which, non_existent="null")
        return placed.dt.convert_time_zone("UTC")

    frame = frame.with_columns(first=local(naive, "earliest"), last=local(naive, "latest"))
    skipped = naive.is_not_null() & pl.col("first").is_null()
    # A skipped time is read with the offset that held the day before, which moves it on by the gap.
    later = local(before, "latest") + pl.duration(days=1)
    chosen = pl.col("last" if clock.ambiguous == "latest" else "first")
    frame = frame.with_columns(at=pl.coalesce("utc", chosen, pl.when(skipped).then(later)))
    made = frame.select(
        value="at",
        problem=first_problem(
            (pl.col("x").is_not_null() & pl.col("utc").is_null() & naive.is_null(), "not_a_time"),
            (naive.is_not_null() & pl.lit(clock.timezone is None), "no_offset"),
            (skipped & pl.lit(clock.nonexistent == "report"), "nonexistent_time"),
            ((pl.col("first") != pl.col("last")) & pl.lit(clock.ambiguous == "report"), "ambiguous_time"),
            (~pl.col("at").cast(pl.Int64).is_between(0, _END_US - 1), "year_out_of_range"),
        ),
    )
    return Checked(made["value"], made["problem"])
