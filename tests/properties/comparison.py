"""The kernel beside the reference: what they say of a history, customer by customer, and where they part."""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from rules.engine.bodies import encode
from rules.engine.event import Event
from rules.engine.outcome import Output
from rules.engine.plan import make_plan
from rules.engine.plan_arrays import Plan
from rules.engine.reference import Reference
from rules.language.model import Pack
from tests.properties.histories import History, Input
from tests.properties.kernel_host import KernelHost, Said
from tests.properties.replay_comparison import differences as file_differences
from tests.properties.strategies import seeded_history


@dataclass
class Told:
    """What an engine told, line by line as far as the order of S4.5 and S9.6 goes.

    `lines` by kind and customer; `rejected` and the rest by the order of the inputs.
    """

    lines: dict[tuple[str, str], list[bytes]] = field(default_factory=lambda: defaultdict(list))
    rejected: list[tuple[str, str]] = field(default_factory=list)
    duplicates: int = 0
    late: int = 0


def reference_told(pack: Pack, inputs: Iterable[Input]) -> Told:
    """What the reference tells."""
    engine, told = Reference(pack), Told()
    for each in inputs:
        if not isinstance(each, Event):
            outputs: Sequence[Output] = engine.tick(each.period)
        else:
            answer = engine.apply(each)
            outputs = answer.outputs
            told.duplicates += answer.duplicate
            told.late += answer.late
            if answer.rejection is not None:
                told.rejected.append((each.event_id, answer.rejection.code.value))
        for output in outputs:
            if output.kind == "erased":
                line = f"life {output.body['life']} at {output.effective_us}".encode()
            else:
                line = encode(output.body)
            told.lines[output.kind, output.customer_id].append(line)
    return told


def kernel_told(
    pack: Pack,
    inputs: Iterable[Input],
    *,
    batch_max: int = 1_000_000,
    group: bool = False,
    plan: Plan | None = None,
) -> Told:
    """What the kernel tells when events come in batches of at most so many."""
    host = KernelHost(pack, plan)
    host.run(inputs, batch_max, group)
    return told_by(host.said)


def told_by(said: Said) -> Told:
    """What a host of the kernel said, by customer."""
    told = Told(rejected=said.rejected, duplicates=said.duplicates, late=said.late)
    for kind, lines in (("change", said.changes), ("notice", said.notices)):
        for line in lines:
            told.lines[kind, orjson.loads(line)["customer_id"]].append(line)
    for customer, life, instant in said.erased:
        told.lines["erased", customer].append(f"life {life} at {instant}".encode())
    return told


def differences(expected: Told, got: Told) -> list[str]:
    """Where two tellings part, one paragraph each: the first line that differs of every customer."""
    found = []
    for key in sorted(expected.lines.keys() | got.lines.keys()):
        left, right = expected.lines.get(key, []), got.lines.get(key, [])
        if left != right:
            found.append(_first_difference(f"{key[0]}s of customer {key[1]}", left, right))
    if expected.rejected != got.rejected:
        found.append(f"rejected\n  reference {expected.rejected}\n  kernel    {got.rejected}")
    for word in ("duplicates", "late"):
        counts = getattr(expected, word), getattr(got, word)
        if counts[0] != counts[1]:
            found.append(f"{word}\n  reference {counts[0]}\n  kernel    {counts[1]}")
    return found


def _first_difference(what: str, left: list[bytes], right: list[bytes]) -> str:
    number = next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )
    shown = [(lines[number].decode() if number < len(lines) else "(no such line)") for lines in (left, right)]
    counts = f" of {len(left)} and {len(right)}" if len(left) != len(right) else ""
    return f"{what}, line {number + 1}{counts}\n  reference {shown[0]}\n  kernel    {shown[1]}"


#: The ways in which a history is handed to the kernel: events at a time, and grouped by customer or not.
WAYS = ((1_000_000, False), (1_000_000, True), (3, True), (1, False))


def compare_history(history: History, ways: Iterable[tuple[int, bool]] = WAYS) -> list[str]:
    """Where the kernel, handed a history in several ways, tells something other than the reference."""
    expected = reference_told(history.pack, history.inputs)
    plan = make_plan(history.pack)
    found = []
    for batch_max, group in ways:
        got = kernel_told(history.pack, history.inputs, batch_max=batch_max, group=group, plan=plan)
        if group:  # customers come one after the other: only the order of each one's own is kept
            got.rejected.sort()
            wanted = Told(expected.lines, sorted(expected.rejected), expected.duplicates, expected.late)
        else:
            wanted = expected
        way = f"batches of {batch_max}{', grouped' if group else ''}: "
        found += [way + paragraph for paragraph in differences(wanted, got)]
    return found


def compare_seed(seed: int, files: int = 0) -> tuple[int, list[str]]:
    """The number of an example and what differs in it; in files too if it is one of every `files`."""
    try:
        history = seeded_history(seed)
        found = compare_history(history)
        if files and seed % files == 0:
            found += file_differences(history, 1 + seed // files % 2)
    except Exception:  # whatever breaks is a finding, and the other examples go on
        return seed, [traceback.format_exc()]
    return seed, found
