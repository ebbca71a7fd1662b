"""Measure file replay: events a second and bytes a customer, by format and workers, beside a SQL answer.

`make bench` runs it; `make bench SIZE=full` is the size the project is measured by. Every run is a process
of its own, from its start to the last byte written. Runs of all kinds alternate, so that whatever else the
machine does falls on all of them; shown are the median and the range.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

#: Customers and events. `full` is the benchmark's size; `small` only shows that everything runs.
SIZES = {"small": (2_000, 20_000), "medium": (100_000, 1_000_000), "full": (1_000_000, 10_000_000)}
PACK = "shop"
UNTIL = "2025-12-31"
TIERLINE = [sys.executable, "-m", "workers.cli.main"]


@dataclass(slots=True)
class Measured:
    """The runs of one kind: seconds from start to end, of processor time, greatest memory in bytes."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    def run(self, command: Sequence[str]) -> None:
        """Run a command once and note what it took."""
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"`{' '.join(command)}` ended with code {process.returncode}")
        self.wall.append(time.perf_counter() - started)
        self.cpu.append(used.ru_utime + used.ru_stime)
        self.memory.append(used.ru_maxrss * 1024)


def main() -> None:
    """Make the events where they are missing, run, and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="medium")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    customers, events = SIZES[asked.size]
    folder = asked.out / asked.size
    for kind in ("parquet", "ndjson"):
        make_events(folder / kind, kind, customers, events)

    kinds = {
        "parquet, 1 worker": replay(folder, "parquet", 1),
        "parquet, 2 workers": replay(folder, "parquet", 2),
        "ndjson, 1 worker": replay(folder, "ndjson", 1),
        "SQL: the end alone": [
            *(sys.executable, "-m", "tests.benchmarks.sql_answer"),
            *(str(folder / "parquet"), UNTIL),
        ],
    }
    measured = {name: Measured() for name in kinds}
    Measured().run(kinds["parquet, 1 worker"])  # compiles, and reads the files into the system's cache
    for _ in range(asked.runs):
        for name, command in kinds.items():
            measured[name].run(command)
    summary = json.loads((folder / "replayed" / "summary.json").read_text(encoding="utf-8"))
    show(measured, summary["events"], summary["customers"])


def make_events(folder: Path, kind: str, customers: int, events: int) -> None:
    """Generate the events of a year, once."""
    if (folder / "generate.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    numbers = ["--customers", str(customers), "--events", str(events), "--days", "365", "--seed", "1"]
    command = [*TIERLINE, "generate", *numbers, "--format", kind, "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def replay(folder: Path, kind: str, workers: int) -> list[str]:
    """The command that replays the events of a kind."""
    files = sorted(str(path) for path in (folder / kind).glob(f"*.{kind}"))
    paths = [word for path in files for word in ("--events", path)]
    options = ["--until", UNTIL, "--workers", str(workers), "--out", str(folder / "replayed")]
    return [*TIERLINE, "replay", "--rules", PACK, *paths, *options]


def show(measured: dict[str, Measured], events: int, customers: int) -> None:
    """A line for each kind: median, and the range behind it."""
    table = Table(title=f"{events:,} events of {customers:,} customers, {os.cpu_count()} cores")
    table.add_column("run", no_wrap=True)
    for heading in ("events/s", "range", "events/CPU s", "s", "B/customer"):
        table.add_column(heading, justify="right")
    for name, runs in measured.items():
        rates = sorted(events / each for each in runs.wall)
        table.add_row(
            name,
            f"{statistics.median(rates):,.0f}",
            f"{rates[0]:,.0f}–{rates[-1]:,.0f}",
            f"{events / statistics.median(runs.cpu):,.0f}",
            f"{statistics.median(runs.wall):.2f}",
            f"{statistics.median(runs.memory) / customers:,.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
