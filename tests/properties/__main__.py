"""Compare the kernel with the reference on as many random packs and histories as wanted: `make fuzz`.

Every example has a number, which is its seed: `--start 4711 --examples 1` repeats that one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time

from tests.properties.replay_comparison import compare_seed

#: Examples handed to a process at a time.
CHUNK = 20
#: Enough to see the pattern.
SHOWN_MAX = 10
REPORT_EVERY_S = 10.0


def main() -> int:
    """Compare, show progress, and return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.properties", description=__doc__)
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()

    failed = done = 0
    started = shown = time.monotonic()
    seeds = range(asked.start, asked.start + asked.examples)
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        for seed, found in pool.imap_unordered(compare_seed, seeds, CHUNK):
            done += 1
            if found:
                failed += 1
                print(f"example {seed} differs", *found, sep="\n  ", flush=True)
            if failed >= SHOWN_MAX:
                break
            if time.monotonic() - shown > REPORT_EVERY_S:
                shown = time.monotonic()
                print(f"{done:,} examples, {done / (shown - started):.0f} a second", flush=True)
    print(f"{done:,} examples compared, {failed} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
