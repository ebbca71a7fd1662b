"""The tables that a projection fills, the same on SQLite and PostgreSQL.

Instants are whole microseconds since 1970-01-01T00:00Z in columns named `..._us`: exact, small, and in order.
Days are text, `YYYY-MM-DD`. JSON is text as it was published. The views (`views.py`) show instants as text.

No foreign keys: topics are read side by side, so that a row may come before the one that it belongs to.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text, literal_column

METADATA: Final = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
)

#: Ids are put in order by their characters' numbers, as SQLite does anyway, whatever a database's language.
_ID = Text().with_variant(Text(collation="C"), "postgresql")

#: Causes of most changes; those with another are few.
COMMON_CAUSES: Final = ("event", "time")

#: Feed order of the changes; SQLite counts up by itself in a column of exactly this type only.
_COUNTED = BigInteger().with_variant(Integer, "sqlite")

#: How far each partition of each topic was read; moves in the transaction that writes what was read.
POSITIONS: Final = Table(
    "positions",
    METADATA,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)

#: The dimensions of the pack, in its order.
DIMENSIONS: Final = Table(
    "dimensions",
    METADATA,
    Column("dimension", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", String(16)),
    Column("title", Text),
)

#: The categories of each dimension, in the order of the pack; of a ladder the lowest first.
CATEGORIES: Final = Table(
    "categories",
    METADATA,
    Column("dimension", Text, primary_key=True),
    Column("category", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("code", Text),
    Column("title", Text),
    Column("strategy", Text),
)

#: Every customer that has a category.
CUSTOMERS: Final = Table(
    "customers",
    METADATA,
    Column("customer_id", _ID, primary_key=True),
    Column("life", Integer, nullable=False),
    Column("born_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Index(None, "updated_us", "customer_id"),
    sqlite_with_rowid=False,
)

#: The category of each customer in each dimension now.
CURRENT: Final = Table(
    "current_categories",
    METADATA,
    Column("customer_id", _ID, primary_key=True),
    Column("dimension", Text, primary_key=True),
    Column("category", Text, nullable=False),
    Column("code", Text),
    Column("since_us", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("life", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Index(None, "dimension", "category", "customer_id"),
    Index(None, "dimension", "category", "since_us", "customer_id"),
    sqlite_with_rowid=False,
)

#: Every change that was published, once; `id` rises in the order in which they were read.
CHANGES: Final = Table(
    "changes",
    METADATA,
    Column("id", _COUNTED, primary_key=True, autoincrement=True),
    Column("change_id", String(32), nullable=False),
    Column("customer_id", _ID, nullable=False),
    Column("life", Integer, nullable=False),
    Column("dimension", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("from_category", Text),
    Column("from_code", Text),
    Column("to_category", Text, nullable=False),
    Column("to_code", Text),
    Column("target", Text, nullable=False),
    Column("direction", String(8), nullable=False),
    Column("effective_us", BigInteger, nullable=False),
    Column("previous_effective_us", BigInteger),
    Column("cause", String(8), nullable=False),
    Column("trigger_event_id", Text),
    Column("trigger_type", Text),
    Column("reasons", Text, nullable=False),
    Column("metrics", Text, nullable=False),
    Column("strategy", Text),
    Column("pack_name", Text, nullable=False),
    Column("pack_version", Text, nullable=False),
    Column("pack_fingerprint", String(64), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("detected_us", BigInteger),
    # what a customer's page reads, newest first; and no number twice
    Index(None, "customer_id", "dimension", "life", "sequence", "generation", unique=True),
    Index(None, "effective_us", "id"),
    Index(None, "dimension", "effective_us", "id"),
    Index(None, "dimension", "to_category", "effective_us", "id"),
)

#: A change whose cause is none of the common ones, as the index of these says it.
RARE: Final = CHANGES.c.cause.not_in([literal_column("'event'"), literal_column("'time'")])
Index(None, CHANGES.c.cause, CHANGES.c.effective_us, CHANGES.c.id, sqlite_where=RARE, postgresql_where=RARE)

#: Moves that are coming if nothing happens.
PENDING: Final = Table(
    "pending_moves",
    METADATA,
    Column("customer_id", _ID, primary_key=True),
    Column("dimension", Text, primary_key=True),
    Column("life", Integer, nullable=False),
    Column("from_category", Text, nullable=False),
    Column("to_category", Text, nullable=False),
    Column("since_day", String(10), nullable=False),
    Column("until_day", String(10), nullable=False),
    Column("effective_us", BigInteger, nullable=False),
    Column("sequence_next", Integer, nullable=False),
    Index(None, "until_day", "customer_id", "dimension"),
    sqlite_with_rowid=False,
)

#: That somebody was erased, and nothing of whom. `told_ms`: when the message was written to its topic.
ERASURES: Final = Table(
    "erasures",
    METADATA,
    Column("customer_sha256", String(64), primary_key=True),
    Column("life", Integer, nullable=False),
    Column("effective_us", BigInteger, nullable=False),
    Column("told_ms", BigInteger, nullable=False),
    Column("reason", Text),
    Column("actor", Text),
)

#: Overrides that are on (S8); one whose `until_day` has passed stays until another takes its place.
OVERRIDES: Final = Table(
    "overrides",
    METADATA,
    Column("customer_id", _ID, primary_key=True),
    Column("dimension", Text, primary_key=True),
    Column("mode", String(8)),
    Column("category", Text),
    Column("until_day", String(10)),
    Column("reason", Text),
    Column("actor", Text),
    Column("assigned_us", BigInteger, nullable=False),
    Column("place", BigInteger, nullable=False, server_default="0"),
)

#: Attributes of customers (S2.2); a null value is one that was removed. `place`: where in the inputs it was
#: said, by which of two at the same instant is decided; of overrides and orders too.
ATTRIBUTES: Final = Table(
    "attributes",
    METADATA,
    Column("customer_id", _ID, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text),
    Column("assigned_us", BigInteger, nullable=False),
    Column("place", BigInteger, nullable=False, server_default="0"),
    Index(None, "name", "value", "customer_id"),
)

#: Orders that were completed or refunded, in minor units of the pack's currency.
ORDERS: Final = Table(
    "orders",
    METADATA,
    Column("customer_id", _ID, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("type", String(16), nullable=False),
    Column("occurred_us", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("place", BigInteger, nullable=False, server_default="0"),
)

#: Completed orders of a customer, and what they brought less what was refunded; nothing is a row too.
VALUE: Final = Table(
    "customer_value",
    METADATA,
    Column("customer_id", _ID, primary_key=True),
    Column("orders", BigInteger, nullable=False),
    Column("revenue_minor", BigInteger, nullable=False),
    Index(None, "revenue_minor", "customer_id"),
    sqlite_with_rowid=False,
)

#: Records that were refused, with their reason; `customer_id` as far as the record names one.
DEAD_LETTERS: Final = Table(
    "dead_letters",
    METADATA,
    Column("source", String(260), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("code", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("event_id", Text),
    Column("customer_key", Text),
    Column("customer_id", _ID),
    Column("record", Text),
    Column("record_base64", Text),
    Column("at_us", BigInteger, nullable=False),
    Index(None, "code", "at_us"),
    Index(None, "at_us"),
    Index(None, "customer_key"),
    Index(None, "customer_id"),
)

#: How many moved from where to where on a day of the pack's time zone, and by what cause.
#: An empty `from_category` is a first category, an empty `to_category` a customer who was erased.
MOVES: Final = Table(
    "moves_by_day",
    METADATA,
    Column("dimension", Text, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("from_category", Text, primary_key=True),
    Column("to_category", Text, primary_key=True),
    Column("cause", String(8), primary_key=True),
    Column("moves", BigInteger, nullable=False),
)

#: The latest committed batch of each shard, from the journal: up to when every class is final.
SHARDS: Final = Table(
    "shards",
    METADATA,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("watermark_us", BigInteger),
    Column("clock_us", BigInteger, nullable=False),
    Column("pack_name", Text, nullable=False),
    Column("pack_version", Text, nullable=False),
    Column("pack_fingerprint", String(64), nullable=False),
    Column("committed_us", BigInteger, nullable=False),
)

#: What this database is a projection of: one row.
PROJECTION: Final = Table(
    "projection",
    METADATA,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("pack_name", Text, nullable=False),
    Column("pack_version", Text, nullable=False),
    Column("pack_fingerprint", String(64), nullable=False),
    Column("timezone", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("digits", Integer, nullable=False),
    Column("with_orders", Integer, nullable=False),
    Column("projected_us", BigInteger),
)
