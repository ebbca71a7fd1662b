"""`tierline projector`: what is published, as tables of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.kafka_options import Brokers
from workers.cli.running import run_until_stopped

if TYPE_CHECKING:
    from rules.language.model import Pack
    from workers.settings.database import DatabaseSettings
    from workers.settings.live import LiveSettings

HELP = """Keep tables of a database in step with what is published: who is where now, and the whole history.

Reads what workers have published, committed messages only, and writes it with its own positions in one
transaction: whatever crashes, every change is there exactly once. The tables are made at the first start, and
brought up to date by a newer version. An erased customer is gone from every table.

SQLite is enough for one machine; PostgreSQL is for many readers. One projector fills one database.

Shows itself at http://127.0.0.1:6067: `/healthz`, `/readyz` (once it has caught up), `/metrics`.

Every option can be given as a variable too (`TIERLINE_DATABASE`, `TIERLINE_DATABASE_PASSWORD_FILE` …). Exit
codes: 0 all was written (`--until-caught-up`); 130 and 143 stopped; 2 something for you to put right.

Examples:

    tierline projector --rules shop
    tierline projector --rules my-pack.yaml --database postgresql://tierline@db/tierline
    tierline projector --rules shop --database sqlite:///tierline.db --until-caught-up
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("projector", help=HELP)(projector)


def projector(
    rules: Annotated[
        str,
        typer.Option(
            help="The pack that the workers run: a file, or the name of one in the catalog.",
            metavar="PACK",
            envvar="TIERLINE_RULES",
        ),
    ],
    database: Annotated[
        str | None,
        typer.Option(
            help="sqlite:///FILE or postgresql://USER@HOST/NAME.  [default: sqlite:///tierline.db]",
            metavar="URL",
        ),
    ] = None,
    brokers: Brokers = None,
    orders: Annotated[
        bool,
        typer.Option(
            "--with-orders/--without-orders",
            help="Also keep completed and refunded orders, for revenue by category.",
        ),
    ] = True,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="End once all is written that is there now.")
    ] = False,
    projector_host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Address to listen at.  [default: 127.0.0.1]")
    ] = None,
    projector_port: Annotated[
        int | None, typer.Option(metavar="PORT", help="0 for any that is free.  [default: 6067]")
    ] = None,
    projector_batch_records_max: Annotated[
        int | None, typer.Option(metavar="N", help="Most records of a transaction.  [default: 10000]")
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(metavar="console|json", help="For people or for machines.")
    ] = None,
    log_level: Annotated[str | None, typer.Option(metavar="debug|info|warning|error")] = None,
) -> None:
    """Run the projector."""
    from workers.logs import set_up_logs
    from workers.packs import open_pack
    from workers.settings.database import database_settings
    from workers.settings.live import live_settings

    import_all()
    settings = live_settings(brokers=brokers, log_format=log_format, log_level=log_level)
    own = database_settings(
        database=database,
        projector_host=projector_host,
        projector_port=projector_port,
        projector_batch_records_max=projector_batch_records_max,
    )
    pack = open_pack(rules)
    set_up_logs(settings.log_format, settings.log_level)
    run_until_stopped(_run(pack, settings, own, with_orders=orders, until_caught_up=until_caught_up))


def import_all() -> None:
    """Import what only an installation with the right extras has."""
    import workers.projector.run
    import workers.projector.web  # noqa: F401


async def _run(
    pack: Pack, settings: LiveSettings, own: DatabaseSettings, *, with_orders: bool, until_caught_up: bool
) -> None:
    from workers.listening import listen
    from workers.logs import logger
    from workers.memory import look_only_at_what_comes
    from workers.projector.run import Projector
    from workers.projector.telemetry import Telemetry
    from workers.projector.web import Standing, serve
    from workers.sql.connect import open_database, shown

    engine = open_database(own.database, password=own.password)
    telemetry, standing = Telemetry(), Standing()
    with listen(own.projector_host, own.projector_port) as listening:
        host, port = listening.getsockname()[:2]
        runner = await serve(listening, telemetry, standing)
        logger("projector").info(
            "projector starts",
            pack=f"{pack.name} {pack.version}",
            database=shown(own.database),
            brokers=settings.brokers,
            web=f"http://{host}:{port}",
        )
        projecting = Projector(
            engine,
            pack,
            settings,
            with_orders=with_orders,
            batch_records_max=own.projector_batch_records_max,
            telemetry=telemetry,
            standing=standing,
        )
        look_only_at_what_comes()
        try:
            await projecting.run(until_caught_up=until_caught_up)
        finally:
            await runner.cleanup()
            engine.dispose()
