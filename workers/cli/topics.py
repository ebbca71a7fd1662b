"""`tierline topics`: make the topics of the live service, check them, and say what stands in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.kafka_options import Brokers
from workers.cli.running import run_until_stopped

if TYPE_CHECKING:
    from workers.kafka.topics import Topics
    from workers.settings.live import LiveSettings

#: The answer to "are the topics as they must be?" is no.
EXIT_FINDINGS = 1

Partitions = Annotated[
    int | None,
    typer.Option(
        help="So many partitions, so shards, if no input topic exists yet; else as many as the inputs have.",
        show_default="4",
    ),
]
Replication = Annotated[
    int | None, typer.Option(help="Copies of each partition on different brokers.", show_default="1")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    topics = typer.Typer(
        help="Make the topics of the live service, check them, and say what stands in them.",
        no_args_is_help=True,
    )
    topics.command("create")(create)
    topics.command("check")(check)
    topics.command("asyncapi")(asyncapi)
    app.add_typer(topics, name="topics")


def create(
    brokers: Brokers = None, partitions: Partitions = None, replication_factor: Replication = None
) -> None:
    """Make the topics that are missing, and say what is wrong with those that exist.

    Names come from TIERLINE_TOPICS__ORDERS and so on. Waits for a broker that is not there yet. Exit code 1
    if something is wrong.

        tierline topics create --brokers 127.0.0.1:9092 --partitions 12
    """
    from workers.settings.live import live_settings

    settings = live_settings(brokers=brokers, partitions=partitions, replication_factor=replication_factor)
    _show(settings, run_until_stopped(_ask(settings, make=True)))


def check(brokers: Brokers = None) -> None:
    """Say whether the topics are there and as they must be; nothing is changed.

    Exit code 1 if something is wrong.

        tierline topics check --brokers 127.0.0.1:9092
    """
    from workers.settings.live import live_settings

    settings = live_settings(brokers=brokers)
    _show(settings, run_until_stopped(_ask(settings, make=False)))


def asyncapi() -> None:
    """Print what stands in the topics, as an AsyncAPI document in YAML: keys, headers, bodies, examples.

    Names come from TIERLINE_TOPICS__ORDERS and so on. Needs no broker.

        tierline topics asyncapi > asyncapi.yaml
    """
    from workers.kafka.asyncapi import written
    from workers.settings.live import live_settings

    typer.echo(written(live_settings().topics), nl=False)


async def _ask(settings: LiveSettings, *, make: bool) -> Topics:
    from workers.kafka.topics import check_topics, create_topics
    from workers.kafka.waiting import wait_for_broker

    await wait_for_broker(settings, lambda text: typer.echo(text, err=True))
    return await (create_topics(settings) if make else check_topics(settings))


def _show(settings: LiveSettings, topics: Topics) -> None:
    wrong = {name for finding in topics.findings for name in finding.topics}
    for role, name in settings.topics.by_role().items():
        state = "new" if name in topics.created else "see below" if name in wrong else "as it must be"
        typer.echo(f"{role:<13} {name:<24} {state}")
    for finding in topics.findings:
        typer.echo(f"\n{finding.message}\n  {finding.hint}")
    if topics.findings:
        raise typer.Exit(EXIT_FINDINGS)
    typer.echo(f"\n{topics.partitions} partitions each, so {topics.partitions} shards")
