"""A console over a small made-up world, and visitors who log in, click and ask as a browser would."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from httpx2 import Response
from sqlalchemy import Engine
from starlette.testclient import TestClient

from rules.language.load import load_pack
from rules.language.model import Pack
from tests.unit.queries.world import World, fill, instant_us, made
from workers.acting.decisions import Written
from workers.console.acts.outbox import AwayError, Sent
from workers.console.app import create_app
from workers.console.auth.people import ROLES, Role, Tokens, Users, new_token, user_line
from workers.console.auth.sessions import Sessions
from workers.console.state import State
from workers.console.worker_client import Answer
from workers.projector.bulk import put
from workers.projector.describing import describe
from workers.settings.console import ConsoleSettings
from workers.settings.live import LiveSettings, live_settings
from workers.sql import tables as at
from workers.sql.connect import open_database

PASSWORD = "correct horse battery"  # noqa: S105
PACK = Path(__file__).with_name("small.yaml")
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@cache
def small_pack() -> Pack:
    """The pack of the world."""
    return load_pack(PACK.read_text(encoding="utf-8"), PACK.name)


@cache
def people() -> tuple[str, str, dict[str, str]]:
    """The files of users and tokens with one of each role, and the tokens by role."""
    tokens = {role: new_token(f"{role}-program", role) for role in ROLES}
    users = "\n".join(user_line(f"{role}-anna", role, PASSWORD) for role in ROLES)
    return (
        users,
        "\n".join(line for _, line in tokens.values()),
        {role: each for role, (each, _) in tokens.items()},
    )


@dataclass
class FakeOutbox:
    """Keeps what is written; with `away`, nobody takes it."""

    events: list[dict[str, Any]] = field(default_factory=list)
    sources: list[tuple[str, int]] = field(default_factory=list)
    at_ms: list[int] = field(default_factory=list)
    asked: list[tuple[int, bool]] = field(default_factory=list)
    away: bool = False

    def write(self, events: Sequence[dict[str, Any]], at_ms: int) -> Written:
        if self.away:
            raise AwayError("no broker answers at `kafka:9092`")
        self.events += events
        self.at_ms.append(at_ms)
        return Written(len(events), None)

    def send_again(self, sources: Collection[tuple[str, int]], since_ms: int, *, fix_key: bool) -> Sent:
        if self.away:
            raise AwayError("no broker answers at `kafka:9092`")
        self.sources += sorted(sources)
        self.asked.append((since_ms, fix_key))
        return Sent(len(sources), {})


class FakeWorkers:
    """A worker that knows nobody, or cannot be reached."""

    def __init__(self) -> None:
        self.answer = Answer(None, "away")

    def customer(self, _customer_id: str) -> Answer:
        return self.answer

    def close(self) -> None:
        pass


class Visitor:
    """A browser."""

    def __init__(self, app: Any, address: str = "127.0.0.1", base_url: str = "http://127.0.0.1") -> None:
        self.client = TestClient(
            app,
            base_url=base_url,
            follow_redirects=False,
            raise_server_exceptions=False,
            client=(address, 50_000),
        )

    def get(self, path: str, **more: Any) -> Response:
        return self.request("GET", path, **more)

    def post(self, path: str, data: dict[str, Any], **more: Any) -> Response:
        return self.request("POST", path, data=data, **more)

    def request(self, method: str, path: str, **more: Any) -> Response:
        answer: Response = self.client.request(method, path, **more)
        return answer

    def csrf(self, path: str = "/login") -> str:
        found = _CSRF.search(self.get(path).text)
        assert found is not None, path
        return found[1]

    def log_in(self, user: str, password: str = PASSWORD, next_: str = "/") -> Response:
        return self.post("/login", {"user": user, "password": password, "csrf": self.csrf(), "next": next_})

    def send(self, path: str, form: dict[str, Any], **more: Any) -> Response:
        """Send a form of a page of ours."""
        return self.post(path, {"csrf": self.csrf("/"), **form}, **more)


@dataclass
class Desk:
    """A console and its parts."""

    state: State
    world: World
    outbox: FakeOutbox
    workers: FakeWorkers
    tokens: dict[str, str]

    def __post_init__(self) -> None:
        self.app = create_app(self.state)

    def visitor(self, **more: Any) -> Visitor:
        return Visitor(self.app, **more)

    def logged_in(self, role: Role) -> Visitor:
        found = self.visitor()
        assert found.log_in(f"{role}-anna").status_code == 303
        return found

    def ask(self, path: str, role: str | None = "viewer", method: str = "GET", **more: Any) -> Response:
        """A request of a program."""
        headers = {"authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return self.visitor().request(method, path, headers=headers, **more)


def desk_over(url: str, folder: Path, *, live: LiveSettings | None = None, **settings: Any) -> Desk:
    """A console over a database that is filled now."""
    users, tokens, plain = people()
    (folder / "users.txt").write_text(users, encoding="utf-8")
    (folder / "tokens.txt").write_text(tokens, encoding="utf-8")
    world = made(7)
    filled = open_database(url)
    fill(filled, world)
    with filled.begin() as connection:
        describe(connection, small_pack(), with_orders=True)
        put(connection, at.SHARDS, [(0, 1, 5, instant_us(20), instant_us(21), "small", "1", "0" * 64, 0)])
    filled.dispose()
    reading: Engine = open_database(url, read_only=True)
    outbox, workers = FakeOutbox(), FakeWorkers()
    state = State(
        engine=reading,
        pack=small_pack(),
        settings=ConsoleSettings(**settings),
        live=live or live_settings(),
        users=Users.read(folder / "users.txt"),
        tokens=Tokens.read(folder / "tokens.txt"),
        sessions=Sessions("s" * 32, 1),
        workers=workers,  # type: ignore[arg-type]
    )
    state.outbox = outbox
    return Desk(state, world, outbox, workers, plain)
