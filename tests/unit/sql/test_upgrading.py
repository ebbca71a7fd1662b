"""Migrations make exactly the tables that the code knows, and a newer database is refused."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from workers.cli.errors import UserError
from workers.sql.connect import open_database
from workers.sql.tables import METADATA
from workers.sql.upgrading import configuration, is_current, upgrade


def test_migrations_make_the_tables_of_the_code(database: str) -> None:
    engine = open_database(database)
    upgrade(engine)
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert is_current(connection)
    engine.dispose()


def test_upgrading_twice_changes_nothing(database: str) -> None:
    engine = open_database(database)
    upgrade(engine)
    upgrade(engine)
    engine.dispose()


def test_tables_of_the_first_version_are_brought_up_to_date(database: str) -> None:
    engine, config = open_database(database), configuration()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        assert not is_current(connection)
        connection.execute(text("INSERT INTO dimensions (dimension, position) VALUES ('tier', 0)"))
    upgrade(engine)
    with engine.begin() as connection:
        assert is_current(connection)
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert connection.scalar(text("SELECT COUNT(*) FROM dimensions")) == 1
    engine.dispose()


def test_they_can_be_taken_back(database: str) -> None:
    engine = open_database(database)
    upgrade(engine)
    with engine.begin() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    assert inspect(engine).get_view_names() == []
    engine.dispose()


def test_a_newer_database_is_refused(database: str) -> None:
    engine = open_database(database)
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match="newer version"):
        upgrade(engine)
    engine.dispose()


def test_a_reader_cannot_write(database: str) -> None:
    engine = open_database(database)
    upgrade(engine)
    reader = open_database(database, read_only=True)
    with pytest.raises(Exception, match=r"read-?only"), reader.begin() as connection:
        connection.execute(text("DELETE FROM changes"))
    reader.dispose()
    engine.dispose()
