"""`tierline import`: tables of any layout to events."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workers.importer.run import Counts, Imported

EXIT_BAD_ROWS = 1


class EventFormat(StrEnum):
    """How event files are written."""

    NDJSON = "ndjson"
    PARQUET = "parquet"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("import")(import_command)


def import_command(
    files: Annotated[list[Path], typer.Argument(help="CSV, Excel or Parquet files.")],
    mapping: Annotated[Path, typer.Option(help="The YAML file that says how rows become events.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    kind: Annotated[
        EventFormat, typer.Option("--format", help="How to write the events.")
    ] = EventFormat.NDJSON,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with exit code 1 if any row was bad.")
    ] = False,
) -> None:
    """Make events from the rows of CSV, Excel and Parquet files of any layout.

    Writes the events by topic, import-summary.json with the counts, and report/bad-rows.ndjson with every row
    that could not be read: file, row, column, what is wrong, and the value. No row is dropped without a word:
    each is used, filtered out by a `when` of the mapping, or bad. A bad row gives no event at all.
    """
    from rich.console import Console
    from rich.progress import Progress

    from workers.importer.run import import_tables

    errors = Console(stderr=True)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("importing", total=len(files))
        names: list[str] = []

        def show(name: str, part: float, counts: Counts) -> None:
            if name not in names:
                names.append(name)
            progress.update(
                task, completed=len(names) - 1 + part, description=f"{name}: {counts.read:,} rows"
            )

        result = import_tables(mapping, files, out, kind.value, show)
    _show(result, out)
    if strict and result.rows.bad:
        raise typer.Exit(EXIT_BAD_ROWS)


def _show(result: Imported, out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from workers.importer.run import BAD_ROWS

    table = Table("file", title=f"{sum(result.events.values()):,} events in {out}", title_justify="left")
    for heading in ("rows", "used", "filtered out", "bad"):
        table.add_column(heading, justify="right")
    for name, counts in result.files:
        numbers = (counts.read, counts.used, counts.filtered, counts.bad)
        table.add_row(name, *(f"{number:,}" for number in numbers), style="red" if counts.bad else None)
    console = Console()
    console.print(table)
    for kind, count in sorted(result.events.items()):
        console.print(f"  {kind}: {count:,}")
    if result.rows.bad:
        console.print(f"[red]{result.rows.bad:,} bad rows gave no event[/red]; {out / BAD_ROWS} says why:")
        for reason, count in result.problems.most_common():
            console.print(f"  {reason}: {count:,}")
