"""One batch in one transaction: what is known is read, messages are folded, rows and positions written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import (
    Connection,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from workers.projector.bulk import ADD, KEEP, LATER, put, rows_of
from workers.projector.decoding import Erasure, Notice
from workers.projector.fold import (
    Attribute,
    Current,
    Customer,
    Ended,
    Fold,
    Known,
    Override,
    Rows,
    Wanted,
    digest,
)
from workers.sql import tables as at
from workers.sql.connect import SQLITE

Pair = tuple[str, int]


class PositionsMovedError(Exception):
    """Somebody else has moved the positions that this batch begins at."""


@dataclass(frozen=True, slots=True)
class Step:
    """From which position to which a batch takes a partition; `begin` None: nothing was read of it before."""

    begin: int | None
    end: int


def load(connection: Connection, wanted: Wanted) -> Known:
    """What the tables hold of that."""
    known = Known()
    own, move = ("customer_id",), ("customer_id", "dimension")

    def customers(ids: set[str]) -> list[tuple[str]]:
        return [(each,) for each in ids]

    moves = {name for name in wanted.moves if name[0] not in wanted.erased}
    for current in map(
        Current._make,
        [
            *rows_of(connection, at.CURRENT, move, moves),
            *rows_of(connection, at.CURRENT, own, customers(wanted.erased)),
        ],
    ):
        known.current[current.customer_id, current.dimension] = current
    for customer in map(
        Customer._make, rows_of(connection, at.CUSTOMERS, own, customers(wanted.changed | wanted.erased))
    ):
        known.customers[customer.customer_id] = customer
    for row in rows_of(connection, at.PENDING, move, wanted.moves):
        waiting = Notice._make([*row[:3], "started", *row[3:]])
        known.pending[waiting.customer_id, waiting.dimension] = waiting
    for attribute in map(
        Attribute._make, rows_of(connection, at.ATTRIBUTES, ("customer_id", "name"), wanted.attributes)
    ):
        known.attributes[attribute.customer_id, attribute.name] = attribute.assigned_us, attribute.place
    for override in map(Override._make, rows_of(connection, at.OVERRIDES, move, wanted.overrides)):
        known.overrides[override.customer_id, override.dimension] = override.assigned_us, override.place
    if connection.execute(select(at.ERASURES.c.life).limit(1)).first() is not None:
        digests = [(digest(each),) for each in wanted.anybody]
        for sha256, *ended, _, _ in rows_of(connection, at.ERASURES, ("customer_sha256",), digests):
            known.ended[sha256] = Ended(*ended)
    return known


def write(connection: Connection, rows: Rows) -> dict[str, int]:
    """Write what a batch brought; how many rows went into each table."""
    for erasure in rows.erased.values():
        _erase(connection, erasure)
    put(
        connection,
        at.CHANGES,
        rows.changes,
        key=("customer_id", "dimension", "life", "sequence", "generation"),
        mode=KEEP,
    )
    # by rising keys, as the tables have them: neighbours lie on the same page
    put(connection, at.CURRENT, (rows.current[name] for name in sorted(rows.current)))
    customers = sorted(rows.customers)
    put(connection, at.CUSTOMERS, (rows.customers[customer_id] for customer_id in customers))
    put(connection, at.VALUE, ((customer_id, 0, 0) for customer_id in customers), mode=KEEP)
    _delete_names(connection, at.PENDING, rows.not_pending)
    put(connection, at.PENDING, (_pending(notice) for notice in rows.pending.values()))
    put(connection, at.ATTRIBUTES, (rows.attributes[name] for name in sorted(rows.attributes)))
    put(connection, at.OVERRIDES, rows.overrides.values())
    put(connection, at.DEAD_LETTERS, rows.letters.values(), mode=KEEP)
    put(connection, at.MOVES, ((*place, count) for place, count in rows.moves.items()), mode=ADD)
    put(connection, at.SHARDS, rows.shards.values())
    put(connection, at.ORDERS, (rows.orders[name] for name in sorted(rows.orders)), mode=LATER)
    _add_up(connection, {order.customer_id for order in rows.orders.values()})
    return {
        "changes": len(rows.changes),
        "current_categories": len(rows.current),
        "pending_moves": len(rows.pending),
        "dead_letters": len(rows.letters),
        "orders": len(rows.orders),
        "attributes": len(rows.attributes),
        "overrides": len(rows.overrides),
        "erasures": len(rows.erased),
    }


def move_positions(connection: Connection, steps: Mapping[Pair, Step]) -> None:
    """Move the positions; raises PositionsMovedError where one is not where the batch began."""
    positions = at.POSITIONS
    for (topic, partition), step in steps.items():
        if step.begin is None:
            there = connection.execute(
                select(positions.c.next_offset).where(
                    positions.c.topic == topic, positions.c.partition == partition
                )
            ).first()
            if there is not None:
                raise PositionsMovedError
            connection.execute(
                insert(positions).values(topic=topic, partition=partition, next_offset=step.end)
            )
            continue
        moved = connection.execute(
            update(positions)
            .where(
                positions.c.topic == topic,
                positions.c.partition == partition,
                positions.c.next_offset == step.begin,
            )
            .values(next_offset=step.end)
        )
        if moved.rowcount != 1:
            raise PositionsMovedError


def positions_of(connection: Connection) -> dict[Pair, int]:
    """How far each partition was read."""
    rows = connection.execute(select(at.POSITIONS))
    return {(row.topic, row.partition): row.next_offset for row in rows}


def apply(
    connection: Connection,
    wanted: Wanted,
    fold: Callable[[Fold], None],
    day: Callable[[int], str],
    steps: Mapping[Pair, Step],
    now_us: int,
) -> dict[str, int]:
    """A whole batch: `fold` hands its messages over one by one. In the caller's transaction."""
    folding = Fold(load(connection, wanted), day)
    fold(folding)
    written = write(connection, folding.rows)
    move_positions(connection, steps)
    connection.execute(update(at.PROJECTION).values(projected_us=now_us))
    return written


def _among(connection: Connection, column: ColumnElement[str], ids: Sequence[str]) -> ColumnElement[bool]:
    """Whether a column's value is among many: one parameter, however many they are."""
    if connection.dialect.name == SQLITE:
        given = func.json_each(orjson.dumps(list(ids)).decode()).table_valued("value")
        return column.in_(select(given.c.value))
    return column == func.any(list(ids))


def _erase(connection: Connection, erasure: Erasure) -> None:
    """Remove all that is of an ended life, or was said before its end, and keep that somebody was erased."""
    own = erasure.customer_id
    for table in (at.CHANGES, at.CURRENT, at.CUSTOMERS, at.PENDING):
        connection.execute(delete(table).where(table.c.customer_id == own, table.c.life <= erasure.life))
    for table in (at.ATTRIBUTES, at.OVERRIDES):
        connection.execute(
            delete(table).where(table.c.customer_id == own, table.c.assigned_us <= erasure.effective_us)
        )
    orders, letters = at.ORDERS, at.DEAD_LETTERS
    connection.execute(
        delete(orders).where(orders.c.customer_id == own, orders.c.occurred_us <= erasure.effective_us)
    )
    connection.execute(
        delete(letters).where(
            (letters.c.customer_key == own) | (letters.c.customer_id == own),
            letters.c.at_us <= erasure.told_ms * 1000,
        )
    )
    _add_up(connection, {own})
    row = (digest(own), erasure.life, erasure.effective_us, erasure.told_ms, erasure.reason, erasure.actor)
    put(connection, at.ERASURES, [row])


def _add_up(connection: Connection, customers: set[str]) -> None:
    """Count the orders of some customers anew, and what they brought."""
    if not customers:
        return
    orders, ids = at.ORDERS, sorted(customers)
    completed = orders.c.type == "order.completed"
    summed = (
        select(
            orders.c.customer_id,
            func.sum(case((completed, 1), else_=0)),
            func.sum(case((completed, orders.c.amount_minor), else_=-orders.c.amount_minor)),
        )
        .where(_among(connection, orders.c.customer_id, ids))
        .group_by(orders.c.customer_id)
    )
    found = connection.execute(summed).all()
    gone = customers - {row[0] for row in found}
    put(connection, at.VALUE, ((row[0], int(row[1]), int(row[2])) for row in found))
    if gone:
        connection.execute(delete(at.VALUE).where(_among(connection, at.VALUE.c.customer_id, sorted(gone))))
        known = select(at.CUSTOMERS.c.customer_id).where(
            _among(connection, at.CUSTOMERS.c.customer_id, sorted(gone))
        )
        put(connection, at.VALUE, ((row[0], 0, 0) for row in connection.execute(known).all()))


def _delete_names(connection: Connection, table: Table, names: Iterable[tuple[str, str]]) -> None:
    gone = [{"customer": customer_id, "of": dimension} for customer_id, dimension in names]
    if gone:
        here = and_(table.c.customer_id == bindparam("customer"), table.c.dimension == bindparam("of"))
        connection.execute(delete(table).where(here), gone)


def _pending(notice: Notice) -> tuple[object, ...]:
    """A notice in the order of the columns of its table."""
    return (
        notice.customer_id,
        notice.dimension,
        notice.life,
        notice.from_category,
        notice.to_category,
        notice.since_day,
        notice.until_day,
        notice.effective_us,
        notice.sequence_next,
    )
