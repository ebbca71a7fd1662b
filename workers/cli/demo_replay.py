"""`tierline demo-replay`: a year of real shopping baskets, and what the shop pack makes of it."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from rules.language.model import Pack

DEFAULT_OUT = Path("out/demo")
PACK = "shop"
MAPPING = "completejourney.yaml"
TABLES = ("completejourney_baskets.parquet", "completejourney_demographics.parquet")
#: The data are of the year 2017.
LAST_DAY = date(2017, 12, 31)
LAST_CHANGES = 8


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo-replay")(demo_replay)


def demo_replay(
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = DEFAULT_OUT,
) -> None:
    """Replay a year of real shopping baskets and show who moved where, and why.

    Imports 155,848 baskets of 2,469 households of the year 2017, replays them under the shop pack as if the
    rules had been in force all along, and shows who is where at the end, who moved, the last changes with
    their reasons, and where the files are.
    """
    from rich.console import Console

    from workers.packs import open_pack
    from workers.report.figures import read_figures
    from workers.report.terminal import show_files, show_flows, show_last_changes, show_where

    console = Console()
    pack = open_pack(PACK)
    _import(console, out / "events")
    _replay(console, pack, out)
    figures = read_figures(out / "replay", pack, last=LAST_CHANGES)
    for show in (show_where, show_flows, show_last_changes):
        console.print()
        show(console, figures)
    console.print()
    show_files(console, out / "replay")
    _show_next(console, out, figures.last_changes[-1]["customer_id"])


def _import(console: Console, folder: Path) -> None:
    """The baskets as events, shown as they come."""
    from importlib.resources import as_file, files

    from rich.progress import Progress

    from workers.importer.run import Counts, import_tables

    with as_file(files("workers") / "data") as data, Progress(console=console, transient=True) as bar:
        tables = [data / name for name in TABLES]
        task = bar.add_task("importing", total=len(tables))

        def show(name: str, part: float, _: Counts) -> None:
            bar.update(task, completed=TABLES.index(name) + part)

        imported = import_tables(data / MAPPING, tables, folder, "ndjson", show)
    console.print(f"imported {sum(imported.events.values()):,} events of 2017 into {folder}")


def _replay(console: Console, pack: Pack, out: Path) -> None:
    from rules.calendar import period_from_date
    from workers.replay.run import replay
    from workers.report.progress import shown_progress
    from workers.warm import make_ready

    make_ready(console.print)
    with shown_progress(console) as progress:
        summary = replay(
            pack,
            [out / "events"],
            out / "replay",
            until=period_from_date(LAST_DAY),
            workers=os.cpu_count() or 1,
            html=True,
            progress=progress,
        )
    console.print(
        f"replayed {summary.events:,} events of {summary.customers:,} customers in {summary.seconds:.1f} s "
        f"under the pack {pack.name}: {summary.changes:,} changes, {summary.notices:,} pending notices"
    )


def _show_next(console: Console, out: Path, customer: str) -> None:
    console.print("\n[bold]Go on with[/]")
    for command in (
        f"tierline explain --rules {PACK} --events {out / 'events'} --customer {customer}",
        f"tierline rules show {PACK}",
    ):
        console.print(f"  {command}", highlight=False, soft_wrap=True)
