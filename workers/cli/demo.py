"""`tierline demo`: the live service on this machine, with a year of real baskets, shown while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.errors import Stopped, UserError
from workers.cli.running import run_until_stopped

if TYPE_CHECKING:
    from rich.console import Console

    from rules.language.model import Pack
    from workers.demo.children import Children
    from workers.demo.run import Outcome

DEFAULT_OUT = Path("out/demo")
DEFAULT_PACE = "5d/s"
#: The most frequent moves that the end shows.
MOVES = 6


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    pace: Annotated[
        str,
        typer.Option(
            help="How much of the log's time goes by in a second, `5d/s`, `12h/s`; or `max`.",
            metavar="PACE",
        ),
    ] = DEFAULT_PACE,
    rules: Annotated[
        str,
        typer.Option(
            help="The pack to decide by: a path, or the name of one in the catalog.", metavar="PACK"
        ),
    ] = "shop",
    broker: Annotated[
        str,
        typer.Option(
            help="`embedded` comes with the installation; `java` is Apache Kafka started here; HOST:PORT is "
            "another, where the demo's topics have names of their own and are removed in the end.",
            metavar="embedded|java|HOST:PORT",
        ),
    ] = "embedded",
    customers: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help="So many made-up customers instead of the real households."),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live/--no-live", help="Draw on the terminal, or print a line a second.")
    ] = True,
    stay: Annotated[
        bool | None,
        typer.Option(
            "--stay/--no-stay",
            help="Keep running when all events are through, or end. On a terminal it stays.",
            show_default=False,
        ),
    ] = None,
    surfaces: Annotated[
        bool,
        typer.Option(
            "--console/--no-console", help="Also keep a database of what is published, and show it as pages."
        ),
    ] = True,
    out: Annotated[Path, typer.Option(help="The folder for events and logs.")] = DEFAULT_OUT,
) -> None:
    """Run the live service here and feed it a year of real baskets, fast: see categories move, and why.

    Starts a broker, a worker, a projector and a console on this machine, creates the topics, and feeds the
    year 2017 of 2,469 real households, with made-up payments, ratings and complaints, at the pace you like.
    The log's own time is the clock. Shows events and changes a second, who is where, the latest changes with
    their reasons, up to when everything is final, and how far behind the worker is. The console, to be opened
    in a browser, shows the same as pages. Ctrl-C ends all of it and leaves events and logs.

        tierline demo
        tierline demo --pace max --no-stay
        tierline demo --customers 20000 --pace 2d/s
    """
    from rich.console import Console

    from workers.demo.children import Children, only_demo_in
    from workers.demo.events import CURRENCY, demo_events
    from workers.demo.run import Demo, Wishes
    from workers.feed.pace import read_pace
    from workers.packs import open_pack
    from workers.warm import make_ready

    console = Console()
    pack = open_pack(rules)
    _check_currency(pack, rules, CURRENCY)
    wishes = Wishes(
        rules=rules,
        pack=pack,
        broker=broker,
        pace=read_pace(pace),
        live=live and console.is_terminal,
        stay=console.is_terminal if stay is None else stay,
        surfaces=surfaces,
        folder=out,
    )

    def tell(text: str) -> None:
        console.print(f"[dim]{text}[/]", highlight=False)

    with only_demo_in(out):
        make_ready(tell)
        with Children(out, broker) as children:
            tell("starting a worker" if ":" in broker else "starting a broker and a worker on this machine")
            children.start_broker()
            run = Demo(
                wishes,
                children,
                console,
                lambda: demo_events(out, customers, tell),
                lambda outcome: _show_end(console, wishes.pack, rules, children, outcome),
            )
            try:
                run_until_stopped(run.run())
            except Stopped:
                tell("stopping all of it")
                if not run.finished:
                    raise
    tell(f"all of it has ended; events and logs are in {out}")


def _check_currency(pack: Pack, rules: str, currency: str) -> None:
    if pack.currency != currency and currency not in pack.rates:
        raise UserError(
            f"the demo's money is in {currency}, and the pack `{rules}` has no rate for it",
            f"add rates for {currency} to the pack, or try `--rules shop`",
        )


def _show_end(console: Console, pack: Pack, rules: str, children: Children, outcome: Outcome) -> None:
    """What came of it, and what to try now."""
    published = outcome.progress.published
    numbers = published.numbers
    whole = (
        "no number is missing, none came twice"
        if numbers.whole
        else f"[red]{numbers.missing:,} numbers are missing, {numbers.repeated:,} came twice[/]"
    )
    console.print(
        f"\n[bold]All {outcome.progress.total:,} events are through[/] after {outcome.seconds:.0f} s: "
        f"[bold]{published.changes:,} changes[/] of {published.customers:,} customers; {whole}",
        highlight=False,
    )
    titles = {each.id: each.title or each.id for each in pack.dimensions}
    for (dimension, source, to), count in published.moves.most_common(MOVES):
        console.print(f"  {count:>7,}  {titles[dimension]}: {source} → {to}", highlight=False, markup=False)
    _show_next(console, pack, rules, children, outcome)


def _show_next(console: Console, pack: Pack, rules: str, children: Children, outcome: Outcome) -> None:
    """Things to try while it runs, with a customer about whom there is something to tell."""
    from rules.calendar import format_instant

    found = outcome.progress.published.most_moved()
    if found is None:
        return
    customer, moves = found
    first = pack.dimensions[0]
    settings = outcome.settings
    brokers = f"--brokers {settings.brokers}"
    now = format_instant(outcome.progress.last_ms * 1000)[:19]
    prefix = f"TIERLINE_TOPICS__CHANGES={settings.topics.changes} " if settings.group != "tierline" else ""
    console.print(f"\n[bold]Go on with[/] (in another terminal; {customer} has moved {moves} times)")
    assign = f"tierline assign {customer} --rules {rules} --dimension {first.id}"
    lines = [
        f"open {children.console or children.address}/customers/{customer}",
        f"{prefix}tierline watch {brokers} --from-beginning --no-follow --customer {customer}",
    ]
    if not prefix:
        lines += [
            f"tierline watch {brokers}",
            f'{assign} --category {first.categories[-1].id} --reason "to try it" --at {now}Z {brokers}',
            f"tierline verify --from-journal --rules {rules} {brokers}",
        ]
    for each in lines:
        console.print(f"  {each}", highlight=False, soft_wrap=True, markup=False)
