"""`python -m tests.benchmarks.live [WHAT ...] --size smoke|small|full`; see ../README.md."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tests.benchmarks import racing
from tests.benchmarks.figures import Book
from tests.benchmarks.live import latency, lookups, midnight, projecting, recovery, throughput
from tests.benchmarks.live.bench import Bench
from tests.benchmarks.live.sizes import SIZES
from tests.benchmarks.process import FailedError
from workers.broker.broker import Broker, why_not
from workers.cli.errors import UserError

#: `peers` is order tiers beside the peers, `tiers` without them.
MEASUREMENTS = {
    "peers": throughput.beside_peers,
    "tiers": throughput.alone,
    "shop": throughput.shop,
    "latency": latency.latency,
    "recovery": recovery.recovery,
    "pause": recovery.pause,
    "midnight": midnight.midnight,
    "lookups": lookups.lookups,
    "projector": projecting.projecting,
}


def main() -> int:
    """Measure, show and note down; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.live", description=__doc__)
    parser.add_argument("what", nargs="*", help=f"{', '.join(MEASUREMENTS)}; without any: all but peers")
    parser.add_argument("--size", choices=SIZES, default="small", help="how much (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/live"), help="where results and logs are kept")
    parser.add_argument("--runs", type=int, help="runs of each throughput, other than the size says")
    parser.add_argument(
        "--broker",
        default="java",
        help="java, embedded, or HOST:PORT of one that runs (default: %(default)s)",
    )
    arguments = parser.parse_args()
    wanted: list[str] = arguments.what or [name for name in MEASUREMENTS if name != "peers"]
    if unknown := [each for each in wanted if each not in MEASUREMENTS]:
        parser.error(f"there is no measurement `{unknown[0]}`")
    size, kept = SIZES[arguments.size], arguments.out
    if arguments.runs:
        size = replace(size, runs=arguments.runs)
    # wide enough for every table, also where the output is a file
    console = Console(width=None if sys.stdout.isatty() else 160)
    # topics that were just made have no leader yet: aiokafka tries again, and says so each time
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    try:
        racing.warm()
        with _broker(arguments.broker, console) as broker:
            book = Book(kept / "results.jsonl", size.name, console)
            console.print(f"broker: {broker.kind}, {broker.address}", style="dim", highlight=False)
            bench = Bench(broker.address, kept, size, book, console)
            for name in wanted:
                asyncio.run(MEASUREMENTS[name](bench))
    except (FailedError, UserError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    console.print(f"added to {kept / 'results.jsonl'}", style="dim")
    return 0


def _broker(kind: str, console: Console) -> Broker:
    """The broker that was asked for; the embedded one, and it is said why, where Apache Kafka cannot run."""
    if ":" in kind:
        return Broker.given(kind)
    if kind == "java" and (reason := why_not("java")):
        console.print(f"{reason}; measured with the embedded broker in its place", style="yellow")
        kind = "embedded"
    return Broker.of(kind)


if __name__ == "__main__":
    sys.exit(main())
