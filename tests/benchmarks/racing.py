"""Whole processes against each other, round by round, so that what else goes on falls on all of them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import data
from tests.benchmarks.data import TIERLINE
from tests.benchmarks.figures import Book, Contender, Figure, ratios
from tests.benchmarks.process import FailedError, Run, measure
from tests.benchmarks.sizes import PACK, Size

PYTHON = Path(sys.executable)
#: Imports what a replay needs and ends: no start can be quicker.
_IMPORTS = "import numba, numpy, orjson, pyarrow.parquet, pydantic, ruamel.yaml, typer"
_WRITE = """
import sys
piece, size = b"x" * (1 << 20), int(sys.argv[2])
with open(sys.argv[1], "wb") as file:
    for _ in range(size >> 20):
        file.write(piece)
"""
#: Bytes on disk that a replay needs at most for each event and each customer.
_DISK_EVENT, _DISK_CUSTOMER = 900, 8_000


def replay(events: Path, out: Path, *options: str) -> list[str | Path]:
    """The command of a replay."""
    return [TIERLINE, "replay", "--rules", PACK, "--events", events, "--out", out, *options]


@dataclass(slots=True)
class Race:
    """Commands by name; each writes into a folder that is emptied before the next."""

    scratch: Path
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def run(self, name: str, command: list[str | Path], look: Callable[[], None] = lambda: None) -> None:
        """Run a command once more, and look at what it wrote."""
        self.runs.setdefault(name, []).append(measure(command))
        look()
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)

    def seconds(self, name: str) -> list[float]:
        """Wall seconds of all runs under a name."""
        return [run.seconds for run in self.runs[name]]

    def cpu(self, name: str) -> list[float]:
        """CPU seconds of all runs under a name."""
        return [run.cpu_s for run in self.runs[name]]


def warm() -> None:
    """Compile what is measured, so that compiling is not."""
    measure([PYTHON, "-m", "workers.warm"])


def files(kept: Path, size: Size, book: Book) -> None:
    """File replay by format and workers, beside a SQL answer and a plain write of as many bytes."""
    parquet, ndjson = (data.events(kept, size.events, size.customers, form) for form in ("parquet", "ndjson"))
    count = data.count_of(parquet)
    race, out = Race(kept / "scratch"), kept / "scratch" / "out"
    answer = kept / "scratch" / "answer.parquet"
    written = 0

    def look() -> None:
        nonlocal written
        written = data.size_of(out)
        shutil.copy(out / "customers.parquet", kept / "replayed.parquet")

    for folder in (parquet, ndjson):
        data.read_once(folder)
    race.scratch.mkdir(parents=True, exist_ok=True)
    for _ in range(size.runs):
        race.run("replay Parquet, 1 worker", replay(parquet, out), look)
        race.run("replay NDJSON, 1 worker", replay(ndjson, out))
        race.run("replay Parquet, 2 workers", replay(parquet, out, "--workers", "2"))
        for threads in ("1", "2"):
            command: list[str | Path] = [PYTHON, "-m", "tests.benchmarks.sql", parquet, answer, threads]
            race.run(
                f"DuckDB, end alone, {threads} thread{'s' * (threads > '1')}",
                command,
                lambda: _same(kept, answer),
            )
        race.run(
            "plain write of as many bytes", [PYTHON, "-c", _WRITE, kept / "scratch" / "bytes", str(written)]
        )
    book.contenders(
        f"file replay: {count:,} events, {size.customers:,} customers, "
        f"{written / count:,.0f} bytes written an event",
        [Contender(name, count, runs) for name, runs in race.runs.items()],
    )
    one, text, two = (race.seconds(name) for name in list(race.runs)[:3])
    sql_one, sql_two = (
        race.seconds("DuckDB, end alone, 1 thread"),
        race.seconds("DuckDB, end alone, 2 threads"),
    )
    peaks = [run.peak_bytes / size.customers for run in race.runs["replay Parquet, 1 worker"]]
    book.figures(
        "file replay: figures",
        [
            Figure("replay Parquet", [count / s for s in one], "thousand events/s", 500, 1000, 1000),
            Figure("replay NDJSON", [count / s for s in text], "thousand events/s", 300, 800, 1000),
            ratios("two workers against one", one, two, floor=1.6, goal=1.9),
            Figure("memory, process total a customer", peaks, "bytes", 900, 450),
            ratios("time of the replay against DuckDB's, 1 thread", one, sql_one, floor=3, goal=1),
            ratios("time of the replay against DuckDB's, 2 threads", two, sql_two, floor=3, goal=1),
            ratios(
                "CPU seconds of the replay against DuckDB's, 1 thread",
                race.cpu("replay Parquet, 1 worker"),
                race.cpu("DuckDB, end alone, 1 thread"),
            ),
            ratios(
                "time of the replay against a plain write", one, race.seconds("plain write of as many bytes")
            ),
        ],
    )


def _same(kept: Path, answer: Path) -> None:
    """The SQL answer must be the same work: all metrics and the categories without a past are equal."""
    check = (
        "import json, sys; from pathlib import Path; from tests.benchmarks.sql import differences;"
        "print(json.dumps(differences(Path(sys.argv[1]), Path(sys.argv[2]))))"
    )
    found = json.loads(measure([PYTHON, "-c", check, answer, kept / "replayed.parquet"]).printed)
    same = json.loads(
        measure(
            [PYTHON, "-c", "import json; from tests.benchmarks.sql import SAME; print(json.dumps(SAME))"]
        ).printed
    )
    if wrong := {name: found[name] for name in same if found[name]}:
        raise FailedError(f"the SQL answer is not that of the replay: {wrong}")


def steps(kept: Path, size: Size, book: Book) -> None:
    """Where the time of one replay goes, once for each format."""
    figures = []
    for form in ("parquet", "ndjson"):
        events = data.events(kept, size.events, size.customers, form)
        count = data.count_of(events)
        run = measure([PYTHON, "-m", "tests.benchmarks.steps", events, kept / "scratch" / "out", "1"])
        shutil.rmtree(kept / "scratch" / "out")
        for step, (wall, cpu_s) in json.loads(run.printed).items():
            said = f"{form}, {step} ({cpu_s / wall:.1f} of it on a processor)"
            figures.append(Figure(said, [wall / count], "ns an event", scale=1e-9))
    book.figures("where the time of one replay goes, 1 worker", figures)


def reference(kept: Path, size: Size, book: Book) -> None:
    """The fast engine and the slow reference on a small set."""
    events = data.events(kept, size.reference_events, size.reference_events // 10, "ndjson")
    count = data.count_of(events)
    race, out = Race(kept / "scratch"), kept / "scratch" / "out"
    race.scratch.mkdir(parents=True, exist_ok=True)
    for _ in range(size.runs):
        race.run("kernel", replay(events, out))
        race.run("reference", replay(events, out, "--engine", "reference"))
    book.contenders(
        f"the slow reference: {count:,} events", [Contender(n, count, r) for n, r in race.runs.items()]
    )
    fast, slow = race.seconds("kernel"), race.seconds("reference")
    book.figures(
        "the slow reference: figures",
        [ratios("time of the reference against the kernel's, starts included", slow, fast)],
    )


def start(kept: Path, size: Size, book: Book) -> None:
    """From the start of the process until one event is replayed and written, compiled code kept and not."""
    first = data.first_event(kept)
    race, out, cache = Race(kept / "scratch"), kept / "scratch" / "out", kept / "machine-code"
    race.scratch.mkdir(parents=True, exist_ok=True)
    cold = []
    for run in range(size.runs + 2):
        race.run("imports alone", [PYTHON, "-c", _IMPORTS])
        race.run("start, compiled code cached", replay(first, out))
        if run < size.cold_runs:
            shutil.rmtree(cache, ignore_errors=True)
            cold.append(measure(replay(first, out), {"NUMBA_CACHE_DIR": str(cache)}))
            shutil.rmtree(out)
    shutil.rmtree(cache, ignore_errors=True)
    if cold:
        race.runs["start, nothing compiled"] = cold
    book.contenders("start to first event", [Contender(name, 1, runs) for name, runs in race.runs.items()])
    cached, imports = race.seconds("start, compiled code cached"), race.seconds("imports alone")
    book.figures(
        "start to first event: figures",
        [
            Figure("cached", cached, "s", 2, 1),
            *([Figure("not cached", [run.seconds for run in cold], "s", 40, 15)] if cold else []),
            ratios("cached, against the imports alone", cached, imports),
        ],
    )


def tick(kept: Path, size: Size, book: Book) -> None:
    """Days that begin: with nothing due, and with everybody due."""
    del kept
    runs, figures = [], []
    for kind, rows, unit, scale, floor, goal in (
        ("idle", size.tick_rows, "ms", 1e-3, 50, 10),
        ("due", size.due_rows, "s", 1.0, 5, 1),
    ):
        run = measure([PYTHON, "-m", "tests.benchmarks.ticking", str(rows), kind])
        found = json.loads(run.printed)
        said = "nothing due" if kind == "idle" else "all due"
        runs.append(Contender(f"{rows:,} customers, {said}", 1, [run]))
        figures.append(Figure(f"tick, {rows:,} customers, {said}", found["ticks"], unit, floor, goal, scale))
        figures.append(
            Figure(f"memory of the state, {rows:,} customers", [found["bytes"] / rows], "bytes a customer")
        )
        figures.append(
            ratios("tick, against one look at a date each", found["ticks"], found["baseline"])
            if kind == "idle"
            else ratios(
                "the slow reference's tick, as many customers, against it", found["baseline"], found["ticks"]
            )
        )
    book.contenders("ticks: the whole process, customers made first", runs)
    book.figures("ticks: figures", figures)


def huge(kept: Path, size: Size, book: Book) -> None:
    """As many customers as the machine can hold, once."""
    needed = size.events * _DISK_EVENT + size.customers * _DISK_CUSTOMER
    kept.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(kept).free
    if free < needed:
        raise FailedError(
            f"{size.customers:,} customers need {needed / 1e9:.0f} GB of disk and {free / 1e9:.0f} GB are "
            "free: make room, or name another folder with `--out`"
        )
    events = data.events(kept, size.events, size.customers, "parquet")
    count = data.count_of(events)
    race, out = Race(kept / "scratch"), kept / "scratch" / "out"
    race.scratch.mkdir(parents=True, exist_ok=True)
    name = f"replay Parquet, {size.customers:,} customers, 2 workers"
    race.run(name, replay(events, out, "--workers", "2"))
    peak = race.runs[name][0].peak_bytes
    book.contenders("the most customers", [Contender(name, count, race.runs[name])])
    book.figures(
        "the most customers: figures",
        [
            Figure("memory of the process", [peak], "GiB", 20, 8, 2.0**30),
            Figure("memory, process total a customer", [peak / size.customers], "bytes"),
        ],
    )
