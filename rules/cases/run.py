"""Run cases against a host: anything that takes a pack and inputs and says what came of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rules.cases.compare import Result, compare
from rules.cases.model import Case, EventInput, Input, Observed, Seen
from rules.engine.event import Rejection, Unknown
from rules.engine.reference import Reference
from rules.intake.decode import NO_KEY, decode_event
from rules.language.model import Pack

#: A host starts without any customers each time it is called.
Host = Callable[[Pack, Sequence[Input]], Observed]


def run_cases(cases: Sequence[Case], pack: Pack, host: Host) -> list[Result]:
    """Run each case from an empty state."""
    return [compare(case, host(pack, case.inputs), pack) for case in cases]


def reference(pack: Pack, inputs: Sequence[Input]) -> Observed:
    """The plain engine as a host: what the others are measured by."""
    engine = Reference(pack)
    return [_step(engine, pack, item) for item in inputs]


def _step(engine: Reference, pack: Pack, item: Input) -> Seen:
    if not isinstance(item, EventInput):
        return Seen(tuple(engine.tick(item.period)))
    decoded = decode_event(item.raw, pack, key=NO_KEY, timestamp_us=None)
    if isinstance(decoded, Unknown):
        return Seen(skipped=True)
    if isinstance(decoded, Rejection):
        return Seen(rejected=decoded.code)
    answer = engine.apply(decoded)
    rejected = answer.rejection.code if answer.rejection is not None else None
    return Seen(answer.outputs, rejected, answer.duplicate, late=answer.late)
