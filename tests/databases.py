"""Databases for tests: files of SQLite, and PostgreSQL where it is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from sqlalchemy import create_engine, text

#: Where distributions put the programs of PostgreSQL.
_PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_PATIENCE_S = 60.0
#: Root may not run PostgreSQL; the first of these that exists does it instead.
_USERS = ("postgres", "nobody")


def postgres_programs() -> Path | None:
    """The folder with `initdb` and `postgres`, or None where they are not installed."""
    found = shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    return next((each for each in [*places, *_PLACES] if (each / "initdb").exists()), None)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty PostgreSQL on 127.0.0.1 with fsync on; it is ended and removed afterwards."""
    programs = postgres_programs()
    assert programs is not None
    user = _user()
    folder = Path(mkdtemp(prefix="tierline-postgres-"))
    running: subprocess.Popen[bytes] | None = None
    try:
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        subprocess.run(
            [
                programs / "initdb",
                "-D",
                data,
                "-U",
                "tierline",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
            ],
            check=True,
            capture_output=True,
            user=user,
            cwd="/",
        )
        port = _free_port()
        running = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder],
            stdout=subprocess.DEVNULL,
            stderr=(folder / "log").open("wb"),
            user=user,
            cwd="/",
        )
        url = f"postgresql://tierline@127.0.0.1:{port}/postgres"
        _wait(url, running, folder / "log")
        yield url
    finally:
        if running is not None:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_database(server: str, name: str) -> Iterator[str]:
    """A fresh database on a server; dropped afterwards."""
    engine = create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield server.rsplit("/", 1)[0] + f"/{name}"
    finally:
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        engine.dispose()


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    return next(each for each in _USERS if each in known)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _wait(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    until = time.monotonic() + _PATIENCE_S
    try:
        while True:
            try:
                engine.connect().close()
            except Exception:
                if running.poll() is not None or time.monotonic() > until:
                    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")) from None
                time.sleep(0.1)
            else:
                return
    finally:
        engine.dispose()
