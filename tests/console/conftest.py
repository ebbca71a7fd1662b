"""A console over a small world, in SQLite and, marked slow, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.desk import Desk, desk_over


@pytest.fixture
def desk(database: str, tmp_path: Path) -> Iterator[Desk]:
    """A console with a viewer, an operator and an admin."""
    made = desk_over(database, tmp_path)
    yield made
    made.state.engine.dispose()


@pytest.fixture
def sqlite_desk(tmp_path: Path) -> Iterator[Desk]:
    """The same where the kind of database makes no difference."""
    made = desk_over(f"sqlite:///{tmp_path / 'tierline.db'}", tmp_path)
    yield made
    made.state.engine.dispose()
