"""Verifying finds a history that follows from its inputs equal, and says where another begins to differ."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
import pytest

from rules.language.model import Pack
from tests.live.histories import EventSet, random_events
from tests.live.pretended import publish
from tests.live.published import INPUTS, Published, Record
from tests.live.reading import LoggedReader
from workers.cli.errors import UserError
from workers.live.ports import Pair
from workers.live.verify import Difference, Verification, Verified
from workers.settings.topics import TopicNames

SEEDS = range(30)
#: A history with changes, notices and ticks in both shards.
SEED = 11


@cache
def _history(seed: int) -> tuple[EventSet, Published]:
    events = random_events(seed, crowd=5)
    return events, publish(events.pack, events.sent, seed=seed)


def history(seed: int = SEED) -> tuple[Pack, Published]:
    """A pack and what was published under it, to be changed at will."""
    events, published = _history(seed)
    return events.pack, copy.deepcopy(published)


def nothing(units: int) -> None:
    """Nobody looks at the progress."""


async def verified(
    pack: Pack,
    published: Published,
    shard: int = 0,
    begins: dict[Pair, int] | None = None,
    *,
    from_snapshot: bool = False,
    reader: LoggedReader | None = None,
    settle_s: float = 0.0,
) -> Verified:
    verification = Verification(
        pack,
        TopicNames(),
        shard,
        reader or LoggedReader(published, begins),
        begins=nothing,
        done=nothing,
        settle_s=settle_s,
    )
    return await verification.run(from_snapshot=from_snapshot)


def journal(published: Published, number: int, shard: int = 0) -> dict[str, Any]:
    """A journal record, as it can be changed."""
    record: dict[str, Any] = orjson.loads(published.of("journal", shard)[number - 1].value or b"")
    return record


def rewrite(published: Published, number: int, shard: int = 0, **fields: Any) -> None:
    """Put other fields into a journal record."""
    log = published.of("journal", shard)
    value = orjson.dumps(journal(published, number, shard) | fields)
    log[number - 1] = replace(log[number - 1], value=value)


def batch_with(published: Published, name: str, least: int = 1) -> int:
    """The number of a batch in the middle that has at least so many of something."""
    numbers = [
        number
        for number in range(2, len(published.of("journal", 0)))
        if journal(published, number)["counts"][name] >= least
    ]
    return numbers[len(numbers) // 2]


def of_batch(published: Published, role: str, number: int) -> list[int]:
    """Places in the log of the messages of a batch."""
    return [
        place
        for place, record in enumerate(published.of(role, 0))
        if record.header("tierline_batch") == str(number)
    ]


def changed(record: Record, **fields: Any) -> Record:
    return replace(record, value=orjson.dumps(orjson.loads(record.value or b"") | fields))


def difference(found: Verified) -> Difference:
    assert found.difference is not None
    return found.difference


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_was_published_follows_from_the_inputs(seed: int) -> None:
    pack, published = history(seed)
    for shard in range(published.partitions):
        found = await verified(pack, published, shard)
        assert found.difference is None
        assert found.batches == len(published.of("journal", shard))
        assert found.changes + found.erased == len(published.of("changes", shard))
        assert found.notices == len(published.of("pending", shard))
        taken = sum(len(published.of(role, shard)) for role in INPUTS)
        assert found.records == taken


async def test_a_wrong_hash_in_the_journal_is_located() -> None:
    pack, published = history()
    number = batch_with(published, "changes")
    right = journal(published, number)["hash"]
    rewrite(published, number, hash="f" * 64)
    found = difference(await verified(pack, published))
    assert (found.number, found.offset) == (number, published.of("journal", 0)[number - 1].offset)
    assert found.details[:2] == (f"journal   {'f' * 64}", f"derived   {right}")
    assert "it is the journal that differs" in found.details[2]


async def test_a_forged_change_is_located_and_shown() -> None:
    pack, published = history()
    number = batch_with(published, "changes")
    place = of_batch(published, "changes", number)[0]
    log = published.of("changes", 0)
    log[place] = changed(log[place], to="nowhere")
    found = difference(await verified(pack, published))
    assert found.number == number
    assert found.what.startswith(f"offset {log[place].offset} of `category-changes/0` (message 1 of ")
    assert any(line.startswith('to: published "nowhere", derived "') for line in found.details)
    assert "it is the topic that differs" in found.details[-1]


async def test_a_forged_change_with_its_hash_is_located_all_the_same() -> None:
    pack, published = history()
    number = batch_with(published, "changes")
    place = of_batch(published, "changes", number)[0]
    log = published.of("changes", 0)
    log[place] = changed(log[place], to="nowhere")
    rewrite(published, number, hash="0" * 64)
    found = difference(await verified(pack, published))
    assert (found.number, found.what) == (number, "its hash is not that of what the inputs give")
    assert any(line.startswith('to: published "nowhere"') for line in found.details)


@pytest.mark.parametrize(("role", "name"), [("changes", "changes"), ("pending", "notices")])
@pytest.mark.parametrize("which", [0, -1])
async def test_a_missing_message_is_located(role: str, name: str, which: int) -> None:
    pack, published = history()
    number = batch_with(published, name)
    log = published.of(role, 0)
    gone = log.pop(of_batch(published, role, number)[which])
    found = difference(await verified(pack, published))
    assert found.number == number
    assert "is missing" in found.what
    body = orjson.loads(gone.value or b"")
    assert found.details[0].startswith(f"derived   customer_id={body['customer_id']} dimension=")


async def test_the_last_change_that_is_missing_is_found() -> None:
    pack, published = history()
    gone = published.of("changes", 0).pop()
    found = difference(await verified(pack, published))
    assert str(found.number) == gone.header("tierline_batch")
    assert "`category-changes/0` ends at offset" in found.what


@pytest.mark.parametrize("role", ["changes", "pending"])
async def test_one_too_many_is_found_in_the_middle_and_at_the_end(role: str) -> None:
    pack, published = history()
    log = published.of(role, 0)
    extra = changed(log[0], customer_id="X")
    log[:] = [replace(each, offset=2 * each.offset) for each in log]
    middle = replace(extra, offset=log[0].offset + 1)
    end = replace(extra, offset=log[-1].offset + 1)
    whole = list(log)
    log.insert(1, middle)
    found = difference(await verified(pack, published))
    assert found.what.startswith(f"offset {middle.offset} of ")
    assert "does not follow from the inputs" in found.what
    log[:] = [*whole, end]
    found = difference(await verified(pack, published))
    assert found.number is None
    assert f"offset {end.offset} of " in found.what
    assert "is in no batch of the journal" in found.what


async def test_a_change_that_comes_twice_is_found() -> None:
    pack, published = history()
    log = published.of("changes", 0)
    log[:] = [replace(each, offset=2 * each.offset) for each in log]
    again = replace(log[3], offset=log[3].offset + 1)
    log.insert(4, again)
    found = difference(await verified(pack, published))
    assert found.what.startswith(f"offset {again.offset} of `category-changes/0` holds a message")


async def test_two_changes_in_the_wrong_order_are_found() -> None:
    pack, published = history()
    number = batch_with(published, "changes", least=2)
    first, second, *_ = of_batch(published, "changes", number)
    log = published.of("changes", 0)
    log[first], log[second] = (
        replace(log[second], offset=log[first].offset),
        replace(log[first], offset=log[second].offset),
    )
    found = difference(await verified(pack, published))
    assert found.number == number


async def test_a_wrong_key_is_found() -> None:
    pack, published = history()
    log = published.of("changes", 0)
    log[2] = replace(log[2], key=b"somebody")
    found = difference(await verified(pack, published))
    assert found.what == (
        f"offset {log[2].offset} of `category-changes/0` has the key `somebody`, "
        f"and should have `{orjson.loads(log[2].value or b'')['customer_id']}`"
    )


def _range(published: Published, number: int, **fields: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The ranges of a journal record with another `from` or `to` for the input that has most."""
    inputs = journal(published, number)["inputs"]
    widest = max(inputs, key=lambda each: int(each["to"] - each["from"]))
    before = dict(widest)
    widest.update({name: before[name] + by for name, by in fields.items()})
    return inputs, before


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"from": 1}, "it leaves out offsets {low} to {low} of"),
        ({"from": -1}, "it takes offsets {before} to {before} of"),
    ],
)
async def test_a_range_that_does_not_join_is_located(fields: dict[str, int], words: str) -> None:
    pack, published = history()
    numbers = [
        number
        for number in range(2, len(published.of("journal", 0)))
        if _range(published, number)[1]["from"] > 0
    ]
    number = numbers[len(numbers) // 2]
    inputs, before = _range(published, number, **fields)
    rewrite(published, number, inputs=inputs)
    found = difference(await verified(pack, published))
    assert found.number == number
    assert found.what.startswith(words.format(low=before["from"], before=before["from"] - 1))
    assert found.what.endswith((f"`{before['topic']}/0`", f"`{before['topic']}/0` once more"))


async def test_a_batch_that_is_missing_is_located() -> None:
    pack, published = history()
    log = published.of("journal", 0)
    del log[4]
    found = difference(await verified(pack, published))
    assert (found.number, found.what) == (6, "journal record 6 comes after record 4")


async def test_a_journal_record_that_comes_twice_is_located() -> None:
    pack, published = history()
    log = published.of("journal", 0)
    log[5:] = [replace(each, offset=each.offset + 1) for each in log[5:]]
    log.insert(5, replace(log[4], offset=log[4].offset + 1))
    found = difference(await verified(pack, published))
    assert (found.number, found.what) == (5, "journal record 5 comes after record 5")


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"previous": "e" * 64}, "it does not go on from the hash before it"),
        ({"generation": 2}, "it is of generation 2 under pack"),
        ({"watermark": "1970-01-01T00:00:00.000000Z"}, "its watermark is 1970"),
    ],
)
async def test_a_record_that_does_not_follow_is_located(fields: dict[str, Any], what: str) -> None:
    pack, published = history()
    number = len(published.of("journal", 0)) - 1
    assert journal(published, number - 1)["watermark"]
    rewrite(published, number, **fields)
    found = difference(await verified(pack, published))
    assert found.number == number
    assert found.what.startswith(what)


@pytest.mark.parametrize("name", ["records", "duplicates", "changes", "notices"])
async def test_a_wrong_count_is_located(name: str) -> None:
    pack, published = history()
    counts = journal(published, 7)["counts"]
    rewrite(published, 7, counts=counts | {name: counts[name] + 1})
    found = difference(await verified(pack, published))
    assert (found.number, found.what) == (
        7,
        f"it counts {counts[name] + 1} {name}, and they are {counts[name]}",
    )


async def test_rows_that_a_tick_leaves_out_are_located() -> None:
    pack, published = history()
    records = range(2, len(published.of("journal", 0)))
    number = next(n for n in records if any(tick["first"] > 0 for tick in journal(published, n)["ticks"]))
    (tick,) = journal(published, number)["ticks"]
    rewrite(published, number, ticks=[tick | {"first": tick["first"] - 1}])
    found = difference(await verified(pack, published))
    assert found.number == number
    assert f"through the tick of {tick['period']}, at row {tick['first']} of " in found.what


async def test_a_tick_that_is_left_out_is_located() -> None:
    pack, published = history()
    records = range(2, len(published.of("journal", 0)))
    number = next(n for n in records if journal(published, n)["ticks"])
    rewrite(published, number, ticks=[])
    found = difference(await verified(pack, published))
    assert found.number == number
    assert found.what.startswith("it ends with the tick of ")


async def test_a_range_beyond_the_end_of_an_input_is_located() -> None:
    pack, published = history()
    number = len(published.of("journal", 0))
    inputs = journal(published, number)["inputs"]
    inputs[0]["to"] += 1_000_000
    rewrite(published, number, inputs=inputs)
    found = difference(await verified(pack, published))
    assert found.number == number
    assert "of `customers/0`, which ends at" in found.what


async def test_what_is_no_journal_record_is_located() -> None:
    pack, published = history()
    log = published.of("journal", 0)
    log[3] = replace(log[3], value=b"{}")
    found = difference(await verified(pack, published))
    assert found.what.startswith(
        f"the record at offset {log[3].offset} of `tierline-journal/0` is no journal"
    )


async def test_messages_without_a_journal_are_found() -> None:
    pack, published = history()
    published.records["journal", 0] = []
    found = difference(await verified(pack, published))
    assert "is in no batch of the journal" in found.what


class Belated(LoggedReader):
    """A reader to which the newest records of a topic show only when it asks for its end once more."""

    def __init__(self, published: Published, role: str, count: int) -> None:
        super().__init__(published)
        self._pair = (published.names[role], 0)
        self._hidden, self._asked = published.of(role, 0)[-count:], False
        self._log_of_role = published.of(role, 0)
        del self._log_of_role[-count:]

    async def ends(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        ends = await super().ends(pairs)
        if self._pair in ends:
            if self._asked:
                self._log_of_role += self._hidden
                self._hidden = []
            self._asked = True
        return ends


@pytest.mark.parametrize("role", ["journal", "changes", "pending"])
async def test_parts_of_a_transaction_that_show_a_moment_later_are_waited_for(role: str) -> None:
    pack, published = history()
    batches = len(published.of("journal", 0))
    found = await verified(pack, published, reader=Belated(published, role, 2), settle_s=10.0)
    assert (found.difference, found.batches) == (None, batches)


async def test_a_shard_that_did_nothing_yet_is_equal() -> None:
    pack, published = history()
    for role in ("journal", "changes", "pending"):
        published.records[role, 0] = []
    found = await verified(pack, published)
    assert (found.difference, found.batches) == (None, 0)


async def test_inputs_that_retention_removed_are_named() -> None:
    pack, published = history()
    role = max(INPUTS, key=lambda role: len(published.of(role, 0)))
    begin = published.of(role, 0)[1].offset
    with pytest.raises(UserError, match=f"`{role}/0` begins at offset {begin}, and offset 0 is needed"):
        await verified(pack, published, begins={(role, 0): begin})


async def test_a_journal_whose_begin_was_removed_is_named() -> None:
    pack, published = history()
    begin = published.of("journal", 0)[3].offset
    with pytest.raises(UserError, match="begins with record 4, and what lay before it was removed"):
        await verified(pack, published, begins={("journal", 0): begin})


async def test_outputs_that_retention_removed_are_compared_by_their_hash() -> None:
    pack, published = history()
    log = published.of("changes", 0)
    begin = log[5].offset
    found = await verified(pack, published, begins={("changes", 0): begin})
    assert found.difference is None
    assert "the 5 oldest messages of `category-changes/0` are gone" in found.notes[0]
    log[7] = changed(log[7], to="nowhere")
    found = await verified(pack, published, begins={("changes", 0): begin})
    assert f"offset {log[7].offset} of `category-changes/0`" in difference(found).what


async def test_another_pack_than_the_services_is_refused() -> None:
    pack, published = history()
    other, _ = history(SEED + 1)
    assert other.fingerprint != pack.fingerprint
    with pytest.raises(UserError, match="give the one that the service has"):
        await verified(other, published)
