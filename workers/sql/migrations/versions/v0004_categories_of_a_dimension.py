"""Let PostgreSQL count categories within their dimension.

It takes the two for independent else, and a category for several times as rare as it is: searches by some of
them then go the long way.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NAME = "current_categories_of_dimensions"


def upgrade() -> None:
    """Have it counted, from the next time on that the table is analysed."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            f"CREATE STATISTICS {_NAME} (dependencies, mcv) ON dimension, category FROM current_categories"
        )


def downgrade() -> None:
    """Have it not."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"DROP STATISTICS {_NAME}")
