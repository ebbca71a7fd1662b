"""Compare two histories of changes by customer: who differs, where, and who ends up elsewhere.

A customer's history is the list of its changes in the order of the file; how different customers follow each
other makes no difference, so that a sorted history may be compared with one in order of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from workers.history import find_history, read_blocks, read_change

#: What names a change within one history (S9.2); `repeat` tells apart those that should not be there twice.
KEY = ["customer_id", "life", "dimension", "sequence", "repeat"]
_MOVE = ["from", "to", "effective_at"]

#: Ways in which customers differ, the gravest first; one who differs in several counts for the first.
Way = Literal["only_a", "only_b", "moves", "details", "order"]
WAYS: tuple[Way, ...] = ("only_a", "only_b", "moves", "details", "order")


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference of a customer: the change in both histories, None where one has no such change."""

    customer_id: str
    way: Way
    a: dict[str, Any] | None
    b: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two histories have in common and what not.

    `differing` counts customers by way; `differences` are of the first customers by way and id; `ends` are
    (dimension, category in A, category in B, customers) for customers that end up elsewhere, most first, with
    None where a history does not know the customer.
    """

    changes: tuple[int, int]
    customers: tuple[int, int]
    differing: dict[Way, int]
    differences: tuple[Difference, ...]
    ends: tuple[tuple[str, str | None, str | None, int], ...]

    @property
    def equal(self) -> bool:
        """Whether every customer has the same changes, to the byte, in the same order."""
        return not self.differing


def compare(a: Path, b: Path, *, limit: int) -> Comparison:
    """Compare two histories (folders or files); raises UserError where one is not a history.

    Memory grows with the number of changes (about 100 bytes each), not with the size of their bodies.
    """
    files = find_history(a), find_history(b)
    left, right = (_load(file) for file in files)
    rows = left.join(right, on=KEY, how="full", coalesce=True, suffix="_b").with_columns(way=_way())
    differing = rows.filter(pl.col("way") > 0)
    customers = _customers(differing, left, right)
    counts = customers.group_by("way").len()
    return Comparison(
        changes=(left.height, right.height),
        customers=(left["customer_id"].n_unique(), right["customer_id"].n_unique()),
        differing={WAYS[way]: n for way, n in sorted(counts.rows())},
        differences=_differences(differing, customers.sort("way", "customer_id").head(limit), files),
        ends=_ends(left, right),
    )


def _load(file: Path) -> pl.DataFrame:
    """The changes of a file with their key, a digest of the move, and `ordinal` within the customer."""
    names = pl.Categorical()
    blocks = [
        block.with_columns(pl.struct(_MOVE).hash().alias("move"), pl.col("dimension", "to").cast(names)).drop(
            "from", "effective_at"
        )
        for block in read_blocks(file)
    ]
    if not blocks:
        return _NO_CHANGES
    count = pl.int_range(pl.len(), dtype=pl.UInt32)
    frame = pl.concat(blocks, rechunk=True)
    return frame.with_columns(
        count.over("customer_id").alias("ordinal"), count.over(KEY[:-1]).alias("repeat")
    )


_NO_CHANGES = pl.DataFrame(
    schema={
        "customer_id": pl.String,
        "life": pl.Int64,
        "dimension": pl.Categorical,
        "sequence": pl.Int64,
        "to": pl.Categorical,
        "start": pl.Int64,
        "digest": pl.UInt64,
        "move": pl.UInt64,
        "ordinal": pl.UInt32,
        "repeat": pl.UInt32,
    }
)


def _way() -> pl.Expr:
    """How the two sides of a row differ: 0 not at all, else 1 plus the position in WAYS, `moves` at least."""
    one_side = pl.col("start").is_null() | pl.col("start_b").is_null()
    return (
        pl.when(one_side | (pl.col("move") != pl.col("move_b")))
        .then(1 + WAYS.index("moves"))
        .when(pl.col("digest") != pl.col("digest_b"))
        .then(1 + WAYS.index("details"))
        .when(pl.col("ordinal") != pl.col("ordinal_b"))
        .then(1 + WAYS.index("order"))
        .otherwise(0)
    )


def _customers(differing: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """The customers that differ and the gravest way in which they do: `customer_id`, `way`."""
    ids = left.select("customer_id").unique(), right.select("customer_id").unique()
    customers = differing.group_by("customer_id").agg(pl.col("way").min() - 1)
    only_a = customers.join(ids[1], on="customer_id", how="anti").with_columns(way=WAYS.index("only_a"))
    only_b = customers.join(ids[0], on="customer_id", how="anti").with_columns(way=WAYS.index("only_b"))
    alone = pl.concat([only_a, only_b]).with_columns(pl.col("way").cast(customers.schema["way"]))
    return pl.concat([customers.join(alone, on="customer_id", how="anti"), alone])


def _differences(
    differing: pl.DataFrame, customers: pl.DataFrame, files: tuple[Path, Path]
) -> tuple[Difference, ...]:
    """The first change of each of the customers that differs in the customer's way; same order."""
    ways: dict[str, int] = dict(customers.select("customer_id", "way").rows())
    place = pl.min_horizontal("ordinal", "ordinal_b")
    grave = pl.max_horizontal(pl.col("customer").cast(pl.Int64), WAYS.index("moves")) == pl.col("way") - 1
    first = (
        differing.join(customers.rename({"way": "customer"}), on="customer_id")
        .filter(grave)
        .sort("customer", "customer_id", place)
        .unique("customer_id", keep="first", maintain_order=True)
    )
    return tuple(
        Difference(
            customer_id,
            WAYS[ways[customer_id]],
            None if start_a is None else read_change(files[0], start_a),
            None if start_b is None else read_change(files[1], start_b),
        )
        for customer_id, start_a, start_b in first.select("customer_id", "start", "start_b").rows()
    )


def _ends(left: pl.DataFrame, right: pl.DataFrame) -> tuple[tuple[str, str | None, str | None, int], ...]:
    """Where customers end up in one history and in the other, for those where it is not the same."""
    by = ["customer_id", "dimension"]
    last_a, last_b = (side.group_by(by).agg(pl.col("to").last()) for side in (left, right))
    both = last_a.join(last_b, on=by, how="full", coalesce=True, suffix="_b")
    moved = both.filter(pl.col("to").ne_missing(pl.col("to_b")))
    counts = moved.group_by("dimension", "to", "to_b").len()
    order = [pl.col("len"), *(pl.col(name).cast(pl.String) for name in ("dimension", "to", "to_b"))]
    return tuple(counts.sort(order, descending=[True, False, False, False], nulls_last=True).rows())
