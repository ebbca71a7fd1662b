"""Expected beside got: whether a case holds, and a readable difference where it does not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from rules.cases.model import Case, Claim, Expected, Observed, Seen, Step, Whole
from rules.cases.words import show_time
from rules.engine.outcome import Output
from rules.language.model import Pack

_NONE = "(none)"
_NOT_GIVEN = "(not given)"

#: Where a body keeps what a claim of one word is about.
_KEYS = {
    "at": "effective_at",
    "previous": "previous_effective_at",
    "by": "cause",
    "code": "to_code",
    "next": "sequence_next",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a difference: mark ` ` as expected, `-` expected but missing or other, `+` got."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A step at which expected and got differ; `line` and `text` are those of its input."""

    line: int
    text: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """How a case went. `reached` are the (dimension, category) pairs that its changes moved to."""

    case: Case
    differences: tuple[Difference, ...]
    reached: frozenset[tuple[str, str]]

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.differences


def compare(case: Case, observed: Observed, pack: Pack) -> Result:
    """Compare what a host did with what the case expects."""
    if isinstance(observed, Whole):
        outputs: Sequence[Output] = observed.outputs
        differences = _compare_whole(case, observed, pack)
    else:
        if len(observed) != len(case.steps):
            raise ValueError(f"a host answered {len(observed)} of {len(case.steps)} inputs")
        outputs = [output for seen in observed for output in seen.outputs]
        differences = [
            difference
            for step, seen in zip(case.steps, observed, strict=True)
            if (difference := _compare_step(case, step, seen, pack)) is not None
        ]
    reached = frozenset(
        (str(output.body["dimension"]), str(output.body["to"]))
        for output in outputs
        if output.kind == "change"
    )
    return Result(case, tuple(differences), reached)


def unreached(pack: Pack, results: Sequence[Result]) -> list[tuple[str, str]]:
    """The (dimension, category) pairs that no case ever moved a customer to, in the order of the pack."""
    reached = {pair for result in results for pair in result.reached}
    every = [
        (dimension.id, category.id) for dimension in pack.dimensions for category in dimension.categories
    ]
    return [pair for pair in every if pair not in reached]


def _compare_step(case: Case, step: Step, seen: Seen, pack: Pack) -> Difference | None:
    rows = [*_verdict_rows(step, seen), *_output_rows(case, step.expected, seen.outputs, pack)]
    return Difference(step.line, step.text, tuple(rows)) if any(row.mark != " " for row in rows) else None


def _compare_whole(case: Case, whole: Whole, pack: Pack) -> list[Difference]:
    """One difference for the whole case, where outputs cannot be told apart by input."""
    rows: list[Row] = []
    for position, step in enumerate(case.steps):
        got = whole.rejected.get(position)
        if got != step.rejected:
            rows.append(Row("-", f"line {step.line} rejected: {step.rejected or _NONE}"))
            rows.append(Row("+", f"line {step.line} rejected: {got or _NONE}"))
    for word, expected, count in (
        ("duplicates", sum(step.duplicate for step in case.steps), whole.duplicates),
        ("skipped", sum(step.skipped for step in case.steps), whole.skipped),
    ):
        if expected != count:
            rows += [Row("-", f"{word}: {expected}"), Row("+", f"{word}: {count}")]
    listed = [expected for step in case.steps for expected in step.expected]
    rows += _output_rows(case, listed, whole.outputs, pack)
    if all(row.mark == " " for row in rows):
        return []
    return [Difference(case.line, f"case: {case.title}", tuple(rows))]


def _verdict_rows(step: Step, seen: Seen) -> list[Row]:
    def verdict(rejected: str | None, duplicate: bool, skipped: bool) -> str:
        if rejected is not None:
            return f"rejected: {rejected}"
        return "duplicate" if duplicate else "skipped" if skipped else "applied"

    rows = []
    expected = verdict(step.rejected, step.duplicate, step.skipped)
    got = verdict(seen.rejected, seen.duplicate, seen.skipped)
    if expected != got:
        rows += [Row("-", expected), Row("+", got)]
    if step.late and seen.late is False:
        rows += [Row("-", "late"), Row("+", "in time")]
    return rows


def _output_rows(case: Case, listed: Sequence[Expected], outputs: Sequence[Output], pack: Pack) -> list[Row]:
    """Rows of changes, notices and erasures, each kind of each customer in its own order (S4.5)."""
    rows: list[Row] = []
    kinds = ("change", "notice", "erased") if case.notices else ("change", "erased")
    got = [output for output in outputs if output.body.get("dimension") in (None, *case.dimensions)]
    want = [expected for expected in listed if not expected.head or expected.head[0] in case.dimensions]
    customers = dict.fromkeys([*(item.customer for item in want), *(item.customer_id for item in got)])
    shown = len({customer for step in case.steps if (customer := step.customer)}) > 1
    for customer in customers:
        for kind in kinds:
            rows += _pair(
                [item for item in want if item.customer == customer and item.kind == kind],
                [item for item in got if item.customer_id == customer and item.kind == kind],
                pack,
                f"{customer} " if shown else "",
            )
    return rows


def _pair(want: list[Expected], got: list[Output], pack: Pack, prefix: str) -> list[Row]:
    """Align by heads, then check the claims of what stands opposite."""
    rows: list[Row] = []
    matcher = SequenceMatcher(
        None, [item.head for item in want], [_head(item) for item in got], autojunk=False
    )
    for tag, start, end, got_start, got_end in matcher.get_opcodes():
        if tag == "equal":
            for expected, output in zip(want[start:end], got[got_start:got_end], strict=True):
                wrong = any(not _holds(claim, output.body) for claim in expected.claims)
                rows.append(Row("-" if wrong else " ", prefix + _show_expected(expected, pack)))
                if wrong:
                    actual = tuple(
                        Claim(claim.word, claim.name, _actual(claim, output.body))
                        for claim in expected.claims
                    )
                    shown = Expected(expected.kind, expected.customer, expected.head, actual)
                    rows.append(Row("+", prefix + _show_expected(shown, pack)))
        else:
            rows += [Row("-", prefix + _show_expected(item, pack)) for item in want[start:end]]
            rows += [Row("+", prefix + _show_output(item, pack)) for item in got[got_start:got_end]]
    return rows


def _head(output: Output) -> tuple[str, ...]:
    keys = {
        "change": ("dimension", "from", "to"),
        "notice": ("dimension", "state", "from", "to"),
        "erased": (),
    }[output.kind]
    return tuple(_text(output.body[key], _NONE) for key in keys)


def _holds(claim: Claim, body: dict[str, object]) -> bool:
    actual = _actual(claim, body)
    return claim.value in actual.split() if claim.word == "rule" else claim.value == actual


def _actual(claim: Claim, body: dict[str, object]) -> str:
    """What a body says where a claim looks."""
    if claim.word == "rule":
        return " ".join(str(reason["rule"]) for reason in _reasons(body))
    if claim.word == "trigger":
        trigger = body["trigger"]
        return str(trigger["event_id"]) if isinstance(trigger, dict) else _NONE
    if claim.word in ("because", "showing", "strategy"):
        if claim.word == "because":
            tables = [reason["values"] for reason in reversed(_reasons(body))]
        else:
            tables = [body["metrics" if claim.word == "showing" else "strategy"]]
        for table in tables:
            if isinstance(table, dict) and claim.name in table:
                return _text(table[claim.name], "missing")
        return _NOT_GIVEN
    return _text(body[_KEYS.get(claim.word, claim.word)], _NONE)


def _reasons(body: dict[str, object]) -> list[dict[str, object]]:
    reasons = body["reasons"]
    return reasons if isinstance(reasons, list) else []


def _text(value: object, nothing: str) -> str:
    """A JSON value as a case writes it: strings bare, numbers as in JSON."""
    if value is None:
        return nothing
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _show_expected(expected: Expected, pack: Pack) -> str:
    head = expected.head
    if expected.kind == "change":
        parts = [f"{head[0]}: {head[1]} -> {head[2]}"]
    elif expected.kind == "notice":
        parts = [f"pending {head[0]}: {head[1]} {head[2]} -> {head[3]}"]
    else:
        parts = ["erased"]
    last = ""
    for claim in expected.claims:
        if claim.word == "direction":
            parts.append(claim.value)
        elif claim.name:
            pair = f"{_quoted(claim.name)} = {_quoted(claim.value)}"
            if claim.word == last:
                parts[-1] += f", {pair}"
            else:
                parts.append(f"{claim.word} {pair}")
        elif claim.word in ("at", "previous") and claim.value != _NONE:
            parts.append(f"{claim.word} {show_time(claim.value, pack.timezone)}")
        else:
            parts.append(f"{claim.word} {_quoted(claim.value)}")
        last = claim.word
    return "  ".join(parts)


def _show_output(output: Output, pack: Pack) -> str:
    """An output that nobody expected, with what one would want to know of it."""
    body = output.body
    claims: list[Claim] = []
    if output.kind == "change":
        claims.append(Claim("direction", "", str(body["direction"])))
    elif output.kind == "notice":
        claims += [Claim(word, "", str(body[word])) for word in ("since", "until")]
    claims.append(Claim("at", "", str(body["effective_at"])))
    for reason in _reasons(body) if output.kind == "change" else ():
        values = reason["values"]
        if isinstance(values, dict):
            claims += [Claim("because", name, _text(value, "missing")) for name, value in values.items()]
    return _show_expected(Expected(output.kind, output.customer_id, _head(output), tuple(claims)), pack)


def _quoted(text: str) -> str:
    plain = text and not any(character.isspace() or character in ',="#' for character in text)
    return text if plain or text == _NOT_GIVEN else json.dumps(text, ensure_ascii=False)
