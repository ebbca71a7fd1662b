"""The hosts that the corpus runs against: each takes a pack and inputs and says what came of them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from rules.calendar import date_from_period
from rules.cases.model import EventInput, Input, Observed, Seen, Whole
from rules.cases.run import Host, reference
from rules.engine.bodies import encode, erased_body
from rules.engine.event import Code, Event, Rejection, Unknown
from rules.engine.outcome import Output
from rules.intake.decode import NO_KEY, decode_event
from rules.language.model import Pack
from rules.shard.core import TIMESTAMP_MAX_MS, Answer, Core
from rules.shard.records import ordered
from tests.live.pretended import columns_of
from tests.live.published import Record
from tests.properties.histories import Tick
from tests.properties.kernel_host import KernelHost, Said
from workers.replay.outputs import BODY_FILES, DEAD_LETTERS
from workers.replay.run import replay

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def kernel(pack: Pack, inputs: Sequence[Input]) -> Observed:
    """The engine of machine code, one input at a time."""
    host = KernelHost(pack)
    return [_step(host, pack, item) for item in inputs]


def file_replay(pack: Pack, inputs: Sequence[Input]) -> Observed:
    """A replay of one file in order of arrival."""
    with tempfile.TemporaryDirectory() as name:
        events, out = Path(name) / "events.ndjson", Path(name) / "out"
        events.write_bytes(b"\n".join(_line(item) for item in inputs))
        summary = replay(pack, [events], out, order="arrival")
        letters = [json.loads(line) for line in (out / DEAD_LETTERS).read_bytes().splitlines()]
        return Whole(
            outputs=tuple(
                _output(kind, line)
                for kind, file in BODY_FILES.items()
                for line in (out / file).read_bytes().splitlines()
            ),
            rejected={letter["position"] - 1: Code(letter["code"]) for letter in letters},
            duplicates=summary.duplicates,
            skipped=summary.unknown_types.total(),
        )


def live_shard(pack: Pack, inputs: Sequence[Input]) -> Observed:
    """The core of a live shard, one record of a topic at a time, ticks row by row."""
    core = Core(pack)
    return [_shard_step(core, offset, item) for offset, item in enumerate(inputs)]


HOSTS: dict[str, Host] = {
    "reference": reference,
    "kernel": kernel,
    "replay": file_replay,
    "live shard": live_shard,
}


def _shard_step(core: Core, offset: int, item: Input) -> Seen:
    if isinstance(item, EventInput):
        record = Record(offset, TIMESTAMP_MAX_MS, key_of(item.raw), item.raw)
        records = ordered([[columns_of([record])]])
        answers = [core.step(records, core.decode(records))]
    else:
        customers = core.begin_tick(item.period)
        answers = [core.tick(item.period, row, row + 1, 1)[0] for row in range(customers)]
    outputs: list[Output] = []
    for answer in answers:
        outputs += [_output("change", line) for line in answer.changes.bodies()]
        outputs += [_output("notice", line) for line in answer.notices.bodies()]
        outputs += [_output("erased", each.body) for each in answer.erased]
    (first, *_) = answers or [Answer()]
    return Seen(
        tuple(outputs),
        first.refused[0].rejection.code if first.refused else None,
        bool(first.counts.duplicates),
        bool(first.counts.unknown),
        bool(first.counts.late),
    )


def key_of(raw: bytes) -> bytes | None:
    """The key that a producer gives a record: its customer."""
    try:
        fields = json.loads(raw)
    except ValueError:
        return None
    customer = fields.get("customer_id") if isinstance(fields, dict) else None
    return customer.encode() if isinstance(customer, str) else None


def _step(host: KernelHost, pack: Pack, item: Input) -> Seen:
    host.said = Said()
    if not isinstance(item, EventInput):
        host.run([Tick(item.period)])
        return Seen(tuple(_outputs(host.said, None)))
    decoded = decode_event(item.raw, pack, key=NO_KEY, timestamp_us=None)
    if isinstance(decoded, Unknown):
        return Seen(skipped=True)
    if isinstance(decoded, Rejection):
        return Seen(rejected=decoded.code)
    host.run([decoded])
    said = host.said
    rejected = Code(said.rejected[0][1]) if said.rejected else None
    return Seen(tuple(_outputs(said, decoded)), rejected, bool(said.duplicates), late=bool(said.late))


def _outputs(said: Said, event: Event | None) -> Iterator[Output]:
    for line in said.changes:
        yield _output("change", line)
    for line in said.notices:
        yield _output("notice", line)
    for customer, life, instant in said.erased:
        assert event is not None
        body = erased_body(
            customer_id=customer, life=life, effective_us=instant, reason=event.reason, actor=event.actor
        )
        yield _output("erased", encode(body))


def _output(kind: Literal["change", "notice", "erased"], line: bytes) -> Output:
    body: dict[str, Any] = json.loads(line)
    effective = datetime.fromisoformat(body["effective_at"]) - _EPOCH
    return Output(kind, body["customer_id"], effective // timedelta(microseconds=1), body)


def _line(item: Input) -> bytes:
    if isinstance(item, EventInput):
        return item.raw
    return b'{"tick": "%s"}' % date_from_period(item.period).isoformat().encode()
