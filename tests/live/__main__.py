"""A long storm: `python -m tests.live --kills 300 --seed 1`, on Apache Kafka started for it or one given."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from workers.machine_code import prepare

prepare()

from tests.live.storm import SESSION_MS, TRANSACTION_MS, Storm, shown  # noqa: E402
from tests.live.test_kills import BROKER_KINDS, RULES, WORKER_KINDS  # noqa: E402
from tests.live.topics import Scene  # noqa: E402
from workers.broker.broker import Broker  # noqa: E402


def main() -> int:
    """Survive, show progress, and return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.live", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="how many mishaps")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="printed; else drawn")
    parser.add_argument("--broker", default="java", help="java, embedded or HOST:PORT")
    parser.add_argument("--partitions", type=int, default=3)
    parser.add_argument("--rate", type=float, default=60.0, help="events a second")
    parser.add_argument("--spare-the-broker", action="store_true", help="kill workers only")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="tierline-storm-") as folder:
        return asyncio.run(_storm(asked, Path(folder)))


async def _storm(asked: argparse.Namespace, folder: Path) -> int:
    known = asked.broker in ("java", "embedded")
    with Broker.of(asked.broker) if known else Broker.given(asked.broker) as broker:
        kinds: tuple[str, ...] = WORKER_KINDS
        if broker.survives_kill and not asked.spare_the_broker:
            kinds = (*kinds, *kinds, *BROKER_KINDS)
        scene = await Scene.on(
            broker,
            partitions=asked.partitions,
            clock="log",
            session_timeout_ms=SESSION_MS,
            transaction_timeout_ms=TRANSACTION_MS,
            snapshot_interval_s=3,
        )
        storm = Storm(broker, scene.settings, folder, asked.seed, RULES, tell=_tell)
        outcome = await storm.rage(asked.kills, kinds=kinds, rate=asked.rate)
        print(*shown(outcome), sep="\n")
        return 1 if outcome.found else 0


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
