"""`tierline produce`: event files into the input topics."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.kafka_options import Brokers
from workers.cli.running import run_until_stopped

if TYPE_CHECKING:
    from rules.engine.event import Topic
    from workers.feed.feeder import Counts
    from workers.feed.pace import Pace
    from workers.files.sources import EventFile
    from workers.settings.live import LiveSettings

#: The answer to "is all of it in Kafka?" is no.
EXIT_NOT_ALL = 1


class Timestamps(StrEnum):
    """What the records' timestamps say."""

    OCCURRED = "occurred"
    NOW = "now"


class Input(StrEnum):
    """An input topic, by what it is for."""

    CUSTOMERS = "customers"
    ORDERS = "orders"
    PAYMENTS = "payments"
    FEEDBACK = "feedback"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("produce")(produce)


def produce(
    files: Annotated[
        list[Path], typer.Argument(help="NDJSON (also .gz, .zst) or Parquet files of events, or folders.")
    ],
    brokers: Brokers = None,
    topic: Annotated[
        Input | None,
        typer.Option(
            help="For records that say no known type; else the file's name says it.", show_default=False
        ),
    ] = None,
    timestamps: Annotated[
        Timestamps, typer.Option(help="The records' timestamps: when it occurred, or the time of sending.")
    ] = Timestamps.OCCURRED,
    pace: Annotated[
        str, typer.Option(help="`5d/s` (days of events a second; also h, m, s), `1000/s` (events), or `max`.")
    ] = "max",
) -> None:
    """Send event files to the input topics of the live service.

    The type of an event says its topic and the customer its partition, as Kafka's default partitioner
    decides. Files are read side by side, so that events go in the order of time; each keeps its own order. A
    record that cannot be read goes to the topic that `--topic` or the file's name says, and the worker puts
    it aside among the dead letters. Topics that are missing are made.

    Exit code 1 if something was not sent; what and where is said.

        tierline produce orders.ndjson payments.parquet
        tierline produce events/ --pace 1d/s
    """
    from workers.feed.pace import read_pace
    from workers.files.sources import find_event_files
    from workers.settings.live import live_settings

    wanted = read_pace(pace)
    settings = live_settings(brokers=brokers)
    found = find_event_files(files)
    home: Topic | None = None if topic is None else topic.value
    _show(run_until_stopped(_send(settings, found, home, timestamps is Timestamps.NOW, wanted)))


async def _send(
    settings: LiveSettings, files: list[EventFile], home: Topic | None, now: bool, pace: Pace
) -> Counts:
    from workers.feed.feeder import Feeder
    from workers.files.chunks import guess_events
    from workers.kafka.topics import ready_topics
    from workers.kafka.waiting import wait_for_broker
    from workers.report.progress import shown_progress

    await wait_for_broker(settings, lambda text: typer.echo(text, err=True))
    partitions = await ready_topics(settings)
    async with Feeder(settings, files, partitions, home=home, now=now) as feeder:
        with shown_progress() as progress:
            progress.step("sending", "events", guess_events(files))
            return await feeder.run(pace, lambda taken, _: progress.done(taken))


def _show(counts: Counts) -> None:
    for topic, count in counts.sent.items():
        if count:
            typer.echo(f"{topic:<10} {count:>12,}")
    typer.echo(f"{'sent':<10} {counts.sent.total():>12,}")
    if counts.unreadable:
        typer.echo(
            f"\n{counts.unreadable:,} of them name no customer: the worker puts them aside as dead letters"
        )
    for reason, count in counts.not_sent.items():
        typer.echo(f"\nnot sent: {count:,} {reason}, such as {', '.join(counts.places[reason])}")
    if counts.not_sent:
        typer.echo("name their topic with --topic, or in the name of the file, such as orders-2026.ndjson")
        raise typer.Exit(EXIT_NOT_ALL)
