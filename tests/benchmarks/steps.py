"""How long the steps of a replay take: `python -m tests.benchmarks.steps EVENTS OUT WORKERS` prints JSON.

The same as `tierline replay`, with a clock where the command line has bars.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.benchmarks.sizes import PACK


class Clock:
    """Progress of a replay that only looks at the time."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float, float]] = []

    def step(self, name: str, unit: str, total: int | None) -> None:
        """A step begins, and the one before it is over."""
        del unit, total
        self.steps.append((name, time.perf_counter(), time.process_time()))

    def done(self, units: int) -> None:
        """Nothing that matters here."""

    def spent(self) -> dict[str, tuple[float, float]]:
        """Wall and CPU seconds of each step."""
        return {
            name: (after[1] - wall, after[2] - cpu)
            for (name, wall, cpu), after in zip(self.steps[:-1], self.steps[1:], strict=True)
        }


def main() -> None:
    """Replay once and print `{step: [wall seconds, CPU seconds]}`."""
    from workers.machine_code import prepare

    prepare()
    clock = Clock()
    clock.step("starting", "", None)
    from workers.packs import open_pack
    from workers.replay.run import replay

    events, out, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    replay(open_pack(PACK), [events], out, workers=workers, progress=clock)
    clock.step("end", "", None)
    print(json.dumps(clock.spent()))


if __name__ == "__main__":
    main()
