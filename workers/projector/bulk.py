"""Many rows at once, in and out, the quickest way that each database has.

SQLite: the driver's own `executemany`. PostgreSQL: COPY into a temporary table of the connection, and from
there with one statement. Statements are made from the tables' own names, never from data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Table

from workers.sql.connect import SQLITE

#: Of a statement: rows that are there stay, are replaced, are replaced if they happened earlier (if at the
#: same time, by the one with the lesser place), or have one column added up.
KEEP, REPLACE, LATER, ADD = "keep", "replace", "later", "add"


def put(
    connection: Connection,
    table: Table,
    rows: Iterable[Sequence[Any]],
    *,
    key: Sequence[str] | None = None,
    mode: str = REPLACE,
) -> None:
    """Write rows, each with the values of the table's columns in their order (but one that counts by itself).

    `key`: the columns of the unique index that says which row is there; the primary key if None.
    """
    listed = list(rows)
    if not listed:
        return
    columns = [column.name for column in table.columns if column.autoincrement is not True]
    names = ", ".join(columns)
    where = list(key or [column.name for column in table.primary_key])
    conflict = _on_conflict(table.name, columns, where, mode)
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == SQLITE:
        marks = ", ".join("?" * len(columns))
        driver.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks}) {conflict}", listed)  # noqa: S608
        return
    with driver.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS new_{table.name} "  # noqa: S608
            f"AS SELECT {names} FROM {table.name} WITH NO DATA"
        )
        with cursor.copy(f"COPY new_{table.name} ({names}) FROM STDIN") as copy:
            for row in listed:
                copy.write_row(row)
        cursor.execute(
            f"INSERT INTO {table.name} ({names}) SELECT {names} FROM new_{table.name} {conflict}"  # noqa: S608
        )
        cursor.execute(f"TRUNCATE new_{table.name}")


def rows_of(
    connection: Connection, table: Table, columns: Sequence[str], wanted: Iterable[Sequence[str]]
) -> list[tuple[Any, ...]]:
    """The rows that have in these columns one of the wanted texts, in the order of the table's columns."""
    listed = list(wanted)
    if not listed:
        return []
    names = ", ".join(f"there.{each.name}" for each in table.columns)
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == SQLITE:
        same = " AND ".join(
            f"there.{name} = json_extract(wanted.value, '$[{at}]')" for at, name in enumerate(columns)
        )
        # the wanted come first whatever is known of the table: it is by its index that they are found
        source = f"json_each(?) AS wanted CROSS JOIN {table.name} AS there"
        given: tuple[Any, ...] = (orjson.dumps(listed).decode(),)
    else:
        same = " AND ".join(f"there.{name} = wanted.{name}" for name in columns)
        arrays = ", ".join("%s::text[]" for _ in columns)
        source = f"unnest({arrays}) AS wanted ({', '.join(columns)}) JOIN {table.name} AS there ON true"
        given = tuple(map(list, zip(*listed, strict=True)))
    found = driver.execute(f"SELECT {names} FROM {source} WHERE {same}", given)  # noqa: S608
    rows: list[tuple[Any, ...]] = found.fetchall()
    return rows


def _on_conflict(table: str, columns: Sequence[str], key: Sequence[str], mode: str) -> str:
    clause = f"ON CONFLICT ({', '.join(key)}) DO"
    others = [name for name in columns if name not in key]
    if mode == KEEP or not others:
        return f"{clause} NOTHING"
    if mode == ADD:
        return f"{clause} UPDATE SET {', '.join(f'{n} = {table}.{n} + excluded.{n}' for n in others)}"
    replaced = f"{clause} UPDATE SET {', '.join(f'{n} = excluded.{n}' for n in others)}"
    if mode == LATER:
        there = f"({table}.occurred_us, -{table}.place)"
        return f"{replaced} WHERE (excluded.occurred_us, -excluded.place) > {there}"
    return replaced
