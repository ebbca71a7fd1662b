"""A made-up event as a record of numbers; text comes when it is written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rules.engine.event import TYPES

#: Code of each type: its position in `TYPES`.
TYPE_CODES = {name: code for code, name in enumerate(TYPES)}

#: One event. −1 stands for an absent number; `thing` numbers payments and feedback.
FACT = np.dtype(
    [
        ("arrival_us", "i8"),
        ("occurred_us", "i8"),
        ("event", "i8"),
        ("order", "i8"),
        ("thing", "i8"),
        ("amount", "i8"),
        ("discount", "i8"),
        ("customer", "i4"),
        ("items", "i4"),
        ("type", "u1"),
        ("label", "i1"),
        ("score", "i1"),
        ("region", "i1"),
        ("segment", "i1"),
    ],
    align=True,
)

Facts = NDArray[np.void]


def joined(parts: Sequence[Facts]) -> Facts:
    """The events one after the other; as plain bytes, which is ten times as fast as field by field."""
    whole: Facts = np.concatenate([part.view(f"V{FACT.itemsize}") for part in parts]).view(FACT)
    return whole


def facts(
    kind: str,
    occurred_us: NDArray[np.int64],
    customer: NDArray[np.int64],
    **fields: NDArray[np.generic] | int,
) -> Facts:
    """`FACT`[n] of one type; fields that are not given are absent."""
    made = np.zeros(occurred_us.size, FACT)
    for name in ("order", "thing", "amount", "discount", "items", "label", "score", "region", "segment"):
        made[name] = fields.get(name, -1)
    made["occurred_us"] = occurred_us
    made["customer"] = customer
    made["type"] = TYPE_CODES[kind]
    return made


def after(
    rng: np.random.Generator, at: NDArray[np.int64], low_hours: float, mean_hours: float
) -> NDArray[np.int64]:
    """Instants at least `low_hours` after the given ones, on average `mean_hours` more; in milliseconds."""
    delay_ms = low_hours * 3_600_000 + rng.exponential(mean_hours * 3_600_000, at.size)
    result: NDArray[np.int64] = at + delay_ms.astype(np.int64) * 1000
    return result
