"""Topics on a broker: made where missing, looked at where they exist, and a broker that comes late."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.admin import NewTopic

from tests.live.topics import own_settings
from workers.broker.answers import free_port
from workers.broker.broker import HOST, Broker
from workers.cli.errors import UserError
from workers.kafka.clients import admin
from workers.kafka.topics import check_topics, create_topics, ready_topics
from workers.kafka.waiting import wait_for_broker
from workers.settings.live import LiveSettings, live_settings


async def make(settings: LiveSettings, topic: str, partitions: int, **configs: str) -> None:
    client = admin(settings)
    await client.start()
    named = {name.replace("_", "."): value for name, value in configs.items()}
    await client.create_topics([NewTopic(topic, partitions, 1, topic_configs=named)])
    while topic not in await client.list_topics():  # brokers hear of it a moment later
        await asyncio.sleep(0.01)
    await client.close()


async def test_missing_topics_are_made_as_they_must_be(broker: Broker) -> None:
    settings = own_settings(broker, partitions=3)
    made = await create_topics(settings)
    assert made.created == list(settings.topics.by_role().values())
    assert await check_topics(settings) == (3, [], [])


async def test_making_them_again_changes_nothing(broker: Broker) -> None:
    settings = own_settings(broker, partitions=3)
    await create_topics(settings)
    assert await create_topics(settings) == (3, [], [])


async def test_new_topics_get_as_many_partitions_as_an_input_that_exists(broker: Broker) -> None:
    settings = own_settings(broker, partitions=3)
    await make(settings, settings.topics.payments, 5)
    assert await ready_topics(settings) == 5


async def test_nothing_is_made_while_inputs_disagree(broker: Broker) -> None:
    settings = own_settings(broker)
    await make(settings, settings.topics.orders, 2)
    await make(settings, settings.topics.payments, 3)
    with pytest.raises(UserError, match="different numbers of partitions"):
        await ready_topics(settings)
    assert (await create_topics(settings)).created == []


async def test_a_wrong_cleanup_policy_is_named(broker: Broker) -> None:
    settings = own_settings(broker)
    await make(settings, settings.topics.journal, settings.partitions, cleanup_policy="compact")
    with pytest.raises(
        UserError, match=r"tierline-journal` has `cleanup.policy=compact`, and needs `delete`"
    ):
        await ready_topics(settings)


async def test_checking_makes_nothing(broker: Broker) -> None:
    settings = own_settings(broker)
    for _ in range(2):
        (missing,) = (await check_topics(settings)).findings
        assert missing.topics == tuple(settings.topics.by_role().values())


async def test_a_broker_that_comes_late_is_waited_for_and_told_about(private_broker: Broker) -> None:
    private_broker.stop()
    told: list[str] = []
    waiting = asyncio.create_task(wait_for_broker(live_settings(brokers=private_broker.address), told.append))
    while not told and not waiting.done():
        await asyncio.sleep(0.01)
    await asyncio.to_thread(private_broker.start)
    await waiting
    place = private_broker.address
    assert told == [
        f"waiting for the broker at `{place}`: the connection is refused",
        f"the broker at `{place}` answers",
    ]


async def test_a_broker_that_never_comes_is_an_error_in_the_end() -> None:
    nobody = f"{HOST}:{free_port(HOST)}"
    with pytest.raises(UserError, match=f"no broker answers at `{nobody}`: the connection is refused"):
        await wait_for_broker(live_settings(brokers=nobody), lambda _: None, timeout_s=0)
