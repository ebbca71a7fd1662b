"""What decoding costs a record: ours, NDJSON and Parquet rows, beside orjson and polars on the same text.

Run it with `python -m tests.benchmarks.bench_intake [RECORDS]`. CPU time of this process, median and range of
several runs that alternate, so that whatever else the machine does falls on all of them.
"""

from __future__ import annotations

import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import polars as pl
import pyarrow as pa

from rules.intake.arrow_columns import decode_table
from rules.intake.json_columns import decode_records
from rules.intake.lines import split_lines
from rules.intake.tables import Intake, intake_of
from rules.language.load import load_pack
from tests.properties.intake_records import PACK_TEXT

RUNS = 7
START = datetime(2024, 1, 1, tzinfo=UTC)


def orders(count: int) -> list[dict[str, Any]]:
    """Orders of about 220 bytes."""
    return [
        {
            "event_id": f"{i:036d}",
            "customer_id": f"C{i * 7919 % 100_000:08d}",
            "order_id": f"O{i:010d}",
            "type": "order.completed",
            "amount": f"{i % 90_000 / 100:.2f}",
            "currency": "USD",
            "occurred_at": (START + timedelta(seconds=31 * i)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "channel": "web",
        }
        for i in range(count)
    ]


def profiles(count: int) -> list[dict[str, Any]]:
    """Customers whose attributes change."""
    return [
        {
            "event_id": f"{i:036d}",
            "type": "customer.updated",
            "occurred_at": (START + timedelta(seconds=31 * i)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "customer_id": f"C{i:08d}",
            "attributes": {"region": "north", "age": i % 90, "weight": i % 900 / 10, "vip": i % 2 == 0},
        }
        for i in range(count)
    ]


def ours(text: bytes, intake: Intake) -> None:
    """Lines to columns of events."""
    buffer = np.frombuffer(text, np.uint8)
    start, length, _ = split_lines(buffer)
    decoded = decode_records(buffer, start, length, intake)
    if decoded.events.index.size != start.size:
        raise RuntimeError(f"{len(decoded.rejected)} records were rejected: {decoded.rejected[:1]}")


def contenders(intake: Intake, count: int) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    found: dict[str, Callable[[], object]] = {}
    for name, records in (("orders", orders(count)), ("profiles", profiles(count))):
        lines = [json.dumps(record).encode() for record in records]
        text = b"\n".join(lines) + b"\n"
        kind = f"{name} of {len(text) // count} bytes"
        found[f"{kind}: tierline, NDJSON to events"] = lambda text=text: ours(text, intake)  # type: ignore[misc]
        found[f"{kind}: orjson, to dicts"] = lambda lines=lines: [orjson.loads(line) for line in lines]  # type: ignore[misc]
        found[f"{kind}: polars, NDJSON to columns"] = lambda text=text: pl.read_ndjson(io.BytesIO(text))  # type: ignore[misc]
        rows = [
            record | ({"attributes": json.dumps(record["attributes"])} if "attributes" in record else {})
            for record in records
        ]
        batch = pa.RecordBatch.from_pylist(rows)
        found[f"{kind}: tierline, Arrow rows to events"] = lambda batch=batch: decode_table(batch, intake)  # type: ignore[misc]
    return found


def main() -> None:
    """Print a line a contender."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    measured = contenders(intake_of(load_pack(PACK_TEXT, "intake.yaml")), count)
    times: dict[str, list[float]] = {name: [] for name in measured}
    for run in range(RUNS + 1):
        for name, work in measured.items():
            begun = time.process_time()
            work()
            if run:  # the first run compiles and warms
                times[name].append((time.process_time() - begun) / count * 1e6)
    for name, each in times.items():
        spread = f"{min(each):.3f} to {max(each):.3f}"
        print(f"{name:60} {statistics.median(each):6.3f} µs CPU a record ({spread})")


if __name__ == "__main__":
    main()
