"""Workers killed for real while events flow: which mishaps there are, and what is proven in the end.

Everything that is chosen follows from a seed; what the machine makes of it does not, so a storm is not
repeated to the letter, but the proof at its end holds for whatever happened.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from rules.language.load import load_pack
from rules.language.model import Pack
from tests.live.checking import check, journal_of
from tests.live.histories import events_under
from tests.live.published import INPUTS, Published, collect
from tests.live.sending import send
from tests.live.subscriber import Subscriber
from workers.broker.answers import free_port
from workers.broker.broker import Broker
from workers.children import Child
from workers.clock import running_seconds
from workers.live.faults import STEPS
from workers.live.several import command_of
from workers.settings.live import LiveSettings

#: How long everything may take once the storm is over: restoring, and working off what has piled up.
CALM_S = 300.0
#: Longer than a session and a transaction may last, so that a worker that was stopped wakes as a zombie.
ZOMBIE_S = 9.0
SESSION_MS, TRANSACTION_MS = 6_000, 5_000
WORKERS_MAX = 3
#: How often, and how long at most, the next mishap waits for batches.
_WAITS_FOR_BATCHES = 0.75
BATCHES_S = 20.0

Mishap = str


@dataclass
class Outcome:
    """What was survived, and what was not: sentences, none if all is well."""

    survived: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)
    records: int = 0
    changes: int = 0
    batches: int = 0


class Storm:
    """One service on one broker, its workers as processes, and what happens to them."""

    def __init__(
        self,
        broker: Broker,
        settings: LiveSettings,
        folder: Path,
        seed: int,
        rules: Path,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.broker = broker
        self.settings = settings
        self.folder = folder
        self.choose = Random(f"storm {seed}")
        self.tell = tell
        self.rules = rules
        self.pack: Pack = load_pack(rules.read_text("utf-8"), rules.name)
        self.outcome = Outcome()
        self.sent = events_under(self.pack, seed, settings.partitions)
        self._workers: dict[str, Child] = {}
        self._faulty: dict[str, str] = {}
        self._stopped: dict[str, float] = {}
        self._ports: dict[str, int] = {}

    async def rage(self, mishaps: int, *, kinds: tuple[Mishap, ...], rate: float = 60.0) -> Outcome:
        """Feed events, let so many things go wrong, come to rest, and prove what came of it."""
        self._start("w0")
        self._start("w1")
        subscriber = Subscriber(self.broker.address, self.settings)
        subscribing = asyncio.create_task(subscriber.run())
        producing = asyncio.create_task(self._produce(rate))
        try:
            await self._until_something_is_published()
            while sum(self.outcome.survived.values()) < mishaps:
                await self._meanwhile(subscriber)
                await self._mishap(self.choose.choice(kinds))
            if producing.done():
                producing.result()
            producing.cancel()
            await asyncio.wait([producing])
            self._wake_all()
            published = await self._rest()
            await subscriber.read_to(published)
            self.outcome.found += [*check(published, self.pack), *subscriber.check(published)]
            self._count(published)
        finally:
            for task in (producing, subscribing):
                task.cancel()
            await asyncio.wait([producing, subscribing])
            for child in self._workers.values():
                await asyncio.to_thread(child.kill)
        return self.outcome

    async def _meanwhile(self, subscriber: Subscriber) -> None:
        """Mostly wait for a few batches to be published; else strike while workers start and restore."""
        until_s = running_seconds() + self.choose.uniform(0.2, 2.5)
        wanted = 0
        if self.choose.random() < _WAITS_FOR_BATCHES:
            wanted = subscriber.batches + self.choose.randint(1, 20)
            until_s += BATCHES_S
        while running_seconds() < until_s and not (wanted and subscriber.batches >= wanted):
            await asyncio.sleep(0.05)

    # --- mishaps ----------------------------------------------------------------------------------------

    async def _mishap(self, kind: Mishap) -> None:
        self._look()
        running = [name for name, child in self._workers.items() if child.running]
        awake = [name for name in running if name not in self._stopped]
        name = self.choose.choice(awake) if awake else ""
        match kind:
            case "kill" if name:
                await asyncio.to_thread(self._workers[name].kill)
                self._survived("killed at random")
                self._forget(name)
            case "fault" if name and name not in self._faulty:
                await asyncio.to_thread(self._workers[name].kill)
                self._survived("killed at random")
                self._forget(name)
                self._start(name, f"{self.choose.choice(STEPS)}:{self.choose.randint(1, 12)}")
            case "zombie" if len(awake) > 1:
                self._workers[name].signal(signal.SIGSTOP)
                self._stopped[name] = running_seconds()
            case "leave" if len(awake) > 1:
                await asyncio.to_thread(self._workers[name].stop)
                self._survived("left in order")
                self._forget(name)
            case "broker kill":
                await asyncio.to_thread(self.broker.kill)
                await asyncio.sleep(self.choose.uniform(0, 2))
                await asyncio.to_thread(self.broker.start)
                self._survived("broker killed")
            case "broker restart":
                await asyncio.to_thread(self.broker.stop)
                await asyncio.sleep(self.choose.uniform(0, 2))
                await asyncio.to_thread(self.broker.start)
                self._survived("broker restarted")
        self._join()

    def _join(self) -> None:
        """Now and then one more worker; or those of before, where the broker never forgets a member."""
        if self.broker.kind == "embedded":
            for name in ("w0", "w1"):
                if name not in self._workers:
                    self._start(name)
        elif len(self._workers) - len(self._stopped) < self.choose.randint(1, WORKERS_MAX):
            self._start(next(f"w{n}" for n in range(2 * WORKERS_MAX) if f"w{n}" not in self._workers))

    def _look(self) -> None:
        """Count who died at the step that was told, start them anew, and wake who has slept long enough."""
        for name, child in list(self._workers.items()):
            if not child.running:
                code = child.exit_code()
                fault = self._faulty.get(name)
                if fault is None or code != -signal.SIGKILL:
                    self.outcome.found.append(f"{name} ended with {code}:\n{child.last_words()}")
                else:
                    self._survived(f"killed when {fault.partition(':')[0]}")
                self._forget(name)
                self._start(name)
        for name, since_s in list(self._stopped.items()):
            if running_seconds() - since_s > ZOMBIE_S:
                self._workers[name].signal(signal.SIGCONT)
                self._survived("woken as a zombie")
                del self._stopped[name]

    def _wake_all(self) -> None:
        for name in list(self._stopped):
            self._workers[name].signal(signal.SIGCONT)
            del self._stopped[name]

    def _survived(self, what: str) -> None:
        self.outcome.survived[what] += 1
        self.tell(f"{sum(self.outcome.survived.values())}: {what}")

    def _start(self, name: str, fault: str | None = None) -> None:
        port = self._ports.setdefault(name, free_port("127.0.0.1"))
        variables = self.settings.model_copy(update={"instance_id": name, "web_port": port}).to_environment()
        if fault is not None:
            variables["TIERLINE_FAULT"] = fault
            self._faulty[name] = fault
        command = command_of(["worker", "--rules", str(self.rules), "--no-create-topics"])
        child = Child(command, log=self.folder / f"{name}.log", variables=variables)
        child.start()
        self._workers[name] = child

    def _forget(self, name: str) -> None:
        del self._workers[name]
        self._faulty.pop(name, None)
        self._stopped.pop(name, None)

    # --- around it --------------------------------------------------------------------------------------

    async def _produce(self, rate: float) -> None:
        """Events in the order of their time, about so many a second, through every outage."""
        due_s = running_seconds()
        while True:
            client = AIOKafkaProducer(bootstrap_servers=self.broker.address, enable_idempotence=True)
            try:
                await client.start()
                for each in self.sent:
                    await (await send(client, self.settings.topics, each))
                    due_s = max(due_s + 1 / rate, running_seconds() - 1)
                    await asyncio.sleep(max(0.0, due_s - running_seconds()))
            except (KafkaError, OSError):
                await asyncio.sleep(0.5)
            finally:
                with suppress(KafkaError, OSError, TimeoutError, asyncio.CancelledError):
                    await asyncio.wait_for(client.stop(), 5)

    async def _until_something_is_published(self) -> None:
        await self._until(
            lambda published: any(published.of("changes", p) for p in range(published.partitions))
        )

    async def _until(self, holds: Callable[[Published], bool]) -> Published:
        until_s = running_seconds() + CALM_S
        while True:
            with suppress(KafkaError, TimeoutError):
                published = await collect(
                    self.broker.address,
                    self.settings.topics,
                    self.settings.partitions,
                    group=self.settings.group,
                )
                if holds(published):
                    return published
            self._look()
            if running_seconds() > until_s:
                logs = "\n".join(f"{name}:\n{child.last_words()}" for name, child in self._workers.items())
                raise TimeoutError(f"not done after {CALM_S:.0f} s\n{logs}")
            await asyncio.sleep(1.0)

    async def _rest(self) -> Published:
        """Wait until all inputs are in the journal; then let the workers end in order, and read once more."""
        await self._until(worked_through)
        for child in self._workers.values():
            await asyncio.to_thread(child.stop)
        self._workers.clear()
        return await self._until(lambda published: published.stable == published.ends)

    def _count(self, published: Published) -> None:
        shards = range(published.partitions)
        self.outcome.records = sum(len(published.of(role, p)) for role in INPUTS for p in shards)
        self.outcome.changes = sum(len(published.of("changes", p)) for p in shards)
        self.outcome.batches = sum(len(published.of("journal", p)) for p in shards)


def worked_through(published: Published) -> bool:
    """Whether every record of the inputs lies in a batch of the journal."""
    for shard in range(published.partitions):
        journal = journal_of(published, shard)
        for place, role in enumerate(INPUTS):
            records = published.of(role, shard)
            if records and (not journal or journal[-1].inputs[place].to <= records[-1].offset):
                return False
    return True


def shown(outcome: Outcome) -> Iterator[str]:
    """An outcome in lines."""
    yield f"survived {sum(outcome.survived.values())}:"
    yield from (f"  {count} {what}" for what, count in sorted(outcome.survived.items()))
    yield f"{outcome.records:,} records, {outcome.batches:,} batches, {outcome.changes:,} changes"
    yield from outcome.found or ["nothing lost, nothing twice, equal to the reference"]
