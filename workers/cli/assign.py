"""`tierline assign`, `release`, `erase`: what people decide about single customers, written into the log."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.errors import UserError
from workers.cli.kafka_options import Brokers, Yes, confirm, moment_ms
from workers.cli.running import run_until_stopped

if TYPE_CHECKING:
    from workers.acting.decisions import Decision

#: Customers that are named before they are only counted.
NAMED = 5
EXIT_UNSENT = 1


class Mode(StrEnum):
    """How an override acts (S8)."""

    PIN = "pin"
    FLOOR = "floor"


Customers = Annotated[
    list[str] | None, typer.Argument(metavar="CUSTOMER", help="Ids of customers.", show_default=False)
]
File = Annotated[
    Path | None, typer.Option("--file", help="A file of ids, one a line; `-` reads standard input.")
]
Rules = Annotated[str, typer.Option("--rules", help="The pack that the service runs.", metavar="PACK")]
Named = Annotated[str, typer.Option("--dimension", help="The dimension, by its id in the pack.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; shown with every change that follows from it.")]
Actor = Annotated[
    str | None, typer.Option("--actor", help="Who decided; else the name you are logged in with.")
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        help="When it was decided; else now. For a service whose clock is the log.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("assign")(assign)
    app.command("release")(release)
    app.command("erase")(erase)


def assign(
    rules: Rules,
    dimension: Named,
    category: Annotated[str, typer.Option(help="The category, by its id in the pack.")],
    reason: Reason,
    customers: Customers = None,
    file: File = None,
    mode: Annotated[
        Mode, typer.Option(help="`pin` holds the customer there; `floor` lets no lower category be.")
    ] = Mode.PIN,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="The first day that is free again; else until it is released."
        ),
    ] = None,
    actor: Actor = None,
    at: At = None,
    brokers: Brokers = None,
    yes: Yes = False,
) -> None:
    """Pin customers to a category, or keep them from falling below it, for a reason and until a day.

    Writes the event `category.assigned`. It replaces an earlier override of the same customer and dimension.

        tierline assign C1 C2 --rules shop --dimension value_tier --category gold --mode floor
            --until 2026-12-31 --reason "goodwill after the delivery in March"
    """
    from workers.acting.decisions import assignment
    from workers.packs import open_pack

    day = None if until is None else until.date()
    decision = assignment(
        open_pack(rules),
        _customers(customers, file),
        dimension=dimension,
        category=category,
        mode=mode.value,
        until=day,
        reason=reason,
        actor=_actor(actor),
        at_ms=_at(at),
    )
    held = f"pin to `{category}`" if mode is Mode.PIN else f"keep at `{category}` or above"
    says = f"{held} in `{dimension}` {f'until {day}' if day else 'until it is released'}"
    _carry_out(decision, says, brokers, yes)


def release(
    rules: Rules,
    dimension: Named,
    reason: Reason,
    customers: Customers = None,
    file: File = None,
    actor: Actor = None,
    at: At = None,
    brokers: Brokers = None,
    yes: Yes = False,
) -> None:
    """Take the override off a dimension of customers: from then on the rules decide again.

    Writes the event `category.released`.
    """
    from workers.acting.decisions import release as released
    from workers.packs import open_pack

    decision = released(
        open_pack(rules),
        _customers(customers, file),
        dimension=dimension,
        reason=reason,
        actor=_actor(actor),
        at_ms=_at(at),
    )
    _carry_out(decision, f"release in `{dimension}`", brokers, yes)


def erase(
    reason: Reason,
    customers: Customers = None,
    file: File = None,
    actor: Actor = None,
    at: At = None,
    brokers: Brokers = None,
    yes: Yes = False,
) -> None:
    """Forget customers: everything that the service knows of them, for good.

    Writes the event `customer.erased`. Their categories are deleted and subscribers are told. What lies in
    the input topics is deleted by those topics' own retention, not by this.
    """
    from workers.acting.decisions import erasure

    decision = erasure(_customers(customers, file), reason=reason, actor=_actor(actor), at_ms=_at(at))
    only = decision.customers[0] if len(decision.customers) == 1 else None
    asked = f"the id `{only}`" if only else f"the number of customers, {len(decision.customers)},"
    expected = only or str(len(decision.customers))
    _carry_out(decision, "forget everything, for good,", brokers, yes, f"Type {asked} to erase:", expected)


def _carry_out(
    decision: Decision,
    says: str,
    brokers: str | None,
    yes: bool,
    question: str = "Send it? [y/N]",
    expected: str = "yes",
) -> None:
    """Show what will be written, ask, write it, and say what was done."""
    from rules.calendar import format_instant
    from workers.acting.decisions import events_of, write
    from workers.settings.live import live_settings

    settings = live_settings(brokers=brokers)
    events = events_of(decision)
    count = "1 customer" if len(events) == 1 else f"{len(events):,} customers"
    named = ", ".join(decision.customers[:NAMED]) + (", …" if len(events) > NAMED else "")
    when = format_instant(decision.at_ms * 1000)[:19].replace("T", " ")
    typer.echo(f"{says} for {count}: {named}")
    typer.echo(
        f"  reason  {decision.fields['reason']}\n  actor   {decision.fields['actor']}\n  at      {when} UTC"
    )
    typer.echo(f"  into    `{settings.topics.customers}` on {settings.brokers}")
    confirm(question, yes, expected)
    written = run_until_stopped(write(settings, events, decision.at_ms))
    if written.why_not is not None:
        failed = len(events) - written.taken
        typer.echo(f"error: the broker did not take {failed:,} of them: {written.why_not}", err=True)
    typer.echo(f"{decision.type} was written for {written.taken:,} of {count}")
    if written.taken < len(events):
        raise typer.Exit(EXIT_UNSENT)


def _customers(given: list[str] | None, file: Path | None) -> tuple[str, ...]:
    """The ids that were typed and those of the file, each once, in that order."""
    import sys

    from workers.acting.decisions import ids_of

    text = ""
    if file is not None:
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise UserError(f"`{file}` is not UTF-8 text: save it as UTF-8") from None
    ids = tuple(dict.fromkeys((*(given or ()), *ids_of(text))))
    if not ids:
        raise UserError("name at least one customer, or a `--file` with one id a line")
    return ids


def _at(text: str | None) -> int:
    """The moment in ms since 1970; now if nothing is said."""
    from workers.clock import unix_seconds

    return int(unix_seconds() * 1000) if text is None else moment_ms(text, "--at")


def _actor(given: str | None) -> str:
    from workers.settings import user_name

    name = given or user_name()
    if not name:
        raise UserError("nobody knows who you are: say it with `--actor`")
    return name
