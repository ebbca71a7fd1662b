"""Before any test is imported: where machine code is kept, and the numbers that random histories begin at."""

from __future__ import annotations

import random

import pytest

from workers.machine_code import prepare

prepare()

#: The seeds that every run tries.
SEED_BASE = 0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seed-base",
        type=int,
        default=random.SystemRandom().randrange(10**6, 10**9),
        help="the first seed of the random histories that are new in this run (printed; else drawn)",
    )


def pytest_report_header(config: pytest.Config) -> str:
    return f"random histories: seeds from {SEED_BASE} and from {config.getoption('--seed-base')}"


@pytest.fixture(scope="session")
def seed_bases(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Where the seeds of random histories begin: always at the same one, and at one that is new."""
    return SEED_BASE, request.config.getoption("--seed-base")
