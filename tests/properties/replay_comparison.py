"""The same files replayed by the kernel and by the reference: everything they write must be the same."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.properties.histories import History
from workers.replay.reference_replay import run_reference
from workers.replay.run import replay
from workers.replay.summary import Order

ORDERS: tuple[Order, ...] = ("occurred", "arrival")
LINES = ("changes.ndjson", "pending.ndjson", "erased.ndjson", "dead-letters.ndjson")


def differences(history: History, workers: int = 1, until: int | None = None) -> list[str]:
    """What the two engines write differently for a history, one line each; in both orders."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        half = len(history.lines) // 2
        files = [folder / "a.ndjson", folder / "b.ndjson"]
        for file, lines in zip(files, (history.lines[:half], history.lines[half:]), strict=True):
            file.write_text("\n".join(lines), encoding="utf-8")
        found: list[str] = []
        for order in ORDERS:
            run_reference(history.pack, files, folder / "reference", order=order, until=until)
            replay(history.pack, files, folder / "kernel", order=order, until=until, workers=workers)
            told = folder_differences(folder / "reference", folder / "kernel")
            found += (f"{order} order: {line}" for line in told)
        return found


def folder_differences(reference: Path, kernel: Path) -> Iterator[str]:
    """What two folders of outputs tell differently, one line each."""
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


def write_plain(lines: Sequence[str], path: Path) -> None:
    """Lines as they are."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_gzip(lines: Sequence[str], path: Path) -> None:
    """Lines packed by gzip, in two members."""
    half = len(lines) // 2
    parts = ("".join(f"{line}\n" for line in part).encode() for part in (lines[:half], lines[half:]))
    path.write_bytes(b"".join(gzip.compress(part) for part in parts))


def write_zstd(lines: Sequence[str], path: Path) -> None:
    """Lines packed by zstd, in two frames."""
    half = len(lines) // 2
    parts = ("".join(f"{line}\n" for line in part).encode() for part in (lines[:half], lines[half:]))
    path.write_bytes(b"".join(zstandard.compress(part) for part in parts))


def write_parquet(lines: Sequence[str], path: Path) -> None:
    """Lines without ticks as rows, in small row groups; attributes as JSON texts."""
    rows = [json.loads(line) for line in lines]
    for row in rows:
        if "attributes" in row:
            row["attributes"] = json.dumps(row["attributes"], ensure_ascii=False)
    # Columns that must be there, where there is no row.
    names = dict.fromkeys(
        ["event_id", "type", "occurred_at", "customer_id", *(k for row in rows for k in row)]
    )
    columns = {name: pa.array([row.get(name) for row in rows]) for name in names}
    pq.write_table(pa.table(columns), path, row_group_size=7)


#: Ways to write the same events, all under the same base name but for its end.
FORMS: dict[str, Callable[[Sequence[str], Path], None]] = {
    "plain": write_plain,
    "gzip": write_gzip,
    "zstd": write_zstd,
    "parquet": write_parquet,
}
