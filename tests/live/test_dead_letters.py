"""`tierline dead-letters`: what was refused and why, and sending it once more."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from aiokafka.structs import ConsumerRecord

from rules.engine.event import Code, Rejection
from rules.engine.letters import dead_letter
from tests.live.commands import Desk, desk
from workers.cli import kafka_options
from workers.kafka.clients import producer
from workers.kafka.partitioner import partition_of

__all__ = ["desk"]

AT_MS = 1_772_380_800_000


def an_order(customer: str = "C1") -> bytes:
    return orjson.dumps({"event_id": f"E-{customer}", "type": "order.completed", "customer_id": customer})


def refuse(
    desk: Desk,
    code: Code,
    record: bytes,
    key: bytes | None = b"C1",
    *,
    topic: str = "orders",
    offset: int = 0,
) -> str:
    """Write the letter of a record of partition 1; the record's place."""
    name = getattr(desk.scene.topics, topic)
    customer = None if key is None else key.decode()
    body = dead_letter(Rejection(code, "`amount` is missing", "E1", customer), f"{name}/1", offset, record)

    async def send() -> None:
        async with producer(desk.scene.settings) as client:
            await client.send_and_wait(
                desk.scene.topics.dead_letters,
                orjson.dumps(body),
                key,
                partition=1,
                headers=[("tierline_timestamp_ms", str(AT_MS).encode())],
            )

    asyncio.run(send())
    return f"{name}/1:{offset}"


def sent(desk: Desk, topic: str = "orders") -> list[ConsumerRecord]:
    return desk.read(getattr(desk.scene.topics, topic))


def test_nothing_refused_is_said(desk: Desk) -> None:
    assert desk.run("dead-letters", "list").out == "no dead letters\n"


def test_letters_are_counted_by_reason_with_the_latest_place(desk: Desk) -> None:
    for offset in (3, 4):
        refuse(desk, Code.SCHEMA, an_order(), offset=offset)
    place = refuse(desk, Code.TOO_LATE, an_order(), topic="payments", offset=9)
    lines = [line.split() for line in desk.run("dead-letters", "list").lines]
    assert [(words[0], words[1], words[-1]) for words in lines[1:3]] == [
        ("schema", "2", f"{desk.scene.topics.orders}/1:4"),
        ("too_late", "1", place),
    ]
    assert [words[0] for words in lines if words and "/1:" in words[0]] == [
        place,
        f"{desk.scene.topics.orders}/1:4",
        f"{desk.scene.topics.orders}/1:3",
    ]


def test_a_list_can_be_of_one_reason_or_one_topic(desk: Desk) -> None:
    refuse(desk, Code.SCHEMA, an_order("C1"))
    refuse(desk, Code.TOO_LATE, an_order("C2"), topic="payments")
    for options in (["--code", "schema"], ["--topic", desk.scene.topics.orders]):
        (line,) = desk.run("dead-letters", "list", "--json", *options).lines
        assert orjson.loads(line)["record"] == an_order("C1").decode()
    assert desk.run("dead-letters", "list", "--since", "2150-01-01").out == "no dead letters\n"


def test_a_letter_is_shown_by_the_place_of_its_record_or_its_own(desk: Desk) -> None:
    place = refuse(desk, Code.SCHEMA, an_order(), offset=17)
    said = desk.run("dead-letters", "show", place)
    assert "reason    schema: `amount` is missing" in said.lines
    assert f"record    {place}" in said.lines
    assert '  "event_id": "E-C1",' in said.lines
    assert desk.run("dead-letters", "show", f"{desk.scene.topics.dead_letters}/1:0") == said


def test_of_an_erased_customer_nothing_is_shown_or_sent(desk: Desk) -> None:
    place = refuse(desk, Code.ERASED, an_order("C7"), b"C7")
    assert "nothing is kept of the record" in desk.run("dead-letters", "show", place).out
    said = desk.run("dead-letters", "redrive", "--all", "--yes")
    assert (said.code, sent(desk)) == (1, [])
    assert "1  left out: of an erased customer" in said.out


def test_a_record_is_sent_again_byte_for_byte(desk: Desk) -> None:
    raw = b'{"event_id" : "E1"\t,"customer_id":"C1", "amount": 1.50}'
    refuse(desk, Code.SCHEMA, raw, b"C1", offset=5)
    said = desk.run("dead-letters", "redrive", "--code", "schema", "--yes")
    (record,) = sent(desk)
    assert (record.value, record.key, record.partition) == (raw, b"C1", partition_of(b"C1", 2))
    letter = f"{desk.scene.topics.dead_letters}/1:0"
    assert record.headers == (("tierline_redriven_from", letter.encode()),)
    assert said.code == 0
    assert "sent 1 of 1; the dead letters stay where they are" in said.lines


def test_bytes_that_are_no_text_are_sent_again_as_they_were(desk: Desk) -> None:
    refuse(desk, Code.MALFORMED_JSON, b"\xff\xfe{", None)
    assert "it will be refused again" in desk.run("dead-letters", "redrive", "--all", "--yes").out
    (record,) = sent(desk)
    assert (record.value, record.key, record.partition) == (b"\xff\xfe{", None, 1)


def test_only_what_is_chosen_is_sent(desk: Desk) -> None:
    refuse(desk, Code.SCHEMA, an_order("C1"), offset=1)
    place = refuse(desk, Code.SCHEMA, an_order("C2"), offset=2)
    refuse(desk, Code.FUTURE, an_order("C3"), offset=3)
    desk.run("dead-letters", "redrive", place, "--yes")
    desk.run("dead-letters", "redrive", "--code", "future", "--yes")
    assert sorted(record.value for record in sent(desk)) == [an_order("C2"), an_order("C3")]


@pytest.mark.parametrize("key", [None, b"C9"])
def test_a_wrong_key_is_sent_only_when_it_is_mended(desk: Desk, key: bytes | None) -> None:
    refuse(desk, Code.KEY_MISMATCH, an_order("C1"), key)
    said = desk.run("dead-letters", "redrive", "--all", "--yes")
    assert (said.code, sent(desk)) == (1, [])
    assert "give `--fix-key`" in said.out
    assert desk.run("dead-letters", "redrive", "--all", "--yes", "--fix-key").code == 0
    assert [(record.key, record.partition) for record in sent(desk)] == [(b"C1", partition_of(b"C1", 2))]


def test_a_record_with_several_letters_is_sent_once(desk: Desk) -> None:
    for offset in (1, 2):
        refuse(desk, Code.SCHEMA, an_order(), offset=offset)
    assert "sent once" in desk.run("dead-letters", "redrive", "--all", "--yes").out
    assert len(sent(desk)) == 1


def test_where_the_log_is_the_clock_a_record_keeps_its_timestamp(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(desk, Code.SCHEMA, an_order())
    desk.run("dead-letters", "redrive", "--all", "--yes")
    monkeypatch.setenv("TIERLINE_CLOCK", "log")
    desk.run("dead-letters", "redrive", "--all", "--yes")
    present, kept = (record.timestamp for record in sent(desk))
    assert (present != AT_MS, kept) == (True, AT_MS)


def test_nothing_is_sent_without_a_yes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(desk, Code.SCHEMA, an_order())
    assert desk.run("dead-letters", "redrive", "--all").code == 2
    monkeypatch.setattr(kafka_options, "can_ask", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "n")
    said = desk.run("dead-letters", "redrive", "--all")
    assert (said.code, said.lines[-1], sent(desk)) == (1, "nothing was sent", [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["redrive"], "say which"),
        (["redrive", "--code", "shema"], "there is no reason `shema`, did you mean `schema`?"),
        (["show", "17"], "`17` is no place of a record"),
        (["show", "orders/0:17"], "there is no dead letter `orders/0:17`"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(desk: Desk, words: list[str], message: str) -> None:
    said = desk.run("dead-letters", *words)
    assert said.code == 2
    assert said.err.startswith(f"error: {message}")
