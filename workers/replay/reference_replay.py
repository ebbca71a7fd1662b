"""A replay of files with the reference, record by record: slow, and what the fast one must equal (S10)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rules.calendar import PERIOD_FIRST, PERIOD_LAST, period_from_date
from rules.engine.bodies import encode
from rules.engine.event import TOPICS, Code, Event, Rejection, Unknown
from rules.engine.letters import dead_letter
from rules.engine.outcome import Output
from rules.engine.reference import Reference
from rules.intake.decode import decode_event
from rules.intake.json_text import MalformedError, parse_json
from rules.language.model import Pack
from workers.clock import running_seconds
from workers.files.sources import EventFile, Record, find_event_files, read_records
from workers.replay.customers import customers_table, write_customers
from workers.replay.outputs import BODY_FILES, CUSTOMERS, DEAD_LETTERS, ReplayOutputs
from workers.replay.summary import Order, Summary


@dataclass(frozen=True, slots=True)
class TickLine:
    """A line that says that a period has begun."""

    period: int


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Input = Event | TickLine | Rejection | Unknown


@dataclass(frozen=True, slots=True)
class Placed:
    """A record that was read: what it is and where it stood; `file` is the position among the files."""

    input: Input
    file: int
    source: str
    record: Record


def run_reference(
    pack: Pack,
    paths: Sequence[Path],
    out: Path,
    *,
    until: int | None = None,
    order: Order = "occurred",
    generation: int = 1,
) -> Summary:
    """Replay event files into a folder; `until` is a period. Raises `UserError`."""
    started = running_seconds()
    files = find_event_files(paths)
    summary = Summary(pack, generation, order, until)
    with ReplayOutputs(out) as outputs:
        run = _Run(Reference(pack, generation), summary)
        run.play(read_inputs(files, pack))
        counts = Counter(each.kind for each in run.outputs)
        summary.changes, summary.notices, summary.erased = (counts[kind] for kind in BODY_FILES)
        for kind, name in BODY_FILES.items():
            with outputs.lines(name) as file:
                file.writelines(encode(each.body) + b"\n" for each in run.outputs if each.kind == kind)
        with outputs.lines(DEAD_LETTERS) as file:
            file.writelines(encode(letter) + b"\n" for letter in run.dead_letters())
        views = list(run.engine.customers())
        write_customers(outputs.partial(CUSTOMERS), pack, [customers_table(pack, views)])
        summary.customers = len(views)
        summary.seconds = running_seconds() - started
        outputs.finish(summary)
    return summary


def read_inputs(files: Sequence[EventFile], pack: Pack) -> Iterator[Placed]:
    """Everything that the files hold, decoded, in the order of files and lines."""
    for index, file in enumerate(files):
        for record in read_records(file):
            yield Placed(decode_line(record.raw, pack), index, file.name, record)


def decode_line(raw: bytes, pack: Pack) -> Input:
    """A line of a file: an event, or `{"tick": "YYYY-MM-DD"}`."""
    if b'"tick"' in raw:
        try:
            value = parse_json(raw)
        except MalformedError:
            return decode_event(raw, pack)
        if isinstance(value, dict) and "tick" in value and value.get("type") is None:
            period = _period(value["tick"])
            if period is None:
                detail = "`tick` must be a day from 1970 to 2199, such as `2024-01-31`"
                return Rejection(Code.SCHEMA, detail)
            return TickLine(period)
    return decode_event(raw, pack)


def s10_order(placed: Placed) -> tuple[int, int, bytes, int]:
    """What valid events are sorted by (S10); of equal ones the file named first comes first."""
    event = placed.input
    if not isinstance(event, Event):
        raise TypeError("only events have a place in time")
    return (
        event.occurred_us,
        TOPICS.index(event.topic),
        placed.source.encode(),
        placed.record.position,
    )


class _Run:
    """One replay: the engine, what it said, what was rejected, and the numbers."""

    def __init__(self, engine: Reference, summary: Summary) -> None:
        self.engine = engine
        self.summary = summary
        self.outputs: list[Output] = []
        self._rejected: list[tuple[Placed, Rejection]] = []

    def play(self, placed: Iterable[Placed]) -> None:
        """Apply everything in the order of the summary, with the ticks that belong to it (S10)."""
        if self.summary.order == "occurred":
            self._play_as_occurred(placed)
        else:
            self._play_as_arrived(placed)

    def dead_letters(self) -> Iterator[dict[str, object]]:
        """The rejected records in the order of files and lines."""
        for placed, rejection in sorted(
            self._rejected, key=lambda pair: (pair[0].file, pair[0].record.position)
        ):
            yield dead_letter(rejection, placed.source, placed.record.position, placed.record.raw)

    def _play_as_occurred(self, placed: Iterable[Placed]) -> None:
        events = sorted((each for each in placed if self._accepted(each)), key=s10_order)
        period = PERIOD_FIRST
        for each in events:
            if isinstance(each.input, Event):
                period = each.input.period
                self.outputs += self.engine.tick(period)
                self._apply(each, each.input)
        self.outputs += self.engine.tick(period if self.summary.until is None else self.summary.until)
        self.outputs.sort(key=_output_order)

    def _play_as_arrived(self, placed: Iterable[Placed]) -> None:
        until = self.summary.until
        for each in placed:
            if isinstance(each.input, TickLine):
                if until is None or each.input.period <= until:
                    self._tick(each.input.period)
            elif self._accepted(each) and isinstance(each.input, Event):
                self._apply(each, each.input)
        if until is not None:
            self._tick(until)

    def _tick(self, period: int) -> None:
        self.outputs += sorted(self.engine.tick(period), key=_output_order)

    def _accepted(self, placed: Placed) -> bool:
        """Count a record as read, and say whether it is an event to be applied."""
        match placed.input:
            case TickLine():
                return False
            case Unknown(type=name):
                self.summary.unknown_types[name] += 1
            case Rejection() as rejection:
                self._reject(placed, rejection)
            case Event(period=period):
                self.summary.events += 1
                if self.summary.until is None or period <= self.summary.until:
                    return True
                self.summary.after_until += 1
                return False
        self.summary.events += 1
        return False

    def _apply(self, placed: Placed, event: Event) -> None:
        answer = self.engine.apply(event)
        if answer.rejection is not None:
            self._reject(placed, answer.rejection)
        elif answer.duplicate:
            self.summary.duplicates += 1
        else:
            self.summary.applied += 1
            self.summary.late += answer.late
        self.outputs += answer.outputs

    def _reject(self, placed: Placed, rejection: Rejection) -> None:
        self.summary.rejected[rejection.code.value] += 1
        self._rejected.append((placed, rejection))


def _output_order(output: Output) -> tuple[int, bytes]:
    """The order of outputs (S10); a stable sort keeps each customer's own (S9.6)."""
    return output.effective_us, output.customer_id.encode()


def _period(value: object) -> int | None:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        period = period_from_date(date.fromisoformat(value))
    except ValueError:
        return None
    return period if PERIOD_FIRST <= period <= PERIOD_LAST else None
