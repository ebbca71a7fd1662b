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
    connection: Connection, table: Table, ids: Iterable[str], column: str = "customer_id"
) -> list[tuple[Any, ...]]:
    """The rows whose `column` is among these, each with the values of the table's columns in their order."""
    names = ", ".join(each.name for each in table.columns)
    listed = list(ids)
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == SQLITE:
        among, given = "IN (SELECT value FROM json_each(?))", orjson.dumps(listed).decode()
        found = driver.execute(f"SELECT {names} FROM {table.name} WHERE {column} {among}", (given,))  # noqa: S608
    else:
        found = driver.execute(f"SELECT {names} FROM {table.name} WHERE {column} = ANY(%s)", (listed,))  # noqa: S608
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
