"""Several workers on one machine: which are started again, when, and how it all ends."""

from __future__ import annotations

import asyncio
import signal
from typing import cast

import pytest

from workers.children import Child
from workers.live import several as module
from workers.live.several import Several


class Played:
    """A process that does what a test says."""

    def __init__(self) -> None:
        self.starts = 0
        self.code: int | None = None
        self.signals: list[int] = []
        self.pid = 1

    @property
    def running(self) -> bool:
        return self.starts > 0 and self.code is None

    def start(self) -> None:
        self.starts += 1
        self.code = None

    def exit_code(self) -> int | None:
        return self.code

    def signal(self, number: int) -> None:
        if self.running:
            self.signals.append(number)
            self.code = 128 + number


class Run:
    """Two workers, and a clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.children = [Played(), Played()]
        named = [(f"w-{n}", cast(Child, child)) for n, child in enumerate(self.children)]
        self.several = Several(named, seconds=lambda: self.now)
        self.task = asyncio.create_task(self.several.run())

    async def pass_s(self, seconds: float) -> None:
        self.now += seconds
        for _ in range(3):
            await asyncio.sleep(0)

    @property
    def starts(self) -> list[int]:
        return [child.starts for child in self.children]


@pytest.fixture
async def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(module, "_LOOK_S", 0)
    made = Run()
    await made.pass_s(0)
    return made


async def test_all_are_started_and_none_twice(run: Run) -> None:
    await run.pass_s(100)
    assert run.starts == [1, 1]


async def test_one_that_dies_is_started_again_after_a_second(run: Run) -> None:
    run.children[0].code = -9
    await run.pass_s(0)
    await run.pass_s(0.9)
    assert run.starts == [1, 1]
    await run.pass_s(0.2)
    assert run.starts == [2, 1]


async def test_one_that_keeps_dying_waits_twice_as_long_each_time_up_to_half_a_minute(run: Run) -> None:
    waited = []
    for _ in range(7):
        run.children[0].code = 1
        await run.pass_s(0)
        begun, starts = run.now, run.children[0].starts
        while run.children[0].starts == starts:
            await run.pass_s(0.5)
        waited.append(round(run.now - begun))
    assert waited == [1, 2, 4, 8, 16, 30, 30]


async def test_one_that_lived_long_waits_a_second_again(run: Run) -> None:
    for _ in range(3):
        run.children[0].code = 1
        await run.pass_s(0)
        await run.pass_s(10)
    assert run.starts[0] == 4
    await run.pass_s(120)
    run.children[0].code = 1
    await run.pass_s(0)
    await run.pass_s(1.1)
    assert run.starts[0] == 5


async def test_one_that_only_the_user_can_help_is_not_started_again(run: Run) -> None:
    run.children[0].code = 2
    await run.pass_s(1_000)
    assert run.starts == [1, 1]
    assert not run.task.done()
    run.children[1].code = 2
    assert await asyncio.wait_for(run.task, 1) == 2


async def test_a_signal_is_passed_on_to_all_and_ends_when_all_have_ended(run: Run) -> None:
    run.several.signal(signal.SIGTERM)
    assert await asyncio.wait_for(run.task, 1) == 0
    assert [child.signals for child in run.children] == [[signal.SIGTERM]] * 2


async def test_one_that_has_died_when_all_shall_end_is_not_started_again(run: Run) -> None:
    run.children[0].code = -9
    await run.pass_s(0)
    run.several.signal(signal.SIGINT)
    await run.pass_s(100)
    assert await asyncio.wait_for(run.task, 1) == 0
    assert run.starts == [1, 1]
