"""`tierline assign`, `release`, `erase`: what people decide about single customers, written into the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.errors import UserError
from workers.cli.kafka_options import Brokers, Yes, confirm, moment_ms
from workers.cli.running import run_until_stopped

if TYPE_CHECKING:
    from rules.language.model import Dimension, Pack
    from workers.settings.live import LiveSettings

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


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be written for each of the customers, and how it is said."""

    type: str
    customers: tuple[str, ...]
    at_ms: int
    says: str
    fields: dict[str, Any] = field(default_factory=dict)


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
    from workers.packs import open_pack

    pack = open_pack(rules)
    found = _dimension(pack, dimension)
    _check_category(found, category, mode)
    at_ms = _at(at)
    day = None if until is None else until.date()
    if day is not None:
        _check_day(pack, day, at_ms)
    held = f"pin to `{category}`" if mode is Mode.PIN else f"keep at `{category}` or above"
    order = _Order(
        type="category.assigned",
        customers=_customers(customers, file),
        at_ms=at_ms,
        says=f"{held} in `{dimension}` {f'until {day}' if day else 'until it is released'}",
        fields={
            "dimension": dimension,
            "category": category,
            "mode": mode.value,
            **({"until": day.isoformat()} if day else {}),
            "reason": reason,
            "actor": _actor(actor),
        },
    )
    _carry_out(order, brokers, yes)


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
    from workers.packs import open_pack

    _dimension(open_pack(rules), dimension)
    order = _Order(
        type="category.released",
        customers=_customers(customers, file),
        at_ms=_at(at),
        says=f"release in `{dimension}`",
        fields={"dimension": dimension, "reason": reason, "actor": _actor(actor)},
    )
    _carry_out(order, brokers, yes)


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
    order = _Order(
        type="customer.erased",
        customers=_customers(customers, file),
        at_ms=_at(at),
        says="forget everything, for good,",
        fields={"reason": reason, "actor": _actor(actor)},
    )
    only = order.customers[0] if len(order.customers) == 1 else None
    asked = f"the id `{only}`" if only else f"the number of customers, {len(order.customers)},"
    _carry_out(order, brokers, yes, f"Type {asked} to erase:", only or str(len(order.customers)))


def _carry_out(
    order: _Order,
    brokers: str | None,
    yes: bool,
    question: str = "Send it? [y/N]",
    expected: str = "yes",
) -> None:
    """Show what will be written, ask, write it, and say what was done."""
    from rules.calendar import format_instant
    from workers.settings.live import live_settings

    settings = live_settings(brokers=brokers)
    events = [_event(order, customer) for customer in order.customers]
    count = "1 customer" if len(events) == 1 else f"{len(events):,} customers"
    named = ", ".join(order.customers[:NAMED]) + (", …" if len(events) > NAMED else "")
    when = format_instant(order.at_ms * 1000)[:19].replace("T", " ")
    typer.echo(f"{order.says} for {count}: {named}")
    typer.echo(f"  reason  {order.fields['reason']}\n  actor   {order.fields['actor']}\n  at      {when} UTC")
    typer.echo(f"  into    `{settings.topics.customers}` on {settings.brokers}")
    confirm(question, yes, expected)
    sent = run_until_stopped(_send(settings, events, order.at_ms))
    typer.echo(f"{order.type} was written for {sent:,} of {count}")
    if sent < len(events):
        raise typer.Exit(EXIT_UNSENT)


def _event(order: _Order, customer: str) -> dict[str, Any]:
    """The event, as the schema has it. Raises UserError that names what it does not allow."""
    from uuid import uuid4

    from pydantic import ValidationError

    from rules.calendar import format_instant
    from schemas.events import EVENT

    event = {
        "event_id": str(uuid4()),
        "type": order.type,
        "occurred_at": format_instant(order.at_ms * 1000),
        "customer_id": customer,
        **order.fields,
    }
    try:
        EVENT.validate_python(event)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        name = str(wrong["loc"][-1])
        what = wrong["msg"].removeprefix("Value error, ")
        raise UserError(f"`{name}` of customer `{customer[:40]}` {what}") from None
    return event


async def _send(settings: LiveSettings, events: list[dict[str, Any]], at_ms: int) -> int:
    """Write the events, each where its customer's key belongs; how many the broker took."""
    import asyncio

    import orjson
    from aiokafka.errors import KafkaError

    from workers.kafka.opened import open_consumer, open_producer, partitions_of, told
    from workers.kafka.partitioner import partition_of

    topic = settings.topics.customers
    async with open_consumer(settings) as client:
        partitions = len(await partitions_of(client, [topic], settings))
    async with open_producer(settings) as client:
        results = await asyncio.gather(
            *(
                client.send_and_wait(
                    topic,
                    value=orjson.dumps(event),
                    key=(key := str(event["customer_id"]).encode()),
                    partition=partition_of(key, partitions),
                    timestamp_ms=at_ms,
                )
                for event in events
            ),
            return_exceptions=True,
        )
    failed = [each for each in results if isinstance(each, BaseException)]
    for each in failed:
        if not isinstance(each, KafkaError):
            raise each
    if failed:
        typer.echo(f"error: the broker did not take {len(failed):,} of them: {told(failed[0])}", err=True)
    return len(results) - len(failed)


def _customers(given: list[str] | None, file: Path | None) -> tuple[str, ...]:
    """The ids that were typed and those of the file, each once, in that order."""
    import sys

    ids = list(given or ())
    if file is not None:
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise UserError(f"`{file}` is not UTF-8 text: save it as UTF-8") from None
        ids += [line.strip() for line in text.splitlines() if line.strip()]
    if not ids:
        raise UserError("name at least one customer, or a `--file` with one id a line")
    return tuple(dict.fromkeys(ids))


def _dimension(pack: Pack, name: str) -> Dimension:
    from rules.language.findings import listed, suggestion

    known = {each.id: each for each in pack.dimensions}
    if name not in known:
        near = suggestion(name, known) or f": it has {listed(known, 'and')}"
        raise UserError(f"the pack `{pack.name}` has no dimension `{name}`{near}")
    return known[name]


def _check_category(dimension: Dimension, category: str, mode: Mode) -> None:
    from rules.language.findings import listed, suggestion

    known = [each.id for each in dimension.categories]
    if category not in known:
        near = suggestion(category, known) or f": it has {listed(known, 'and')}"
        raise UserError(f"`{dimension.id}` has no category `{category}`{near}")
    if mode is Mode.FLOOR and dimension.kind != "ladder":
        raise UserError(f"`{dimension.id}` has no higher and lower, so no floor: use `--mode pin`")


def _check_day(pack: Pack, until: date, at_ms: int) -> None:
    from rules.calendar import calendar, date_from_period, period_from_date

    today = calendar(pack.timezone).period_of(at_ms * 1000)
    if period_from_date(until) <= today:
        raise UserError(
            f"`--until {until}` is the first day that is free again, and it is {date_from_period(today)} "
            f"in {pack.timezone} already: give a later day"
        )


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
