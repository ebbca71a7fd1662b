"""What is replaced in aiokafka is what was read when the replacement was written, and nobody else sees it."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import aiokafka
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import consumer as consumer_module
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.producer import sender
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator, MessageBatch
from aiokafka.producer.sender import AddPartitionsToTxnHandler
from aiokafka.record.memory_records import MemoryRecords

from tests.unit.kafka.responses import ABORT, ORDERS, Batch, Row, marker, read_plainly, rows_of
from workers.kafka import aiokafka_patch
from workers.kafka.columns import Piece, columns_of

#: What is replaced, stood in for or leant on, and the first digits of the SHA-256 of its source in 0.14.0.
READ: dict[Callable[..., Any], str] = {
    AIOKafkaConsumer.start: "2f1ba70443327538",
    Fetcher._proc_fetch_request: "59bf948fff47eed5",
    Fetcher._fetch_requests_routine: "2a8ec5932644c9b0",
    Fetcher.close: "1cd24bc1c442149e",
    Fetcher.fetched_records: "be4348896b9b66af",
    FetchResult: "d7db13f06de8248c",
    PartitionRecords: "94aa0da0dbec8d1b",
    BatchBuilder: "8050802ca7514186",
    MessageBatch: "36a7b1dac89d2910",
    MessageAccumulator._pop_batch: "41cc98a298ef2628",
    AddPartitionsToTxnHandler.handle_response: "67266db24da2dfaf",
}


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    aiokafka_patch.fits.cache_clear()
    yield
    aiokafka_patch.fits.cache_clear()


def test_the_version_is_the_one_it_was_written_for() -> None:
    assert aiokafka.__version__ == aiokafka_patch.WRITTEN_FOR


@pytest.mark.parametrize("what", READ, ids=lambda what: what.__qualname__)
def test_the_source_is_the_one_that_was_read(what: Callable[..., Any]) -> None:
    """If this fails, read what changed there before the digits are changed here."""
    assert hashlib.sha256(inspect.getsource(what).encode()).hexdigest()[:16] == READ[what]


def test_the_names_that_are_replaced_are_there() -> None:
    assert fetcher.MemoryRecords is MemoryRecords
    assert consumer_module.Fetcher is Fetcher
    assert isinstance(sender.BACKOFF_OVERRIDE, float)
    aiokafka_patch._start_with_columns()


def test_a_name_that_is_not_used_cannot_be_replaced() -> None:
    with pytest.raises(NameError, match="NoSuchName"):
        aiokafka_patch.with_names(Fetcher.fetched_records, NoSuchName=1)


def test_other_consumers_keep_their_objects() -> None:
    aiokafka_patch._start_with_columns()
    assert Fetcher._proc_fetch_request.__globals__["MemoryRecords"] is MemoryRecords
    assert Fetcher._proc_fetch_request.__globals__["PartitionRecords"] is PartitionRecords
    aiokafka_patch._start_resting()
    assert AIOKafkaConsumer.start.__globals__["Fetcher"] is Fetcher


def test_another_version_is_left_as_it_is_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(aiokafka, "__version__", "0.99.0")
    monkeypatch.setattr(sender, "BACKOFF_OVERRIDE", 0.02)
    aiokafka_patch.shorten_back_off()
    aiokafka_patch.shorten_back_off()
    assert sender.BACKOFF_OVERRIDE == 0.02
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "0.99.0" in caplog.text


async def test_a_consumer_of_another_version_is_started_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiokafka, "__version__", "0.99.0")
    started = []

    async def start() -> None:
        started.append(True)

    assert not await aiokafka_patch.start(SimpleNamespace(start=start))
    assert started


def test_producers_begin_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "BACKOFF_OVERRIDE", 0.02)
    aiokafka_patch.shorten_back_off()
    assert sender.BACKOFF_OVERRIDE == aiokafka_patch.BACK_OFF_S


def column_records(raw: bytes, fetch_offset: int, aborted: list[tuple[int, int]]) -> tuple[list[Piece], int]:
    """What a fetcher makes of a response with the replaced names."""
    start = aiokafka_patch._start_with_columns()
    names = start.__globals__["Fetcher"]._take.__globals__
    response = names["MemoryRecords"](raw)
    assert response.has_next() == MemoryRecords(raw).has_next()
    assert response.size_in_bytes() == MemoryRecords(raw).size_in_bytes()
    records = names["PartitionRecords"](ORDERS, response, aborted, fetch_offset, None, None, True, 1)
    assert records.next_fetch_offset == fetch_offset
    return list(records), records.next_fetch_offset


def test_a_response_is_one_piece_and_moves_the_position() -> None:
    rows = (Row(b"a", b"1"), Row(b"b", b"2"))
    raw = (
        Batch(rows, 10, producer=7).in_transaction().raw()
        + marker(ABORT, 12, 7).raw()
        + Batch(rows, 13).raw()
    )
    pieces, position = column_records(raw, 10, [(7, 10)])
    assert [piece.columns.offset.tolist() for piece in pieces] == [[13, 14]]
    assert position == 15


def test_a_response_without_a_record_to_read_is_a_piece_too() -> None:
    pieces, position = column_records(marker(ABORT, 12, 7).raw(), 12, [])
    assert [piece.columns.offset.size for piece in pieces] == [0]
    assert position == pieces[0].next_offset == 13


@pytest.mark.parametrize("compression", [0, 1, 2, 3])
@pytest.mark.parametrize("magic", [0, 1])
def test_old_formats_come_by_the_plain_way(magic: int, compression: int) -> None:
    rows = (Row(b"a", b"1"), Row(None, b"2"), Row(b"c", None))
    if magic == 0 and compression == 3:
        pytest.skip("format v0 knows no lz4")
    old = Batch(rows, 20, compression, magic) if compression else Batch(rows[:1], 20, 0, magic)
    new = Batch(rows, 30)
    pieces, position = column_records(old.raw() + new.raw(), 20, [])
    objects = read_plainly(old.raw(), 20)[0] + read_plainly(new.raw(), 30)[0]
    assert rows_of(pieces[0].columns) == rows_of(columns_of(objects))
    assert position == 33


@pytest.mark.parametrize("length", [0, 5, 11, 16, 17, 60, 200])
def test_a_record_larger_than_the_buffer_is_left_to_the_fetcher(length: int) -> None:
    raw = Batch((Row(b"a", b"x" * 300),)).raw()[:length]
    assert not MemoryRecords(raw).has_next()
    assert column_records(raw, 0, [])[0][0].columns.offset.size == 0


@pytest.mark.parametrize("magic", [1, 2])
def test_damage_ends_a_piece_and_loses_nothing_before_it(magic: int) -> None:
    """Old formats, too: there each record is a batch."""
    good = Batch((Row(b"a", b"1"),), 20, 0, magic).raw()
    bad = bytearray(Batch((Row(b"b", b"2"),), 21, 0, magic).raw())
    bad[-1] ^= 1
    pieces, position = column_records(good + bytes(bad), 20, [])
    assert [piece.columns.offset.tolist() for piece in pieces] == [[20]]
    assert isinstance(pieces[0].damage, CorruptRecordException)
    assert position == 21


def test_a_rest_grows_while_answers_are_empty_and_early() -> None:
    rest = aiokafka_patch.Rest(0.1)
    rests = [rest.after(0.0005, found=False) for _ in range(8)]
    assert rests == pytest.approx([0.001, 0.002, 0.004, 0.008, 0.016, 0.025, 0.025, 0.025])
    assert rest.after(0.0005, found=True) == 0
    assert rest.after(0.0005, found=False) == pytest.approx(0.001)
    assert rest.after(0.09, found=False) == 0, "this broker holds a fetch itself"


@pytest.fixture(params=["columns", "objects"])
def kind(request: pytest.FixtureRequest) -> type:
    """The fetchers that rest."""
    columns = request.param == "columns"
    start = aiokafka_patch._start_with_columns() if columns else aiokafka_patch._start_resting()
    found: type = start.__globals__["Fetcher"]
    return found


def resting(kind: type, answers: list[bool]) -> Any:
    """A fetcher whose broker gives these answers at once."""

    async def take(*_: object) -> bool:
        return answers.pop(0)

    made: Any = object.__new__(kind)
    made._rests = defaultdict(lambda: aiokafka_patch.Rest(0.4))
    made._take = take
    return made


async def test_a_broker_that_has_nothing_is_asked_ever_less_often(
    kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(aiokafka_patch, "running_seconds", lambda: 0.0)
    answers = [False, False, False, True, False]
    made = resting(kind, list(answers))
    assert [await made._proc_fetch_request(None, 1, None) for _ in answers] == answers
    assert slept == pytest.approx([0.001, 0.002, 0.004, 0.001])


async def test_a_rest_that_is_cancelled_ends_as_the_request_would(kind: type) -> None:
    made = resting(kind, [False])
    made._rests[1] = SimpleNamespace(after=lambda *_, **__: 60.0)
    resting_now = asyncio.create_task(made._proc_fetch_request(None, 1, None))
    await asyncio.sleep(0.01)
    resting_now.cancel()
    assert await resting_now is False
