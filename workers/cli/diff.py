"""`tierline diff`: two histories of changes, compared by customer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from workers.diff import Comparison, Difference, Way

#: Enough to see the pattern; the rest is counted.
ENDS_SHOWN = 15

_WAYS: dict[Way, str] = {
    "only_a": "are known in A only",
    "only_b": "are known in B only",
    "moves": "moved differently",
    "details": "made the same moves, but other details differ",
    "order": "made the same moves in another order",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("diff")(diff)


def diff(
    a: Annotated[Path, typer.Argument(help="A replay's output folder, or a file of changes.", metavar="A")],
    b: Annotated[Path, typer.Argument(help="The one to compare it with.", metavar="B")],
    limit: Annotated[int, typer.Option(min=0, help="How many differing customers to show.")] = 10,
) -> None:
    """Compare two histories of changes by customer.

    Shows how many customers differ and in what way, the first of them in words, and who ends up in another
    category. The order in which different customers follow each other does not count.

    Exit code 0 only if every customer has the same changes to the byte; 1 if not; 2 if one cannot be read.
    """
    from rich.console import Console

    from workers.diff import compare

    comparison = compare(a, b, limit=limit)
    console = Console(highlight=False, soft_wrap=True)
    _show_totals(console, comparison, a, b)
    if comparison.equal:
        console.print("[green]equal[/]: every customer has the same changes")
        return
    _show_differences(console, comparison)
    _show_ends(console, comparison)
    raise typer.Exit(1)


def _show_totals(console: Console, comparison: Comparison, a: Path, b: Path) -> None:
    from rich.markup import escape

    for name, path, changes, customers in zip(
        "AB", (a, b), comparison.changes, comparison.customers, strict=True
    ):
        console.print(f"{name}  {escape(str(path))}: {changes:,} changes of {customers:,} customers")


def _show_differences(console: Console, comparison: Comparison) -> None:
    total = sum(comparison.differing.values())
    console.print(f"[red]different[/]: {total:,} customers")
    for way, customers in comparison.differing.items():
        console.print(f"  {customers:,} {_WAYS[way]}")
    if comparison.differences:
        console.print("\nthe first of them")
    for difference in comparison.differences:
        _show_difference(console, difference)


def _show_difference(console: Console, difference: Difference) -> None:
    from rich.markup import escape

    console.print(f"[bold]{escape(difference.customer_id)}[/]")
    a, b = difference.a, difference.b
    if difference.way == "order":
        console.print("  makes its moves in another order")
    elif a is not None and b is not None and difference.way == "details":
        console.print(f"  {escape(_line(a))}")
        for name, left, right in _details(a, b):
            console.print(f"    {escape(name)}: {escape(left)} in A, {escape(right)} in B")
    else:
        console.print(f"  A  {escape(_line(a)) if a else 'no such change'}")
        console.print(f"  B  {escape(_line(b)) if b else 'no such change'}")


def _line(change: dict[str, Any]) -> str:
    from workers.report.words import change_in_words, instant_in_words

    return f"{instant_in_words(change['effective_at'])}  {change_in_words(change)}"


def _details(a: object, b: object, name: str = "") -> list[tuple[str, str, str]]:
    """The places at which two bodies differ, each with what A and B say there."""
    import json

    if isinstance(a, dict) and isinstance(b, dict):
        return [
            found
            for key in {**a, **b}
            for found in _details(a.get(key), b.get(key), f"{name}.{key}" if name else key)
        ]
    if a == b and type(a) is type(b):
        return []
    return [(name, json.dumps(a, ensure_ascii=False), json.dumps(b, ensure_ascii=False))]


def _show_ends(console: Console, comparison: Comparison) -> None:
    if not comparison.ends:
        console.print("\neverybody ends up in the same categories")
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("dimension", "in A", "in B", title="who ends up elsewhere", title_justify="left")
    table.add_column("customers", justify="right")
    for dimension, to_a, to_b, customers in comparison.ends[:ENDS_SHOWN]:
        table.add_row(escape(dimension), escape(to_a or "—"), escape(to_b or "—"), f"{customers:,}")
    console.print()
    console.print(table)
    if len(comparison.ends) > ENDS_SHOWN:
        console.print(f"and {len(comparison.ends) - ENDS_SHOWN} more kinds of difference")
