"""The proof that a live service was exactly once: what was published follows from what went in.

`check` takes everything that a subscriber with read_committed can see, and says in sentences what is wrong:
nothing lost, nothing twice, no gap, no fork, every record of the inputs accounted for, and every body the one
that the reference gives for the inputs in the order of the journal, byte for byte.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import orjson
from pydantic import ValidationError

from rules.engine.bodies import change_id
from rules.language.model import Pack
from schemas.journal import JournalRecord
from tests.live.derived import COUNTED, Derived, derive
from tests.live.published import INPUTS, OUTPUTS, Published, Record

CHANGED, ERASED, PENDING = (
    "tierline.category.changed",
    "tierline.customer.erased",
    "tierline.category.pending",
)
#: Enough of one kind of finding to see the pattern.
SHOWN_MAX = 5


def check(published: Published, pack: Pack, *, complete: bool = True) -> list[str]:
    """What is wrong with what was published, one sentence each; nothing if it is right.

    `complete`: the service was given the time to work through all inputs. `published.records` holds the
    inputs as well.
    """
    found: list[str] = []
    for shard in range(published.partitions):
        shown = [f"shard {shard}: {each}" for each in _shard_findings(published, pack, shard, complete)]
        found += [*shown[:SHOWN_MAX], *([f"and {len(shown) - SHOWN_MAX} more"] * (len(shown) > SHOWN_MAX))]
    found += _twice(published)
    found += _open_transactions(published)
    return found


def assert_exactly_once(published: Published, pack: Pack, *, complete: bool = True) -> None:
    """Fail with what is wrong."""
    found = check(published, pack, complete=complete)
    assert not found, "\n" + "\n".join(found)


def journal_of(published: Published, shard: int) -> list[JournalRecord]:
    """The journal of a shard; raises ValueError for one that is not."""
    return [
        JournalRecord.model_validate_json(record.value or b"") for record in published.of("journal", shard)
    ]


def _shard_findings(published: Published, pack: Pack, shard: int, complete: bool) -> Iterator[str]:
    try:
        journal = journal_of(published, shard)
    except ValidationError as error:
        yield f"the journal holds something else: {error}"
        return
    yield from _journal_numbers(published, pack, shard, journal)
    yield from _ranges(published, shard, journal, complete)
    yield from _ticks(journal)
    yield from _hashes(published, shard, journal)
    yield from _sequences(published, shard)
    yield from _headers(published, shard, journal)
    yield from _categories(published, shard)
    derived = derive(published, pack, shard, journal)
    yield from _against_reference(published, shard, derived)
    yield from _counts(published, shard, journal, derived)
    yield from _letters(published, shard, journal, derived)


def _journal_numbers(
    published: Published, pack: Pack, shard: int, journal: Sequence[JournalRecord]
) -> Iterator[str]:
    identity = (pack.name, pack.version, pack.fingerprint)
    for number, (entry, record) in enumerate(zip(journal, published.of("journal", shard), strict=True), 1):
        if entry.number != number:
            yield f"journal record {number} has number {entry.number}"
            return
        if entry.shard != shard or record.key != str(shard).encode():
            yield f"journal record {number} is that of shard {entry.shard}, its key {record.key!r}"
        if entry.generation != published.generation:
            yield f"journal record {number} is of generation {entry.generation}"
        if (entry.pack.name, entry.pack.version, entry.pack.fingerprint) != identity:
            yield f"journal record {number} names another pack"
    for before, after in pairwise(journal):
        if before.watermark and (not after.watermark or after.watermark < before.watermark):
            yield f"the watermark goes back at journal record {after.number}"


def _ranges(
    published: Published, shard: int, journal: Sequence[JournalRecord], complete: bool
) -> Iterator[str]:
    for place, role in enumerate(INPUTS):
        records = published.of(role, shard)
        reached = 0
        for entry in journal:
            span = entry.inputs[place]
            if span.topic != published.names[role]:
                yield f"journal record {entry.number} names {span.topic} where {role} belongs"
            if span.from_ < reached and any(span.from_ <= each.offset < reached for each in records):
                yield f"journal record {entry.number} takes {role} from {span.from_} again, up to {reached}"
            if span.from_ > reached and any(reached <= each.offset < span.from_ for each in records):
                yield f"journal record {entry.number} leaves out {role} from {reached} to {span.from_}"
            if span.to < span.from_:
                yield f"journal record {entry.number} takes {role} backwards"
            reached = span.to
        end = records[-1].offset + 1 if records else 0
        if complete and reached < end:
            yield f"{role} is taken up to {reached} of {end}"
        if reached > published.stable.get((role, shard), reached):
            yield f"{role} is taken up to {reached}, beyond its end"
        yield from _committed(published, shard, role, reached)


def _committed(published: Published, shard: int, role: str, reached: int) -> Iterator[str]:
    committed = published.committed.get((role, shard))
    if (role, shard) not in published.committed:
        return
    if (committed or 0) != reached and (committed is not None or published.of(role, shard)):
        yield f"the group committed {committed} of {role}, and the journal says {reached}"


def _ticks(journal: Sequence[JournalRecord]) -> Iterator[str]:
    """Slices of a tick follow each other, and ticks follow each other in time."""
    period, reached, of = "", 0, 0
    for entry in journal:
        for tick in entry.ticks:
            if tick.first == 0 and tick.period > period:
                if reached < of:
                    yield f"tick {period} ends at row {reached} of {of}, and {tick.period} begins"
                period, reached = tick.period, 0
            if tick.period != period or tick.first != reached:
                yield f"journal record {entry.number} goes on with tick {tick.period} at row {tick.first}"
            reached = tick.end
        if entry.tick is not None:
            if (entry.tick.period, entry.tick.reached) != (period, reached):
                yield f"journal record {entry.number} says that tick {entry.tick.period} is elsewhere"
            of = entry.tick.of


def _hashes(published: Published, shard: int, journal: Sequence[JournalRecord]) -> Iterator[str]:
    """The chain over the bodies that are really there; a batch's are those that carry its number."""
    batches: dict[tuple[str, int], list[bytes]] = defaultdict(list)
    for role in ("changes", "pending"):
        latest = 0
        for record in published.of(role, shard):
            number = int(record.header("tierline_batch") or 0)
            if number < latest:
                yield f"{role} at {record.offset} is of batch {number}, after one of batch {latest}"
            latest = max(latest, number)
            kind = "erasures" if role == "changes" and record.header("ce_type") == ERASED else role
            batches[kind, number].append(record.value or b"")
    known = {entry.number for entry in journal}
    for kind, number in batches:
        if number not in known:
            yield f"{kind} of a batch {number} that the journal does not have"
    previous = hashlib.sha256(f"{published.generation}|{shard}".encode()).digest()
    for entry in journal:
        if entry.previous != previous.hex():
            yield f"journal record {entry.number} does not go on from the hash before it"
        text = hashlib.sha256(bytes.fromhex(entry.previous))
        for kind in ("changes", "pending", "erasures"):
            bodies = b"".join(body + b"\n" for body in batches[kind, entry.number])
            text.update(len(bodies).to_bytes(8, "big") + bodies)
        if text.hexdigest() != entry.hash:
            yield f"the bodies of batch {entry.number} do not have the hash that the journal says"
        previous = bytes.fromhex(entry.hash)


def _sequences(published: Published, shard: int) -> Iterator[str]:
    """S7.4: per customer, life and dimension the numbers are 1, 2, 3 …"""
    latest: Counter[tuple[str, int, str]] = Counter()
    for record in published.of("changes", shard):
        if record.header("ce_type") != CHANGED:
            continue
        body = orjson.loads(record.value or b"{}")
        key = body["customer_id"], body["life"], body["dimension"]
        latest[key] += 1
        if body["sequence"] != latest[key]:
            yield f"changes at {record.offset}: {key} has number {body['sequence']}, not {latest[key]}"
            latest[key] = body["sequence"]
        if body["change_id"] != change_id(body["generation"], body["life"], key[0], key[2], body["sequence"]):
            yield f"changes at {record.offset}: the id is not that of the change"


def _headers(published: Published, shard: int, journal: Sequence[JournalRecord]) -> Iterator[str]:
    """CloudEvents in binary mode, and what belongs to the batch and not to the body (S9.5)."""
    clocks = {str(entry.number): entry.clock for entry in journal}
    index: Counter[str] = Counter()
    for role in ("changes", "pending"):
        for record in published.of(role, shard):
            body = orjson.loads(record.value or b"{}")
            batch = record.header("tierline_batch") or ""
            erased = role == "changes" and body.get("type") == "customer.erased"
            if role == "pending":
                kind, name = PENDING, f"{shard}|{batch}|{index[batch]}"
                index[batch] += 1
            elif erased:
                kind = ERASED
                name = f"{published.generation}|{body['life']}|{body['customer_id']}|erased"
            else:
                kind, name = CHANGED, ""
            ce_id = hashlib.sha256(name.encode()).hexdigest()[:32] if name else body["change_id"]
            expected = {
                "ce_specversion": "1.0",
                "ce_id": ce_id,
                "ce_source": f"tierline/{published.group}/{shard}",
                "ce_type": kind,
                "ce_subject": body["customer_id"],
                "ce_time": body["effective_at"],
                "content-type": "application/json",
                "tierline_detected_at": clocks.get(batch),
                "tierline_batch": batch,
            }
            wrong = [name for name, value in expected.items() if record.header(name) != value]
            if wrong:
                got = {name: record.header(name) for name in wrong}
                yield f"{role} at {record.offset}: headers {got}"
            if record.key != body["customer_id"].encode():
                yield f"{role} at {record.offset} has the key {record.key!r}"


def _categories(published: Published, shard: int) -> Iterator[str]:
    """The last record of each customer says what its last changes say."""
    latest: dict[bytes | None, Record] = {record.key: record for record in published.of("categories", shard)}
    expected: dict[bytes, dict[str, Any] | None] = {}
    for record in published.of("changes", shard):
        body = orjson.loads(record.value or b"{}")
        key = body["customer_id"].encode()
        if record.header("ce_type") == ERASED:
            expected[key] = None
            continue
        state: dict[str, Any] = expected.get(key) or {"customer_id": body["customer_id"], "categories": {}}
        state |= {
            "life": body["life"],
            "updated_at": body["effective_at"],
            "pack": body["pack"],
            "generation": body["generation"],
        }
        state["categories"][body["dimension"]] = {
            "category": body["to"],
            "code": body["to_code"],
            "since": body["effective_at"],
            "sequence": body["sequence"],
        }
        expected[key] = state
    for key, wanted in expected.items():
        # an erased customer's tombstone may be compacted away
        value = latest[key].value if key in latest else None
        got = None if value is None else orjson.loads(value)
        if got != wanted:
            yield f"categories of {key.decode()} are {got}, and by the changes {wanted}"
    for unexpected in latest.keys() - expected.keys():
        yield f"categories of {unexpected!r}, who has no change"


def _against_reference(published: Published, shard: int, derived: Derived) -> Iterator[str]:
    got: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for role in ("changes", "pending"):
        for record in published.of(role, shard):
            got[role, orjson.loads(record.value or b"{}")["customer_id"]].append(record.value or b"")
    for key in sorted(derived.lines.keys() | got.keys()):
        expected, came = derived.lines.get(key, []), got.get(key, [])
        if expected != came:
            yield _first_difference(f"{key[0]} of customer {key[1]}", expected, came)


def _first_difference(what: str, expected: list[bytes], came: list[bytes]) -> str:
    at = next(
        (i for i, (a, b) in enumerate(zip(expected, came, strict=False)) if a != b),
        min(len(expected), len(came)),
    )
    left, right = ((lines[at].decode() if at < len(lines) else "(none)") for lines in (expected, came))
    return (
        f"{what} differ at {at + 1} ({len(expected)} by the reference, {len(came)} published)"
        f"\n  reference {left}\n  published {right}"
    )


def _counts(
    published: Published, shard: int, journal: Sequence[JournalRecord], derived: Derived
) -> Iterator[str]:
    """Every record of the inputs is applied, rejected, a duplicate or unknown, as the journal says."""
    there = {role: Counter(_batches(published.of(role, shard))) for role in ("changes", "pending")}
    erased = Counter(_batches([r for r in published.of("changes", shard) if r.header("ce_type") == ERASED]))
    for entry, expected in zip(journal, derived.counts, strict=True):
        counts = entry.counts.model_dump()
        number = str(entry.number)
        wanted = {name: expected[name] for name in COUNTED}
        wanted["changes"] = there["changes"][number] - erased[number]
        wanted["notices"] = there["pending"][number]
        if counts != wanted:
            yield f"journal record {number} counts {counts}, and it is {wanted}"
        parts = ("applied", "rejected", "duplicates", "unknown")
        if counts["records"] != sum(counts[name] for name in parts):
            yield f"journal record {number} does not account for each of its records"


def _batches(records: Sequence[Record]) -> list[str]:
    return [record.header("tierline_batch") or "" for record in records]


def _letters(
    published: Published, shard: int, journal: Sequence[JournalRecord], derived: Derived
) -> Iterator[str]:
    """One dead letter for each rejected record, and no other; those of a batch in any order."""
    sources = {(role, record.offset): record for role in INPUTS for record in published.of(role, shard)}
    expected = [
        (letter, entry.number)
        for letters, entry in zip(derived.letters, journal, strict=True)
        for letter in letters
    ]
    there: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in published.of("dead_letters", shard):
        there[record.header("tierline_topic") or "", record.header("tierline_offset") or ""].append(record)
    for letter, _ in expected:
        came = there.pop((published.names[letter.role], str(letter.offset)), [])
        if len(came) != 1:
            yield f"{len(came)} dead letters of {letter.role} at {letter.offset}"
            continue
        source = sources[letter.role, letter.offset]
        wanted = {
            "tierline_code": letter.code,
            "tierline_partition": str(shard),
            "tierline_timestamp_ms": str(source.timestamp_ms),
            "content-type": "application/json",
        }
        if (got := {name: came[0].header(name) for name in wanted}) != wanted:
            yield f"the dead letter of {letter.role} at {letter.offset} has headers {got}"
        if came[0].value != letter.body:
            yield _first_difference(
                f"dead letter of {letter.role} at {letter.offset}", [letter.body], [came[0].value or b""]
            )
        # of an erased customer it keeps no id (S2.4)
        if came[0].key != (None if letter.code == "erased" else source.key):
            yield f"the dead letter of {letter.role} at {letter.offset} has the key {came[0].key!r}"
    for (topic, offset), records in there.items():
        yield f"{len(records)} dead letters of {topic} at {offset}, which was not rejected"


def _twice(published: Published) -> Iterator[str]:
    """No change and no message of an erasure comes twice, in any partition."""
    seen = Counter(
        record.header("ce_id") or ""
        for shard in range(published.partitions)
        for record in published.of("changes", shard)
    )
    for name, count in seen.items():
        if count > 1:
            yield f"change {name} is there {count} times"


def _open_transactions(published: Published) -> Iterator[str]:
    for place, end in published.ends.items():
        if place[0] in (*INPUTS, *OUTPUTS) and published.stable.get(place, end) != end:
            yield f"an open transaction in {place}: stable up to {published.stable[place]} of {end}"
