"""The progress of a replay in the terminal: a bar for each step, with how many a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

#: After this long without anything done it is fair to say why.
QUIET_S = 3.0


class ShownProgress:
    """Shows steps one below the other; a step ends when the next one begins."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def step(self, name: str, unit: str, total: int | None) -> None:
        """A step begins, with so many units to come as far as is known."""
        self.finish()
        self._task = self._bars.add_task(name, total=total, unit=unit)

    def done(self, units: int) -> None:
        """So many more units of the step are done."""
        if self._task is not None:
            self._bars.advance(self._task, units)

    def finish(self) -> None:
        """The step is done, also where its total was a guess."""
        if self._task is not None:
            done = self._bars.tasks[self._task].completed
            self._bars.update(self._task, total=max(done, 1), completed=max(done, 1))


@contextmanager
def shown_progress(console: Console | None = None) -> Iterator[ShownProgress]:
    """Show the progress on standard error, or on the console; nothing where that is not a terminal."""
    console = console or Console(stderr=True)
    bars = Progress(
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        _Done(table_column=Column(no_wrap=True)),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bars:
        shown = ShownProgress(bars)
        yield shown
        shown.finish()


class _Done(ProgressColumn):
    """How many are done and how many a second."""

    def render(self, task: Task) -> Text:
        if not task.completed and (task.elapsed or 0) > QUIET_S:
            return Text("first run: compiling, a minute or two", style="dim")
        seconds = task.finished_time or task.elapsed
        speed = task.finished_speed or task.speed or (task.completed / seconds if seconds else 0)
        unit = task.fields["unit"]
        each = f"  {speed:,.0f} {unit}/s" if unit == "events" and speed else ""
        return Text(f"{task.completed:,.0f} {unit}{each}")
