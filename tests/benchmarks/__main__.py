"""`python -m tests.benchmarks [WHAT ...] --size small|medium|full|huge --out FOLDER`; see README.md."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tests.benchmarks import data, racing
from tests.benchmarks.figures import Book
from tests.benchmarks.process import FailedError, measure
from tests.benchmarks.sizes import SIZES

MEASUREMENTS = {
    "replay": racing.files,
    "steps": racing.steps,
    "reference": racing.reference,
    "start": racing.start,
    "tick": racing.tick,
}


def main() -> int:
    """Measure, show and note down; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "what", nargs="*", help=f"{', '.join(MEASUREMENTS)}, or profile; without any: all but profile"
    )
    parser.add_argument("--size", choices=SIZES, default="medium", help="how much (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/bench"), help="where data and results are kept")
    parser.add_argument("--runs", type=int, help="runs of each, other than the size says")
    arguments = parser.parse_args()
    wanted: list[str] = arguments.what
    if unknown := [each for each in wanted if each not in {*MEASUREMENTS, "profile"}]:
        parser.error(f"there is no measurement `{unknown[0]}`")
    size, kept = SIZES[arguments.size], arguments.out
    if arguments.runs:
        size = replace(size, runs=arguments.runs)
    try:
        if "profile" in wanted:
            events = data.events(kept, size.events, size.customers, "parquet")
            print(measure([sys.executable, "-m", "tests.benchmarks.phases", events, str(size.runs)]).printed)
            wanted = [each for each in wanted if each != "profile"]
            if not wanted:
                return 0
        # wide enough for every table, also where the output is a file
        console = Console(width=None if sys.stdout.isatty() else 160)
        book = Book(kept / "results.jsonl", size.name, console)
        if size.name == "huge":
            racing.huge(kept, size, book)
            return 0
        racing.warm()
        for name in wanted or MEASUREMENTS:
            MEASUREMENTS[name](kept, size, book)
        console.print(f"added to {kept / 'results.jsonl'}", style="dim")
    except FailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
