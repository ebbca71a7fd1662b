"""An index for the newest changes of one dimension, among millions."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index; over ten million changes that takes some ten seconds."""
    op.create_index(
        op.f("ix_changes_dimension_effective_us_id"),
        "changes",
        ["dimension", "effective_us", "id"],
        unique=False,
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_index(op.f("ix_changes_dimension_effective_us_id"), table_name="changes")
