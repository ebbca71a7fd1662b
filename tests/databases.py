"""Databases for tests: files of SQLite, and PostgreSQL where it is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

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


class Postgres:
    """A PostgreSQL on 127.0.0.1 that can be stopped and started; ended and removed with the context."""

    def __init__(self) -> None:
        programs = postgres_programs()
        assert programs is not None, "PostgreSQL is not installed here"
        self._programs, self._user = programs, _user()
        self._folder = Path(mkdtemp(prefix="tierline-postgres-"))
        self._running: subprocess.Popen[bytes] | None = None
        self._port = _free_port()
        self.url = f"postgresql://tierline@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        try:
            if self._user is not None:
                shutil.chown(self._folder, self._user)
            words = [str(self._programs / "initdb"), "-D", str(self._folder / "data"), "-U", "tierline"]
            options = ["--auth=trust", "--encoding=UTF8", "--locale=C"]
            subprocess.run([*words, *options], check=True, capture_output=True, user=self._user, cwd="/")
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = self._folder / "log"
        words = [str(self._programs / "postgres"), "-D", str(self._folder / "data"), "-p", str(self._port)]
        with log.open("ab") as written:
            self._running = subprocess.Popen(
                [*words, "-h", "127.0.0.1", "-k", str(self._folder)],
                stdout=subprocess.DEVNULL,
                stderr=written,
                user=self._user,
                cwd="/",
            )
        _wait(self.url, self._running, log)

    def stop(self) -> None:
        """End it at once, with all its connections."""
        if self._running is not None:
            self._running.send_signal(signal.SIGINT)
            try:
                self._running.wait(10)
            except subprocess.TimeoutExpired:
                self._running.kill()
                self._running.wait()
            self._running = None

    def _end(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


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
