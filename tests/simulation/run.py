"""One simulated life of a service: producers, workers that die and come back, a broker in bad weather.

Everything follows from a seed. In the end the weather clears, the workers come to rest, and the proof is the
same as for the real service: `tests.live.checking.check`.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import traceback
import weakref
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from random import Random
from typing import Any
from unittest.mock import patch

import structlog

from rules.engine.plan import make_plan
from rules.engine.text.template import make_template
from rules.intake.tables import intake_of
from rules.language.model import Pack
from rules.shard import core
from tests.live.checking import check, journal_of
from tests.live.histories import EventSet, random_events
from tests.live.published import INPUTS, OUTPUTS, Published, names_of
from tests.simulation.broker import TRANSACTION_S, SimulatedBroker, Weather
from tests.simulation.clients import Process, SimulatedGroup, SimulatedReader, SimulatedTransactor
from tests.simulation.inputs import InputTopics
from tests.simulation.loop import SimulatedLoop, Stuck
from workers.live import batch, inputs, joining, pace, restore, service, shard, snapshotting, surroundings
from workers.live.faults import STEPS, Faults, Step
from workers.live.service import DataPlane
from workers.live.telemetry import Telemetry
from workers.settings.live import live_settings

#: After so much simulated time in good weather everything must be done.
PATIENCE_S = 120.0
#: A day of the history passes in so many simulated seconds, where the clock is that of the wall.
_SECONDS_A_DAY = (0.05, 0.5, 5.0)
_DAY_S = 86_400.0
_MISHAPS = (
    *("kill", "kill", "join", "zombie", "wake", "leave", "rebalance", "nothing"),
    *("delete", "forbid"),
)
#: So many seeds live through the same events under the same pack, each in its own way.
SEEDS_A_HISTORY = 10

_process: contextvars.ContextVar[str] = contextvars.ContextVar("process", default="")


@dataclass
class Run:
    """What came of a seed: what is wrong, and what happened on the way."""

    seed: int
    found: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


class _Crash(Faults):
    """Kills the simulated process at a step instead of the real one."""

    def __init__(self, worker: _Worker, chosen: str | None) -> None:
        super().__init__(chosen)
        self._worker = worker

    def reach(self, step: Step) -> None:
        """Go on, or die here."""
        if step == self._step:
            self._seen[step] += 1
            if self._seen[step] == self._nth:
                self._worker.kill(f"killed when {step}")
                # nothing after this point is done by a process that is dead
                raise asyncio.CancelledError


class _Worker:
    """A worker: its process, and the data plane in it, which is the real one."""

    def __init__(self, world: World, name: str, fault: str | None) -> None:
        self.world = world
        self.name = name
        self.process = Process(name)
        self.reader: SimulatedReader | None = None
        self.plane: DataPlane | None = None
        self._fault = fault
        self._root = world.spawn(name, self._life())

    async def _life(self) -> None:
        world = self.world
        plane = DataPlane(world.pack, world.settings, world.telemetry, world.partitions)
        # a fault ends the simulated process; and nothing is prepared for a broker that is none
        plane._around = replace(
            plane._around, faults=_Crash(self, self._fault), prepare=lambda messages: messages
        )
        self.plane = plane
        await plane.start()
        await plane.wait()

    def kill(self, how: str) -> None:
        """End it as SIGKILL does: nothing of it runs on, nothing of it is said."""
        if self.process.dead:
            return
        self.process.dead = True
        self.world.seen[how] += 1
        if self.process.thawed is not None:
            self.process.thawed.set()
        for task in self.world.tasks_of(self.name):
            task.cancel()
        if self.reader is not None:
            reader = self.reader
            # the group notices after the session's time
            asyncio.get_running_loop().call_later(
                self.world.choose.choice((0.1, 10.0)), self.world.group.leave, reader
            )

    def stop_signal(self) -> None:
        """Like SIGSTOP: its requests wait; it may be woken long after others took over."""
        if self.process.thawed is None and not self.process.dead:
            self.world.seen["stopped as a zombie"] += 1
            self.process.thawed = asyncio.Event()
            asyncio.get_running_loop().call_later(10.0, self.world.group.rebalance)

    def wake(self) -> None:
        """Like SIGCONT."""
        if self.process.thawed is not None and not self.process.dead:
            self.process.thawed.set()
            self.process.thawed = None
            if self.reader is not None:
                self.world.spawn(self.name, self.world.group.came_back(self.reader))


class World:
    """Everything of one seed."""

    def __init__(self, seed: int, events: EventSet) -> None:
        self.seed = seed
        self.choose = choose = Random(f"simulation {seed}")
        self.pack: Pack = events.pack
        self.sent = events.sent
        self.partitions = 2
        self.seen: Counter[str] = Counter()
        self._made = 0
        self.loop = SimulatedLoop(choose)
        self._tasks: dict[str, weakref.WeakKeyDictionary[asyncio.Task[Any], int]] = defaultdict(
            weakref.WeakKeyDictionary
        )
        self.loop.set_task_factory(self._make_task)
        self._start_us = min((each.timestamp_ms for each in self.sent), default=0) * 1000
        self._day_s = choose.choice(_SECONDS_A_DAY)
        self.settings = live_settings(
            partitions=self.partitions,
            clock=choose.choice(("wall", "log")),
            tick_delay_s=choose.choice((0.0, 60.0, 86_400.0)),
            commit_interval_ms=choose.choice((1, 25, 100)),
            batch_records_max=choose.choice((1, 3, 20, 1000)),
            snapshot_interval_s=choose.choice((1.0, 5.0, 1000.0)),
        )
        self.telemetry = Telemetry()
        self.broker = SimulatedBroker(
            choose,
            Weather(),
            self.settings.topics.by_role().values(),
            self.partitions,
            self.wall_us,
            self.spawn,
        )
        self.inputs = InputTopics(self.broker, self.settings, self.seen, self._day_s)
        self.group = SimulatedGroup(self.broker, self.settings.topics.inputs, self.partitions, self.spawn)
        self.workers: list[_Worker] = []
        self._count = 0

    # --- time and tasks ---------------------------------------------------------------------------------

    def wall_us(self) -> int:
        """The wall clock of all machines: the days of the history pass quickly."""
        return self._start_us + int(self.loop.time() / self._day_s * _DAY_S * 1_000_000)

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **more)
        mine = self._tasks[_process.get()]
        self._made += 1
        mine[task] = self._made
        return task

    def spawn(self, name: str, coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task of a process; all that it makes belongs to it as well."""
        token = _process.set(name)
        try:
            return self.loop.create_task(coro)
        finally:
            _process.reset(token)

    def tasks_of(self, name: str) -> list[asyncio.Task[Any]]:
        """All tasks of a process, in the order of their making."""
        mine = self._tasks[name]
        return sorted(mine, key=mine.__getitem__)

    # --- clients ----------------------------------------------------------------------------------------

    def _worker_here(self) -> _Worker:
        return next(each for each in reversed(self.workers) if each.name == _process.get())

    def make_reader(self, asked: tuple[str, dict[str, Any]]) -> SimulatedReader:
        """In place of a reader around a consumer."""
        worker = self._worker_here()
        if asked[1].get("group_id") is None:
            return SimulatedReader(self.broker, worker.process)
        worker.reader = SimulatedReader(self.broker, worker.process, self.group)
        return worker.reader

    def make_transactor(self, asked: tuple[str, dict[str, Any]], *_: object) -> SimulatedTransactor:
        """In place of a transactor around a producer."""
        return SimulatedTransactor(self.broker, self._worker_here().process, asked[1]["transactional_id"])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Clients, clocks and sizes that belong to the simulation, in place of the real ones."""
        choose = self.choose
        clocks: dict[str, Any] = {"running_seconds": self.loop.time}
        wall: dict[str, Any] = {"unix_seconds": lambda: self.wall_us() / 1e6}
        busy = choose.choice((1, 4000))
        with (
            patch.multiple(batch, **clocks),
            patch.multiple(inputs, **clocks),
            patch.multiple(joining, **clocks, wait_for_broker=_nobody_waits),
            patch.multiple(surroundings, **wall),
            patch.multiple(restore, **clocks),
            patch.multiple(snapshotting, **clocks, **wall),
            patch.multiple(shard, **clocks),
            patch.multiple(pace, BUSY=busy, IDLE=busy),
            patch.multiple(
                service,
                **clocks,
                **wall,
                consumer=lambda _, **more: ("consumer", more),
                producer=lambda _, **more: ("producer", more),
                Reader=self.make_reader,
                Transactor=self.make_transactor,
                warm_shard=lambda _: None,
            ),
            patch.multiple(core, make_plan=_plan, make_template=_template, intake_of=_intake),
            patch("rules.engine.engine._SLICE_ROWS", choose.choice((1, 2, 4096))),
            patch.object(shard, "_INLINE_RECORDS", choose.choice((0, 300))),
        ):
            yield

    # --- the story --------------------------------------------------------------------------------------

    def start_worker(self) -> _Worker:
        """One more worker; now and then one that is to die at a step of a batch."""
        self._count += 1
        fault = None
        if self.broker.weather.lost and self.choose.random() < 0.5:
            step = self.choose.choice(STEPS)
            fault = f"{step}:{self.choose.randint(1, 6)}"
        worker = _Worker(self, f"worker-{self._count}", fault)
        self.workers.append(worker)
        return worker

    def living(self) -> list[_Worker]:
        """The workers that were not killed."""
        return [each for each in self.workers if not each.process.dead]

    async def story(self) -> None:
        """Storm, calm, and rest."""
        choose, broker = self.choose, self.broker
        broker.weather = choose.choice(
            (
                Weather(0.0, 0.0, 0.0, 0.01),
                Weather(0.0, 0.0, 0.0, 0.05, 1.0),
                Weather(0.01, 0.01, 0.01, 0.01, 0.5),
                Weather(0.05, 0.02, 0.02, 0.05),
                Weather(0.02, 0.05, 0.05, 0.3, 1.0),
            )
        )
        stormy = broker.weather.lost > 0 or choose.random() < 0.5
        self.start_worker()
        producing = self.spawn("producer", self.inputs.produce(self.sent))
        while not producing.done():
            await asyncio.sleep(choose.random() * 4)
            if stormy:
                self._mishap()
        await producing
        broker.weather = Weather()
        for each in self.living():
            each.wake()
            each._fault = None
        if not self.living():
            self.start_worker()
        await self.rest()

    def _mishap(self) -> None:
        choose = self.choose
        living = self.living()
        match choose.choice(_MISHAPS):
            case "kill" if living:
                choose.choice(living).kill("killed at random")
            case "join" if len(living) < 3:
                self.start_worker()
            case "zombie" if living:
                choose.choice(living).stop_signal()
            case "wake" if living:
                choose.choice(living).wake()
            case "leave" if living:
                self._leave(choose.choice(living))
            case "rebalance":
                self.group.rebalance()
            case "delete":
                self.inputs.delete(choose.choice(self.inputs.pairs), choose.random() * 20.0)
            case "forbid":
                self.inputs.forbid(choose.choice(self.settings.topics.inputs), choose.random() * 20.0)
        if not self.living():
            self.start_worker()

    def _leave(self, worker: _Worker) -> None:
        """Like SIGTERM: it may finish, and is gone."""

        async def end() -> None:
            assert worker.plane is not None
            await worker.plane.stop()
            self.seen["left in order"] += 1
            worker.kill("ended")

        if worker.plane is not None and worker.process.thawed is None:
            self.spawn(worker.name, end())

    async def rest(self) -> None:
        """Wait until everything that was sent is in the journal; then end the workers in order.

        A worker may end within a tick, which the next one goes on with.
        """
        await self._work_off()
        while not self.all_done():
            self.start_worker()
            await self._work_off()

    async def _work_off(self) -> None:
        until = self.loop.time() + PATIENCE_S
        while not self.all_done():
            if self.loop.time() > until:
                states = {w.name: w.plane.shards() for w in self.living() if w.plane is not None}
                raise Stuck(f"not everything is worked through after {PATIENCE_S:.0f} s: {states}")
            self._raise_stops()
            if not self.living():
                self.start_worker()
            await asyncio.sleep(0.5)
        self._raise_stops()
        for worker in self.living():
            if worker.plane is not None:  # one that came a moment ago has none yet
                await worker.plane.stop()
            worker.kill("ended")
        await asyncio.sleep(1.0)
        if any(log.stable < log.end for log in self.broker.logs.values()):
            await asyncio.sleep(2 * TRANSACTION_S)  # what came belated opened a transaction, which runs out

    def _raise_stops(self) -> None:
        for worker in self.living():
            for each in worker.plane._shards.values() if worker.plane is not None else ():
                if each.stopped is not None:
                    raise Stuck(f"shard {each.number} stays stopped: {each.stopped}")
            if worker._root.done() and (error := worker._root.exception()) is not None:
                raise Stuck(f"a worker has ended: {error!r}")

    def all_done(self) -> bool:
        """Whether the journals name all that there is to read."""
        published = self.published()
        for number in range(self.partitions):
            journal = journal_of(published, number)
            if journal and (tick := journal[-1].tick) is not None and tick.reached < tick.of:
                return False
            reached = [each.to for each in journal[-1].inputs] if journal else [0] * len(INPUTS)
            for place, role in enumerate(INPUTS):
                if self.broker.logs[published.names[role], number].end > reached[place]:
                    return False
        return True

    def published(self) -> Published:
        """What a reader of committed records can see now."""
        names = names_of(self.settings.topics)
        places = {(role, p): (names[role], p) for role in (*INPUTS, *OUTPUTS) for p in range(self.partitions)}
        logs = {place: self.broker.logs[pair] for place, pair in places.items()}
        return Published(
            names,
            self.partitions,
            {place: log.committed(0, log.end) for place, log in logs.items()},
            {place: log.stable for place, log in logs.items()},
            {place: log.end for place, log in logs.items()},
            {(role, p): self.broker.committed.get((names[role], p)) for role in INPUTS for p in range(2)},
        )


async def _nobody_waits(*_: object) -> None:
    """The simulated broker is always there, and only its answers are missing."""


@lru_cache(maxsize=2)
def events_of(number: int) -> EventSet:
    """The events of some seeds: reading a pack takes longer than living under it."""
    return random_events(number, partitions=2, crowd=2, poison=10)


@lru_cache(maxsize=2)
def _kept(fingerprint: str) -> dict[str, Any]:
    return {}


def _plan(pack: Pack) -> Any:
    kept = _kept(pack.fingerprint)
    if "plan" not in kept:
        kept["plan"] = make_plan(pack)
    return kept["plan"]


def _template(pack: Pack, generation: int) -> Any:
    kept = _kept(pack.fingerprint)
    if "template" not in kept:
        kept["template"] = make_template(pack, generation)
    return kept["template"]


def _intake(pack: Pack) -> Any:
    kept = _kept(pack.fingerprint)
    if "intake" not in kept:
        kept["intake"] = intake_of(pack)
    return kept["intake"]


def simulate(seed: int) -> Run:
    """Run the simulation of a seed and prove what came of it."""
    world = World(seed, events_of(seed // SEEDS_A_HISTORY))
    return lived(world, world.story())


def lived(world: World, story: Coroutine[Any, Any, None]) -> Run:
    """Let a story happen and prove what came of it."""
    run = Run(world.seed)
    asyncio.set_event_loop(world.loop)
    try:
        with world.in_place():
            world.loop.run_until_complete(world.spawn("story", story))
        run.found += check(world.published(), world.pack)
    except Stuck as stuck:
        run.found.append(str(stuck))
        run.found += check(world.published(), world.pack, complete=False)
    finally:
        _end(world)
    run.seen = world.seen + Counter(world.broker.seen)
    return run


def simulate_or_say(seed: int) -> Run:
    """Whatever breaks is a finding, and the other seeds go on."""
    try:
        return simulate(seed)
    except Exception:
        return Run(seed, [traceback.format_exc()])


def _end(world: World) -> None:
    """Let nothing of the seed be left."""
    loop = world.loop
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.set_exception_handler(lambda *_: None)
    for _ in range(10):
        loop.call_soon(loop.stop)
        loop.run_forever()
    loop.close()
    asyncio.set_event_loop(None)


def quiet() -> None:
    """No line of a log; a simulation says what is wrong in the end."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
