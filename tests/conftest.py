"""Before any test is imported: where machine code is kept, and the numbers that random histories begin at."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import hypothesis  # before all else: at the very end of a run, importing it can meet a fault of CPython 3.11
import pytest

from tests.databases import Postgres, own_database, postgres_programs
from workers.machine_code import prepare

prepare()
# no test is judged by the time it takes: that is the machine's affair
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")

_NUMBERS = count()

#: The seeds that every run tries.
SEED_BASE = 0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seed-base",
        type=int,
        default=random.SystemRandom().randrange(10**6, 10**9),
        help="the first seed of the random histories that are new in this run (printed; else drawn)",
    )

    parser.addoption(
        "--broker",
        default="embedded",
        help="where live tests run: embedded, java (Apache Kafka, started here) or HOST:PORT of another",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the broker that they ask for."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "kafka_broker" in fixtures:
            item.add_marker(pytest.mark.kafka)
        elif fixtures & {"broker", "private_broker"}:
            item.add_marker(pytest.mark.live)


def pytest_report_header(config: pytest.Config) -> str:
    return f"random histories: seeds from {SEED_BASE} and from {config.getoption('--seed-base')}"


@pytest.fixture(scope="session")
def seed_bases(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Where the seeds of random histories begin: always at the same one, and at one that is new."""
    return SEED_BASE, request.config.getoption("--seed-base")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL that all tests of the run share; each takes a database of its own."""
    if postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed here")
    with Postgres() as server:
        yield server.url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of either kind."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield f"sqlite:///{tmp_path / 'tierline.db'}"
        else:
            server = request.getfixturevalue("postgres_server")
            yield stack.enter_context(own_database(server, f"tierline_{next(_NUMBERS)}"))
