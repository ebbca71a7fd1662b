"""Lists in pages: from a row on, not from a number on, so that the last page is as quick as the first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, Row, Select, tuple_
from sqlalchemy.sql.elements import ColumnElement

Cursor = tuple[Literal["after", "before"], list[Any]]
_CURSOR_MAX = 2000


class CursorError(ValueError):
    """A cursor that is none of ours."""


def page_of(
    connection: Connection,
    rows: Select[Any],
    keys: Sequence[ColumnElement[Any]],
    *,
    descending: bool,
    cursor: str | None,
    size: int,
) -> tuple[list[Row[Any]], str | None, str | None]:
    """A page of a select that ends with the columns of `keys`, which order it and are unique together.

    Returns rows, and the cursors of the next and the previous page. Raises CursorError.
    """
    kind, values = _read(cursor, len(keys)) if cursor else ("after", [])
    downward = descending != (kind == "before")
    if values:
        place = tuple_(*keys)
        rows = rows.where(place < tuple_(*values) if downward else place > tuple_(*values))
    rows = rows.order_by(*(key.desc() if downward else key.asc() for key in keys)).limit(size + 1)
    found = list(connection.execute(rows))
    more, found = len(found) > size, found[:size]
    if kind == "before":
        found.reverse()
    has_next, has_previous = (True, more) if kind == "before" else (more, bool(values))
    if not found:
        return [], None, None
    width = len(keys)
    return (
        found,
        _write("after", found[-1][-width:]) if has_next else None,
        _write("before", found[0][-width:]) if has_previous else None,
    )


def _write(kind: str, values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([kind, *values])).decode().rstrip("=")


def _read(text: str, width: int) -> Cursor:
    foreign = CursorError("the cursor is none of this list: begin at its first page")
    try:
        padded = text[:_CURSOR_MAX] + "=" * (-len(text) % 4)
        kind, *values = orjson.loads(base64.b64decode(padded, "-_", validate=True))
    except (ValueError, binascii.Error, TypeError):
        raise foreign from None
    plain = all(isinstance(each, str) or (type(each) is int and abs(each) < 1 << 63) for each in values)
    if kind not in ("after", "before") or len(values) != width or not plain:
        raise foreign
    return kind, values
