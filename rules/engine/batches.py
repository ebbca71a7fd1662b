"""Decoded columns to batches of the engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.engine.engine import Engine
from rules.engine.kernel.arrays import Batch
from rules.intake.columns import EventColumns
from rules.intake.hashing import hash_spans

NO_TICKS = np.zeros(0, np.int32)


def batch_in_order(engine: Engine, events: EventColumns, position: int = 0) -> Batch:
    """All events of a decoded batch in the order in which they came; `position` is that of the first one."""
    count = events.index.size
    return Batch(
        row=engine.rows_of(events),
        type=events.type,
        label=events.label,
        instant=events.occurred_us,
        period=events.period,
        hash=hash_spans(events.event_text, events.event_start, events.event_length),
        v1=np.where(events.amount != np.int64(-(2**63)), events.amount, events.score),
        v2=events.discount,
        v3=events.items,
        control=events.detail,
        attribute_first=events.attribute_first,
        attribute=events.attribute_index,
        attribute_value=engine.attribute_values(events),
        position=np.arange(position, position + count, dtype=np.int64),
        ticks_before=np.zeros(count, np.int32),
        controls=engine.controls(events.details),
        ticks=NO_TICKS,
        tick_positions=np.zeros(0, np.int64),
    )


def grouped(batch: Batch) -> tuple[Batch, NDArray[np.int64]]:
    """The batch with the events of each customer together, in their order; and where each came from.

    Touching a customer's row once, not once an event, is what makes large batches fast.
    """
    order = np.argsort(batch.row, kind="stable")
    return permuted(batch, order), order


def permuted(batch: Batch, order: NDArray[np.int64]) -> Batch:
    """The batch's events in another order; attributes stay where they are only if the order keeps them."""
    counts = np.diff(batch.attribute_first)[order]
    first = np.zeros(order.size + 1, np.int32)
    np.cumsum(counts, out=first[1:])
    source = np.repeat(batch.attribute_first[order] - first[:-1], counts) + np.arange(first[-1])
    return batch._replace(
        row=batch.row[order],
        type=batch.type[order],
        label=batch.label[order],
        instant=batch.instant[order],
        period=batch.period[order],
        hash=batch.hash[order],
        v1=batch.v1[order],
        v2=batch.v2[order],
        v3=batch.v3[order],
        control=batch.control[order],
        attribute_first=first,
        attribute=batch.attribute[source],
        attribute_value=batch.attribute_value[source],
        position=batch.position[order],
        ticks_before=batch.ticks_before[order],
    )
