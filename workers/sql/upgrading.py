"""Making the tables, and bringing those of an older version up to date."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, func, select

from workers.cli.errors import UserError
from workers.sql.connect import POSTGRESQL

#: The number of the lock on PostgreSQL that whoever makes tables holds; any that nobody else uses ("tier").
_LOCK = 0x74696572
_FOLDER = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> None:
    """Bring the tables to this version, making them where there are none.

    Raises UserError where they are of a newer version than this program.
    """
    config = configuration()
    with engine.begin() as connection:
        _wait_for_others(connection)
        _refuse_newer(connection, config)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(connection: Connection) -> bool:
    """Whether the tables are those of this version."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def configuration() -> Config:
    """What Alembic needs to know; its connection is still to be put into `attributes`."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config


def _wait_for_others(connection: Connection) -> None:
    """Whoever else makes the tables at this moment ends first; on SQLite beginning has waited already."""
    if connection.dialect.name == POSTGRESQL:
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _refuse_newer(connection: Connection, config: Config) -> None:
    there = MigrationContext.configure(connection).get_current_revision()
    if there is None:
        return
    try:
        ScriptDirectory.from_config(config).get_revision(there)
    except (CommandError, RevisionError) as error:
        raise UserError(
            f"the database is of a newer version of Tierline (`{there}`) than this one",
            "run the newer version, or name another database",
        ) from error
