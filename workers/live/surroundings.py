"""What the shards of a worker share: the pack, the settings, the figures, and how they get at a broker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from rules.language.model import Pack
from workers.clock import unix_seconds
from workers.kafka.messages import Messages
from workers.live.faults import Faults
from workers.live.ports import Reading, Transacting
from workers.live.telemetry import Telemetry
from workers.settings.live import LiveSettings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a shard is given.

    `prepare` does what can be done of sending in a thread; `wall_us` is the clock in microseconds since 1970.
    `steps`: so many shards step at once, not more than there are processors: more would each take longer.
    """

    pack: Pack
    settings: LiveSettings
    telemetry: Telemetry
    faults: Faults
    make_reader: Callable[[], Reading]
    make_transactor: Callable[[int], Transacting]
    prepare: Callable[[Messages], Messages] = lambda messages: messages
    wall_us: Callable[[], int] = lambda: int(unix_seconds() * 1_000_000)
    steps: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(os.cpu_count() or 1))
