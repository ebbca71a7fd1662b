"""The tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from workers.sql.views import creating, dropping

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "attributes",
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("assigned_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "name", name=op.f("pk_attributes")),
    )
    op.create_index(
        op.f("ix_attributes_name_value_customer_id"),
        "attributes",
        ["name", "value", "customer_id"],
        unique=False,
    )
    op.create_table(
        "categories",
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("strategy", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("dimension", "category", name=op.f("pk_categories")),
    )
    op.create_table(
        "changes",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("change_id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("from_category", sa.Text(), nullable=True),
        sa.Column("from_code", sa.Text(), nullable=True),
        sa.Column("to_category", sa.Text(), nullable=False),
        sa.Column("to_code", sa.Text(), nullable=True),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("effective_us", sa.BigInteger(), nullable=False),
        sa.Column("previous_effective_us", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.String(length=8), nullable=False),
        sa.Column("trigger_event_id", sa.Text(), nullable=True),
        sa.Column("trigger_type", sa.Text(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=True),
        sa.Column("pack_name", sa.Text(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("pack_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("detected_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_index(
        op.f("ix_changes_customer_id_dimension_life_sequence_generation"),
        "changes",
        ["customer_id", "dimension", "life", "sequence", "generation"],
        unique=True,
    )
    op.create_index(
        op.f("ix_changes_dimension_to_category_effective_us_id"),
        "changes",
        ["dimension", "to_category", "effective_us", "id"],
        unique=False,
    )
    rare = sa.text("cause NOT IN ('event', 'time')")
    op.create_index(
        op.f("ix_changes_cause_effective_us_id"),
        "changes",
        ["cause", "effective_us", "id"],
        unique=False,
        sqlite_where=rare,
        postgresql_where=rare,
    )
    op.create_index(op.f("ix_changes_effective_us_id"), "changes", ["effective_us", "id"], unique=False)
    op.create_table(
        "current_categories",
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "dimension", name=op.f("pk_current_categories")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_current_categories_dimension_category_customer_id"),
        "current_categories",
        ["dimension", "category", "customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_current_categories_dimension_category_since_us_customer_id"),
        "current_categories",
        ["dimension", "category", "since_us", "customer_id"],
        unique=False,
    )
    op.create_table(
        "customer_value",
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("revenue_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_value")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_customer_value_revenue_minor_customer_id"),
        "customer_value",
        ["revenue_minor", "customer_id"],
        unique=False,
    )
    op.create_table(
        "customers",
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.Column("born_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customers")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_customers_updated_us_customer_id"), "customers", ["updated_us", "customer_id"], unique=False
    )
    op.create_table(
        "dead_letters",
        sa.Column("source", sa.String(length=260), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("customer_key", sa.Text(), nullable=True),
        sa.Column("customer_id", _ID, nullable=True),
        sa.Column("record", sa.Text(), nullable=True),
        sa.Column("record_base64", sa.Text(), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "position", name=op.f("pk_dead_letters")),
    )
    op.create_index(op.f("ix_dead_letters_at_us"), "dead_letters", ["at_us"], unique=False)
    op.create_index(op.f("ix_dead_letters_code_at_us"), "dead_letters", ["code", "at_us"], unique=False)
    op.create_index(op.f("ix_dead_letters_customer_id"), "dead_letters", ["customer_id"], unique=False)
    op.create_index(op.f("ix_dead_letters_customer_key"), "dead_letters", ["customer_key"], unique=False)
    op.create_table(
        "dimensions",
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("dimension", name=op.f("pk_dimensions")),
    )
    op.create_table(
        "erasures",
        sa.Column("customer_sha256", sa.String(length=64), nullable=False),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.Column("effective_us", sa.BigInteger(), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("customer_sha256", name=op.f("pk_erasures")),
    )
    op.create_table(
        "moves_by_day",
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("from_category", sa.Text(), nullable=False),
        sa.Column("to_category", sa.Text(), nullable=False),
        sa.Column("cause", sa.String(length=8), nullable=False),
        sa.Column("moves", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "dimension", "day", "from_category", "to_category", "cause", name=op.f("pk_moves_by_day")
        ),
    )
    op.create_table(
        "orders",
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("occurred_us", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "event_id", name=op.f("pk_orders")),
    )
    op.create_table(
        "overrides",
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("until_day", sa.String(length=10), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("assigned_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "dimension", name=op.f("pk_overrides")),
    )
    op.create_table(
        "pending_moves",
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.Column("from_category", sa.Text(), nullable=False),
        sa.Column("to_category", sa.Text(), nullable=False),
        sa.Column("since_day", sa.String(length=10), nullable=False),
        sa.Column("until_day", sa.String(length=10), nullable=False),
        sa.Column("effective_us", sa.BigInteger(), nullable=False),
        sa.Column("sequence_next", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "dimension", name=op.f("pk_pending_moves")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_pending_moves_until_day_customer_id_dimension"),
        "pending_moves",
        ["until_day", "customer_id", "dimension"],
        unique=False,
    )
    op.create_table(
        "positions",
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_positions")),
    )
    op.create_table(
        "projection",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pack_name", sa.Text(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("pack_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("digits", sa.Integer(), nullable=False),
        sa.Column("with_orders", sa.Integer(), nullable=False),
        sa.Column("projected_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_projection")),
    )
    op.create_table(
        "shards",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("watermark_us", sa.BigInteger(), nullable=True),
        sa.Column("clock_us", sa.BigInteger(), nullable=False),
        sa.Column("pack_name", sa.Text(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("pack_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("committed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_shards")),
    )
    for statement in creating(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    """Remove them again."""
    for statement in dropping(op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_table("shards")
    op.drop_table("projection")
    op.drop_table("positions")
    op.drop_index(op.f("ix_pending_moves_until_day_customer_id_dimension"), table_name="pending_moves")
    op.drop_table("pending_moves")
    op.drop_table("overrides")
    op.drop_table("orders")
    op.drop_table("moves_by_day")
    op.drop_table("erasures")
    op.drop_table("dimensions")
    op.drop_index(op.f("ix_dead_letters_customer_key"), table_name="dead_letters")
    op.drop_index(op.f("ix_dead_letters_customer_id"), table_name="dead_letters")
    op.drop_index(op.f("ix_dead_letters_code_at_us"), table_name="dead_letters")
    op.drop_index(op.f("ix_dead_letters_at_us"), table_name="dead_letters")
    op.drop_table("dead_letters")
    op.drop_index(op.f("ix_customers_updated_us_customer_id"), table_name="customers")
    op.drop_table("customers")
    op.drop_index(op.f("ix_customer_value_revenue_minor_customer_id"), table_name="customer_value")
    op.drop_table("customer_value")
    op.drop_index(
        op.f("ix_current_categories_dimension_category_since_us_customer_id"), table_name="current_categories"
    )
    op.drop_index(
        op.f("ix_current_categories_dimension_category_customer_id"), table_name="current_categories"
    )
    op.drop_table("current_categories")
    op.drop_index(op.f("ix_changes_effective_us_id"), table_name="changes")
    op.drop_index(op.f("ix_changes_dimension_to_category_effective_us_id"), table_name="changes")
    op.drop_index(op.f("ix_changes_cause_effective_us_id"), table_name="changes")
    op.drop_index(op.f("ix_changes_customer_id_dimension_life_sequence_generation"), table_name="changes")
    op.drop_table("changes")
    op.drop_table("categories")
    op.drop_index(op.f("ix_attributes_name_value_customer_id"), table_name="attributes")
    op.drop_table("attributes")
