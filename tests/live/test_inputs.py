"""Inputs that cannot be read, on Apache Kafka: deleted, forbidden by an ACL; and what is no record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from tests.live.checking import check
from tests.live.published import collect
from tests.live.test_worker_command import HOST, Running, order, page, ready, said, until
from tests.live.topics import Scene
from workers.broker import apache
from workers.broker.answers import free_port
from workers.broker.broker import Broker
from workers.children import Child
from workers.kafka.clients import consumer, producer
from workers.packs import open_pack

AT_MS = 1_772_452_800_000
#: Words of Kafka's rules.
_TOPIC, _LITERAL, _READ, _ALLOW = 2, 3, 3, 3


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path)
    yield started
    for child in started.children:
        child.kill()


async def scene_on(broker: Broker) -> Scene:
    return await Scene.on(
        broker, partitions=2, clock="log", web_port=free_port(HOST), session_timeout_ms=6_000
    )


async def ordered(scene: Scene, partition: int, *customers: str) -> None:
    """Orders straight into a partition, whatever the customers' own."""
    records = [order(customer, "120.00") for customer in customers]
    await scene.send(scene.topics.orders, records, partition=partition, timestamp_ms=AT_MS)


def applied(scene: Scene, count: int) -> bool:
    figures = str(page(scene.settings.web_port, "/metrics")[1])
    return f'tierline_events_applied_total{{topic="orders"}} {float(count)}' in figures


def shards(scene: Scene) -> dict[str, str]:
    body = page(scene.settings.web_port, "/readyz")[1]
    return dict(body["shards"]) if isinstance(body, dict) else {}


def reason(scene: Scene, shard: str) -> str:
    body = page(scene.settings.web_port, "/readyz")[1]
    return str(body.get("reasons", {}).get(shard, "")) if isinstance(body, dict) else ""


async def test_what_was_deleted_unread_stops_its_shard_and_no_other(
    kafka_broker: Broker, running: Running
) -> None:
    scene = await scene_on(kafka_broker)
    port, orders = scene.settings.web_port, scene.topics.orders
    first = running.start(scene.settings)
    await until(lambda: ready(port), first)
    await ordered(scene, 0, "a", "b")
    await ordered(scene, 1, "c")
    await until(lambda: applied(scene, 3), first)
    assert first.stop() == 143
    before = len(await scene.read(scene.topics.changes, partition=0))

    await ordered(scene, 0, "d", "e", "f")
    await ordered(scene, 1, "g")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_broker.address)
    await admin.start()
    await admin.delete_records({TopicPartition(orders, 0): RecordsToDelete(before_offset=4)})
    await admin.close()

    second = running.start(scene.settings)
    gap = f"offset 2 of `{orders}/0` is not there: the log begins at offset 4 now"
    await until(lambda: gap in reason(scene, "0") and shards(scene)["1"] == "ready", second)
    await until(lambda: applied(scene, 1), second)
    status, body = page(port, "/readyz")
    assert (status, body["ready"]) == (503, False)
    figure = 'tierline_input_unreadable{reason="deleted",shard="0",topic="orders"} 1.0'
    assert figure in str(page(port, "/metrics")[1])
    assert said(second).count("shard cannot read an input") == 1
    for _ in range(20):
        await asyncio.sleep(0.1)
        assert shards(scene)["0"] != "ready"
    assert len(await scene.read(scene.topics.changes, partition=0)) == before, "nothing is skipped"
    assert second.stop() == 143
    assert "Traceback" not in said(second)
    assert "Unclosed" not in said(second)


class Guarded:
    """Apache Kafka that asks for rights: a topic with a rule is closed to all whom it does not name."""

    def __init__(self, folder: Path) -> None:
        port = free_port(HOST)
        rights = {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true",
        }
        command = apache.recipe(folder, HOST, port, more=rights)
        self.broker = Broker("java", f"{HOST}:{port}", Child(command, log=folder / "broker.log"), None)

    async def rule(self, kind: type[CreateAclsRequest | DeleteAclsRequest], topic: str) -> None:
        """Make or take back the rule that somebody else may read a topic."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker.address)
        await admin.start()
        rule = kind(_TOPIC, topic, _LITERAL, "User:somebody", "*", _READ, _ALLOW)
        answer = await admin._send_request(rule)
        await admin.close()
        assert "error_code=0" in repr(answer), answer


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    if why := apache.why_not():
        pytest.skip(why)
    folder = tmp_path / "guarded"
    folder.mkdir()
    made = Guarded(folder)
    with made.broker:
        yield made


@pytest.mark.kafka
@pytest.mark.parametrize(
    "told",
    [
        "shard cannot read an input",
        # once a minute a client asks what is shown to it, and the group then deals out what is left
        pytest.param("shard is not run", marks=pytest.mark.slow),
    ],
)
async def test_a_right_that_is_taken_away_stops_the_shards_until_it_is_back(
    guarded: Guarded, running: Running, told: str
) -> None:
    scene = await scene_on(guarded.broker)
    port, orders = scene.settings.web_port, scene.topics.orders
    child = running.start(scene.settings)
    await until(lambda: ready(port), child)
    await ordered(scene, 0, "a")
    await until(lambda: applied(scene, 1), child)
    await guarded.rule(CreateAclsRequest, orders)
    await until(lambda: f"does not let this user read `{orders}`" in reason(scene, "0"), child)
    await until(lambda: told in said(child), child)
    assert page(port, "/readyz")[0] == 503
    assert set(shards(scene).values()) <= {"failed", "fencing", "restoring"}
    figure = 'tierline_input_unreadable{reason="forbidden",shard="0",topic="orders"} 1.0'
    await until(lambda: figure in str(page(port, "/metrics")[1]), child)
    await guarded.rule(DeleteAclsRequest, orders)
    await until(lambda: ready(port), child)
    await ordered(scene, 0, "b")
    await ordered(scene, 1, "c")
    await until(lambda: applied(scene, 3), child)
    assert child.stop() == 143
    assert "Traceback" not in said(child)
    published = await collect(guarded.broker.address, scene.topics, 2, group=scene.settings.group)
    assert check(published, open_pack("shop")) == []


async def positions(scene: Scene) -> list[Any]:
    """Position of the group and end of the orders' first partition."""
    async with consumer(scene.settings, group_id=scene.settings.group) as client:
        place = TopicPartition(scene.topics.orders, 0)
        client.assign([place])
        return [await client.committed(place), (await client.end_offsets([place]))[place]]


async def test_behind_transactions_nothing_is_left_to_be_read(kafka_broker: Broker, running: Running) -> None:
    """A committed one, an aborted one after it, and their markers: lag 0, and a position at the end."""
    scene = await scene_on(kafka_broker)
    port = scene.settings.web_port
    child = running.start(scene.settings)
    await until(lambda: ready(port), child)
    async with producer(scene.settings, transactional_id=f"{scene.settings.group}-orders") as client:
        for commit in (True, False):
            await client.begin_transaction()
            key, value = order(f"a{commit}", "120.00")
            await client.send_and_wait(scene.topics.orders, value, key, 0, AT_MS)
            await (client.commit_transaction() if commit else client.abort_transaction())
    await until(lambda: applied(scene, 1), child)
    no_lag = 'tierline_lag_records{shard="0",topic="orders"} 0.0'
    await until(lambda: no_lag in str(page(port, "/metrics")[1]), child)
    async with asyncio.timeout(120):
        while await positions(scene) != [4, 4]:
            await asyncio.sleep(0.2)
    child.kill()
    again = running.start(scene.settings)
    await until(lambda: ready(port), again)
    await ordered(scene, 0, "b")
    await until(lambda: applied(scene, 1), again)
    assert again.stop() == 143
    published = await collect(kafka_broker.address, scene.topics, 2, group=scene.settings.group)
    assert check(published, open_pack("shop")) == []
