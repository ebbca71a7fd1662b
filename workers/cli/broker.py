"""`tierline broker`: a Kafka broker on this machine, to try the live service with."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from workers.cli.errors import UserError
from workers.cli.running import run_until_stopped

if TYPE_CHECKING:
    from workers.broker.broker import Broker

DEFAULT_FOLDER = Path("out/broker")
#: How often to see whether it still runs.
_LOOK_S = 0.5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("broker")(broker)


def broker(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port on 127.0.0.1.")] = 9092,
    kind: Annotated[
        Literal["embedded", "java"],
        typer.Option(
            help="`embedded` comes with the installation; `java` is Apache Kafka, which needs Java 17 and, "
            "the first time, Maven."
        ),
    ] = "embedded",
    folder: Annotated[
        Path, typer.Option(help="Where its data is; started again there, it has what it had.")
    ] = DEFAULT_FOLDER,
) -> None:
    """Run a Kafka broker on this machine: to try the live service without a Kafka of your own.

    It listens on 127.0.0.1 alone, and Ctrl-C ends it; its data stays. The embedded one loses its last second
    if it is killed: it is for trying, not for running a customer programme on.

        tierline broker
        tierline broker --port 9093 --kind java
    """
    from workers.broker.answers import is_free
    from workers.broker.broker import HOST, Broker

    if not is_free(HOST, port):
        raise UserError(f"port {port} is taken: something listens there", "name another with --port")
    made = Broker.of(kind, folder.resolve(), port)
    try:
        with made:
            run_until_stopped(_run(made))
    finally:
        typer.echo(f"ended; its data is in {folder}")


async def _run(made: Broker) -> None:
    typer.echo(f"a broker runs at {made.address}; Ctrl-C ends it")
    typer.echo("in another terminal:")
    typer.echo(f"  export TIERLINE_BROKERS={made.address}")
    typer.echo("  tierline worker --rules shop")
    while made.running:
        await asyncio.sleep(_LOOK_S)
    raise UserError(f"the broker has ended by itself; its last words were:\n{made.last_words()}")
