"""A broker for trying things out: there as said, with its data after a restart, and gone when it is ended."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.broker.answers import answers, free_port, is_free
from workers.broker.broker import HOST
from workers.kafka.clients import admin
from workers.settings.live import live_settings

WORDS_S = 60.0


def command(port: int, folder: Path) -> list[str]:
    where = ["--port", str(port), "--folder", str(folder)]
    return [sys.executable, "-m", "workers.cli.main", "broker", *where]


@contextmanager
def running(port: int, folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command(port, folder), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert f"a broker runs at {HOST}:{port}" in said
        assert answers(HOST, port)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(WORDS_S)
    assert code == 128 + signal.SIGTERM
    assert is_free(HOST, port), "nothing of it stays behind"


async def test_what_was_made_is_there_after_a_restart(tmp_path: Path) -> None:
    from aiokafka.admin import NewTopic

    port = free_port(HOST)
    settings = live_settings(brokers=f"{HOST}:{port}")
    for time in ("first", "again"):
        with running(port, tmp_path / "data"):
            client = admin(settings)
            await client.start()
            try:
                if time == "first":
                    await client.create_topics([NewTopic("kept", 1, 1)])
                assert "kept" in await client.list_topics()
            finally:
                await client.close()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            command(port, tmp_path), capture_output=True, text=True, timeout=WORDS_S, check=False
        )
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr
    assert "--port" in done.stderr
    assert not list(tmp_path.iterdir())
