"""The figures of a replay as tables in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from workers.report.words import instant_in_words, reasons_in_words

if TYPE_CHECKING:
    from workers.report.figures import DimensionFigures, Figures

#: Enough to see what happens; the report has all of them.
FLOWS_SHOWN = 5
_BAR_WIDTH = 24

#: The files of a replay and what they are for, in the order in which people look at them.
FILES = {
    "report.html": "charts and tables, for a browser",
    "changes.ndjson": "every change with its reasons, one a line",
    "customers.parquet": "who is where, since when, what is pending",
    "pending.ndjson": "moves announced, updated and cancelled",
    "dead-letters.ndjson": "records that were refused, and why",
    "erased.ndjson": "customers that were erased",
    "summary.json": "what the replay did, in numbers",
}


def show_where(console: Console, figures: Figures) -> None:
    """Who is where at the end, by dimension."""
    table = Table(
        title="Who is where", title_justify="left", title_style="bold italic", box=None, padding=(0, 2, 0, 0)
    )
    table.add_column("dimension", style="cyan")
    table.add_column("category")
    table.add_column("customers", justify="right")
    table.add_column("share", justify="right")
    table.add_column("")
    for each in figures.dimensions:
        _add_dimension(table, each)
    console.print(table)


def show_flows(console: Console, figures: Figures) -> None:
    """The most frequent moves of each dimension, without first categories."""
    table = _table("Who moved from where to where", "dimension", "from", "to")
    table.add_column("moves", justify="right")
    for each in figures.dimensions:
        names = _names(each)
        for index, (source, to, moves) in enumerate(each.flows[:FLOWS_SHOWN]):
            title = _title(each) if index == 0 else ""
            table.add_row(title, names[source], names[to], f"{moves:,}")
        rest = sum(moves for _, _, moves in each.flows[FLOWS_SHOWN:])
        if rest:
            table.add_row("", "[dim]other moves[/]", "", f"[dim]{rest:,}[/]")
        if each.flows:
            table.add_section()
    console.print(table)


def show_last_changes(console: Console, figures: Figures) -> None:
    """The last changes with their reasons in words, newest first."""
    console.print("[bold italic]The last changes, and why[/]")
    dimensions = {each.dimension.id: each for each in figures.dimensions}
    for change in reversed(figures.last_changes):
        figure = dimensions[change["dimension"]]
        names = _names(figure)
        source = names[change["from"]] if change["from"] else "—"
        when = instant_in_words(change["effective_at"])
        customer = escape(change["customer_id"])
        move = f"{_title(figure)}: {source} → {names[change['to']]}"
        console.print(f"[cyan]{when}[/]  {customer}  [bold]{move}[/]", highlight=False)
        console.print(Padding(escape(reasons_in_words(change)), (0, 0, 0, 6)), highlight=False)


def show_files(console: Console, out: Path) -> None:
    """Where the files are and what each is for; empty ones are left out."""
    console.print(f"[bold italic]The files[/] in {escape(str(out))}")
    for name, purpose in FILES.items():
        file = out / name
        if file.exists() and file.stat().st_size:
            console.print(f"  {name:<22}[dim]{_size(file.stat().st_size):>9}[/]  {purpose}", highlight=False)


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold italic", box=None, padding=(0, 2, 0, 0)
    )
    table.add_column(first, style="cyan", no_wrap=True)
    for column in columns:
        table.add_column(column)
    return table


def _add_dimension(table: Table, figures: DimensionFigures) -> None:
    names = _names(figures)
    total = max(1, sum(figures.now.values()))
    order = list(names)
    if figures.dimension.kind == "ladder":
        order.reverse()
    filled = [each for each in order if figures.now[each]]
    for index, each in enumerate(filled):
        share = figures.now[each] / total
        bar = "█" * round(share * _BAR_WIDTH) or "▏"
        title = _title(figures) if index == 0 else ""
        table.add_row(title, names[each], f"{figures.now[each]:,}", f"{share:.1%}", f"[blue]{bar}[/]")
    table.add_section()


def _title(figures: DimensionFigures) -> str:
    return escape(figures.dimension.title or figures.dimension.id)


def _names(figures: DimensionFigures) -> dict[str, str]:
    return {each.id: escape(each.title or each.id) for each in figures.dimension.categories}


def _size(size: int) -> str:
    if size >= 1_000_000:
        return f"{size / 1_000_000:.1f} MB"
    return f"{size / 1000:.1f} kB" if size >= 1000 else f"{size} B"
