"""Cases as values: inputs that every host can be driven with, and what is expected of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rules.engine.event import Code
from rules.engine.outcome import Output

OutputKind = Literal["change", "notice", "erased"]


class CasesError(Exception):
    """A case file that cannot be read; each finding is a line number (1-based) and a sentence."""

    def __init__(self, source: str, findings: list[tuple[int, str]]) -> None:
        self.source = source
        self.findings = findings
        super().__init__("\n".join(f"{source}:{line}: {message}" for line, message in findings))


@dataclass(frozen=True, slots=True)
class EventInput:
    """One event as the bytes of a JSON object."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class TickInput:
    """`tick(period)`."""

    period: int


Input = EventInput | TickInput


@dataclass(frozen=True, slots=True)
class Claim:
    """Something an expectation says of an output beyond its head.

    `word` is the claim's keyword, `name` the name of a value for `because`, `showing` and `strategy` (else
    empty), `value` the text that the output must show.
    """

    word: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Expected:
    """An output that must come.

    `head` is what identifies it: dimension, from and to of a change; dimension, state, from and to of a
    notice; nothing of an erasure. No category is `(none)`.
    """

    kind: OutputKind
    customer: str
    head: tuple[str, ...]
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """An input and what follows. `customer` is None for a tick, and for a record whose id is unreadable.

    Unless `rejected`, `duplicate` or `skipped` is expected, the event must be applied; whether it was late is
    looked at only where the case says so.
    """

    line: int
    text: str
    input: Input
    customer: str | None
    expected: tuple[Expected, ...] = ()
    rejected: Code | None = None
    duplicate: bool = False
    skipped: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its inputs in order with what is expected after each.

    `dimensions` are those whose changes and notices must all be listed; `notices` says whether pending
    notices are compared at all.
    """

    source: str
    line: int
    title: str
    steps: tuple[Step, ...]
    dimensions: tuple[str, ...]
    notices: bool

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs alone, as a host takes them."""
        return tuple(step.input for step in self.steps)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a host did with one input. `late` is None where the host does not tell."""

    outputs: tuple[Output, ...] = ()
    rejected: Code | None = None
    duplicate: bool = False
    skipped: bool = False
    late: bool | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """What a host did with all inputs together, where it cannot tell which output belongs to which input.

    `rejected` maps the 0-based position of an input to the code. The outputs of one kind and customer are in
    order; how kinds and customers interleave does not matter.
    """

    outputs: tuple[Output, ...]
    rejected: dict[int, Code]
    duplicates: int
    skipped: int


Observed = list[Seen] | Whole
