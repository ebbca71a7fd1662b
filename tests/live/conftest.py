"""Brokers for the tests of the live service.

`broker` is shared by all tests of a run: topics and groups get names of their own (`tests.live.topics`). It
is the embedded one, or with `--broker java` Apache Kafka, or with `--broker HOST:PORT` one that runs already.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workers.broker.broker import KINDS, Broker, why_not


def _kind(config: pytest.Config) -> str:
    return str(config.getoption("--broker"))


def _started(kind: str) -> Broker:
    if kind not in KINDS:
        return Broker.given(kind)
    reason = why_not(kind)
    if reason:
        pytest.skip(reason)
    return Broker.of(kind)


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """The broker of this run."""
    with _started(_kind(request.config)) as started:
        yield started


@pytest.fixture(scope="session")
def kafka_broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Apache Kafka, whatever the others run on; a test that asks for it is marked `kafka`."""
    if _kind(request.config) != "embedded":
        yield request.getfixturevalue("broker")
        return
    with _started("java") as started:
        yield started


@pytest.fixture
def private_broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker for one test alone, to be stopped and started again; killed too where it `survives_kill`."""
    kind = _kind(request.config)
    if kind not in KINDS:
        pytest.skip(f"the broker at {kind} is not ours to kill")
    with _started(kind) as started:
        yield started
