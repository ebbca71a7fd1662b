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


HOSTS: dict[str, Host] = {"reference": reference, "kernel": kernel, "replay": file_replay}


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
