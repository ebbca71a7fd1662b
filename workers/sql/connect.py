"""Opening the database: SQLite in a file by default, PostgreSQL for many readers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from workers.cli.errors import UserError

#: How long SQLite waits for another writer, in ms.
_BUSY_MS = 30_000
#: Pages of SQLite that stay in memory, of who writes and of who reads, in KiB (which it takes as negative).
_WRITER_CACHE_KIB, _READER_CACHE_KIB = 262_144, 65_536
#: After so many pages SQLite brings what was written into the file itself: a page that was written several
#: times meanwhile goes there once.
_CHECKPOINT_PAGES = 16_384
#: Of the file, so much is read through memory maps.
_MAPPED_BYTES = 1 << 30

SQLITE, POSTGRESQL = "sqlite", "postgresql"


def open_database(url: str, *, password: str | None = None, read_only: bool = False) -> Engine:
    """An engine for a database, which need not be there yet; raises UserError for a URL that cannot be used.

    `password` goes into the URL where it has none. `read_only`: every statement that writes fails.
    """
    engine = create_engine(_url(url, password), **_options(url, read_only=read_only))
    if engine.dialect.name == SQLITE:
        event.listen(engine, "connect", _prepare_sqlite(read_only=read_only))
        event.listen(engine, "begin", _begin_reading if read_only else _begin_writing)
    return engine


def shown(url: str) -> str:
    """A URL without its password, for messages."""
    return make_url(url).render_as_string(hide_password=True)


def _url(text: str, password: str | None) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        raise UserError(
            "the setting `database` is no database URL",
            "write sqlite:///tierline.db or postgresql://USER@HOST/NAME",
        ) from None
    name = url.get_backend_name()
    if name not in {SQLITE, POSTGRESQL}:
        raise UserError(
            f"the database `{name}` is not supported", "use sqlite:///FILE or postgresql://USER@HOST/NAME"
        )
    if name == SQLITE and url.database not in (None, "", ":memory:"):
        _check_folder(Path(str(url.database)))
    if name == POSTGRESQL:
        url = url.set(drivername="postgresql+psycopg")
        if password is not None and url.password is None:
            url = url.set(password=password)
    return url


def _check_folder(path: Path) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise UserError(f"the folder `{folder}` of the database does not exist: make it, or name another")
    if path.is_dir():
        raise UserError(f"`{path}` is a folder: name a file for the database")


def _options(url: str, *, read_only: bool) -> dict[str, Any]:
    if url.startswith(SQLITE):
        return {"connect_args": {"timeout": _BUSY_MS / 1000, "check_same_thread": False}}
    options = {"connect_timeout": 5, "application_name": "tierline"}
    if read_only:
        return {
            "connect_args": {**options, "options": "-c default_transaction_read_only=on"},
            "pool_pre_ping": True,
            "pool_size": 8,
        }
    return {"connect_args": options, "pool_pre_ping": True}


def _prepare_sqlite(*, read_only: bool) -> Any:
    def prepare(connection: Any, _record: object) -> None:
        # transactions begin where we say so, not where the driver thinks that one is needed
        connection.isolation_level = None
        cursor = connection.cursor()
        if read_only:
            cursor.execute("PRAGMA query_only = on")
        else:
            cursor.execute("PRAGMA journal_mode = wal")
            cursor.execute("PRAGMA synchronous = normal")
            cursor.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        cursor.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB if read_only else _WRITER_CACHE_KIB}")
        cursor.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
        cursor.execute("PRAGMA temp_store = memory")
        cursor.close()

    return prepare


def _begin_writing(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
