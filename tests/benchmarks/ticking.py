"""What a day's beginning costs: `python -m tests.benchmarks.ticking ROWS due|idle` prints JSON.

Every customer of the shop pack has bought once, all on one day. For thirty days nothing is due; then all of
them are no longer new, later at risk, later gone: each of these ticks moves every customer. Beside it stand,
for `idle`, the least that could be done, one look at every customer's next date by numpy; for `due`, the slow
reference with few customers.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rules.engine.engine import Engine
    from rules.language.model import Pack

#: Customers that are made at a time.
_PIECE = 250_000
_BOUGHT = date(2025, 1, 1)
#: Days after it: of ticks that find nothing due, and of those that move everybody.
_IDLE_DAYS = range(1, 10)
_DUE_DAYS = (30, 45, 90)
_REFERENCE_ROWS = 200
_ID_BYTES = 9


def _order(customer: str, number: int) -> dict[str, object]:
    return {
        "event_id": f"e{number:08d}",
        "type": "order.completed",
        "occurred_at": datetime(_BOUGHT.year, _BOUGHT.month, _BOUGHT.day, 17, tzinfo=UTC).isoformat(),
        "customer_id": customer,
        "order_id": f"o{number:08d}",
        "amount": "50.00",
    }


def _engine(pack: Pack, rows: int) -> Engine:
    """An engine with so many customers."""
    import pyarrow as pa

    from rules.engine.batches import batch_in_order
    from rules.engine.engine import Engine
    from rules.engine.plan import make_plan
    from rules.intake.arrow_columns import decode_table
    from rules.intake.tables import intake_of

    engine, intake = Engine(make_plan(pack)), intake_of(pack)
    digits = np.full((rows, _ID_BYTES), ord("C"), np.uint8)
    for place in range(1, _ID_BYTES):
        digits[:, place] = ord("0") + np.arange(rows) // 10 ** (_ID_BYTES - 1 - place) % 10
    # all at once, so that the rows are reserved once
    engine.rows_of_spans(
        digits.ravel(), np.arange(0, rows * _ID_BYTES, _ID_BYTES), np.full(rows, _ID_BYTES, np.int32)
    )
    for first in range(0, rows, _PIECE):
        piece = digits[first : first + _PIECE].reshape(-1).view(f"S{_ID_BYTES}").astype(str)
        names = pa.array(piece, pa.string())
        columns = {
            key: names if key in {"customer_id", "event_id"} else pa.array([value] * len(names), pa.string())
            for key, value in _order("", 0).items()
        }
        engine.step(batch_in_order(engine, decode_table(pa.RecordBatch.from_pydict(columns), intake).events))
    return engine


def idle(pack: Pack, rows: int) -> dict[str, object]:
    """Seconds of ticks with nothing due, and of the baseline."""
    engine = _engine(pack, rows)
    dates = np.full(rows, 2**31 - 1, np.int32)
    ticks, baseline = [], []
    engine.tick(_period(0))
    for day in _IDLE_DAYS:
        ticks.append(_timed(0, lambda day: engine.tick(day).changes.shape[0], day))
        baseline.append(_timed(0, lambda day: np.flatnonzero(dates <= day).size, day))
    return {"ticks": ticks, "baseline": baseline, "bytes": engine.nbytes()}


def due(pack: Pack, rows: int) -> dict[str, object]:
    """Seconds of ticks that move every customer, and of the slow reference's for as many."""
    from rules.engine.event import Event
    from rules.engine.reference import Reference
    from workers.replay.reference_replay import decode_line

    engine, reference = _engine(pack, rows), Reference(pack)
    for number in range(_REFERENCE_ROWS):
        event = decode_line(json.dumps(_order(f"C{number:08d}", number)).encode(), pack)
        if not isinstance(event, Event):
            raise TypeError(f"the order was not taken: {event}")
        reference.apply(event)
    ticks, baseline = [], []
    for day in _DUE_DAYS:
        engine.tick(_period(day - 1))
        ticks.append(_timed(rows, lambda day: engine.tick(day).changes.shape[0], day))
        reference.tick(_period(day - 1))
        slow = _timed(_REFERENCE_ROWS, lambda day: len(reference.tick(day)), day)
        baseline.append(slow * rows / _REFERENCE_ROWS)
    return {"ticks": ticks, "baseline": baseline, "bytes": engine.nbytes()}


def _period(day: int) -> int:
    """The period so many days after everybody bought."""
    from rules.calendar import period_from_date

    return period_from_date(_BOUGHT + timedelta(days=day))


def _timed(expected: int, tick: Callable[[int], int], day: int) -> float:
    """Seconds of a tick, which must find as many as expected."""
    period = _period(day)
    started = time.perf_counter()
    found = tick(period)
    seconds = time.perf_counter() - started
    if found != expected:
        raise RuntimeError(f"{expected} were due, and {found} were found")
    return seconds


def main() -> None:
    """Print what was measured."""
    from workers.machine_code import prepare

    prepare()
    from workers.packs import open_pack

    rows, kind = int(sys.argv[1]), sys.argv[2]
    print(json.dumps((due if kind == "due" else idle)(open_pack(Path("shop")), rows)))


if __name__ == "__main__":
    main()
