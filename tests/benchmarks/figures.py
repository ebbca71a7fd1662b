"""Figures beside what is asked of them: tables for people, JSON lines for those who compare days."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.process import Run


@dataclass(frozen=True, slots=True)
class Contender:
    """What was run, on how many events, each time it was."""

    name: str
    events: int
    runs: list[Run]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, measured several times.

    `floor` is what a release must have and `goal` what it is after, at size full; the larger of the two says
    which way is better. A ratio compares runs of the same round.
    """

    name: str
    values: list[float]
    unit: str
    floor: float | None = None
    goal: float | None = None
    scale: float = 1.0

    def scaled(self) -> list[float]:
        """The values as they are shown."""
        return [value / self.scale for value in self.values]

    def reached(self) -> str:
        """Whether the median is at the goal, at the floor, or below it."""
        if self.floor is None and self.goal is None:
            return ""
        # of one alone, more is better
        sign = -1 if self.floor is not None and self.goal is not None and self.goal < self.floor else 1
        middle = sign * statistics.median(self.scaled())
        if self.goal is not None and middle >= sign * self.goal:
            return "goal"
        return "floor" if self.floor is not None and middle >= sign * self.floor else "missed"


def ratios(name: str, above: Sequence[float], below: Sequence[float], **bars: float) -> Figure:
    """How many times the one is the other, round by round."""
    return Figure(name, [a / b for a, b in zip(above, below, strict=True)], "×", **bars)


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    named = Path("/proc/cpuinfo")
    lines = named.read_text().splitlines() if named.exists() else []
    processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    packages = ("duckdb", "numba", "numpy", "polars", "pyarrow")
    return {
        "processor": processor or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


class Book:
    """Shows what was measured and adds it to a file of JSON lines."""

    def __init__(self, path: Path, size: str, console: Console) -> None:
        self._path = path
        self._console = console
        self._stamp = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "size": size}
        self._is_full = size in {"full", "huge"}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._add({"machine": machine()})
        console.print(f"{size}: {', '.join(f'{k} {v}' for k, v in machine().items())}", style="dim")

    def contenders(self, title: str, contenders: Iterable[Contender]) -> None:
        """A table of processes."""
        table = Table(title=title, title_justify="left", title_style="bold")
        for heading in (
            "process",
            "events/s",
            "wall s",
            "range",
            "CPU s",
            "µs CPU/event",
            "peak MB",
            "busy elsewhere",
        ):
            table.add_column(heading, justify="left" if heading == "process" else "right")
        for each in contenders:
            walls = [run.seconds for run in each.runs]
            cpu_s = statistics.median(run.cpu_s for run in each.runs)
            others = statistics.median(run.others for run in each.runs)
            table.add_row(
                each.name,
                f"{each.events / statistics.median(walls):,.0f}" if each.events > 1 else "",
                f"{statistics.median(walls):.2f}",
                f"{min(walls):.2f} to {max(walls):.2f}" if len(walls) > 1 else "one run",
                f"{cpu_s:.2f}",
                f"{cpu_s / each.events * 1e6:.2f}" if each.events > 1 else "",
                f"{max(run.peak_bytes for run in each.runs) / 1e6:,.0f}",
                f"{others:.1f} cores",
            )
            for run in each.runs:
                shown = asdict(run)
                del shown["printed"]
                self._add({"process": each.name, "events": each.events, **shown})
        self._console.print(table)

    def figures(self, title: str, figures: Iterable[Figure]) -> None:
        """A table of figures, with floors and goals where the size is the one they are meant for."""
        table = Table(title=title, title_justify="left", title_style="bold")
        for heading in (
            "figure",
            "median",
            "range",
            "unit",
            *(("floor", "goal", "reached") if self._is_full else ()),
        ):
            table.add_column(heading, justify="left" if heading in {"figure", "unit"} else "right")
        for each in figures:
            values = each.scaled()
            row = [each.name, _shown(statistics.median(values)), _range(values), each.unit]
            if self._is_full:
                row += [_shown(each.floor), _shown(each.goal), each.reached()]
            table.add_row(*row)
            self._add({"figure": each.name, "unit": each.unit, "values": values, "reached": each.reached()})
        self._console.print(table)

    def _add(self, record: dict[str, object]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self._stamp | record, ensure_ascii=False) + "\n")


def _range(values: list[float]) -> str:
    return f"{_shown(min(values))} to {_shown(max(values))}" if len(values) > 1 else "one run"


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"
