"""The same files replayed by the kernel and by the reference: everything they write must be the same."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.properties.histories import History
from tests.properties.strategies import seeded_history
from workers.replay.reference_replay import run_reference
from workers.replay.run import replay
from workers.replay.summary import Order

ORDERS: tuple[Order, ...] = ("occurred", "arrival")
LINES = ("changes.ndjson", "pending.ndjson", "erased.ndjson", "dead-letters.ndjson")


def compare_seed(seed: int) -> tuple[int, list[str]]:
    """The number of an example and what differs in it; whatever breaks is a finding too."""
    try:
        return seed, differences(seeded_history(seed))
    except Exception as error:
        return seed, [f"{type(error).__name__}: {error}"]


def differences(history: History, workers: int = 1) -> list[str]:
    """What the two engines write differently for a history, one line each; in both orders."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        half = len(history.lines) // 2
        files = [folder / "a.ndjson", folder / "b.ndjson"]
        for file, lines in zip(files, (history.lines[:half], history.lines[half:]), strict=True):
            file.write_text("\n".join(lines), encoding="utf-8")
        found: list[str] = []
        for order in ORDERS:
            run_reference(history.pack, files, folder / "reference", order=order)
            replay(history.pack, files, folder / "kernel", order=order, workers=workers)
            told = _compare(folder / "reference", folder / "kernel")
            found += (f"{order} order: {line}" for line in told)
        return found


def _compare(reference: Path, kernel: Path) -> Iterator[str]:
    for name in LINES:
        expected, came = ((each / name).read_bytes().splitlines() for each in (reference, kernel))
        for number, (left, right) in enumerate(zip(expected, came, strict=False), 1):
            if left != right:
                yield f"{name} line {number}\n  reference {left.decode()}\n  kernel    {right.decode()}"
                break
        if len(expected) != len(came):
            yield f"{name} has {len(expected)} lines by the reference, {len(came)} by the kernel"
    customers = [pq.read_table(each / "customers.parquet") for each in (reference, kernel)]
    if customers[0].schema != customers[1].schema:
        yield "customers.parquet has other columns"
    # As text, so that a number that is not one equals itself.
    if repr(customers[0].to_pylist()) != repr(customers[1].to_pylist()):
        yield "customers.parquet has other values"
    summaries = [_numbers(each) for each in (reference, kernel)]
    if summaries[0] != summaries[1]:
        yield f"summary.json\n  reference {summaries[0]}\n  kernel    {summaries[1]}"


def _numbers(folder: Path) -> dict[str, Any]:
    numbers: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    del numbers["seconds"]
    return numbers
