"""Compare the kernel with the reference on as many random packs and histories as wanted: `make fuzz`.

Every example has a number, its seed. The engines are compared by themselves on every one, in several ways of
handing it over, and by what they write of files on every `--files`-th. `--seed 4711` repeats that one.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import sys
import time

from workers.machine_code import prepare

prepare()

from tests.properties.comparison import compare_seed  # noqa: E402
from tests.properties.strategies import seeded_history  # noqa: E402

#: Examples handed to a process at a time.
CHUNK = 20
#: Enough to see the pattern.
SHOWN_MAX = 10
REPORT_EVERY_S = 10.0


def main() -> int:
    """Compare, show progress, and return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.properties", description=__doc__)
    parser.add_argument("--examples", type=int, default=2000, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the seed of the first")
    parser.add_argument("--files", type=int, default=20, help="compare files on each so many, 0 for never")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="one example, and what it is")
    asked = parser.parse_args()
    return run_many(asked) if asked.seed is None else show_one(asked.seed)


def show_one(seed: int) -> int:
    """Print an example and all that differs in it."""
    history = seeded_history(seed)
    print(history.text, *history.lines, sep="\n")
    _, found = compare_seed(seed, 1)
    print("", *(found or [f"example {seed}: no difference"]), sep="\n")
    return 1 if found else 0


def run_many(asked: argparse.Namespace) -> int:
    """Compare examples in several processes; up to ten that differ are shown."""
    failed: list[int] = []
    done = 0
    started = shown = time.monotonic()
    seeds = range(asked.start, asked.start + asked.examples)
    compare = functools.partial(compare_seed, files=asked.files)
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        for seed, found in pool.imap_unordered(compare, seeds, CHUNK):
            done += 1
            if found:
                failed.append(seed)
                print(f"example {seed} differs", found[0], sep="\n  ", flush=True)
            if len(failed) >= SHOWN_MAX:
                break
            if time.monotonic() - shown > REPORT_EVERY_S:
                shown = time.monotonic()
                rate = done / (shown - started)
                print(f"{done:,} examples, {rate:.0f} a second, {len(failed)} differ", flush=True)
    print(f"{done:,} examples compared, {len(failed)} differ")
    if failed:
        print(f"once more: .venv/bin/python -m tests.properties --seed {failed[0]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
