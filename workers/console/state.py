"""What all requests of a console share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select

from rules.language.model import Pack
from workers.console.acts.outbox import KafkaOutbox, Outbox
from workers.console.auth.oidc import Provider
from workers.console.auth.people import Tokens, Users
from workers.console.auth.sessions import Sessions
from workers.console.auth.throttle import Throttle
from workers.console.pages.reasons import Reasons
from workers.console.pages.rendering import Pages
from workers.console.pages.translations import LANGUAGES
from workers.console.telemetry import Telemetry
from workers.console.worker_client import WorkerClient
from workers.settings.console import ConsoleSettings
from workers.settings.live import LiveSettings
from workers.sql import tables as at

T = TypeVar("T")

#: Results of questions about everybody that are kept, until the projection moves on.
_KEPT_MAX = 200


@dataclass
class State:
    """The parts of a console."""

    engine: Engine
    pack: Pack
    settings: ConsoleSettings
    live: LiveSettings
    users: Users
    tokens: Tokens
    sessions: Sessions
    workers: WorkerClient
    provider: Provider | None = None
    telemetry: Telemetry = field(default_factory=Telemetry)
    throttle: Throttle = field(default_factory=Throttle)
    pages: Pages = field(init=False)
    reasons: dict[str, Reasons] = field(init=False)
    outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        self.pages = Pages(self.pack)
        self.outbox = KafkaOutbox(self.live)
        self.reasons = {
            language: Reasons(self.pack, language, self.pages.names, self.pages.formats[language])
            for language in LANGUAGES
        }
        self._kept: dict[tuple[Any, ...], Any] = {}
        self._kept_of: int | None = None
        self._lock = Lock()

    def kept(self, connection: Connection, name: Sequence[Any], ask: Callable[[], T]) -> T:
        """What `ask` answers, asked once for each state of the projection: for questions about everybody."""
        now = connection.scalar(select(at.PROJECTION.c.projected_us))
        place = tuple(name)
        with self._lock:
            if now != self._kept_of or len(self._kept) > _KEPT_MAX:
                self._kept, self._kept_of = {}, now
            if place in self._kept:
                found: T = self._kept[place]
                return found
        answer = ask()
        with self._lock:
            if self._kept_of == now:
                self._kept[place] = answer
        return answer
