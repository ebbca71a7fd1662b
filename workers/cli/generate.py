"""`tierline generate`: believable made-up events for tests, demos and benchmarks."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.errors import UserError
from workers.generate.settings import CUSTOMERS_MAX

if TYPE_CHECKING:
    from workers.generate.settings import Settings

DEFAULT_EVENTS_PER_CUSTOMER = 10.0
#: Later than that, what follows from an order could fall beyond the years that events may have.
LAST_YEAR = 2190


class EventFormat(StrEnum):
    """How event files are written."""

    NDJSON = "ndjson"
    PARQUET = "parquet"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("generate")(generate_command)


def generate_command(
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    customers: Annotated[
        int | None, typer.Option(help="How many customers.", min=1, max=CUSTOMERS_MAX)
    ] = None,
    orders_of: Annotated[
        Path | None,
        typer.Option("--for", help="Make up payments and feedback for the orders in this folder instead."),
    ] = None,
    days: Annotated[int, typer.Option(help="How many days.", min=1, max=3660)] = 365,
    seed: Annotated[int, typer.Option(help="The same seed and options give the same bytes.", min=0)] = 1,
    events: Annotated[int | None, typer.Option(help="About how many events in all.", min=1)] = None,
    events_per_customer: Annotated[
        float | None, typer.Option(help="About how many events a customer; 10 if nothing is said.", min=0)
    ] = None,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day (UTC).")] = datetime(  # noqa: DTZ001
        2025, 1, 1
    ),
    currency: Annotated[str, typer.Option(help="ISO 4217 code of all money.")] = "USD",
    late: Annotated[
        float, typer.Option(help="Share of events that come hours or days late.", min=0, max=1)
    ] = 0.002,
    duplicates: Annotated[float, typer.Option(help="Share of events that come twice.", min=0, max=1)] = 0.001,
    kind: Annotated[
        EventFormat, typer.Option("--format", help="How to write the files.")
    ] = EventFormat.NDJSON,
) -> None:
    """Make up believable events of customers, orders, payments and feedback.

    Writes customers, orders, payments and feedback files, each in the order of arrival, and generate.json
    with the parameters and the counts. Customers register and move, buy at very different rates and with the
    seasons, return goods, fail to pay, give ratings, complain when something goes wrong and often leave then.

    The events of the benchmark (10 million of four topics for a million customers over a year):

    tierline generate --customers 1000000 --events 10000000 --days 365 --seed 1 --format parquet --out DIR

    Real orders without payments and feedback, as an import may give them, can be given made-up ones (with
    `--seed` and `--format`; in a folder of their own, so that real and made up stay apart):

    tierline generate --for IMPORTED --out EXTRAS
    """
    from rules.money import MINOR_DIGITS
    from workers.generate.settings import Settings

    if orders_of is not None and customers is not None:
        raise UserError("give either `--customers` or `--for`, not both")
    if orders_of is not None:
        _run_extras(orders_of, out, kind, seed)
        return
    if customers is None:
        raise UserError("say how many `--customers`, or whose orders to add to with `--for`")
    if events is not None and events_per_customer is not None:
        raise UserError("give either `--events` or `--events-per-customer`, not both")
    if currency not in MINOR_DIGITS:
        raise UserError(f"`{currency}` is not a currency: give an ISO 4217 code such as `USD`")
    each = DEFAULT_EVENTS_PER_CUSTOMER if events_per_customer is None else events_per_customer
    settings = Settings(
        customers=customers,
        days=days,
        events=events if events is not None else round(customers * each),
        seed=seed,
        start=start.date(),
        currency=currency,
        digits=MINOR_DIGITS[currency],
        late=late,
        duplicates=duplicates,
    )
    if start.year < 1970 or start.year + days / 365.25 > LAST_YEAR:
        raise UserError(f"`--start {start.date()}` and `--days {days}` must lie between 1970 and 2190")
    _run(settings, out, kind)


def _run(settings: Settings, out: Path, kind: EventFormat) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from workers.generate.run import generate

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days, {task.fields[events]:,} events"),
        TimeElapsedColumn(),
    )
    errors = Console(stderr=True)
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("generating", total=settings.days, events=0)
        by_type = generate(
            settings,
            out,
            kind.value,
            lambda events, done, total: progress.update(task, completed=done, total=total, events=events),
        )
    _show(by_type, out)


def _run_extras(orders_of: Path, out: Path, kind: EventFormat, seed: int) -> None:
    from workers.generate.extras import generate_extras

    _show(generate_extras(orders_of, out, kind.value, seed), out)


def _show(by_type: dict[str, int], out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("type", title=f"{sum(by_type.values()):,} events in {out}", title_justify="left")
    table.add_column("events", justify="right")
    for name, count in by_type.items():
        table.add_row(name, f"{count:,}")
    Console().print(table)
