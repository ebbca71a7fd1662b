"""Changes a second from topics into tables, by the projector with its start and end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from tests.benchmarks.data import TIERLINE
from tests.benchmarks.figures import Contender, Figure
from tests.benchmarks.live import making
from tests.benchmarks.live.bench import STANDING, Bench, started, work_through
from tests.benchmarks.live.making import People
from tests.benchmarks.live.worker import Names
from tests.benchmarks.process import FailedError, Run, measure
from tests.databases import Postgres, own_database, postgres_programs
from workers.sql.connect import open_database

#: Thousand changes a second: floor and goal.
_BARS = {"sqlite": (15.0, 60.0), "postgresql": (10.0, 40.0)}


async def projecting(bench: Bench) -> None:
    """What a worker made of the shop's history, projected into an empty database of either kind by turns."""
    names, cluster = bench.names("project"), bench.cluster()
    await cluster.create(*names.by_role.values())
    worker = bench.worker(names, "shop", **STANDING)
    await started([worker])
    await work_through(cluster, names, [worker], making.shop_history(People(bench.size.shop_customers)))
    changes = int(worker.figures()["tierline_changes_total"])
    worker.stop()
    runs: dict[str, list[Run]] = {}
    with _server() as server:
        for number in range(bench.size.runs):
            for kind in ("sqlite", "postgresql") if server else ("sqlite",):
                with _empty(kind, server, number) as url:
                    run = _project(bench, names, url)
                    if (found := _count(url)) != changes:
                        raise FailedError(f"{found} of {changes} changes are in {kind}")
                bench.say(f"{kind}: {changes / run.seconds:,.0f} changes/s, {run.cpu_s:.2f} s of processors")
                runs.setdefault(kind, []).append(run)
    if not server:
        bench.say("PostgreSQL is not installed here and is left out")
    await cluster.delete(names.run)
    bench.book.contenders(
        f"projector: {changes:,} changes with orders, customers and pending moves (`events` are changes)",
        [Contender(f"into {kind}", changes, done) for kind, done in runs.items()],
    )
    bench.book.figures(
        "projector: figures",
        [
            Figure(
                f"projected into {kind}, process start and end included",
                [changes / run.seconds for run in done],
                "thousand changes/s",
                *_BARS[kind],
                1000,
            )
            for kind, done in runs.items()
        ],
    )


def _project(bench: Bench, names: Names, url: str) -> Run:
    topics = {f"TIERLINE_TOPICS__{role.upper()}": name for role, name in names.topics.by_role().items()}
    settings = {"TIERLINE_BROKERS": bench.brokers, "TIERLINE_GROUP": names.run, **topics}
    words = ["--rules", "shop", "--database", url, "--until-caught-up", "--projector-port", "0"]
    return measure([TIERLINE, "projector", *words], settings)


def _count(url: str) -> int:
    engine = open_database(url)
    with engine.connect() as connection:
        count = int(connection.execute(text("SELECT COUNT(*) FROM changes")).scalar_one())
    engine.dispose()
    return count


@contextmanager
def _server() -> Iterator[str | None]:
    if postgres_programs() is None:
        yield None
        return
    with Postgres() as server:
        yield server.url


@contextmanager
def _empty(kind: str, server: str | None, number: int) -> Iterator[str]:
    if kind == "sqlite" or server is None:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'tierline.db'}"
        return
    with own_database(server, f"run{number}") as url:
        yield url
