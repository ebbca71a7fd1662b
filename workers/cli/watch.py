"""`tierline watch`: category changes as they are published, in words."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.errors import Stopped, UserError
from workers.cli.kafka_options import Brokers, moment_ms
from workers.cli.running import run_until_stopped

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    from workers.kafka.following import Start
    from workers.settings.live import LiveSettings
    from workers.watching.choice import Choice
    from workers.watching.numbers import Numbers

#: The answer to "did everything come, and once?" is no.
EXIT_NOT_WHOLE = 1
#: Blanks before the reasons.
INDENT = 6


class Cause(StrEnum):
    """What set a move off."""

    EVENT = "event"
    TIME = "time"
    OVERRIDE = "override"
    RULES = "rules"
    MERGE = "merge"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("watch")(watch)


def watch(
    brokers: Brokers = None,
    dimension: Annotated[
        list[str] | None, typer.Option(help="Only moves in this dimension; may be given again.")
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Only moves into this category; may be given again.")
    ] = None,
    customer: Annotated[
        list[str] | None, typer.Option(help="Only this customer; may be given again.", metavar="ID")
    ] = None,
    cause: Annotated[
        list[Cause] | None, typer.Option(help="Only moves that this set off; may be given again.")
    ] = None,
    pending: Annotated[bool, typer.Option("--pending", help="Also show moves that are coming.")] = False,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Begin with the first that is still there.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(help="Begin with what was published then: a day, an instant, or `2h` (ago)."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for more, or end with what is there.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print the messages as they are, one a line.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many.", show_default=False)] = None,
) -> None:
    """Show category changes as they are published: who moved from where to where, and why.

    Reads committed messages only and joins no group, so that watching disturbs nobody. The changes of every
    customer and dimension are numbered without gaps: a number that is missing or comes twice is told, also
    where a filter hides the change itself. Ctrl-C ends it.

    Exit code 0 if every number came once; 1 if not.

        tierline watch --dimension value_tier --category gold
        tierline watch --from-beginning --no-follow --json > changes.ndjson
    """
    from workers.settings.live import live_settings
    from workers.watching.choice import Choice
    from workers.watching.numbers import Numbers

    if from_beginning and since is not None:
        raise UserError("give either `--from-beginning` or `--since`, not both")
    start: Start = "first" if from_beginning else "end" if since is None else moment_ms(since, "--since")
    choice = Choice(
        dimensions=frozenset(dimension or ()),
        categories=frozenset(category or ()),
        customers=frozenset(customer or ()),
        causes=frozenset(each.value for each in cause or ()),
    )
    settings = live_settings(brokers=brokers)
    topics = [settings.topics.changes, *([settings.topics.pending] if pending else [])]
    watcher = _Watcher(choice, Numbers(from_first=from_beginning), as_json=json, limit=limit)
    with suppress(Stopped):  # that is how watching ends
        run_until_stopped(watcher.run(settings, topics, start, to_end=not follow))
    watcher.show_end()
    raise typer.Exit(watcher.exit_code)


class _Watcher:
    """Shows what is wanted and checks the numbers of everything."""

    def __init__(self, choice: Choice, numbers: Numbers, *, as_json: bool, limit: int | None) -> None:
        from rich.console import Console

        self._choice = choice
        self._numbers = numbers
        self._as_json = as_json
        self._limit = limit
        self._out = Console(highlight=False)
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)
        self._changes = 0
        self._shown = 0

    async def run(self, settings: LiveSettings, topics: list[str], start: Start, *, to_end: bool) -> None:
        """Follow the topics until the end, the limit or a signal."""
        from workers.kafka.following import follow, start_at
        from workers.kafka.opened import open_consumer, partitions_of, trouble_told

        async with open_consumer(settings) as client:
            places = await partitions_of(client, topics, settings)
            await self._look_at_first(client, places)
            await start_at(client, places, start)
            if self._out.is_terminal and not self._as_json:
                self._tell(f"watching {' and '.join(topics)} on {settings.brokers}; Ctrl-C ends it")
            with trouble_told(self._warn):
                async for records in follow(client, to_end=to_end):
                    for record in records:
                        self._take(record.value)
                        if self._shown == self._limit:
                            return
                    self._out.file.flush()

    async def _look_at_first(self, client: AIOKafkaConsumer, places: list[TopicPartition]) -> None:
        """Where the first changes are gone, numbers cannot be expected to begin at 1."""
        if self._numbers.from_first and any((await client.beginning_offsets(places)).values()):
            self._numbers.from_first = False
            self._tell("older changes are no longer there: numbers are checked from the first one seen")

    def _take(self, raw: bytes | None) -> None:
        """Check one message, and show it if it is wanted."""
        import orjson

        from workers.watching.lines import kind_of

        try:
            body: dict[str, Any] = orjson.loads(raw or b"")
            if kind_of(body) == "change":
                self._changes += 1
                trouble = self._numbers.check(body)
                if trouble is not None:
                    self._warn(trouble)
            if self._choice.wants(body):
                self._show(body, raw or b"")
                self._shown += 1
        except (ValueError, KeyError, TypeError, AttributeError):
            self._warn(f"this message is not one of ours: {(raw or b'')[:100]!r}")

    def _show(self, body: dict[str, Any], raw: bytes) -> None:
        from rich.padding import Padding

        from workers.watching.lines import line, shown

        if self._as_json:
            self._out.file.write(raw.decode() + "\n")
        elif self._out.is_terminal:
            head, reasons = shown(body)
            self._out.print(head)
            if reasons is not None:
                self._out.print(Padding(reasons, (0, 0, 0, INDENT)))
        else:
            self._out.file.write(line(body) + "\n")

    def _warn(self, text: str) -> None:
        from rich.markup import escape

        self._out.file.flush()
        self._errors.print(f"[yellow]warning[/]: {escape(text)}")

    def _tell(self, text: str) -> None:
        self._errors.print(text, style="dim")

    @property
    def exit_code(self) -> int:
        """0 if everything came, and once."""
        return 0 if self._numbers.whole else EXIT_NOT_WHOLE

    def show_end(self) -> None:
        """Say how much came and whether it was whole."""
        changes = "1 change" if self._changes == 1 else f"{self._changes:,} changes"
        numbers = self._numbers
        if numbers.whole:
            self._tell(f"{changes}; no number was missing, none came twice")
        else:
            self._warn(f"{changes}; {numbers.missing:,} are missing, {numbers.repeated:,} came twice")
