"""Whatever the broker does while a worker joins its group: it is waited for, and that is said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    InvalidSessionTimeoutError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from workers.cli.errors import UserError
from workers.kafka.reader import Reader
from workers.live import joining
from workers.live.joining import joined
from workers.settings.live import LiveSettings, live_settings

SETTINGS = live_settings(group="shop")


class Member:
    """A reader whose start goes as it is told."""

    def __init__(self, start: Callable[[], Awaitable[object]]) -> None:
        self._start = start
        self.stopped = False

    async def start(self) -> None:
        await self._start()

    async def stop(self) -> None:
        self.stopped = True


def raises(error: Exception) -> Callable[[], Awaitable[None]]:
    async def start() -> None:
        raise error

    return start


async def good() -> None:
    """All goes well."""


class Members:
    """Members in their turn, as `joined` asks for them."""

    def __init__(self, *starts: Callable[[], Awaitable[object]]) -> None:
        self.all = [Member(start) for start in starts]
        self._next = iter(self.all)
        self.said: list[str] = []

    async def join(self) -> object:
        return await joined(lambda: cast(Reader, next(self._next)), SETTINGS, self.said.append)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often the broker was waited for; it is there at once, and looked for often."""
    seen: list[str] = []

    async def wait_for_broker(settings: LiveSettings, _tell: Callable[[str], None]) -> None:
        seen.append(settings.brokers)

    monkeypatch.setattr(joining, "wait_for_broker", wait_for_broker)
    monkeypatch.setattr(joining, "_AGAIN_S", 0.0)
    monkeypatch.setattr(joining, "_LOOK_S", 0.01)
    return seen


@pytest.mark.parametrize(
    "error",
    [
        KafkaConnectionError("Unable to bootstrap"),
        UnknownTopicOrPartitionError(),
        KafkaError("Unexpected error during coordination AssertionError()"),
        ConnectionResetError("reset by peer"),
    ],
)
async def test_a_broker_that_goes_away_is_waited_for(waits: list[str], error: Exception) -> None:
    members = Members(raises(error), good)
    assert await members.join() is members.all[1]
    assert members.all[0].stopped
    assert waits
    assert "cannot join the group `shop` yet, trying again" in members.said[0]


async def test_an_answer_that_does_not_come_is_said(
    waits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "_TELL_S", 0.0)
    members = Members(good)
    answered = asyncio.Event()
    members.all[0]._start = answered.wait
    join = asyncio.create_task(members.join())
    while not members.said:
        await asyncio.sleep(0.01)
    assert members.said[0] == "waiting for the group `shop` to say which shards are this worker's"
    assert waits, "meanwhile one looks whether the broker is there"
    answered.set()
    assert await join is members.all[0]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TopicAuthorizationFailedError("orders"), "does not let this user read `orders`"),
        (GroupAuthorizationFailedError("shop"), "does not let this user be in the group `shop`"),
        (InvalidSessionTimeoutError(), "the group `shop` does not take this worker"),
    ],
)
async def test_what_waiting_does_not_mend_ends_it(error: Exception, message: str) -> None:
    with pytest.raises(UserError, match=message):
        await Members(raises(error)).join()


async def test_a_worker_that_is_stopped_meanwhile_joins_no_more() -> None:
    began, never = asyncio.Event(), asyncio.Event()
    cancelled = []

    async def start() -> None:
        began.set()
        try:
            await never.wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    join = asyncio.create_task(Members(start).join())
    await began.wait()
    join.cancel()
    await asyncio.wait([join])
    await asyncio.sleep(0)
    assert join.cancelled()
    assert cancelled
