"""Where the time of one replay goes: nanoseconds an event in each phase, inside one process.

Functions of the replay are wrapped so that time counts for the innermost phase that is running. They are
called once a piece of a file, a part or a slice, so that measuring costs nothing that shows.
"""

from __future__ import annotations

import functools
import importlib
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.sizes import PACK

#: Phase: the functions whose time it is, as module and name within it.
PHASES: dict[str, tuple[str, ...]] = {
    "read files": ("workers.files.chunks:read_chunks",),
    "decode": ("workers.files.chunks:decode_chunk",),
    "deal to parts": ("workers.replay.blocks:deal",),
    "store parts": ("workers.replay.parts:Parts.add",),
    "load parts": ("workers.replay.parts:Parts.take",),
    "find customers": ("rules.engine.engine:Engine.rows_of_spans",),
    "order": ("workers.replay.play:customer_order",),
    "make batch": ("workers.replay.play:_batch", "workers.replay.play:_attributes"),
    "step": ("rules.engine.engine:Engine.step",),
    "sight": ("workers.replay.seen:customers_matrix",),
    "sort results": ("workers.replay.play:_played",),
    "shelve results": ("workers.replay.playing:Player._shelve",),
    "gather parts": ("workers.replay.gather:Gathered.__init__",),
    "gather changes": (
        "workers.replay.gather:Gathered.change_cuts",
        "workers.replay.gather:Gathered.changes",
    ),
    "render changes": ("rules.engine.text.render:render_numbers", "rules.engine.text.render:render_changes"),
    "gather notices": (
        "workers.replay.gather:Gathered.notice_cuts",
        "workers.replay.gather:Gathered.notices",
    ),
    "render notices": ("rules.engine.text.render:render_notices",),
    "write changes": ("workers.replay.writing:Writer._write_changes",),
    "write notices": ("workers.replay.writing:Writer._write_notices",),
    "gather customers": ("workers.replay.gather:Gathered.customers_by_id",),
    "customers to Arrow": ("workers.replay.customers_fast:columns_table",),
    "write customers": ("workers.replay.customers:write_customers",),
    "dead letters": ("workers.replay.writing:Writer._write_letters",),
}
OTHER = "everything else"


@dataclass(slots=True)
class Stopwatch:
    """Seconds by phase, wall and CPU; the phases that are running lie on a stack. For one thread."""

    wall: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    cpu: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _stack: list[str] = field(default_factory=lambda: [OTHER])
    _last: tuple[float, float] = field(default_factory=lambda: (time.perf_counter(), time.process_time()))

    def lap(self) -> None:
        """What has passed since the last time counts for the phase on top."""
        now = (time.perf_counter(), time.process_time())
        self.wall[self._stack[-1]] += now[0] - self._last[0]
        self.cpu[self._stack[-1]] += now[1] - self._last[1]
        self._last = now

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time in here counts for the phase, but for what it calls that has one of its own."""
        self.lap()
        self._stack.append(name)
        try:
            yield
        finally:
            self.lap()
            self._stack.pop()

    def watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed; an iterator that it returns is timed while it works."""

        @functools.wraps(function, updated=())
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.phase(name):
                result = function(*args, **kwargs)
            return self._steps(name, result) if hasattr(result, "send") else result

        return timed

    def _steps(self, name: str, steps: Iterator[Any]) -> Iterator[Any]:
        while True:
            with self.phase(name):
                try:
                    step = next(steps)
                except StopIteration:
                    return
            yield step


def watch(stopwatch: Stopwatch) -> list[str]:
    """Wrap all functions of the phases wherever they are known by name; returns those that do not exist."""
    gone = []
    for phase, places in PHASES.items():
        for place in places:
            module_name, _, path = place.partition(":")
            owner: Any = importlib.import_module(module_name)
            *outer, name = path.split(".")
            for each in outer:
                owner = getattr(owner, each, None)
            function = getattr(owner, name, None)
            if function is None:
                gone.append(place)
                continue
            timed = stopwatch.watched(phase, function)
            setattr(owner, name, timed)
            if not outer:
                _rename(function, name, timed)
    return gone


def _rename(function: Callable[..., Any], name: str, timed: Callable[..., Any]) -> None:
    """Other modules have imported the function under its name."""
    for known in list(sys.modules):
        module = sys.modules[known]
        if known.startswith(("rules.", "workers.")) and getattr(module, name, None) is function:
            setattr(module, name, timed)


def profile(events: Path, rules: str | Path, runs: int) -> str:
    """Replay a folder several times in this process with one worker, and say where the time goes."""
    from workers.machine_code import prepare

    prepare()
    import workers.replay.run
    from workers.packs import open_pack

    pack = open_pack(rules)
    stopwatch = Stopwatch()
    gone = watch(stopwatch)
    walls: list[dict[str, float]] = []
    cpus: list[dict[str, float]] = []
    count = 0
    with tempfile.TemporaryDirectory(dir=events.parent) as out:
        for run in range(runs + 1):
            stopwatch.lap()
            stopwatch.wall.clear()
            stopwatch.cpu.clear()
            count = workers.replay.run.replay(pack, [events], Path(out)).events
            stopwatch.lap()
            if run:  # the first one loads machine code and warms the files
                walls.append(dict(stopwatch.wall))
                cpus.append(dict(stopwatch.cpu))
    return _table(count, walls, cpus, gone)


def _table(count: int, walls: list[dict[str, float]], cpus: list[dict[str, float]], gone: list[str]) -> str:
    scale = 1e9 / count
    totals = [sum(each.values()) for each in walls]
    lines = [f"{count:,} events, {len(walls)} runs; ns an event"]
    lines.append(f"{'phase':22}{'wall':>8}{'cpu':>8}{'share':>8}   range of wall")
    for phase in [*PHASES, OTHER]:
        wall = [each.get(phase, 0.0) * scale for each in walls]
        cpu = [each.get(phase, 0.0) * scale for each in cpus]
        share = statistics.median(wall) / (statistics.median(totals) * scale)
        lines.append(
            f"{phase:22}{statistics.median(wall):8.0f}{statistics.median(cpu):8.0f}{share:8.1%}"
            f"   {min(wall):.0f} to {max(wall):.0f}"
        )
    cpu_totals = [sum(each.values()) for each in cpus]
    lines.append(
        f"{'all':22}{statistics.median(totals) * scale:8.0f}{statistics.median(cpu_totals) * scale:8.0f}"
        f"{'':8}   {min(totals) * scale:.0f} to {max(totals) * scale:.0f}"
        f"   ({count / statistics.median(totals):,.0f} events/s)"
    )
    if gone:
        lines.append(f"not found, so counted elsewhere: {', '.join(gone)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(profile(Path(sys.argv[1]), PACK, int(sys.argv[2])))
