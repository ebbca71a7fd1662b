"""Joining the group of workers. The broker may go away at any moment of it: it is waited for, visibly."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
)

from workers.cli.errors import UserError
from workers.clock import running_seconds
from workers.kafka.opened import told
from workers.kafka.reader import Reader
from workers.kafka.unreadable import forbidden, forbidden_group
from workers.kafka.waiting import wait_for_broker
from workers.settings.live import LiveSettings

#: So often to look whether the broker still answers, and to say that the group has not answered yet.
_LOOK_S: Final = 2.0
_TELL_S: Final = 10.0
#: Between two tries, and how long what is given up may take to end.
_AGAIN_S: Final = 0.5
_STOP_S: Final = 5.0
#: An error of no kind is what aiokafka makes of its own stumbling, such as over a broker that has left.
_UNCLEAR: Final = (KafkaError, KafkaTimeoutError)


async def joined(
    make_reader: Callable[[], Reader], settings: LiveSettings, tell: Callable[[str], None]
) -> Reader:
    """A reader that has joined its group; what keeps it from that is told, at once and every few seconds.

    `make_reader` gives one that has not been started. Raises `UserError` where waiting does not help.
    """
    while True:
        reader = make_reader()
        starting = asyncio.create_task(reader.start())
        try:
            await _watched(starting, settings, tell)
        except TopicAuthorizationFailedError as error:
            raise forbidden(str(error.args[0])) from error
        except GroupAuthorizationFailedError as error:
            raise forbidden_group(error) from error
        except (KafkaError, OSError) as error:
            reason = told(error) if isinstance(error, KafkaError) else str(error)
            if isinstance(error, KafkaError) and not (error.retriable or type(error) in _UNCLEAR):
                raise UserError(
                    f"the group `{settings.group}` does not take this worker: {reason}"
                ) from error
            tell(f"cannot join the group `{settings.group}` yet, trying again: {reason}")
        else:
            return reader
        finally:
            starting.cancel()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(reader.stop(), _STOP_S)
        await asyncio.sleep(_AGAIN_S)
        await wait_for_broker(settings, tell)


async def _watched(starting: asyncio.Task[None], settings: LiveSettings, tell: Callable[[str], None]) -> None:
    """Until it has started; raises what ended it."""
    told_s = running_seconds()
    while not (await asyncio.wait([starting], timeout=_LOOK_S))[0]:
        await wait_for_broker(settings, tell)
        if not starting.done() and running_seconds() - told_s >= _TELL_S:
            told_s = running_seconds()
            tell(f"waiting for the group `{settings.group}` to say which shards are this worker's")
    await starting
