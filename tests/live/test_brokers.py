"""Brokers of this machine: they answer, come back on the same data, and stay behind for nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.live.topics import Scene
from workers.broker.answers import answers
from workers.broker.broker import Broker

_START_AND_WAIT = """
import sys, time
from workers.broker.broker import Broker
broker = Broker.of("embedded")
broker.start()
print(broker.address, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("way", ["stop", "kill"])
async def test_what_is_acknowledged_is_there_after_a_restart(private_broker: Broker, way: str) -> None:
    if way == "kill" and not private_broker.survives_kill:
        pytest.skip("the embedded broker writes its data to disk once a second")
    scene = await Scene.on(private_broker, partitions=2)
    await scene.send(scene.topics.orders, [(b"a", b"1"), (b"b", b"2")])
    getattr(private_broker, way)()
    private_broker.start()
    assert sorted(record.value for record in await scene.read(scene.topics.orders)) == [b"1", b"2"]


def test_a_killed_process_leaves_no_broker_behind(broker: Broker) -> None:
    if broker.kind != "embedded":
        pytest.skip("the embedded broker is not in use")
    with subprocess.Popen(
        [sys.executable, "-c", _START_AND_WAIT], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        host, _, port = owner.stdout.readline().strip().rpartition(":")
        assert answers(host, int(port))
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
    assert not answers(host, int(port))
