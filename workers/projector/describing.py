"""What the tables say of the pack: its dimensions and categories, and what the projection is of."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from rules.language.model import Pack
from workers.cli.errors import UserError
from workers.projector.bulk import put
from workers.sql import tables as at


def describe(connection: Connection, pack: Pack, *, with_orders: bool) -> None:
    """Write down the pack.

    Raises UserError where what was projected so far was counted in another time zone or currency, or where
    orders are to be projected now and were not before.
    """
    there = connection.execute(select(at.PROJECTION)).first()
    if there is not None:
        _check(there.timezone, pack.timezone, "time zone")
        _check(there.currency, pack.currency, "currency")
        if with_orders and not there.with_orders:
            raise UserError(
                "this database was filled without orders, and they cannot be added later",
                "go on with --without-orders, or fill another database",
            )
    projected_us = None if there is None else there.projected_us
    identity = (pack.name, pack.version, pack.fingerprint, pack.timezone, pack.currency, pack.digits)
    put(connection, at.PROJECTION, [(1, *identity, int(with_orders), projected_us)])
    connection.execute(delete(at.DIMENSIONS))
    put(
        connection,
        at.DIMENSIONS,
        ((each.id, place, each.kind, each.title) for place, each in enumerate(pack.dimensions)),
    )
    connection.execute(delete(at.CATEGORIES))
    put(
        connection,
        at.CATEGORIES,
        (
            (dimension.id, each.id, place, each.code, each.title, each.strategy_json)
            for dimension in pack.dimensions
            for place, each in enumerate(dimension.categories)
        ),
    )


def _check(before: str, now: str, what: str) -> None:
    if before != now:
        raise UserError(
            f"this database counts in the {what} `{before}`, and the pack says `{now}`",
            "fill another database: `--database sqlite:///NAME.db`",
        )
