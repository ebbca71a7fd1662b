"""`tierline dead-letters`: records that were refused; why, and how to send them once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.errors import UserError
from workers.cli.kafka_options import Brokers, Yes, confirm, moment_ms
from workers.cli.running import run_until_stopped

if TYPE_CHECKING:
    from workers.letters.letter import Letter
    from workers.letters.reading import Wanted
    from workers.letters.redriving import Redrive
    from workers.settings.live import LiveSettings

#: The latest letters that `list` shows below the reasons.
LATEST = 10
#: Refused again whatever has changed since.
HOPELESS = ("malformed_json", "too_late")
EXIT_NONE = 1
#: Characters of a line that no terminal has to show.
_WIDE = 10_000

Codes = Annotated[
    list[str] | None, typer.Option("--code", help="Only those with this reason; may be given again.")
]
Topics = Annotated[
    list[str] | None, typer.Option("--topic", help="Only records of this input; may be given again.")
]
Since = Annotated[
    str | None, typer.Option(help="Only those written since: a day, an instant, or `2h` (ago).")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    letters = typer.Typer(
        help="List, show and send again the records that were refused.", no_args_is_help=True
    )
    letters.command("list")(list_letters)
    letters.command("show")(show)
    letters.command("redrive")(redrive)
    app.add_typer(letters, name="dead-letters")


def list_letters(
    brokers: Brokers = None,
    code: Codes = None,
    topic: Topics = None,
    since: Since = None,
    json: Annotated[bool, typer.Option("--json", help="Print every letter, one a line.")] = False,
) -> None:
    """Count the refused records by reason, and show the latest."""
    from workers.settings.live import live_settings

    settings = live_settings(brokers=brokers)
    run_until_stopped(_list(settings, _wanted(code, topic, since), as_json=json))


def show(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            help="As `list` shows it: of the record, or of the letter: TOPIC/PARTITION:OFFSET.",
        ),
    ],
    brokers: Brokers = None,
) -> None:
    """Show one refused record: what is wrong with it, where it came from, and its text."""
    from workers.settings.live import live_settings

    settings = live_settings(brokers=brokers)
    found = run_until_stopped(_read(settings, _wanted(None, None, None, place)))
    if not found:
        raise UserError(f"there is no dead letter `{place}`", "`tierline dead-letters list` shows the latest")
    for letter in found:
        _show(letter)


def redrive(
    place: Annotated[
        str | None,
        typer.Argument(metavar="PLACE", help="The one to send: TOPIC/PARTITION:OFFSET.", show_default=False),
    ] = None,
    brokers: Brokers = None,
    code: Codes = None,
    topic: Topics = None,
    since: Since = None,
    every: Annotated[bool, typer.Option("--all", help="All that there are.")] = False,
    fix_key: Annotated[
        bool,
        typer.Option("--fix-key", help="Where the key is not the customer, take `customer_id` as the key."),
    ] = False,
    keep_timestamp: Annotated[
        bool | None,
        typer.Option(
            help="Give records the timestamp they had; else the present. For services whose clock is the "
            "log; the default where TIERLINE_CLOCK is `log`.",
            show_default=False,
        ),
    ] = None,
    yes: Yes = False,
) -> None:
    """Send refused records once more to the topics they came from, as they came.

    What was wrong must have been mended before: a rate added to the pack, a category declared, the day come.
    Dead letters stay where they are. Sending the same one twice does no harm as long as the event id is
    remembered (the pack's `lateness`): the second is dropped as a duplicate. A record that is sent again
    carries the header `tierline_redriven_from`.
    """
    from workers.letters.redriving import plan_redrive
    from workers.settings.live import live_settings

    if place is None and not (code or topic or since or every):
        raise UserError("say which: a PLACE, `--code`, `--topic`, `--since`, or `--all`")
    settings = live_settings(brokers=brokers)
    wanted = _wanted(code, topic, since, place)
    plan = plan_redrive(run_until_stopped(_read(settings, wanted)), fix_key=fix_key)
    _show_plan(plan)
    if not plan.sendings:
        typer.echo("nothing is to be sent")
        raise typer.Exit(EXIT_NONE)
    confirm("Send them? [y/N]", yes)
    keep = settings.clock == "log" if keep_timestamp is None else keep_timestamp
    run_until_stopped(_redrive(settings, plan, keep_timestamp=keep))


def _wanted(
    codes: list[str] | None, topics: list[str] | None, since: str | None, place: str | None = None
) -> Wanted:
    """What the options ask for. Raises UserError for a reason that does not exist or a place that is none."""
    from rules.engine.event import Code
    from rules.language.findings import listed, suggestion
    from workers.letters.letter import Place
    from workers.letters.reading import Wanted

    known = [each.value for each in Code]
    for each in codes or ():
        if each not in known:
            near = suggestion(each, known) or f": it is one of {listed(known)}"
            raise UserError(f"there is no reason `{each}`{near}")
    where = None if place is None else Place.read(place)
    if place is not None and where is None:
        raise UserError(
            f"`{place}` is no place of a record: write TOPIC/PARTITION:OFFSET, such as `orders/0:17`"
        )
    return Wanted(
        frozenset(codes or ()),
        frozenset(topics or ()),
        None if since is None else moment_ms(since, "--since"),
        where,
    )


async def _read(settings: LiveSettings, wanted: Wanted) -> list[Letter]:
    from workers.letters.reading import read_letters

    return [letter async for letter in read_letters(settings, wanted)]


async def _list(settings: LiveSettings, wanted: Wanted, *, as_json: bool) -> None:
    from collections import Counter, deque

    from workers.letters.reading import read_letters

    counts: Counter[str] = Counter()
    by_code: dict[str, Letter] = {}
    latest: deque[Letter] = deque(maxlen=LATEST)
    async for letter in read_letters(settings, wanted):
        if as_json:
            typer.echo(_json(letter))
        counts[letter.code] += 1
        by_code[letter.code] = letter
        latest.append(letter)
    if not as_json:
        _show_counts(counts, by_code)
        _show_latest(list(latest))


def _json(letter: Letter) -> str:
    import json

    key = None if letter.key is None else letter.key.decode(errors="replace")
    where = {
        "letter": str(letter.at),
        "record_at": str(letter.source),
        "written_at": _when(letter),
        "key": key,
    }
    return json.dumps({**where, **letter.body}, ensure_ascii=False, separators=(",", ":"))


def _when(letter: Letter) -> str:
    from rules.calendar import format_instant

    return format_instant(letter.timestamp_ms * 1000)


def _show_counts(counts: dict[str, int], latest: dict[str, Letter]) -> None:
    if not counts:
        typer.echo("no dead letters")
        return
    table = _table("reason", "records", "latest (UTC)", "its place", right=1)
    for code, count in sorted(counts.items(), key=lambda each: -each[1]):
        letter = latest[code]
        table.add_row(code, f"{count:,}", _when(letter)[:16].replace("T", " "), str(letter.source))
    _print(table)


def _show_latest(letters: list[Letter]) -> None:
    from rich.text import Text

    if not letters:
        return
    typer.echo("\nThe latest")
    table = _table("place", "reason", "what is wrong")
    for letter in reversed(letters):
        table.add_row(str(letter.source), letter.code, Text(str(letter.body["detail"])))
    _print(table)
    typer.echo(f"\nShow one with `tierline dead-letters show {letters[-1].source}`")


def _show(letter: Letter) -> None:
    import json

    key = "none" if letter.key is None else letter.key.decode(errors="backslashreplace")
    rows = {
        "reason": f"{letter.code}: {letter.body['detail']}",
        "record": str(letter.source),
        "key": key,
        "event id": letter.body.get("event_id") or "cannot be read",
        "refused": f"{_when(letter)[:19].replace('T', ' ')} UTC",
        "letter": str(letter.at),
    }
    if letter.code == "erased":
        rows["event id"] = "not kept"
        rows["customer"] = f"SHA-256 {letter.body['customer_sha256']}"
    for name, text in rows.items():
        typer.echo(f"{name:<9} {text}")
    typer.echo()
    if letter.record is None:
        typer.echo("nothing is kept of the record of a customer who was erased")
        return
    try:
        typer.echo(json.dumps(json.loads(letter.record), indent=2, ensure_ascii=False))
    except ValueError:
        typer.echo(letter.record.decode(errors="backslashreplace"))


def _show_plan(plan: Redrive) -> None:
    from collections import Counter

    counts = Counter((each.letter.source.topic, each.letter.code) for each in plan.sendings)
    for (topic, code), count in sorted(counts.items()):
        again = "; it will be refused again" if code in HOPELESS else ""
        typer.echo(f"{count:>8,}  {code} to `{topic}`{again}")
    for reason, count in plan.left.items():
        typer.echo(f"{count:>8,}  left out: {reason}")


async def _redrive(settings: LiveSettings, plan: Redrive, *, keep_timestamp: bool) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from workers.kafka.opened import open_consumer, partitions_of
    from workers.letters.redriving import send_again

    topics = sorted({each.letter.source.topic for each in plan.sendings})
    partitions: dict[str, int] = {}
    async with open_consumer(settings) as client:
        for place in await partitions_of(client, topics, settings):
            partitions[place.topic] = partitions.get(place.topic, 0) + 1
    errors = Console(stderr=True)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("sending", total=len(plan.sendings))
        failed = await send_again(
            settings,
            plan,
            partitions,
            keep_timestamp=keep_timestamp,
            done=lambda count: progress.update(task, completed=count),
        )
    sent = len(plan.sendings) - len(failed)
    typer.echo(f"sent {sent:,} of {len(plan.sendings):,}; the dead letters stay where they are")
    for each, why in failed[:LATEST]:
        typer.echo(f"  {each.letter.source} was not taken: {why}", err=True)
    if failed:
        raise typer.Exit(EXIT_NONE)


def _table(*columns: str, right: int | None = None) -> Any:  # rich is imported late
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for index, column in enumerate(columns):
        last = index == len(columns) - 1
        table.add_column(column, justify="right" if index == right else "left", no_wrap=not last)
    return table


def _print(table: object) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(table, crop=False, width=None if console.is_terminal else _WIDE)
