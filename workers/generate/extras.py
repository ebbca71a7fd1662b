"""Made-up payments and feedback for real orders, for demos of data that has none.

Nothing here is taken from the customers: it is drawn by chance from a seed, made to fit their orders. The
events go to files of their own, so that what is real and what is made up stay apart.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from rules.engine.event import Topic
from workers.cli.errors import UserError
from workers.files.writing import EventFiles, Format
from workers.generate.columns import event_ids, numbered
from workers.generate.settings import DAY_US

SUMMARY = "generate.json"
#: A customer without an order in the last days of the data counts as one who left.
LEFT_DAYS = 60
#: Share of those who left who had complained before, and of the others who complained once and stayed.
LEFT_IN_ANGER, STAYED_IN_ANGER = 0.4, 0.05
FAILED, RATED, RESOLVED = 0.02, 0.1, 0.4
#: Customers who pay badly, and how often a payment of theirs fails.
UNRELIABLE, UNRELIABLE_FAILED = 0.04, 0.3
COMPLAINT_TOPICS = np.array(["quality", "service", "price", "delivery"])


def generate_extras(source: Path, folder: Path, kind: Format, seed: int) -> dict[str, int]:
    """Write payments and feedback for the completed orders in `source`; the number of events by type.

    `source` is a folder with orders.ndjson or orders.parquet, as `tierline import` writes it. Raises
    `UserError` if it has neither.
    """
    made = demo_extras(_read_orders(source), seed)
    counts: dict[str, int] = {}
    with EventFiles(folder, kind, SUMMARY) as files:
        for topic, table in made.items():
            files.write(topic, table)
            frame = pl.DataFrame(pl.from_arrow(table))
            counts |= {
                str(name): int(count) for name, count in frame["type"].value_counts().sort("type").rows()
            }
        parameters = {"for": source.name, "seed": seed, "format": kind}
        files.finish(
            {"made_up": True, "parameters": parameters, "events": sum(counts.values()), "types": counts}
        )
    return counts


def demo_extras(orders: pl.DataFrame, seed: int) -> dict[Topic, pa.Table]:
    """Payments and feedback for orders with customer_id, order_id, occurred_at (UTC), amount and currency.

    The same orders and seed give the same events, sorted by time, none later than the last order.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, orders.height])))
    names, who = np.unique(orders["customer_id"].to_numpy(), return_inverse=True)
    at = orders["occurred_at"].dt.epoch("us").to_numpy()
    last = np.zeros(names.size, np.int64)
    np.maximum.at(last, who, at)
    trouble = _trouble(rng, last, int(at.max()))
    payments = _payments(rng, orders, who, at, names.size)
    feedback = _feedback(rng, orders, who, at, trouble)
    complaints = _complaints(rng, names, trouble)
    return {
        "payments": _table([payments], "payment_id", "pay-", int(at.max()), seed),
        "feedback": _table([feedback, *complaints], "feedback_id", "fb-", int(at.max()), seed + 1),
    }


def _read_orders(source: Path) -> pl.DataFrame:
    lines, parquet = source / "orders.ndjson", source / "orders.parquet"
    if not lines.exists() and not parquet.exists():
        raise UserError(f"`{source}` holds no orders.ndjson or orders.parquet: give the folder of an import")
    if parquet.exists():
        orders = pl.read_parquet(parquet)
    else:
        orders = pl.read_ndjson(lines, infer_schema_length=None)
        orders = orders.with_columns(
            pl.col("occurred_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC")
        )
    orders = orders.filter(pl.col("type") == "order.completed")
    if orders.is_empty():
        raise UserError(f"`{source}` holds no completed orders: there is nothing to make payments for")
    if "currency" not in orders.columns:
        orders = orders.with_columns(currency=pl.lit(None, pl.String))
    return orders.select(
        "customer_id", "order_id", "occurred_at", pl.col("amount").cast(pl.String), "currency"
    )


def _trouble(rng: np.random.Generator, last: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """int64 per customer: when something went wrong, about the last order of those who left; 0 for never."""
    lot = rng.random(last.size)
    left = last < end - LEFT_DAYS * DAY_US
    soon = last + (rng.random(last.size) * 4 * DAY_US).astype(np.int64)
    once = last - (rng.random(last.size) * 200 * DAY_US).astype(np.int64)
    return np.where(left & (lot < LEFT_IN_ANGER), soon, np.where(~left & (lot < STAYED_IN_ANGER), once, 0))


def _payments(
    rng: np.random.Generator,
    orders: pl.DataFrame,
    who: NDArray[np.int64],
    at: NDArray[np.int64],
    customers: int,
) -> pl.DataFrame:
    """One payment at the till for each order that cost something; a failed one is followed by a good one."""
    count = at.size
    cash = rng.random(count) < rng.beta(0.5, 1.0, customers)[who]
    unreliable = rng.random(customers) < UNRELIABLE
    failed = ~cash & (rng.random(count) < np.where(unreliable[who], UNRELIABLE_FAILED, FAILED))
    paid = orders.with_columns(
        method=pl.Series(np.where(cash, "cash", "card")),
        occurred_us=pl.Series(at + 60_000_000),
        type=pl.lit("payment.succeeded"),
    )
    tried = paid.with_columns(type=pl.lit("payment.failed"), occurred_us=pl.col("occurred_us") - 30_000_000)
    both = pl.concat([tried.filter(pl.Series(failed)), paid]).filter(pl.col("amount").cast(pl.Float64) > 0)
    return both.select("occurred_us", "type", "customer_id", "order_id", "amount", "currency", "method")


def _feedback(
    rng: np.random.Generator,
    orders: pl.DataFrame,
    who: NDArray[np.int64],
    at: NDArray[np.int64],
    trouble: NDArray[np.int64],
) -> pl.DataFrame:
    """Ratings some hours after a share of the orders, bad ones in the weeks around trouble."""
    mood = np.clip(rng.normal(4.3, 0.6, trouble.size), 1, 5)[who]
    sour = (trouble[who] > 0) & (np.abs(at - trouble[who]) < 30 * DAY_US)
    stars = np.clip(np.rint(np.where(sour, 1.8, mood) + 0.7 * rng.standard_normal(at.size)), 1, 5)
    later = at + (rng.exponential(0.8, at.size) * DAY_US).astype(np.int64)
    rated = orders.with_columns(
        occurred_us=pl.Series(later),
        type=pl.lit("feedback.rating"),
        score=pl.Series(stars.astype(np.int64)),
        severity=pl.lit(None, pl.Int64),
        topic=pl.lit(None, pl.String),
    ).filter(pl.Series(rng.random(at.size) < RATED))
    return rated.select("occurred_us", "type", "customer_id", "order_id", "score", "severity", "topic")


def _complaints(
    rng: np.random.Generator, names: NDArray[np.object_], trouble: NDArray[np.int64]
) -> list[pl.DataFrame]:
    """A grave complaint of each customer in trouble, and the answer to a share of them days later."""
    chosen = np.flatnonzero(trouble)
    nothing = pl.lit(None, pl.Int64)
    made = pl.DataFrame(
        {
            "occurred_us": trouble[chosen],
            "type": ["feedback.complaint"] * chosen.size,
            "customer_id": pl.Series(names[chosen].tolist(), dtype=pl.String),
            "order_id": pl.Series([None] * chosen.size, dtype=pl.String),
            "score": pl.Series([None] * chosen.size, dtype=pl.Int64),
            "severity": 3 + rng.binomial(2, 0.5, chosen.size),
            "topic": COMPLAINT_TOPICS[rng.integers(0, COMPLAINT_TOPICS.size, chosen.size)].tolist(),
        }
    )
    wait = (rng.exponential(4.0, chosen.size) * DAY_US).astype(np.int64)
    solved = made.with_columns(
        pl.col("occurred_us") + pl.Series(wait), type=pl.lit("feedback.complaint_resolved"), severity=nothing
    )
    return [made, solved.filter(pl.Series(rng.random(chosen.size) < RESOLVED))]


def _table(frames: list[pl.DataFrame], id_name: str, prefix: str, end: int, seed: int) -> pa.Table:
    """The events up to the end in the order of time, with ids."""
    events = pl.concat(frames).filter(pl.col("occurred_us") <= end).sort("occurred_us", maintain_order=True)
    numbers = np.arange(events.height, dtype=np.int64)
    moment = (pl.col("occurred_us") // 1000 * 1000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    table = events.with_columns(occurred_at=moment).to_arrow(compat_level=pl.CompatLevel.oldest())
    columns = {
        "event_id": event_ids(numbers, seed),
        "type": table["type"],
        "occurred_at": table["occurred_at"],
        "customer_id": table["customer_id"],
        id_name: numbered(prefix, numbers + 1, 3),
    }
    rest = [name for name in table.column_names if name not in {*columns, "occurred_us"}]
    return pa.table({**columns, **{name: table[name] for name in rest}})
