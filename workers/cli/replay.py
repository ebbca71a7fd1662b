"""`tierline replay`: event files in, change history out."""

from __future__ import annotations

import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer


class OrderChoice(StrEnum):
    """In which order events are applied."""

    OCCURRED = "occurred"
    ARRIVAL = "arrival"


class EngineChoice(StrEnum):
    """What computes the answers."""

    KERNEL = "kernel"
    REFERENCE = "reference"


HELP = """Replay event files under a pack and write the history of every customer.

Reads NDJSON (plain, .gz, .zst) and Parquet, sorts everything by the time it occurred, works through every
day, and writes into the folder given with `--out`:

- `changes.ndjson`: every move from one category to another, with its reasons
- `pending.ndjson`: moves that are coming, announced, updated, cancelled
- `customers.parquet`: where every customer is at the end, since when, what is pending, all metrics
- `dead-letters.ndjson`: every record that was refused, with the reason and its place
- `erased.ndjson`, `summary.json`

The same input and pack give the same bytes, whatever the number of workers.

Examples:

    tierline replay --rules shop --events out/events --out out/history
    tierline replay --rules my-pack.yaml --events jan.ndjson --events feb.ndjson.gz --until 2026-03-31 --out h
    tierline replay --rules shop --events log.ndjson --order arrival --out as-it-was-seen
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("replay", help=HELP)(replay_command)


def replay_command(
    rules: Annotated[
        str, typer.Option("--rules", help="The pack: a path, or the name of one in the catalog.")
    ],
    events: Annotated[
        list[Path], typer.Option("--events", help="An event file, or a folder of them; may be given again.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder to write to.")],
    until: Annotated[
        str | None,
        typer.Option(
            help="Work through time up to this day, and leave out what occurred after it: YYYY-MM-DD."
        ),
    ] = None,
    order: Annotated[
        OrderChoice,
        typer.Option(help='By the time events occurred, or as their lines stand, with `{"tick": …}` lines.'),
    ] = OrderChoice.OCCURRED,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Threads to work with.")] = 1,
    html: Annotated[bool, typer.Option("--html", help="Also draw a report, `report.html`.")] = False,
    engine: Annotated[
        EngineChoice,
        typer.Option(help="The compiled kernel, or the slow reference that it is compared with."),
    ] = EngineChoice.KERNEL,
) -> None:
    """Run a replay and show what came of it."""
    from workers.packs import open_pack
    from workers.replay.periods import period_of_day
    from workers.replay.run import replay
    from workers.report.progress import shown_progress
    from workers.report.summary import show_summary
    from workers.warm import make_ready

    pack = open_pack(rules)
    last = None if until is None else period_of_day(until, "--until")
    if engine is EngineChoice.KERNEL:
        make_ready(partial(print, file=sys.stderr, flush=True))
    with shown_progress() as progress:
        summary = replay(
            pack,
            events,
            out,
            until=last,
            order=order.value,
            workers=workers,
            engine=engine.value,
            html=html,
            progress=progress,
        )
    show_summary(summary, out)
