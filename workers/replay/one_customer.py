"""Finding what event files hold about one customer, without reading all of it word for word.

What other customers did does not matter for one customer's changes (S4.5), but for the day of the last valid
event, up to which a sorted replay goes (S10). So a line that cannot be about the customer is only looked at
if it is of about that day.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from rules.calendar import period_from_date
from rules.engine.event import Event, Rejection
from rules.intake.row_json import rows_json
from rules.language.model import Pack
from workers.files.sources import EventFile, Record, open_parquet, read_records
from workers.replay.reference_replay import Placed, TickLine, decode_line, s10_order
from workers.replay.summary import Order

_OCCURRED = re.compile(rb'"occurred_at"\s*:\s*"(\d{4}-\d\d-\d\d)[Tt]')
#: The day as written and the day of the pack's time zone are never more than two days apart.
_MARGIN_DAYS = 5


@dataclass(slots=True)
class Found:
    """What there is about a customer: inputs in the order of the replay, rejected records, the last period.

    `last_period` is where a replay ends, None where it has no last tick.
    """

    inputs: list[Event | TickLine] = field(default_factory=list)
    rejected: list[tuple[Placed, Rejection]] = field(default_factory=list)
    last_period: int | None = None


def find_customer(
    files: Sequence[EventFile], pack: Pack, customer_id: str, *, order: Order, until: int | None
) -> Found:
    """Everything about a customer in event files; raises `UserError` for a file that cannot be read."""
    ends_with_events = order == "occurred" and until is None
    latest = max(filter(None, map(_latest_day, files)), default=None) if ends_with_events else None
    near = None if latest is None else _days_before(latest, _MARGIN_DAYS)
    placed, last = _decoded(files, pack, customer_id, near)
    if near is not None and last < period_from_date(date.fromisoformat(near)) + 2:
        placed, last = _decoded(files, pack, customer_id, "")
    found = Found(last_period=until if until is not None else (last if ends_with_events else None))
    events: list[Placed] = []
    for each in placed:
        if isinstance(each.input, Rejection):
            found.rejected.append((each, each.input))
        elif order == "arrival" and isinstance(each.input, Event | TickLine):
            if until is None or each.input.period <= until:
                found.inputs.append(each.input)
        elif isinstance(each.input, Event) and (until is None or each.input.period <= until):
            events.append(each)
    found.inputs += [each.input for each in sorted(events, key=s10_order) if isinstance(each.input, Event)]
    return found


def _decoded(
    files: Sequence[EventFile], pack: Pack, customer_id: str, near: str | None
) -> tuple[list[Placed], int]:
    """What is about the customer, ticks too, and the last period of any valid event that was looked at."""
    kept: list[Placed] = []
    last = -(10**9)
    needle = json.dumps(customer_id, ensure_ascii=False)[1:-1].encode()
    for index, file in enumerate(files):
        for record in _candidates(file, customer_id, needle, near):
            placed = Placed(decode_line(record.raw, pack), index, file.name, record)
            match placed.input:
                case Event(period=period, customer_id=owner):
                    last = max(last, period)
                    if owner == customer_id:
                        kept.append(placed)
                case Rejection(customer_id=rejected_owner):
                    if rejected_owner == customer_id or (rejected_owner is None and needle in record.raw):
                        kept.append(placed)
                case TickLine():
                    kept.append(placed)
    return kept, last


def _candidates(file: EventFile, customer_id: str, needle: bytes, near: str | None) -> Iterator[Record]:
    """Records that may be about the customer, are ticks, or are of the day `near` or later."""
    if file.kind == "parquet":
        yield from _candidate_rows(file, customer_id, near)
        return
    day = None if near is None else near.encode()
    for record in read_records(file):
        raw = record.raw
        if needle in raw or b"\\" in raw or b'"tick"' in raw:
            yield record
        elif day is not None:
            occurred = _OCCURRED.search(raw)
            if occurred is None or occurred[1] >= day:
                yield record


def _candidate_rows(file: EventFile, customer_id: str, near: str | None) -> Iterator[Record]:
    before = 0
    with open_parquet(file) as opened:
        for batch in opened.iter_batches():
            mask = pc.fill_null(pc.equal(_text(batch.column("customer_id")), customer_id), False)
            if near is not None:
                late = pc.greater_equal(_day_texts(batch.column("occurred_at")), near)
                mask = pc.or_(mask, pc.fill_null(late, True))
            positions = pc.indices_nonzero(mask)
            rows = rows_json(batch, positions.to_pylist())
            for raw, position in zip(rows, positions.to_pylist(), strict=True):
                yield Record(raw, before + position + 1)
            before += batch.num_rows


def _latest_day(file: EventFile) -> str | None:
    """The latest day that a file mentions as `occurred_at`, as written."""
    if file.kind != "parquet":
        days = (match[1] for record in read_records(file) if (match := _OCCURRED.search(record.raw)))
        latest = max(days, default=None)
        return None if latest is None else latest.decode()
    with open_parquet(file) as opened:
        batches = opened.iter_batches(columns=["occurred_at"])
        found = (pc.max(_day_texts(batch.column("occurred_at"))).as_py() for batch in batches)
        return max(filter(None, found), default=None)


def _text(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


def _day_texts(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us")).cast(pa.date32(), safe=False).cast(pa.string())
    return pc.utf8_slice_codeunits(_text(column), 0, 10)


def _days_before(day: str, count: int) -> str:
    try:
        return (date.fromisoformat(day) - timedelta(days=count)).isoformat()
    except (ValueError, OverflowError):
        return ""
