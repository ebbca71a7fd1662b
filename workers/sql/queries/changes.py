"""Changes newest first, and the moves that are coming."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from workers.sql import tables as at
from workers.sql.queries.pages import page_of
from workers.sql.queries.shapes import Change, Page, PendingMove


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Which changes: all that is not None must fit; instants from (included) and to (not included)."""

    customer_id: str | None = None
    dimension: str | None = None
    category: str | None = None
    cause: str | None = None
    from_us: int | None = None
    to_us: int | None = None


def changes(
    connection: Connection, asked: ChangeFilter, *, cursor: str | None = None, size: int = 50
) -> Page[Change]:
    """A page of changes, newest first; `category` is where to, and needs its `dimension`.

    Raises CursorError.
    """
    table = at.CHANGES
    columns = [each.label(each.name) for each in table.c]
    rows = select(*columns, table.c.effective_us.label("by_time"), table.c.id.label("by_id"))
    for column, value in (
        (table.c.customer_id, asked.customer_id),
        (table.c.dimension, asked.dimension),
        (table.c.to_category, asked.category),
        (table.c.cause, asked.cause),
    ):
        if value is not None:
            rows = rows.where(column == value)
    if asked.cause is not None and asked.cause not in at.COMMON_CAUSES:
        rows = rows.where(at.RARE)  # so that the index of rare causes is seen
    if asked.from_us is not None:
        rows = rows.where(table.c.effective_us >= asked.from_us)
    if asked.to_us is not None:
        rows = rows.where(table.c.effective_us < asked.to_us)
    found, after, before = page_of(
        connection, rows, (table.c.effective_us, table.c.id), descending=True, cursor=cursor, size=size
    )
    return Page([Change(*tuple(row)[:-2]) for row in found], after, before)


def pending(
    connection: Connection,
    *,
    dimension: str | None = None,
    until: str | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[PendingMove]:
    """Moves that are coming, the next first; up to and with the day `until`. Raises CursorError."""
    table = at.PENDING
    keys = (table.c.until_day, table.c.customer_id, table.c.dimension)
    shown = [table.c[name] for name in PendingMove.__dataclass_fields__]
    rows = select(*shown, *(key.label(f"by_{key.name}") for key in keys))
    if dimension is not None:
        rows = rows.where(table.c.dimension == dimension)
    if until is not None:
        rows = rows.where(table.c.until_day <= until)
    found, after, before = page_of(connection, rows, keys, descending=False, cursor=cursor, size=size)
    return Page([PendingMove(*row[: len(shown)]) for row in found], after, before)
