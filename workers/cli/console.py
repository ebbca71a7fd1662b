"""`tierline console`: pages for people and an API for programs; and who may come in."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.errors import UserError
from workers.cli.kafka_options import Brokers
from workers.cli.running import run_until_stopped

if TYPE_CHECKING:
    from rules.language.model import Pack
    from workers.console.state import State
    from workers.settings.console import ConsoleSettings
    from workers.settings.database import DatabaseSettings
    from workers.settings.live import LiveSettings

HELP = """Show customers, changes and their reasons in a browser, and let people decide about single ones.

Reads the database that `tierline projector` keeps, and asks workers for a customer's numbers. What people
decide is written as events; nothing is written into the database. Pages are at http://127.0.0.1:8080, the API
at `/api/docs`, for machines `/healthz`, `/readyz` and `/metrics`.

Before the first start make a file of users, and one of tokens if programs use the API:

    tierline console-user anna --role admin >> users.txt
    tierline console-token reports --role viewer >> tokens.txt
    tierline console --rules shop --console-users-file users.txt --console-tokens-file tokens.txt

Sessions outlast a restart with `--console-secret-file`, a file with a line of 32 characters or more. Where
another program logs people in, name its header (TIERLINE_CONSOLE_PROXY_HEADER) and its address
(TIERLINE_CONSOLE_PROXY_ADDRESSES). To log in at your organisation's OpenID Connect provider, name it
(TIERLINE_CONSOLE_OIDC_ISSUER, ..._CLIENT_ID, ..._CLIENT_SECRET_FILE). Behind https say
TIERLINE_CONSOLE_HTTPS=true.

Roles: `viewer` sees, `operator` also overrides and sends dead letters again, `admin` also erases. Every
option can be given as a variable too. Exit codes: 130 and 143 stopped; 2 something for you to put right.
"""

#: Requests that are being answered when a signal comes have so long.
GRACE_S = 5


class RoleName(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


Name = Annotated[str, typer.Argument(help="Up to 64 letters, digits, `.`, `_`, `@` or `-`.")]
Role = Annotated[RoleName, typer.Option(help="What they may do.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("console", help=HELP)(console)
    app.command("console-user")(console_user)
    app.command("console-token")(console_token)


def console(
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
    console_host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Address to listen at.  [default: 127.0.0.1]")
    ] = None,
    console_port: Annotated[
        int | None, typer.Option(metavar="PORT", help="0 for any that is free.  [default: 8080]")
    ] = None,
    console_users_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Users, as `tierline console-user` prints them.")
    ] = None,
    console_tokens_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Tokens, as `tierline console-token` prints them.")
    ] = None,
    console_secret_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="What signs sessions; else they end with the process.")
    ] = None,
    console_workers: Annotated[
        str | None,
        typer.Option(metavar="URL,URL", help="Web addresses of workers.  [default: http://127.0.0.1:6066]"),
    ] = None,
    console_open: Annotated[
        bool | None,
        typer.Option(
            "--console-open", help="Let everybody on this machine in without a password.", show_default=False
        ),
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(metavar="console|json", help="For people or for machines.")
    ] = None,
    log_level: Annotated[str | None, typer.Option(metavar="debug|info|warning|error")] = None,
) -> None:
    """Run the console."""
    from workers.logs import set_up_logs
    from workers.packs import open_pack
    from workers.settings.console import console_settings
    from workers.settings.database import database_settings
    from workers.settings.live import live_settings

    import_all()
    settings = live_settings(brokers=brokers, log_format=log_format, log_level=log_level)
    own = console_settings(
        console_host=console_host,
        console_port=console_port,
        console_users_file=console_users_file,
        console_tokens_file=console_tokens_file,
        console_secret_file=console_secret_file,
        console_workers=console_workers,
        console_open=console_open,
    )
    database_ = database_settings(database=database)
    state = state_of(open_pack(rules), settings, own, database_)
    set_up_logs(settings.log_format, settings.log_level)
    run_until_stopped(_run(state))


def console_user(name: Name, role: Role = RoleName.VIEWER) -> None:
    """Make a line for the console's file of users: asks for a password, and keeps only its hash."""
    import sys

    from workers.console.auth.people import check_password, user_line

    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    check_password(password)
    typer.echo(user_line(name, role.value, password))


def console_token(name: Name, role: Role = RoleName.VIEWER) -> None:
    """Make a token for the API: the line for the file of tokens, and on standard error the token itself.

    Nobody can read the token from the file: keep it where the program that uses it finds it.
    """
    from workers.console.auth.people import new_token

    token, line = new_token(name, role.value)
    typer.echo(f"the token, shown only now: {token}", err=True)
    typer.echo(line)


def import_all() -> None:
    """Import what only an installation with the right extras has."""
    import uvicorn  # noqa: F401

    import workers.console.app  # noqa: F401


def state_of(pack: Pack, settings: LiveSettings, own: ConsoleSettings, database: DatabaseSettings) -> State:
    """The parts of a console. Raises UserError for what is missing or wrong."""
    from workers.console.auth.oidc import Provider
    from workers.console.auth.people import Tokens, Users
    from workers.console.auth.sessions import Sessions, secret_from
    from workers.console.state import State
    from workers.console.worker_client import WorkerClient
    from workers.sql.connect import open_database

    ways_in = own.console_open, own.console_users_file, own.console_proxy_header, own.console_oidc_issuer
    if not any(ways_in):
        raise UserError(
            "nobody could log in: `console_users_file` is missing",
            "make one with `tierline console-user NAME --role admin >> users.txt` and name it by "
            "--console-users-file; to look around on this machine alone, say --console-open",
        )
    secret = secret_from(own.console_secret_file)
    return State(
        engine=open_database(database.database, password=database.password, read_only=True),
        pack=pack,
        settings=own,
        live=settings,
        users=Users.read(own.console_users_file) if own.console_users_file else Users({}),
        tokens=Tokens.read(own.console_tokens_file) if own.console_tokens_file else Tokens({}),
        sessions=Sessions(secret, own.console_session_hours),
        workers=WorkerClient(own.workers),
        provider=Provider(own, secret) if own.console_oidc_issuer else None,
    )


async def _run(state: State) -> None:
    import asyncio

    from workers.console.app import create_app
    from workers.console.serving import Server
    from workers.listening import listen
    from workers.logs import logger
    from workers.memory import look_only_at_what_comes

    own = state.settings
    with listen(own.console_host, own.console_port, setting="console") as listening:
        host, port = listening.getsockname()[:2]
        server = Server(create_app(state), grace_s=GRACE_S)
        logger("console").info(
            "console starts",
            pack=f"{state.pack.name} {state.pack.version}",
            database=state.engine.url.render_as_string(hide_password=True),
            web=f"http://{host}:{port}",
            open=own.console_open,
        )
        look_only_at_what_comes()
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise
        finally:
            state.workers.close()
            if state.provider is not None:
                state.provider.close()
            state.engine.dispose()
