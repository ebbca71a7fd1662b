"""Records that were refused."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from workers.sql import tables as at
from workers.sql.queries.pages import page_of
from workers.sql.queries.shapes import Letter, LetterCount, Page


def letter_counts(connection: Connection) -> list[LetterCount]:
    """How many there are, by reason and topic, the most first."""
    table = at.DEAD_LETTERS
    rows = connection.execute(
        select(table.c.code, table.c.source, func.count(), func.max(table.c.at_us)).group_by(
            table.c.code, table.c.source
        )
    )
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for code, source, number, latest_us in rows:
        place = code, source.rpartition("/")[0]
        before = found.get(place, (0, 0))
        found[place] = before[0] + number, max(before[1], latest_us)
    listed = [LetterCount(*place, *numbers) for place, numbers in found.items()]
    return sorted(listed, key=lambda each: (-each.n, each.code, each.topic))


def letters(
    connection: Connection,
    *,
    code: str | None = None,
    topic: str | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Letter]:
    """A page of letters, newest first. Raises CursorError."""
    table = at.DEAD_LETTERS
    keys = (table.c.at_us, table.c.source, table.c.position)
    rows = select(*table.c, *(key.label(f"by_{key.name}") for key in keys))
    if code is not None:
        rows = rows.where(table.c.code == code)
    if topic is not None:
        # the partition comes after a slash, and `0` is the character after it
        rows = rows.where(table.c.source > f"{topic}/", table.c.source < f"{topic}0")
    found, after, before = page_of(connection, rows, keys, descending=True, cursor=cursor, size=size)
    return Page([Letter(*tuple(row)[:-3]) for row in found], after, before)


def letter(connection: Connection, source: str, position: int) -> Letter | None:
    """One letter by its place."""
    table = at.DEAD_LETTERS
    row = connection.execute(
        select(table).where(table.c.source == source, table.c.position == position)
    ).first()
    return None if row is None else Letter(*row)
