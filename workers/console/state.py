"""What all requests of a console share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select

from rules.language.model import Pack
from workers.console.acts.outbox import KafkaOutbox, Outbox
from workers.console.auth.oidc import Provider
from workers.console.auth.people import Tokens, Users
from workers.console.auth.sessions import Sessions
from workers.console.auth.throttle import Throttle
from workers.console.keeping import Answer, Keeping
from workers.console.pages.reasons import Reasons
from workers.console.pages.rendering import Pages
from workers.console.pages.translations import LANGUAGES
from workers.console.telemetry import Telemetry
from workers.console.worker_client import WorkerClient
from workers.settings.console import ConsoleSettings
from workers.settings.live import LiveSettings
from workers.sql import tables as at

T = TypeVar("T")


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
        self._keeping = Keeping()

    def kept(self, connection: Connection, name: Sequence[Any], ask: Callable[[], T]) -> T:
        """What `ask` answers, for questions about everybody: asked again when that is worth it."""
        return self.answer(connection, name, ask).value

    def answer(self, connection: Connection, name: Sequence[Any], ask: Callable[[], T]) -> Answer[T]:
        """The same, and when it was asked."""
        return self._keeping.ask(self.projected(connection), tuple(name), ask)

    def projected(self, connection: Connection) -> int | None:
        """What tells one state of the projection from another."""
        found: int | None = connection.scalar(select(at.PROJECTION.c.projected_us))
        return found
