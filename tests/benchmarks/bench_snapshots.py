"""What a snapshot costs: its pause, making and reading its chunks, and going on from it, beside plain copies.

Run it with `python -m tests.benchmarks.bench_snapshots [EVENTS [CUSTOMERS [RUNS]]]`: made-up events of the
shop pack go through an engine in the order of time, with a tick a day, and its state is what is measured.
Wall and CPU time of this process, median and range; events are kept in `out/bench/data`.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zstandard

from tests.benchmarks.data import events
from workers.machine_code import prepare

if TYPE_CHECKING:
    from rules.engine.engine import Engine

RUNS = 5
#: Records of all topics that are decoded together.
PIECE = 50_000
_TOPICS = ("customers", "orders", "payments", "feedback")
_RAW_PIECE = 900_000


def engine_after(folder: Path) -> Engine:
    """An engine that has taken all events of a folder by the day on which they occurred."""
    import polars as pl

    from rules.calendar import period_from_date
    from rules.engine.batches import batch_in_order
    from rules.engine.engine import Engine
    from rules.engine.plan import make_plan
    from rules.intake.arrow_columns import decode_table
    from rules.intake.tables import intake_of
    from workers.packs import open_pack

    pack = open_pack("shop")
    engine, intake = Engine(make_plan(pack)), intake_of(pack)
    frames = [pl.read_parquet(folder / f"{topic}.parquet").sort("occurred_at") for topic in _TOPICS]
    for day in _days(frames):
        first = datetime.fromisoformat(f"{day}T00:00:00+00:00")
        for frame in frames:
            begin = frame["occurred_at"].search_sorted(first, side="left")
            end = frame["occurred_at"].search_sorted(first + timedelta(days=1), side="left")
            for batch in frame[begin:end].to_arrow().to_batches(max_chunksize=PIECE):
                engine.step(batch_in_order(engine, decode_table(batch, intake).events))
        engine.tick(period_from_date(day))
    return engine


def _days(frames: list[Any]) -> Iterator[date]:
    days: set[date] = set()
    for frame in frames:
        days |= set(frame["occurred_at"].dt.date().unique().to_list())
    yield from sorted(days)


def measured(name: str, runs: int, work: Callable[[], object], customers: int, note: str = "") -> None:
    """Time something several times after a first one, and show it."""
    work()
    walls, cpus = [], []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        kept = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        del kept
    middle = statistics.median(walls)
    print(
        f"{name:38}{middle * 1e3:8.0f} ms  {min(walls) * 1e3:.0f} to {max(walls) * 1e3:.0f}"
        f"   CPU {statistics.median(cpus) * 1e3:.0f}   {customers / middle / 1e6:.2f} M customers/s   {note}"
    )


def main() -> None:
    """Print what was measured."""
    prepare()
    from rules.engine.engine import Engine
    from workers.live.snapshots import Decoder, Encoder

    given = [int(word) for word in sys.argv[1:]]
    count, customers, runs = (*given, *(1_000_000, 100_000, RUNS)[len(given) :])
    engine = engine_after(events(Path("out/bench"), count, customers, "parquet"))
    before = time.perf_counter()
    snapshot = engine.snapshot()
    first_ms = (time.perf_counter() - before) * 1e3
    rows = len(snapshot.rows)
    arrays = [snapshot.rows, snapshot.pool]
    size = sum(array.nbytes for array in arrays)
    kept = [array.copy() for array in arrays]
    print(
        f"{rows:,} customers, {size / 1e6:,.0f} MB of rows and slabs; the first copy took {first_ms:.0f} ms"
    )

    def decoded(threads: int) -> Decoder:
        decoder = Decoder(threads)
        for chunk in chunks:
            decoder.add(chunk)
        decoder.settle()
        return decoder

    def raw() -> list[bytes]:
        made = zstandard.ZstdCompressor(level=1)
        text = np.concatenate([array.reshape(-1) for array in arrays]).view(np.uint8)
        return [made.compress(text[at : at + _RAW_PIECE].data) for at in range(0, text.size, _RAW_PIECE)]

    def copied() -> None:
        for target, array in zip(kept, arrays, strict=True):
            np.copyto(target, array)

    chunks = list(Encoder(snapshot, "0" * 32))
    written = sum(map(len, chunks))
    plain = sum(map(len, raw()))
    measured("pause: the state is copied", runs, engine.snapshot, rows)
    measured("  beside: into memory that is there", runs, copied, rows)
    measured(
        "chunks are made", runs, lambda: list(Encoder(snapshot, "0" * 32)), rows, f"{written / 1e6:.1f} MB"
    )
    measured("  beside: zstd of the words", runs, raw, rows, f"{plain / 1e6:.1f} MB")
    measured("chunks are read, one thread", runs, lambda: decoded(1), rows)
    measured("chunks are read, two threads", runs, lambda: decoded(2), rows)
    measured("an engine goes on from it", runs, lambda: Engine.restore(engine.plan, snapshot), rows)
    print(f"{len(chunks)} chunks, the largest of {max(map(len, chunks)):,} bytes")


if __name__ == "__main__":
    main()
