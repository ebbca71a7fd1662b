"""Run by Alembic: takes the connection that `upgrading.py` hands over."""

from __future__ import annotations

from alembic import context

from workers.sql.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
