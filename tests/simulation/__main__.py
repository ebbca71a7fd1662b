"""Simulate as many seeds as wanted: `python -m tests.simulation --runs 100000`; `--seed N` repeats one."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter

from workers.machine_code import prepare

prepare()

from tests.simulation.run import SEEDS_A_HISTORY, quiet, simulate, simulate_or_say  # noqa: E402

SHOWN_MAX = 10
REPORT_EVERY_S = 10.0


def main() -> int:
    """Simulate, show progress, and return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the seed of the first")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="one run, with its log")
    asked = parser.parse_args()
    if asked.seed is not None:
        run = simulate(asked.seed)
        print(*run.found or [f"seed {asked.seed}: nothing is wrong"], dict(run.seen), sep="\n")
        return 1 if run.found else 0
    return run_many(asked)


def run_many(asked: argparse.Namespace) -> int:
    """Simulate in several processes; up to ten that go wrong are shown."""
    started = shown = time.monotonic()
    failed: list[int] = []
    done, seen = 0, Counter[str]()
    seeds = range(asked.start, asked.start + asked.runs)
    with multiprocessing.get_context("spawn").Pool(asked.processes, initializer=quiet) as pool:
        for run in pool.imap_unordered(simulate_or_say, seeds, SEEDS_A_HISTORY):
            done += 1
            seen += run.seen
            if run.found:
                failed.append(run.seed)
                print(f"seed {run.seed}", *run.found[:3], sep="\n  ", flush=True)
            if len(failed) >= SHOWN_MAX:
                break
            if time.monotonic() - shown > REPORT_EVERY_S:
                shown = time.monotonic()
                print(
                    f"{done:,} runs, {done / (shown - started):.0f} a second, {len(failed)} wrong", flush=True
                )
    print(f"{done:,} runs, {len(failed)} wrong; on the way:")
    print(*(f"  {count:,} {name}" for name, count in sorted(seen.items())), sep="\n")
    if failed:
        print(f"once more: .venv/bin/python -m tests.simulation --seed {min(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
