"""Where in the inputs something was said: by that is decided what stands, whichever was read first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = ("attributes", "overrides", "orders")


def upgrade() -> None:
    """Add the column; what is there already counts as said before all else at its instant."""
    for table in _TABLES:
        op.add_column(table, sa.Column("place", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take it away."""
    for table in _TABLES:
        op.drop_column(table, "place")
