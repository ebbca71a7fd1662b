"""Worker processes as somebody who operates them sees them: started, asked, stopped and killed."""

from __future__ import annotations

import asyncio
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from tests.benchmarks.data import TIERLINE
from tests.benchmarks.live.making import PARTITIONS
from tests.benchmarks.process import FailedError
from workers.broker.answers import free_port
from workers.children import Child
from workers.settings.topics import TopicNames

#: A worker is ready after a few seconds, and after a restore of millions of customers in less than this.
PATIENCE_S = 600.0
_LOOK_AGAIN_S = 0.01
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a run's own topics, and of its group."""

    run: str

    @property
    def topics(self) -> TopicNames:
        """All topics."""
        return TopicNames.prefixed(f"{self.run}-")

    @property
    def by_role(self) -> dict[str, str]:
        """The inputs: default name → name."""
        return dict(zip(TopicNames().inputs, self.topics.inputs, strict=True))


class Restored(NamedTuple):
    """A restore of all shards of a worker: seconds of the slowest, records run again, customers known."""

    seconds: float
    records: int
    customers: int


@dataclass(slots=True)
class Worker:
    """One `tierline worker`, with its settings as variables of its environment."""

    folder: Path
    pack: str | Path
    brokers: str
    names: Names
    number: int = 1
    partitions: int = PARTITIONS
    settings: Mapping[str, str] = field(default_factory=dict)
    _child: Child | None = None
    _port: int = 0

    def start(self) -> None:
        """Start it, anew if it was killed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._port = free_port(_HOST)
        own = {
            "BROKERS": self.brokers,
            "GROUP": self.names.run,
            "INSTANCE_ID": f"{self.names.run}-{self.number}",
            "PARTITIONS": str(self.partitions),
            "WEB_HOST": _HOST,
            "WEB_PORT": str(self._port),
            "LOG_FORMAT": "json",
            # the events are of another year
            "CLOCK": "log",
            **{f"TOPICS__{role.upper()}": name for role, name in self.names.topics.by_role().items()},
            **self.settings,
        }
        self._child = Child(
            [TIERLINE, "worker", "--rules", self.pack],
            log=self._log,
            variables={f"TIERLINE_{name}": value for name, value in own.items()},
        )
        self._child.start()

    async def ready(self) -> float:
        """Wait until all its shards are; returns how long that took."""
        started = time.perf_counter()
        while self._ask("/readyz") is None:
            self._must_run()
            if time.perf_counter() - started > PATIENCE_S:
                raise FailedError(f"a worker is not ready after {PATIENCE_S:.0f} s: {self.last_words()}")
            await asyncio.sleep(_LOOK_AGAIN_S)
        return time.perf_counter() - started

    def figures(self, **labels: str) -> dict[str, float]:
        """Its metrics by name, summed up over their labels, or over those series that have some."""
        text = self._ask("/metrics")
        if text is None:
            raise FailedError(f"a worker does not tell its metrics: {self.last_words()}")
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if labels.items() <= sample.labels.items():
                    found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    def restored(self) -> Restored:
        """What its log says of the restore at its latest start; shards restore at the same time."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        found: list[dict[str, float]] = []
        for line in lines:
            told = json.loads(line) if line.startswith("{") else {}
            if told.get("event") == "worker starts":
                found.clear()
            elif told.get("event") == "shard is restored":
                found.append(told)
        if not found:
            raise FailedError(f"a worker does not tell of a restore: {self.last_words()}")
        records, customers = (int(sum(told[name] for told in found)) for name in ("records", "customers"))
        return Restored(max(told["seconds"] for told in found), records, customers)

    def cpu_s(self) -> float:
        """Processor seconds of the process so far."""
        columns = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(columns[i]) for i in (11, 12)) / os.sysconf("SC_CLK_TCK")

    def bytes_now(self) -> int:
        """Memory of the process now."""
        return self._status("VmRSS")

    def bytes_peak(self) -> int:
        """Memory of the process at its largest."""
        return self._status("VmHWM")

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.signal(number)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def stop(self) -> None:
        """Let it end in order."""
        self._process.stop(PATIENCE_S)

    def check(self) -> None:
        """Raises FailedError with its last words if it has ended."""
        self._must_run()

    def last_words(self) -> str:
        """The end of its log."""
        return self._process.last_words()

    @property
    def web(self) -> str:
        """The address of its web port."""
        return f"http://{_HOST}:{self._port}"

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.names.run}-{self.number}.log"

    @property
    def _process(self) -> Child:
        if self._child is None:
            raise FailedError("the worker has not been started")
        return self._child

    @property
    def _pid(self) -> int:
        return self._process.pid

    def _must_run(self) -> None:
        if not self._process.running:
            raise FailedError(f"a worker ended: {self.last_words()}")

    def _status(self, name: str) -> int:
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
        return 0

    def _ask(self, path: str) -> str | None:
        """The answer of its web port; None if there is none, or it is no."""
        try:
            with urllib.request.urlopen(self.web + path, timeout=5) as answer:  # noqa: S310
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            return None
