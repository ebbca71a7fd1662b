"""The replay of event files at full speed: deal out, play, gather, write.

1. *Deal out*: files are read in large pieces, decoded to columns, and every event goes to a part by the hash
   of its customer.
2. *Play*: each part goes through an engine of its own, from its first event to the last tick.
3. *Gather*: results are written in the order of S10, slice by slice.

The steps run one after the other, each on as many threads as there are workers: machine code runs outside the
interpreter's lock. What comes out does not depend on the number of workers or parts.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from rules.engine.plan import make_plan
from rules.intake.tables import intake_of
from rules.language.model import Pack
from workers.clock import running_seconds
from workers.files.chunks import Chunk, decode_chunk, guess_events, read_chunks
from workers.files.sources import find_event_files
from workers.memory import keep_freed_memory
from workers.replay.dealing import Dealer
from workers.replay.outputs import ReplayOutputs
from workers.replay.parts import Parts
from workers.replay.playing import Player
from workers.replay.summary import Order, Summary
from workers.replay.writing import Writer

A = TypeVar("A")
B = TypeVar("B")

#: Parts are made about this large, so that a part's state and events stay near the processor.
PART_EVENTS = 125_000
PARTS_MAX = 256
#: Histories of more events than this are kept in files of the output folder between the steps.
MEMORY_EVENTS = 1_500_000
#: With so many workers one renders all changes, right where they are written from, and others prepare them;
#: with more they are rendered side by side, and copied.
_AT_ONCE_MAX = 2


class Progress(Protocol):
    """Told of what goes on: a step begins with so many units to come, or none if unknown, and units done."""

    def step(self, name: str, unit: str, total: int | None) -> None:
        """A step begins."""

    def done(self, units: int) -> None:
        """So many more units of the step are done."""


class Silent:
    """Progress that nobody looks at."""

    def step(self, name: str, unit: str, total: int | None) -> None:
        """Say nothing."""

    def done(self, units: int) -> None:
        """Say nothing."""


def replay(
    pack: Pack,
    paths: Sequence[Path],
    out: Path,
    *,
    until: int | None = None,
    order: Order = "occurred",
    workers: int = 1,
    engine: Literal["kernel", "reference"] = "kernel",
    generation: int = 1,
    html: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Replay event files under a pack into a folder (S10); `until` is a period. Raises `UserError`."""
    progress = progress or Silent()
    if engine == "reference":
        from workers.replay.reference_replay import run_reference

        summary = run_reference(pack, paths, out, until=until, order=order, generation=generation)
    else:
        summary = _replay(pack, paths, out, until, order, workers, generation, progress)
    if html:
        from workers.report.page import render_report

        progress.step("drawing", "report", 1)
        render_report(out, pack)
        progress.done(1)
    return summary


def _replay(
    pack: Pack,
    paths: Sequence[Path],
    out: Path,
    until: int | None,
    order: Order,
    workers: int,
    generation: int,
    progress: Progress,
) -> Summary:
    started = running_seconds()
    keep_freed_memory()
    files = find_event_files(paths)
    expected = guess_events(files)
    count = min(PARTS_MAX, 1 << max(0, (expected // PART_EVENTS).bit_length()))
    summary = Summary(pack, generation, order, until)
    plan = make_plan(pack)
    intake = intake_of(pack)
    with (
        ReplayOutputs(out) as outputs,
        _folder(out, expected > MEMORY_EVENTS) as folder,
        Parts(count, folder) as parts,
        _threads(workers) as run,
    ):
        dealer = Dealer(files, pack, parts, summary)
        progress.step("reading", "events", expected)

        def deal(chunk: Chunk) -> int:
            return dealer.take(decode_chunk(chunk, intake))

        for events in run(deal, read_chunks(files)):
            progress.done(events)
        ticks = dealer.ticks()
        player = Player(plan, dealer, ticks, summary)
        progress.step("replaying", "parts", count)
        for _ in run(player.play, iter(range(count))):
            progress.done(1)
        writer = Writer(plan, player, dealer, outputs, summary, generation, workers <= _AT_ONCE_MAX)
        writer.write(run, progress)
        summary.seconds = running_seconds() - started
        outputs.finish(summary)
    return summary


@contextmanager
def _folder(out: Path, wanted: bool) -> Iterator[Path | None]:
    """A folder beside the outputs for what does not fit into memory, gone at the end."""
    if not wanted:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix=".replay-", dir=out))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Run(Protocol):
    """How the steps use threads."""

    def __call__(self, function: Callable[[A], B], inputs: Iterator[A]) -> Iterator[B]:
        """Map a function over inputs, results in the order of the inputs."""

    def beside(self, function: Callable[[], None]) -> Callable[[], None]:
        """Have something done while other things are; what is returned waits until it is."""


class _OneByOne:
    """Everything in the only thread there is."""

    def __call__(self, function: Callable[[A], B], inputs: Iterator[A]) -> Iterator[B]:
        return map(function, inputs)

    def beside(self, function: Callable[[], None]) -> Callable[[], None]:
        return function


class _SideBySide:
    """On the threads of a pool, with a few inputs ahead of the results."""

    def __init__(self, pool: ThreadPoolExecutor, workers: int) -> None:
        self._pool = pool
        self._ahead = workers + 1

    def __call__(self, function: Callable[[A], B], inputs: Iterator[A]) -> Iterator[B]:
        ahead: list[Future[B]] = []
        try:
            for each in inputs:
                ahead.append(self._pool.submit(function, each))
                if len(ahead) > self._ahead:
                    yield ahead.pop(0).result()
            while ahead:
                yield ahead.pop(0).result()
        finally:
            for future in ahead:
                future.cancel()

    def beside(self, function: Callable[[], None]) -> Callable[[], None]:
        return self._pool.submit(function).result


@contextmanager
def _threads(workers: int) -> Iterator[Run]:
    """Something that does the work of the steps on so many threads."""
    if workers == 1:
        yield _OneByOne()
        return
    with ThreadPoolExecutor(workers) as pool:
        yield _SideBySide(pool, workers)
