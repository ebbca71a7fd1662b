"""Case files: from text to cases (the format is described in README.md)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace

from rules.calendar import period_from_date
from rules.cases.model import Case, CasesError, EventInput, Expected, Step, TickInput
from rules.cases.read_event import read_event
from rules.cases.read_expectation import Verdict, read_expectation
from rules.cases.words import LineError, Words, read_date, split_words
from rules.language.model import Pack

_HEADER = re.compile(r"(case|pack|dimensions|pending):\s*(.*?)\s*")


@dataclass(slots=True)
class _Settings:
    """What `dimensions:` and `pending:` said, for the file or for a case."""

    dimensions: tuple[str, ...] = ()
    pending: str = "listed"


@dataclass(slots=True)
class _Draft:
    """A case being read."""

    line: int
    title: str
    settings: _Settings
    steps: list[Step] = field(default_factory=list)
    customers: set[str] = field(default_factory=set)
    events: int = 0
    #: The line of the last step that said `nothing`.
    nothing: int = 0


def pack_of(text: str) -> str | None:
    """The pack that a case file names in its `pack:` header, as written, or None."""
    for line in text.splitlines():
        match = _HEADER.fullmatch(line)
        if match and match[1] == "pack":
            return match[2]
        if match and match[1] == "case":
            return None
    return None


def read_cases(text: str, source: str, pack: Pack) -> list[Case]:
    """Read a case file under a pack; raises CasesError with all that is wrong, by line."""
    reader = _Reader(source, pack)
    for number, line in _whole_lines(text):
        try:
            reader.read(number, line)
        except LineError as error:
            reader.findings.append((number, str(error)))
    if not reader.drafts and not reader.findings:
        reader.findings.append((1, "the file has no case: begin one with `case: what it shows`"))
    if reader.findings:
        raise CasesError(source, reader.findings)
    return [reader.finish(draft) for draft in reader.drafts]


def _whole_lines(text: str) -> list[tuple[int, str]]:
    """The lines that say something with their 1-based numbers, continuation lines joined to theirs.

    An indented line that does not begin with `->` continues the one above it.
    """
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if line[0].isspace() and not stripped.startswith("->") and lines:
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {stripped}")
        else:
            lines.append((number, line.rstrip()))
    return lines


class _Reader:
    def __init__(self, source: str, pack: Pack) -> None:
        self.source = source
        self.pack = pack
        self.findings: list[tuple[int, str]] = []
        self.drafts: list[_Draft] = []
        self._of_file = _Settings()

    def read(self, number: int, line: str) -> None:
        """Read one line; raises LineError."""
        header = _HEADER.fullmatch(line)
        if header is not None:
            self._read_header(number, header[1], header[2])
            return
        if not self.drafts:
            raise LineError("begin a case with `case: what it shows` above its first line")
        draft = self.drafts[-1]
        words = split_words(line)
        if words.skip("->"):
            self._read_expectation(draft, words)
        else:
            draft.steps.append(self._read_input(draft, number, line, words))

    def _read_header(self, number: int, name: str, value: str) -> None:
        if not value:
            raise LineError(f"write something after `{name}:`")
        if name == "case":
            self.drafts.append(_Draft(number, value, replace(self._of_file)))
            return
        if self.drafts and self.drafts[-1].steps:
            raise LineError(f"`{name}:` stands at the top of the file or right below `case:`")
        settings = self.drafts[-1].settings if self.drafts else self._of_file
        if name == "dimensions":
            known = [dimension.id for dimension in self.pack.dimensions]
            settings.dimensions = tuple(part.strip() for part in value.split(","))
            for dimension in settings.dimensions:
                if dimension not in known:
                    raise LineError(f"`{dimension}` is not a dimension of the pack: {', '.join(known)}")
        elif name == "pending":
            if value not in ("all", "listed", "ignored"):
                raise LineError(f"`{value}` is not a way to look at notices: all, listed, ignored")
            settings.pending = value
        elif self.drafts:
            raise LineError("`pack:` stands above the first case")

    def _read_input(self, draft: _Draft, number: int, line: str, words: Words) -> Step:
        if words.skip("tick"):
            period = period_from_date(read_date(words.take("the date of the tick")))
            if words:
                raise LineError("nothing can follow the date of a tick")
            return Step(number, line, TickInput(period), None)
        draft.events += 1
        if words.skip("json"):
            record = line.split(None, 1)[1]
            customer = _customer_of(record)
        else:
            customer, raw = read_event(words, draft.events, self.pack)
            record = raw.decode()
        if customer is not None:
            draft.customers.add(customer)
        return Step(number, line, EventInput(record.encode()), customer)

    def _read_expectation(self, draft: _Draft, words: Words) -> None:
        if not draft.steps:
            raise LineError("an expectation follows an event or a tick")
        step = draft.steps[-1]
        customer = step.customer
        if isinstance(step.input, TickInput) and len(draft.customers) == 1:
            (customer,) = draft.customers
        read = read_expectation(words, customer, self.pack)
        if isinstance(read, Expected):
            step = replace(step, expected=(*step.expected, read))
        elif read.word == "nothing":
            draft.nothing = step.line
        elif isinstance(step.input, TickInput):
            raise LineError(f"a tick cannot be `{read.word}`")
        else:
            step = _with_verdict(step, read)
        refused = step.rejected is not None or step.duplicate or step.skipped
        if step.expected and (refused or draft.nothing == step.line):
            raise LineError(f"line {step.line} cannot both move a customer and do nothing")
        draft.steps[-1] = step

    def finish(self, draft: _Draft) -> Case:
        """The case, with what it compares: the dimensions of its header, else those it names, else all."""
        listed = [expected for step in draft.steps for expected in step.expected]
        named = {expected.head[0] for expected in listed if expected.head}
        every = tuple(dimension.id for dimension in self.pack.dimensions)
        dimensions = draft.settings.dimensions or tuple(name for name in every if name in named) or every
        notices = draft.settings.pending == "all" or (
            draft.settings.pending == "listed" and any(expected.kind == "notice" for expected in listed)
        )
        return Case(self.source, draft.line, draft.title, tuple(draft.steps), dimensions, notices)


def _with_verdict(step: Step, verdict: Verdict) -> Step:
    if verdict.word == "rejected":
        return replace(step, rejected=verdict.code)
    if verdict.word == "duplicate":
        return replace(step, duplicate=True)
    if verdict.word == "skipped":
        return replace(step, skipped=True)
    return replace(step, late=True) if verdict.word == "late" else step


def _customer_of(record: str) -> str | None:
    """The customer id of a raw record where it can be read."""
    try:
        value = json.loads(record)
    except ValueError:
        return None
    customer = value.get("customer_id") if isinstance(value, dict) else None
    return customer if isinstance(customer, str) else None
