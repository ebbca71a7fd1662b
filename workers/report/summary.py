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
        f"[bold]{summary.events:,} events[/] of {summary.customers:,} customers in {summary.seconds:.1f} s "
        f"({speed:,.0f} a second): [bold]{summary.changes:,} changes[/], {summary.notices:,} pending notices"
    )
    for line in _remarks(summary):
        console.print(f"  {line}")
    show_files(console, out)


def _remarks(summary: Summary) -> list[str]:
    """What is not as it should be, or worth to know; nothing where all went well."""
    refused = [f"[yellow]{number:,} rejected[/]: {code}" for code, number in sorted(summary.rejected.items())]
    unknown = [
        f"[yellow]{number:,} skipped[/]: type {escape(name)} is not known"
        for name, number in sorted(summary.unknown_types.items())
    ]
    counts = {
        "dropped, as they came before": summary.duplicates,
        "late, and applied to their own day": summary.late,
        "left out, as they occurred after the last day": summary.after_until,
        "customers erased": summary.erased,
    }
    return [*refused, *unknown, *(f"{number:,} {text}" for text, number in counts.items() if number)]
