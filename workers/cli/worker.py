"""`tierline worker`: keeps categories right as events arrive."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.errors import Stopped, UserError

if TYPE_CHECKING:
    from rules.language.model import Pack
    from workers.live.app import DataPlane
    from workers.live.telemetry import Telemetry
    from workers.live.web import Site
    from workers.settings.live import LiveSettings

HELP = """Keep categories right as events arrive: read them from Kafka, decide, publish changes exactly once.

Makes the topics that are missing, takes its share of the partitions, restores what was known of their
customers, and then works until it is stopped. Start as many workers as there are partitions, on as many
machines as you like: they share the partitions, and take over from each other when one dies.

Shows itself at http://HOST:PORT (`--web-host`, `--web-port`): `/healthz`, `/readyz`, `/metrics`, and
`/customers/ID` for one customer now.

Ctrl-C or SIGTERM stops it in good order: batches in hand are finished, and what is known is written down so
that the next start is quick. A second one stops at once; nothing is lost by that, only time. Exit codes: 130
and 143 stopped by Ctrl-C and by SIGTERM; 2 something for you to put right.

Settings can be given as variables too: `--brokers` is `TIERLINE_BROKERS`, and so on. As variables only: the
names of topics (`TIERLINE_TOPICS__ORDERS` …) and security (`TIERLINE_SECURITY_PROTOCOL`,
`TIERLINE_SASL_USERNAME`, `TIERLINE_SASL_PASSWORD_FILE`, `TIERLINE_TLS_CA_FILE` …).

Examples:

    tierline worker --rules shop
    tierline worker --rules my-pack.yaml --brokers kafka-1:9092,kafka-2:9092 --workers-on-this-machine 4
    tierline worker --rules shop --clock log          # history at any pace: time is what the records say
"""

#: After a broker went away while it was asked for its topics.
_AGAIN_S = 0.5
_CONNECTION, _TIME, _PACE, _SHOWN = "Kafka", "Time", "Pace", "What it shows"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("worker", help=HELP)(worker)


def worker(
    rules: Annotated[
        str,
        typer.Option(
            help="A pack file, or the name of one in the catalog.", metavar="PACK", envvar="TIERLINE_RULES"
        ),
    ],
    workers_on_this_machine: Annotated[
        int,
        typer.Option(
            min=1,
            max=256,
            metavar="N",
            help="So many processes, with web ports from --web-port on. One that dies is started again.",
        ),
    ] = 1,
    brokers: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT of one or more brokers.  [default: 127.0.0.1:9092]",
            metavar="HOST:PORT,…",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="Workers of one group share the partitions.  [default: tierline]",
            metavar="NAME",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    instance_id: Annotated[
        str | None,
        typer.Option(
            help="A name that this worker keeps over restarts, so that it gets its partitions back at once.  "
            "[default: host name and web port]",
            metavar="NAME",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    create_topics: Annotated[
        bool,
        typer.Option(
            "--create-topics/--no-create-topics",
            help="Make topics that are missing, or stop and name them.",
            rich_help_panel=_CONNECTION,
        ),
    ] = True,
    partitions: Annotated[
        int | None,
        typer.Option(
            help="Partitions of topics that are made; those that exist keep theirs.  [default: 4]",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    replication_factor: Annotated[
        int | None,
        typer.Option(help="Copies of topics that are made.  [default: 1]", rich_help_panel=_CONNECTION),
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(
            metavar="wall|log",
            help="What time it is: the machine's, or the greatest record timestamp seen.  [default: wall]",
            rich_help_panel=_TIME,
        ),
    ] = None,
    tick_delay_s: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="How long after midnight a day is worked through.  [default: 60]",
            rich_help_panel=_TIME,
        ),
    ] = None,
    commit_interval_ms: Annotated[
        int | None,
        typer.Option(
            metavar="MS",
            help="Least time between two commits of a shard: more is cheaper, less is sooner.  [default: 25]",
            rich_help_panel=_PACE,
        ),
    ] = None,
    batch_records_max: Annotated[
        int | None,
        typer.Option(metavar="N", help="Most records of a batch.  [default: 20000]", rich_help_panel=_PACE),
    ] = None,
    snapshot_interval_s: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="So often what is known is written down: sooner restored after a crash.  [default: 300]",
            rich_help_panel=_PACE,
        ),
    ] = None,
    web_host: Annotated[
        str | None,
        typer.Option(
            metavar="HOST",
            help="Address to listen at; `0.0.0.0` for all: then keep strangers out.  [default: 127.0.0.1]",
            rich_help_panel=_SHOWN,
        ),
    ] = None,
    web_port: Annotated[
        int | None,
        typer.Option(metavar="PORT", help="0 for any that is free.  [default: 6066]", rich_help_panel=_SHOWN),
    ] = None,
    log_format: Annotated[
        str | None,
        typer.Option(
            metavar="console|json",
            help="For people or for machines.  [default: console]",
            rich_help_panel=_SHOWN,
        ),
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option(metavar="debug|info|warning|error", help="[default: info]", rich_help_panel=_SHOWN),
    ] = None,
    fault: Annotated[str | None, typer.Option(hidden=True, envvar="TIERLINE_FAULT")] = None,
    one_of_several: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run one worker, or several processes of one."""
    from workers.logs import logger, set_up_logs
    from workers.packs import open_pack
    from workers.settings.live import live_settings
    from workers.warm import make_ready

    settings = live_settings(
        brokers=brokers,
        group=group,
        instance_id=instance_id,
        partitions=partitions,
        replication_factor=replication_factor,
        clock=clock,
        tick_delay_s=tick_delay_s,
        commit_interval_ms=commit_interval_ms,
        batch_records_max=batch_records_max,
        snapshot_interval_s=snapshot_interval_s,
        web_host=web_host,
        web_port=web_port,
        log_format=log_format,
        log_level=log_level,
    )
    pack = open_pack(rules)
    constants = {"instance": settings.instance_id} if one_of_several else {}
    set_up_logs(settings.log_format, settings.log_level, constants=constants)
    make_ready(logger("worker").info)
    if workers_on_this_machine > 1:
        _run_several(rules, settings, workers_on_this_machine, create_topics=create_topics)
    else:
        _run_one(pack, settings, create_topics=create_topics, fault=fault, quiet=one_of_several)


def _run_one(
    pack: Pack, settings: LiveSettings, *, create_topics: bool, fault: str | None, quiet: bool
) -> None:
    import asyncio
    from importlib.metadata import version

    from workers.kafka.aiokafka_patch import shorten_back_off
    from workers.listening import listen
    from workers.live.app import run_worker
    from workers.live.errors import Refuse
    from workers.live.telemetry import Telemetry
    from workers.live.web import Site
    from workers.memory import keep_freed_memory

    keep_freed_memory()
    shorten_back_off()
    telemetry = Telemetry()
    telemetry.watch_process()
    telemetry.describe(
        version=version("tierline"), pack=pack.name, pack_version=pack.version, fingerprint=pack.fingerprint
    )
    with listen(settings.web_host, settings.web_port) as listening:
        port = listening.getsockname()[1]
        instance = settings.instance_id or f"{socket.gethostname()}-{port}"
        settings = settings.model_copy(update={"instance_id": instance, "web_port": port})
        site = Site(telemetry, listening)
        opening = _Opening(
            pack, settings, telemetry, site, create_topics=create_topics, fault=fault, quiet=quiet
        )
        try:
            stopped = asyncio.run(run_worker(settings, site, opening.open_plane))
        except Refuse as reason:
            raise UserError(str(reason)) from reason
    if stopped is not None:
        raise Stopped(stopped)


class _Opening:
    """From a broker that may not be there yet to a data plane."""

    def __init__(
        self,
        pack: Pack,
        settings: LiveSettings,
        telemetry: Telemetry,
        site: Site,
        *,
        create_topics: bool,
        fault: str | None,
        quiet: bool,
    ) -> None:
        self._pack, self._settings, self._telemetry, self._site = pack, settings, telemetry, site
        self._create_topics, self._fault, self._quiet = create_topics, fault, quiet

    async def open_plane(self) -> DataPlane:
        from workers.live.service import DataPlane
        from workers.memory import look_only_at_what_comes

        partitions = await _ready_partitions(self._settings, create=self._create_topics)
        if not self._quiet:
            _tell_start(self._pack, self._settings, partitions, [self._site.address])
        plane = DataPlane(self._pack, self._settings, self._telemetry, partitions, self._fault)
        look_only_at_what_comes()
        return plane


async def _ready_partitions(settings: LiveSettings, *, create: bool) -> int:
    """Wait for the broker, and see to the topics; how many partitions they have."""
    import asyncio

    from aiokafka.errors import KafkaError

    from workers.kafka.opened import told
    from workers.kafka.topics import ready_topics
    from workers.kafka.waiting import wait_for_broker
    from workers.logs import logger

    while True:
        await wait_for_broker(settings, logger("worker").warning)
        try:
            return await ready_topics(settings, create=create)
        except KafkaError as error:
            if not error.retriable:
                raise UserError(
                    f"the broker at `{settings.brokers}` does not let this worker look at its topics: {error}"
                ) from error
            logger("worker").warning(f"cannot look at the topics yet, trying again: {told(error)}")
            await asyncio.sleep(_AGAIN_S)


def _run_several(rules: str, settings: LiveSettings, count: int, *, create_topics: bool) -> None:
    import asyncio

    from workers.children import Child
    from workers.live.several import Several, command_of, run_several
    from workers.packs import open_pack

    partitions = asyncio.run(_ready_partitions(settings, create=create_topics))
    name = settings.instance_id or socket.gethostname()
    workers = []
    for number in range(count):
        port = settings.web_port and settings.web_port + number
        own = settings.model_copy(update={"instance_id": f"{name}-{number}", "web_port": port})
        command = command_of(["worker", "--rules", rules, "--one-of-several", "--no-create-topics"])
        workers.append((f"{name}-{number}", Child(command, log=None, variables=own.to_environment())))
    addresses = [f"http://{settings.web_host}:{settings.web_port + number}" for number in range(count)]
    _tell_start(open_pack(rules), settings, partitions, addresses if settings.web_port else [])
    code, stopped = run_several(Several(workers))
    if stopped is not None:
        raise Stopped(stopped)
    raise SystemExit(code)


def _tell_start(pack: Pack, settings: LiveSettings, partitions: int, addresses: Sequence[str]) -> None:
    """What runs, on what, and where to look: once."""
    from workers.logs import logger

    topics = settings.topics.by_role()
    inputs = ", ".join(settings.topics.inputs)
    outputs = ", ".join(topics[role] for role in ("changes", "categories", "pending", "dead_letters"))
    if settings.log_format == "json":
        logger("worker").info(
            "worker starts",
            pack=pack.name,
            pack_version=pack.version,
            fingerprint=pack.fingerprint,
            brokers=settings.brokers,
            group=settings.group,
            partitions=partitions,
            clock=settings.clock,
            web=list(addresses),
        )
        return
    clock = "the records' own time" if settings.clock == "log" else "this machine's"
    lines = [
        ("pack", f"{pack.name} {pack.version}, {pack.fingerprint[:12]}"),
        ("Kafka", f"{settings.brokers}, group {settings.group}"),
        ("from", inputs),
        ("to", outputs),
        ("partitions", str(partitions)),
        ("clock", clock),
        ("look", ", ".join(addresses) or "at the port that each worker says"),
    ]
    text = "\n".join(f"  {name:<11}{value}" for name, value in lines)
    print(f"Tierline worker\n{text}", flush=True, file=sys.stdout)
