"""What the demo shows while it runs: a screen of a terminal, or one plain line a second."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rules.calendar import format_instant
from rules.language.model import Dimension, Pack
from workers.clock import running_seconds
from workers.demo.figures import Published
from workers.demo.worker_figures import WorkerFigures
from workers.report.words import instant_in_words
from workers.watching.lines import line, shown

#: Rates are of the last seconds, so that they neither jump nor lag.
_RATE_S = 3.0
_BAR = 10
_TABLE_WIDTH = 36
#: Lines above the tables, the heading of the changes, and one for the cursor.
_OTHER_LINES = 7
#: Two changes; where there is little room, dimensions are left out.
_CHANGE_LINES_MIN = 4


@dataclass(slots=True)
class Progress:
    """How far the demo is; `latest_ms` is the log's time, ms since 1970."""

    total: int
    first_ms: int = 0
    last_ms: int = 0
    sent: int = 0
    latest_ms: int = 0
    status: str = "starting"
    worker: WorkerFigures = field(default_factory=WorkerFigures)
    published: Published = field(default_factory=Published)
    _points: deque[tuple[float, int, int]] = field(default_factory=deque)
    peak_events: float = 0.0

    def rates(self) -> tuple[float, float]:
        """Events that the worker took and changes that came, a second, over the last few."""
        now = running_seconds()
        self._points.append((now, self.worker.taken, self.published.changes))
        while now - self._points[0][0] > _RATE_S:
            self._points.popleft()
        since, taken, changes = self._points[0]
        if now - since < _RATE_S / 2:
            return 0.0, 0.0
        events = (self.worker.taken - taken) / (now - since)
        self.peak_events = max(self.peak_events, events)
        return events, (self.published.changes - changes) / (now - since)


def plain_line(progress: Progress) -> str:
    """Everything that counts on one line."""
    events, changes = progress.rates()
    worker, published = progress.worker, progress.published
    return (
        f"{_day(progress.latest_ms)}  events {worker.taken:,} ({events:,.0f}/s)  "
        f"changes {published.changes:,} ({changes:,.0f}/s)  customers {published.customers:,}  "
        f"lag {worker.lag:,}  watermark {_watermark(worker)}  shards {_states(worker)}"
    )


def plain_change(progress: Progress) -> str | None:
    """The latest change that was chosen to be shown, indented."""
    return f"    {line(progress.published.latest[-1])}" if progress.published.latest else None


class Screen:
    """Draws the progress under a pack for a console of its size."""

    def __init__(self, console: Console, pack: Pack, where: str) -> None:
        """`where`: what runs and where to look, on one line."""
        self._console = console
        self._pack = pack
        self._where = where

    def draw(self, progress: Progress) -> RenderableType:
        """The whole screen."""
        tables = self._dimensions(progress.published)
        tall = max((table.row_count for table in tables), default=0)
        side_by_side = max(1, self._console.width // _TABLE_WIDTH)
        fitting = (self._console.height - _OTHER_LINES - _CHANGE_LINES_MIN) // max(1, tall)
        tables = tables[: side_by_side * max(1, fitting)]
        room = self._console.height - _OTHER_LINES - -(-len(tables) // side_by_side) * tall
        parts: list[RenderableType] = [
            self._head(progress),
            self._numbers(progress),
            Text(self._where, "dim", no_wrap=True, overflow="ellipsis"),
            Text(),
            Columns(tables, width=_TABLE_WIDTH, padding=(0, 0)),
        ]
        latest = list(progress.published.latest)[-max(1, room // 2) :]
        if latest:
            parts.append(Text("The latest changes, and why", "bold italic"))
        for change in reversed(latest):
            head, reasons = shown(change)
            parts.append(head)
            if reasons is not None:
                why = Text("      ").append_text(reasons)
                why.no_wrap, why.overflow = True, "ellipsis"
                parts.append(why)
        return Group(*parts)

    def _head(self, progress: Progress) -> RenderableType:
        grid = Table.grid(padding=(0, 2, 0, 0))
        span = max(1, progress.last_ms - progress.first_ms)
        done = min(span, max(0, progress.latest_ms - progress.first_ms))
        grid.add_row(
            Text("Tierline demo", "bold"),
            Text(_day(progress.latest_ms), "bold cyan"),
            ProgressBar(total=span, completed=done, width=20),
            Text(progress.status, "green" if done == span else "default"),
        )
        return grid

    def _numbers(self, progress: Progress) -> RenderableType:
        events, changes = progress.rates()
        worker, published = progress.worker, progress.published
        grid = Table.grid(padding=(0, 3, 0, 0))
        for _ in range(4):
            grid.add_column(no_wrap=True)
        grid.add_row(
            _figure("events", f"{worker.taken:,}", f"{events:,.0f}/s"),
            _figure("changes", f"{published.changes:,}", f"{changes:,.0f}/s"),
            _figure("customers", f"{published.customers:,}"),
            _figure("moves coming", f"{worker.pending:,}"),
        )
        grid.add_row(
            _figure("lag", f"{worker.lag:,}"),
            _figure("final up to", _watermark(worker)),
            _figure("shards", _states(worker)),
            _figure("missing or twice", f"{published.numbers.missing + published.numbers.repeated:,}"),
        )
        return grid

    def _dimensions(self, published: Published) -> list[Table]:
        tables = []
        for dimension in self._pack.dimensions:
            now = published.now.get(dimension.id)
            if now is not None and sum(count > 0 for count in now.values()) > 1:
                tables.append(_dimension(dimension, now))
        return tables


def _dimension(dimension: Dimension, now: dict[str, int]) -> Table:
    """Customers by category, ladders from their top."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_row(Text(dimension.title or dimension.id, "cyan"))
    total = max(1, sum(now.values()))
    categories = dimension.categories
    for category in reversed(categories) if dimension.kind == "ladder" else categories:
        count = now.get(category.id, 0)
        bar = "█" * round(count / total * _BAR) or ("▏" if count else "")
        table.add_row(
            f"  {category.title or category.id}", Text(f"{count:,}", justify="right"), Text(bar, "blue")
        )
    table.add_row()
    return table


def _figure(name: str, value: str, more: str = "") -> Text:
    text = Text(f"{name} ", "dim").append(value, "bold not dim")
    return text.append(f"  {more}", "not dim") if more else text


def _day(ms: int) -> str:
    return format_instant(ms * 1000)[:10] if ms else "----------"


def _watermark(worker: WorkerFigures) -> str:
    if not worker.watermark_s:
        return "-"
    return instant_in_words(format_instant(int(worker.watermark_s * 1e6)))


def _states(worker: WorkerFigures) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(worker.states.items())) or "none yet"
