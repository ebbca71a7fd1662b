"""`tierline explain`: one customer's whole story, with every condition and its values."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from rules.engine.reference import CustomerView
    from rules.engine.story import Chapter, Part, Storyteller
    from rules.language.model import Pack
    from workers.replay.one_customer import Found


class EventOrder(StrEnum):
    """In which order events are applied."""

    OCCURRED = "occurred"
    ARRIVAL = "arrival"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("explain")(explain)


def explain(
    customer: Annotated[str, typer.Option(help="The id of the customer.", metavar="ID")],
    rules: Annotated[
        str, typer.Option(help="A pack file, or the name of one in the catalog.", metavar="PACK")
    ],
    events: Annotated[list[Path], typer.Option(help="Event files, or folders of them.", metavar="PATH")],
    until: Annotated[
        str | None, typer.Option(help="Go on to this day (YYYY-MM-DD); else to that of the last event.")
    ] = None,
    order: Annotated[
        EventOrder, typer.Option(help="As they occurred, or as they arrived.")
    ] = EventOrder.OCCURRED,
) -> None:
    """Tell one customer's whole story: what came, what moved and why, and what is pending.

    Every condition that was asked for a move is shown with its answer and the values it used. Duplicates and
    rejected records are part of the story.
    """
    from rich.console import Console

    from rules.engine.event import Event
    from rules.engine.story import Storyteller
    from workers.files.sources import find_event_files
    from workers.packs import open_pack
    from workers.replay.one_customer import find_customer
    from workers.replay.periods import period_of_day

    pack = open_pack(rules)
    files = find_event_files(events)
    last_day = None if until is None else period_of_day(until, "--until")
    found = find_customer(files, pack, customer, order=order.value, until=last_day)
    told = Storyteller(pack)
    for each in found.inputs:
        if isinstance(each, Event):
            told.apply(each)
        else:
            told.tick(each.period)
    if found.last_period is not None:
        told.tick(found.last_period)
    if not told.chapters and not found.rejected:
        raise UserError(
            f"there is no event of customer `{customer}` in these files",
            "ids are compared to the letter: look at capitals, leading zeros and blanks",
        )
    console = Console(highlight=False, soft_wrap=True)
    _show_story(console, told, found, customer)


def _show_story(console: Console, told: Storyteller, found: Found, customer: str) -> None:
    from rich.markup import escape

    console.print(
        f"[bold]{escape(customer)}[/] under pack {escape(told.pack.name)} {escape(told.pack.version)}"
    )
    for chapter in told.chapters:
        _show_chapter(console, chapter)
    _show_rejected(console, found)
    view = told.customer()
    if view is None:
        console.print("\n[bold]nothing is known of this customer now[/]")
    else:
        _show_now(console, told, view)


def _show_chapter(console: Console, chapter: Chapter) -> None:
    from rich.markup import escape

    from rules.calendar import format_instant
    from workers.report.words import instant_in_words

    when = instant_in_words(format_instant(chapter.instant_us))
    life = f" (life {chapter.life})" if (chapter.life or 1) > 1 else ""
    console.print(f"\n[bold]{when} UTC[/]{life}  {escape(chapter.headline)}")
    for note in chapter.notes:
        console.print(f"  [yellow]{escape(note)}[/]")
    for part in chapter.parts:
        _show_part(console, part)
    if chapter.metrics:
        console.print(f"  [dim]{escape(_metrics_text(chapter.metrics))}[/]")


def _show_part(console: Console, part: Part) -> None:
    """The moves and notices of a dimension, then the conditions that were asked."""
    from rich.markup import escape

    from workers.report.words import move_in_words, notice_in_words

    for output in part.outputs:
        if output.kind == "change":
            pinned = f": {part.override}" if output.body["cause"] == "override" and part.override else ""
            console.print(f"  [bold cyan]→ {escape(move_in_words(output.body) + pinned)}[/]")
        else:
            console.print(f"  [cyan]⧗ {escape(notice_in_words(output.body))}[/]")
    _show_checks(console, part)


def _show_checks(console: Console, part: Part) -> None:
    from rich.markup import escape

    from workers.report.words import value_in_words

    if part.override:
        console.print(f"      ! {escape(part.override)}")
    for check in part.checks:
        mark = "[green]✓[/]" if check.result else "[red]✗[/]"
        if check.expression is None:
            asked = "no condition: it is what is left"
        else:
            values = ", ".join(f"{name} = {value_in_words(value)}" for name, value in check.values.items())
            asked = f"{check.expression}{f'   [{values}]' if values else ''}"
        console.print(f"      {mark} {escape(check.rule)}: {escape(asked)}")


def _show_rejected(console: Console, found: Found) -> None:
    from rich.markup import escape

    if found.rejected:
        console.print(f"\n[bold]records that were rejected[/]: {len(found.rejected)}")
    for placed, rejection in found.rejected:
        place = f"{placed.source}:{placed.record.position}"
        console.print(f"  [yellow]{escape(place)} ({rejection.code.value})[/] {escape(rejection.detail)}")
        console.print(f"      [dim]{escape(placed.record.raw.decode(errors='replace'))}[/]")


def _show_now(console: Console, told: Storyteller, view: CustomerView) -> None:
    """Where the customer stands, what is coming, and why: the conditions of the last evaluation."""
    from rich.markup import escape

    from rules.calendar import date_from_period, format_instant
    from workers.report.words import instant_in_words

    console.print(f"\n[bold]on {date_from_period(view.as_of)}[/]")
    for part, dimension in zip(told.parts_now(), view.dimensions, strict=True):
        code = f" ({dimension.code})" if dimension.code is not None else ""
        since = instant_in_words(format_instant(dimension.since_us))
        changes = f"{dimension.changes} change{'' if dimension.changes == 1 else 's'}"
        where = f"{part.dimension}: {dimension.category}{code} since {since} UTC, {changes}"
        console.print(f"  [bold]{escape(where)}[/]")
        if dimension.pending_to is not None and dimension.pending_until is not None:
            due = date_from_period(dimension.pending_until)
            console.print(f"      [cyan]⧗ moves to {dimension.pending_to} on {due} if nothing happens[/]")
        _show_checks(console, part)
    attributes = [
        f"{attribute.name} {value}"
        for attribute, value in zip(told.pack.attributes, view.attributes, strict=True)
        if value is not None
    ]
    if attributes:
        console.print(f"  [dim]attributes: {escape(', '.join(attributes))}[/]")
    console.print(f"  [dim]{escape(_metrics_text(_metrics(told.pack, view)))}[/]")


def _metrics(pack: Pack, view: CustomerView) -> tuple[tuple[str, object], ...]:
    from rules.engine.story import metrics_in_words

    return metrics_in_words(pack, view.metrics)


def _metrics_text(metrics: tuple[tuple[str, object], ...]) -> str:
    from workers.report.words import value_in_words

    return "metrics: " + ", ".join(f"{name} {value_in_words(value)}" for name, value in metrics)
