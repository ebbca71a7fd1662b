"""`customers.parquet`: who is where at the end of a replay, since when, and what is coming."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rules.engine.evaluate import Value
from rules.engine.reference import CustomerView, DimensionView
from rules.language.model import Kind, Pack

#: Any money within ±2^62 minor units has at most 19 digits.
_MONEY_PRECISION = 20
_ROW_GROUP = 100_000


def customers_schema(pack: Pack) -> pa.Schema:
    """The columns under a pack: customer, dimensions, attributes, and metrics at `customer.as_of`."""
    fields = [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("customer.life", pa.int32(), nullable=False),
        pa.field("customer.as_of", pa.date32(), nullable=False),
    ]
    for dimension in pack.dimensions:
        name = dimension.id
        fields += [
            pa.field(name, pa.string(), nullable=False),
            pa.field(f"{name}.code", pa.string()),
            pa.field(f"{name}.since", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field(f"{name}.changes", pa.int32(), nullable=False),
            pa.field(f"{name}.pending_to", pa.string()),
            pa.field(f"{name}.pending_since", pa.date32()),
            pa.field(f"{name}.pending_until", pa.date32()),
            pa.field(f"{name}.override_mode", pa.string()),
            pa.field(f"{name}.override_category", pa.string()),
            pa.field(f"{name}.override_until", pa.date32()),
        ]
    fields += [pa.field(f"attr.{each.name}", _type(each.kind, pack)) for each in pack.attributes]
    fields += [pa.field(each.name, _type(each.kind, pack)) for each in pack.metrics]
    return pa.schema(fields)


def write_customers(path: Path, pack: Pack, tables: Iterable[pa.Table]) -> None:
    """Write tables of customers in the schema of the pack, by rising id bytes, as one file."""
    schema = customers_schema(pack)
    # Few texts are many customers', of the rest nearly every value is another; and there are customers of
    # each kind everywhere, so that the least and the largest tell nothing but for the ids, which are sorted.
    few = [each.name for each in schema if pa.types.is_string(each.type) and each.name != "customer_id"]
    with pq.ParquetWriter(
        path, schema, compression="zstd", use_dictionary=few, write_statistics=["customer_id"]
    ) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=_ROW_GROUP)


def customers_table(pack: Pack, views: Iterable[CustomerView]) -> pa.Table:
    """Customers as the reference shows them, as a table."""
    rows = [_row(pack, view) for view in views]
    schema = customers_schema(pack)
    columns = [pa.array([row[index] for row in rows], type=field.type) for index, field in enumerate(schema)]
    return pa.Table.from_arrays(columns, schema=schema)


def _type(kind: Kind, pack: Pack) -> pa.DataType:
    match kind:
        case Kind.INTEGER:
            return pa.int64()
        case Kind.MONEY:
            return pa.decimal128(_MONEY_PRECISION, pack.digits)
        case Kind.NUMBER:
            return pa.float64()
        case Kind.STRING:
            return pa.string()
        case Kind.BOOLEAN:
            return pa.bool_()


def _row(pack: Pack, view: CustomerView) -> list[object]:
    row: list[object] = [view.customer_id, view.life, view.as_of]
    for dimension in view.dimensions:
        row += _dimension(dimension)
    row += view.attributes
    row += [
        _metric(metric.kind, value, pack.digits)
        for metric, value in zip(pack.metrics, view.metrics, strict=True)
    ]
    return row


def _dimension(view: DimensionView) -> list[object]:
    return [
        view.category,
        view.code,
        view.since_us,
        view.changes,
        view.pending_to,
        view.pending_since,
        view.pending_until,
        view.override_mode,
        view.override_category,
        view.override_until,
    ]


def _metric(kind: Kind, value: Value, digits: int) -> object:
    if kind is Kind.MONEY and value is not None:
        return Decimal(value).scaleb(-digits)
    return value
