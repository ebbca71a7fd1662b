"""The events that are measured, made once and kept."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from tests.benchmarks.process import measure

#: The command as it is installed beside the interpreter.
TIERLINE = Path(sys.executable).with_name("tierline")

#: One event, for what a start costs.
_FIRST = {
    "event_id": "e1",
    "type": "order.completed",
    "occurred_at": "2025-01-01T12:00:00Z",
    "customer_id": "C1",
    "order_id": "o1",
    "amount": "12.50",
}


def events(kept: Path, count: int, customers: int, form: str) -> Path:
    """A folder with about so many events of the four topics over a year, as `form` `ndjson` or `parquet`."""
    folder = kept / "data" / f"{count}-{customers}-{form}"
    if (folder / "generate.json").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    numbers = {"--customers": customers, "--events": count, "--days": 365, "--seed": 1}
    options = [str(word) for pair in numbers.items() for word in pair]
    measure([TIERLINE, "generate", *options, "--format", form, "--out", folder])
    return folder


def first_event(kept: Path) -> Path:
    """A file with a single event."""
    path = kept / "data" / "first.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_FIRST) + "\n", encoding="utf-8")
    return path


def count_of(folder: Path) -> int:
    """How many events a folder holds."""
    return int(json.loads((folder / "generate.json").read_text(encoding="utf-8"))["events"])


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def read_once(folder: Path) -> None:
    """Read the files, so that the first run finds them in memory like all others."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            while file.read(1 << 22):
                pass
