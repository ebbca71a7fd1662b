"""`tierline verify`: whether the published history follows from the inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.errors import UserError
from workers.cli.kafka_options import Brokers
from workers.cli.running import run_until_stopped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rules.language.model import Pack
    from workers.live.verify import Verified
    from workers.report.progress import ShownProgress
    from workers.settings.live import LiveSettings

EXIT_DIFFERS = 1

HELP = """Prove that the published history follows from the inputs, byte for byte.

Runs the records that the journal names through the rules once more, shard by shard, and compares everything:
that the journal has no gap, that each of its hashes is that of what the inputs give, and that exactly these
messages stand in the topics of changes and of pending moves, none more, none missing. Of a difference it says
where it begins. It only reads, and may run beside the service.

`--from-snapshot` begins at the latest snapshot instead of with nothing: it is quicker, needs less of the
inputs, and says nothing of what lies before it.

Exit code 0 only if all is equal; 1 if not; 2 for something to put right.

Examples:

    tierline verify --from-journal --rules shop
    tierline verify --from-snapshot --rules my-pack.yaml --shard 3 --brokers kafka-1:9092
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("verify", help=HELP)(verify)


def verify(
    rules: Annotated[
        str,
        typer.Option(help="The pack that the service runs under.", metavar="PACK", envvar="TIERLINE_RULES"),
    ],
    from_snapshot: Annotated[
        bool,
        typer.Option("--from-snapshot/--from-journal", help="Begin at the latest snapshot, or with nothing."),
    ] = False,
    shard: Annotated[
        list[int] | None, typer.Option(min=0, help="Only this shard; may be given again.", metavar="P")
    ] = None,
    brokers: Brokers = None,
) -> None:
    """Check every shard; the help is `HELP`."""
    from workers.packs import open_pack
    from workers.settings.live import live_settings

    settings = live_settings(brokers=brokers)
    pack = open_pack(rules)
    differing = run_until_stopped(_verify(settings, pack, shard, from_snapshot=from_snapshot))
    raise typer.Exit(EXIT_DIFFERS if differing else 0)


async def _verify(
    settings: LiveSettings, pack: Pack, wanted: list[int] | None, *, from_snapshot: bool
) -> int:
    """Verify the shards one after the other; how many differ."""
    from workers.report.progress import shown_progress

    shards = await _shards(settings, wanted)
    with shown_progress() as progress:
        verified = _verified(settings, pack, shards, progress, from_snapshot=from_snapshot)
        all_found = [found async for found in verified]
    for found in all_found:
        _show(found, settings)
    differing = sum(found.difference is not None for found in all_found)
    if differing:
        typer.echo(f"{differing} of {_counted(len(all_found), 'shard')} differ from what the inputs give")
    elif not any(found.batches for found in all_found):
        typer.echo("nothing has been published yet")
    else:
        typer.echo("everything published follows from the inputs, byte for byte")
    return differing


async def _shards(settings: LiveSettings, wanted: list[int] | None) -> list[int]:
    from workers.kafka.opened import open_consumer, partitions_of

    topics = settings.topics
    async with open_consumer(settings) as client:
        names = (topics.journal, *topics.inputs, topics.changes, topics.pending, topics.snapshots)
        places = await partitions_of(client, names, settings)
    there = [place.partition for place in places if place.topic == topics.journal]
    strange = [shard for shard in wanted or () if shard not in there]
    if strange:
        raise UserError(
            f"there is no shard {strange[0]}: `{topics.journal}` has partitions 0 to {max(there)}"
        )
    return sorted(set(wanted or there))


async def _verified(
    settings: LiveSettings,
    pack: Pack,
    shards: list[int],
    progress: ShownProgress,
    *,
    from_snapshot: bool,
) -> AsyncIterator[Verified]:
    from aiokafka.errors import KafkaError

    from workers.kafka.clients import consumer
    from workers.kafka.opened import told, trouble_told
    from workers.kafka.reader import Reader
    from workers.live.verify import Verification

    for shard in shards:
        name = f"shard {shard}"
        reader = Reader(consumer(settings))
        with trouble_told(lambda text: typer.echo(f"warning: {text}", err=True)):
            try:
                await reader.start()
                verification = Verification(
                    pack,
                    settings.topics,
                    shard,
                    reader,
                    begins=lambda total, name=name: progress.step(name, "events", total),  # type: ignore[misc]
                    done=progress.done,
                )
                yield await verification.run(from_snapshot=from_snapshot)
            except KafkaError as error:
                raise UserError(f"the broker at `{settings.brokers}` refuses: {told(error)}") from error
            finally:
                await reader.stop()


def _show(found: Verified, settings: LiveSettings) -> None:
    done = (
        f"{_counted(found.batches, 'batch', 'batches')}, {_counted(found.records, 'record')}, "
        f"{_counted(found.changes, 'change')}, {_counted(found.notices, 'notice')}"
    )
    if found.erased:
        done += f", {_counted(found.erased, 'erasure')}"
    if found.first > 1:
        done += f", from batch {found.first:,} on"
    difference = found.difference
    typer.echo(f"shard {found.shard}: {done}: {'equal' if difference is None else 'equal up to there'}")
    for note in found.notes:
        typer.echo(f"  note: {note}")
    if difference is None:
        return
    where = "" if difference.number is None else f" at journal record {difference.number}"
    if difference.offset is not None:
        where += f" (offset {difference.offset} of `{settings.topics.journal}/{found.shard}`)"
    typer.echo(f"shard {found.shard} differs{where}: {difference.what}")
    for line in difference.details:
        typer.echo(f"  {line}")


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
