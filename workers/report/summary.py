"""What a replay did, in a few lines."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from workers.replay.outputs import CHANGES, CUSTOMERS, DEAD_LETTERS, NOTICES
from workers.replay.summary import Summary


def show_summary(summary: Summary, out: Path, console: Console | None = None) -> None:
    """Say what came of a replay and where it is."""
    console = console or Console(highlight=False)
    speed = summary.events / summary.seconds if summary.seconds else 0
    console.print(
        f"[bold]{summary.events:,}[/] events of [bold]{summary.customers:,}[/] customers, "
        f"[bold]{summary.changes:,}[/] changes in {summary.seconds:.1f} s ({speed:,.0f} events/s)"
    )
    rest = {
        "duplicates": summary.duplicates,
        "late": summary.late,
        "after --until": summary.after_until,
        **{f"of unknown type {name}": count for name, count in sorted(summary.unknown_types.items())},
        **{f"rejected as {code}": count for code, count in sorted(summary.rejected.items())},
    }
    told = [f"{count:,} {what}" for what, count in rest.items() if count]
    if told:
        console.print(escape(", ".join(told)))
    for name, what in ((CHANGES, "changes"), (NOTICES, "notices"), (CUSTOMERS, "customers now")):
        console.print(f"  {escape(str(out / name))}  [dim]{what}[/]")
    if summary.rejected:
        console.print(f"  {escape(str(out / DEAD_LETTERS))}  [yellow]what was refused, and why[/]")
