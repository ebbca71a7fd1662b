"""The proof can fail: whatever is lost, doubled, altered or forged in a right history is found and named."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from rules.language.model import Pack
from tests.live.checking import check
from tests.live.histories import random_events
from tests.live.pretended import publish
from tests.live.published import Published, Record

#: A seed whose history has changes, notices, dead letters and an erasure.
SEED = 12


@pytest.fixture(scope="module")
def right() -> tuple[Published, Pack]:
    events = random_events(SEED, crowd=6, poison=6)
    return publish(events.pack, events.sent, seed=SEED), events.pack


def test_a_right_history_is_right(right: tuple[Published, Pack]) -> None:
    published, pack = right
    assert check(published, pack) == []
    for role in ("changes", "categories", "pending", "dead_letters", "journal"):
        assert any(published.of(role, shard) for shard in range(published.partitions)), role


def _log(published: Published, role: str) -> list[Record]:
    return next(log for (name, _), log in published.records.items() if name == role and len(log) > 2)


def _lost(role: str) -> Callable[[Published], None]:
    return lambda published: _log(published, role).pop(1)  # type: ignore[return-value]


def _doubled(role: str) -> Callable[[Published], None]:
    def forge(published: Published) -> None:
        log = _log(published, role)
        log.append(replace(log[-1], offset=log[-1].offset + 1))

    return forge


def _altered(role: str, **fields: object) -> Callable[[Published], None]:
    """The first record's body says something else."""

    def forge(published: Published) -> None:
        log = _log(published, role)
        place = next(i for i, record in enumerate(log) if record.value)
        body = orjson.loads(log[place].value or b"")
        log[place] = replace(log[place], value=orjson.dumps(body | fields))

    return forge


def _swapped(role: str) -> Callable[[Published], None]:
    def forge(published: Published) -> None:
        log = _log(published, role)
        log[0], log[1] = replace(log[1], offset=log[0].offset), replace(log[0], offset=log[1].offset)

    return forge


def _one_space_more(published: Published) -> None:
    """The same JSON in other bytes, with the chain of hashes made anew: only the reference knows."""
    for shard in range(published.partitions):
        log = published.of("changes", shard)
        log[-1] = replace(log[-1], value=(log[-1].value or b"") + b" ")
        _chain_anew(published, shard)


def _chain_anew(published: Published, shard: int) -> None:
    previous = hashlib.sha256(f"{published.generation}|{shard}".encode()).hexdigest()
    journal = published.of("journal", shard)
    for place, record in enumerate(journal):
        entry = orjson.loads(record.value or b"")
        text = hashlib.sha256(bytes.fromhex(previous))
        for role, erased in (("changes", False), ("pending", False), ("changes", True)):
            bodies = b"".join(
                (each.value or b"") + b"\n"
                for each in published.of(role, shard)
                if each.header("tierline_batch") == str(entry["number"])
                and (each.header("ce_type") == "tierline.customer.erased") == erased
            )
            text.update(len(bodies).to_bytes(8, "big") + bodies)
        entry |= {"previous": previous, "hash": text.hexdigest()}
        previous = entry["hash"]
        journal[place] = replace(record, value=orjson.dumps(entry))


def _other_shard(published: Published) -> None:
    """A change stands in the partition of another shard, too."""
    published.of("changes", 1).append(published.of("changes", 0)[0])


def _record_left_out(published: Published) -> None:
    """A batch says that it took records which in truth nobody applied: the range is wider than it was."""
    journal = published.of("journal", 0)
    entry = orjson.loads(journal[-1].value or b"")
    log = published.records["orders", 0]
    last = log[-1]
    log.append(replace(last, offset=last.offset + 1, value=(last.value or b"").replace(b"e", b"f")))
    published.stable["orders", 0] = published.ends["orders", 0] = last.offset + 2
    entry["inputs"][1]["to"] = last.offset + 2
    journal[-1] = replace(journal[-1], value=orjson.dumps(entry))


def _not_read_to_the_end(published: Published) -> None:
    log = published.records["orders", 0]
    log.append(replace(log[-1], offset=log[-1].offset + 1))
    published.stable["orders", 0] = published.ends["orders", 0] = log[-1].offset + 1


def _taken_twice(published: Published) -> None:
    _journal_field(published, lambda entry: entry["inputs"][1].update({"from": 0}))


def _gap(published: Published) -> None:
    _journal_field(published, lambda entry: entry["inputs"][1].update({"from": entry["inputs"][1]["to"]}))


def _journal_field(published: Published, change: Callable[[dict[str, list[dict[str, int]]]], None]) -> None:
    """Change the first journal record that took orders after others had."""
    journal = published.of("journal", 0)
    for place, record in enumerate(journal):
        entry = orjson.loads(record.value or b"")
        span = entry["inputs"][1]
        if 0 < span["from"] < span["to"]:
            change(entry)
            journal[place] = replace(record, value=orjson.dumps(entry))
            return
    raise AssertionError


def _open_transaction(published: Published) -> None:
    published.ends["changes", 0] = published.stable.setdefault(("changes", 0), 5) + 1


def _other_commit(published: Published) -> None:
    published.committed["orders", 0] = 1


def _old_categories(published: Published) -> None:
    """The last record of a customer tells an earlier state."""
    log = _log(published, "categories")
    by_key: dict[bytes | None, list[Record]] = {}
    for record in log:
        by_key.setdefault(record.key, []).append(record)
    many = next(records for records in by_key.values() if len(records) > 1 and records[0].value)
    log.append(replace(many[0], offset=log[-1].offset + 1))


def _header(role: str, name: str) -> Callable[[Published], None]:
    def forge(published: Published) -> None:
        log = _log(published, role)
        headers = tuple((key, b"forged" if key == name else value) for key, value in log[0].headers)
        log[0] = replace(log[0], headers=headers)

    return forge


def _key(role: str) -> Callable[[Published], None]:
    def forge(published: Published) -> None:
        log = _log(published, role)
        log[0] = replace(log[0], key=b"forged")

    return forge


FORGERIES: dict[str, tuple[Callable[[Published], None], str]] = {
    "a lost change": (_lost("changes"), "do not have the hash"),
    "a change twice": (_doubled("changes"), "times"),
    "an altered change": (_altered("changes", to="elsewhere"), "do not have the hash"),
    "two changes swapped": (_swapped("changes"), "do not have the hash"),
    "a change with a gap in its numbers": (_altered("changes", sequence=77), "number"),
    "a change in the partition of another shard": (_other_shard, "2 times"),
    "a byte more, and all hashes right": (_one_space_more, "by the reference"),
    "a lost notice": (_lost("pending"), "do not have the hash"),
    "a notice twice": (_doubled("pending"), "do not have the hash"),
    "a lost dead letter": (_lost("dead_letters"), "0 dead letters"),
    "a dead letter twice": (_doubled("dead_letters"), "2 dead letters"),
    "a dead letter of another place": (_altered("dead_letters", position=999), "dead letter"),
    "a dead letter with another reason": (_header("dead_letters", "tierline_code"), "has headers"),
    "a lost journal record": (_lost("journal"), "has number"),
    "a journal record twice": (_doubled("journal"), "has number"),
    "another watermark": (_altered("journal", watermark="2190-01-01T00:00:00.000000Z"), "goes back"),
    "another pack": (
        _altered("journal", pack={"name": "x", "version": "1", "fingerprint": "0" * 64}),
        "pack",
    ),
    "categories of before": (_old_categories, "categories of"),
    "a record that nobody applied": (_record_left_out, "counts"),
    "inputs that are not read to their end": (_not_read_to_the_end, "is taken up to"),
    "inputs that were taken twice": (_taken_twice, "again"),
    "inputs that were left out": (_gap, "leaves out"),
    "an open transaction": (_open_transaction, "open transaction"),
    "a commit of the group that is not the journal's": (_other_commit, "the group committed"),
    "a header that is not the body's": (_header("changes", "ce_time"), "headers"),
    "a key that is not the customer's": (_key("changes"), "has the key"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found(right: tuple[Published, Pack], name: str) -> None:
    published, pack = right
    forge, sentence = FORGERIES[name]
    forged = copy.deepcopy(published)
    forge(forged)
    found = check(forged, pack)
    assert any(sentence in each for each in found), found
