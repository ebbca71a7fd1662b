"""Progress of long work on standard error: what goes on, how far it is, how fast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text


class _Speed(ProgressColumn):
    """Units done and units a second."""

    def render(self, task: Task) -> Text:
        """Render the column."""
        speed = task.finished_speed or task.speed
        unit = task.fields["unit"]
        rate = f", {speed:,.0f} {unit}/s" if speed else ""
        return Text(f"{task.completed:,.0f} {unit}{rate}", style="cyan")


class ShownProgress:
    """One bar a step."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task = bars.add_task("starting", unit="", total=None, visible=False)

    def step(self, name: str, unit: str, total: int | None) -> None:
        """A step begins."""
        self._finish()
        self._task = self._bars.add_task(name, unit=unit, total=total)

    def done(self, units: int) -> None:
        """So many more units of the step are done."""
        self._bars.advance(self._task, units)

    def _finish(self) -> None:
        task = self._bars.tasks[-1]
        if task.visible:
            self._bars.update(self._task, total=task.completed)


@contextmanager
def shown_progress(console: Console | None = None) -> Iterator[ShownProgress]:
    """Bars that are gone when the work is done; nothing is shown where there is no terminal."""
    columns = (TextColumn("[bold]{task.description}"), BarColumn(), _Speed(), TimeElapsedColumn())
    with Progress(*columns, console=console or Console(stderr=True), transient=True) as bars:
        yield ShownProgress(bars)
