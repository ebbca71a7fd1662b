"""`tierline worker` as a user starts it: a process of its own, against a broker, ended by signals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.topics import Scene, own_settings
from workers.broker.answers import free_port
from workers.broker.broker import Broker
from workers.children import Child
from workers.clock import running_seconds
from workers.kafka.partitioner import partition_of
from workers.live.several import command_of
from workers.settings.live import LiveSettings

HOST = "127.0.0.1"
#: A process that has to compile first takes minutes; else it takes seconds.
PATIENCE_S = 300.0


class Running:
    """Worker commands of one test, with what they write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[Child] = []

    def start(self, settings: LiveSettings, *arguments: str, rules: str = "shop") -> Child:
        log = self.folder / f"worker-{len(self.children)}.log"
        command = command_of(["worker", "--rules", rules, *arguments])
        child = Child(command, log=log, variables=settings.to_environment())
        child.start()
        self.children.append(child)
        return child


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path)
    yield started
    for child in started.children:
        child.kill()


def said(child: Child) -> str:
    assert child.log is not None
    return child.log.read_text(encoding="utf-8") if child.log.exists() else ""


async def until(holds: Any, child: Child) -> None:
    """Wait until something holds; fail with what the worker said if it ends before, or never gets there."""
    ends_s = running_seconds() + PATIENCE_S
    while not await asyncio.to_thread(holds):
        assert child.running, said(child)
        assert running_seconds() < ends_s, said(child)
        await asyncio.sleep(0.1)


def page(port: int, path: str) -> tuple[int, Any]:
    """A page of a worker's web server; status 0 while there is none."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=5) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    except OSError:
        return 0, None
    return status, json.loads(text) if text.startswith("{") else text


def ready(*ports: int) -> bool:
    return all(page(port, "/readyz")[0] == 200 for port in ports)


def order(customer: str, amount: str) -> tuple[bytes, bytes]:
    event = {
        "event_id": f"{customer}-1",
        "type": "order.completed",
        "occurred_at": "2026-03-02T12:00:00Z",
        "customer_id": customer,
        "order_id": f"{customer}-1",
        "amount": amount,
    }
    return customer.encode(), json.dumps(event).encode()


async def ordered(scene: Scene, *orders: tuple[bytes, bytes]) -> None:
    """Send orders to the partitions their customers belong to."""
    at_ms = 1_772_452_800_000
    for key, value in orders:
        partition = partition_of(key, scene.settings.partitions)
        await scene.send(scene.topics.orders, [(key, value)], partition=partition, timestamp_ms=at_ms)


async def test_a_worker_decides_shows_it_and_knows_it_again_after_a_stop(
    broker: Broker, running: Running
) -> None:
    scene = await Scene.on(broker, partitions=2, clock="log", web_port=free_port(HOST))
    port = scene.settings.web_port
    first = running.start(scene.settings)
    await until(lambda: ready(port), first)
    assert page(port, "/customers/a%2Fb")[0] == 404
    await ordered(scene, order("a/b", "120.00"), order("é", "5.00"))
    applied = 'tierline_events_applied_total{topic="orders"} 2.0'
    await until(lambda: applied in str(page(port, "/metrics")[1]), first)  # counted once it is committed

    status, customer = page(port, "/customers/a%2Fb")
    assert (status, customer["customer_id"]) == (200, "a/b")
    changes = await scene.read(scene.topics.changes)
    published = {
        body["dimension"]: body["to"]
        for body in (json.loads(record.value) for record in changes)
        if body["customer_id"] == "a/b"
    }
    assert {name: each["category"] for name, each in customer["dimensions"].items()} == published
    assert page(port, "/customers/%C3%A9")[1]["customer_id"] == "é"
    assert "tierline_build_info{" in page(port, "/metrics")[1]

    assert first.stop() == 143
    assert said(first).count("Tierline worker") == 1
    assert "Traceback" not in said(first)
    second = running.start(scene.settings)
    await until(lambda: ready(port), second)
    assert page(port, "/customers/a%2Fb")[1] == customer
    assert len(await scene.read(scene.topics.changes)) == len(changes)
    assert second.stop() == 143


async def test_a_broker_that_is_not_there_yet_is_waited_for_and_ctrl_c_ends_the_waiting(
    running: Running,
) -> None:
    nobody, port = f"{HOST}:{free_port(HOST)}", free_port(HOST)
    child = running.start(own_settings(Broker.given(nobody), web_port=port))
    await until(lambda: f"waiting for the broker at `{nobody}`" in said(child), child)
    assert page(port, "/healthz")[0] == 200
    assert page(port, "/readyz")[0] == 503
    child.signal(signal.SIGINT)
    assert await asyncio.to_thread(child.wait, 30) == 130
    assert "Traceback" not in said(child)


@pytest.mark.slow
async def test_several_workers_share_the_shards_and_one_that_is_killed_comes_back(
    broker: Broker, running: Running
) -> None:
    port = free_pair()
    scene = await Scene.on(broker, partitions=2, clock="log", web_port=port, instance_id="w")
    child = running.start(scene.settings, "--workers-on-this-machine", "2", "--log-format", "json")
    await until(lambda: ready(port, port + 1), child)
    shards = [page(each, "/readyz")[1]["shards"] for each in (port, port + 1)]
    assert sorted(shard for each in shards for shard in each) == ["0", "1"]

    lines = [json.loads(line) for line in said(child).splitlines() if line.startswith("{")]
    process = next(line["process"] for line in lines if line["event"] == "worker is started")
    os.kill(process, signal.SIGKILL)
    await until(lambda: "worker has died and is started again" in said(child), child)
    await until(lambda: ready(port, port + 1), child)
    assert child.stop(60) == 143
    assert page(port, "/healthz")[0] == page(port + 1, "/healthz")[0] == 0


def free_pair() -> int:
    """A port that is free with the next one."""
    while True:
        port = free_port(HOST)
        with socket.socket() as next_one:
            try:
                next_one.bind((HOST, port + 1))
            except OSError:
                continue
        return port


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--clock", "sundial"], "`--clock` is `sundial`: put `wall` or `log`"),
        (["--web-port", "70000"], "`--web-port` is `70000`"),
        (["--brokers", "x:y:z"], "`--brokers`: `x:y:z` is no broker"),
        (["--rules", "nope"], "there is no pack `nope`"),
    ],
)
async def test_a_wrong_option_is_named(running: Running, arguments: list[str], message: str) -> None:
    child = running.start(own_settings(Broker.given(f"{HOST}:1")), *arguments)
    assert await asyncio.to_thread(child.wait, PATIENCE_S) == 2
    assert message in said(child)
    assert "Traceback" not in said(child)


async def test_a_web_port_that_is_taken_is_named(running: Running) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        child = running.start(own_settings(Broker.given(f"{HOST}:1"), web_port=port))
        assert await asyncio.to_thread(child.wait, PATIENCE_S) == 2
    assert f"the web port `{HOST}:{port}`: address already in use; choose another `--web-port`" in said(child)


async def test_missing_topics_are_named_where_they_must_not_be_made(broker: Broker, running: Running) -> None:
    settings = own_settings(broker, web_port=0)
    child = running.start(settings, "--no-create-topics")
    assert await asyncio.to_thread(child.wait, PATIENCE_S) == 2
    assert f"`{settings.topics.customers}`" in said(child)
    assert "are missing" in said(child)
    assert "Traceback" not in said(child)


STUBBORN = """
import asyncio
from workers.live.app import run_worker
from workers.live.telemetry import Telemetry
from workers.listening import listen
from workers.live.web import Site
from workers.settings.live import live_settings

class Plane:
    partitions, joined = 1, True
    def shards(self): return {}
    async def start(self): print("up", flush=True)
    async def wait(self): await asyncio.sleep(600)
    async def stop(self): print("stopping", flush=True); await asyncio.sleep(600)

async def open_plane(): return Plane()
asyncio.run(run_worker(live_settings(), Site(Telemetry(), listen("127.0.0.1", 0)), open_plane))
"""


async def test_a_second_signal_ends_a_worker_at_once_whatever_it_still_does(tmp_path: Path) -> None:
    child = Child([sys.executable, "-c", STUBBORN], log=tmp_path / "log")
    child.start()
    await until(lambda: "up" in said(child), child)
    child.signal(signal.SIGINT)
    await until(lambda: "stopping" in said(child), child)
    child.signal(signal.SIGINT)
    assert await asyncio.to_thread(child.wait, 10) == 130
