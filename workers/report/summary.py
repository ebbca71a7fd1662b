"""What a replay did, in a few lines of the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from workers.replay.summary import Summary
from workers.report.terminal import show_files


def show_summary(summary: Summary, out: Path, console: Console | None = None) -> None:
    """Say how much was read and what came of it, what was refused, and where the files are."""
    console = console or Console(highlight=False)
    speed = summary.events / summary.seconds if summary.seconds else 0.0
    console.print(
        f"[bold]{_count(summary.events, 'event')}[/] of {_count(summary.customers, 'customer')} "
        f"in {summary.seconds:.1f} s ({speed:,.0f} a second): "
        f"[bold]{_count(summary.changes, 'change')}[/], {_count(summary.notices, 'pending notice')}"
    )
    for line in _remarks(summary):
        console.print(f"  {line}")
    show_files(console, out)


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def _remarks(summary: Summary) -> list[str]:
    """What is not as it should be, or worth to know; nothing where all went well."""
    refused = [f"[yellow]{number:,} rejected[/]: {code}" for code, number in sorted(summary.rejected.items())]
    unknown = [
        f"[yellow]{number:,} skipped[/]: type {escape(name)} is not known"
        for name, number in sorted(summary.unknown_types.items())
    ]
    counts = {
        "dropped: sent before": summary.duplicates,
        "late, and applied to the day of the event": summary.late,
        "left out: after the last day": summary.after_until,
        "erased at a customer's wish": summary.erased,
    }
    return [*refused, *unknown, *(f"{number:,} {text}" for text, number in counts.items() if number)]
