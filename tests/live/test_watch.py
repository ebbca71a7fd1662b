"""`tierline watch` shows what is published in words, and tells what is missing or comes twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import Any

import orjson
import pytest

from tests.live.commands import Desk, desk
from workers.watching.numbers import Numbers

__all__ = ["desk"]

ALL = ("watch", "--from-beginning", "--no-follow")


def a_change(**parts: Any) -> dict[str, Any]:
    return {
        "change_id": "0" * 32,
        "customer_id": "C1",
        "life": 1,
        "dimension": "value_tier",
        "sequence": 1,
        "from": "silver",
        "to": "gold",
        "target": "gold",
        "direction": "up",
        "effective_at": "2026-03-01T16:00:00.000000Z",
        "cause": "event",
        "trigger": {"event_id": "E1", "type": "order.completed"},
        "reasons": [
            {
                "rule": "value_tier.gold.enter",
                "expression": "spend_365d >= 500",
                "result": True,
                "values": {"spend_365d": "512.00"},
            }
        ],
        "metrics": {},
        "pack": {"name": "shop", "version": "1", "fingerprint": "0" * 64},
        "generation": 1,
        **parts,
    }


A_NOTICE = {
    "customer_id": "C1",
    "life": 1,
    "dimension": "value_tier",
    "state": "started",
    "from": "gold",
    "to": "silver",
    "since": "2026-03-05",
    "until": "2026-04-01",
    "effective_at": "2026-03-05T08:00:00.000000Z",
    "sequence_next": 2,
}
ERASED = {
    "type": "customer.erased",
    "customer_id": "C1",
    "life": 1,
    "effective_at": "2026-03-07T08:00:00.000000Z",
    "reason": "asked for it",
    "actor": "anna",
}


def numbered(*numbers: int, **parts: Any) -> list[dict[str, Any]]:
    return [a_change(sequence=number, **parts) for number in numbers]


def test_a_change_is_one_line_in_words(desk: Desk) -> None:
    desk.fill(desk.scene.topics.changes, [a_change()])
    said = desk.run(*ALL)
    (line,) = said.lines
    assert line == (
        "2026-03-01 16:00  C1  value_tier  silver -> gold  up with order.completed  "
        "`spend_365d >= 500` holds (spend_365d 512.00)  shop 1"
    )
    assert (said.code, said.err) == (0, "1 change; no number was missing, none came twice\n")


def test_an_erasure_and_a_move_that_is_coming_are_told_too(desk: Desk) -> None:
    desk.fill(desk.scene.topics.changes, [ERASED])
    desk.fill(desk.scene.topics.pending, [A_NOTICE])
    erased = "2026-03-07 08:00  C1  erased by anna, because: asked for it"
    coming = "value_tier will move from gold to silver on 2026-04-01 if nothing happens"
    assert sorted(desk.run(*ALL, "--pending").lines) == [f"2026-03-05 08:00  C1  pending: {coming}", erased]
    assert desk.run(*ALL).lines == [erased]


def test_json_gives_the_messages_as_they_are(desk: Desk) -> None:
    changes = [*numbered(1, 2), *numbered(1, customer_id="C2")]
    desk.fill(desk.scene.topics.changes, changes)
    assert desk.run(*ALL, "--json").lines == [orjson.dumps(each).decode() for each in changes]


@pytest.mark.parametrize(
    ("options", "customers"),
    [
        (["--customer", "C2"], ["C2"]),
        (["--customer", "C2", "--customer", "C3"], ["C2", "C3"]),
        (["--dimension", "lifecycle"], ["C3"]),
        (["--category", "bronze"], ["C2"]),
        (["--cause", "time"], ["C2"]),
        (["--cause", "time", "--dimension", "lifecycle"], []),
        (["--limit", "1"], ["C1"]),
    ],
)
def test_a_filter_leaves_what_is_asked_for(desk: Desk, options: list[str], customers: list[str]) -> None:
    desk.fill(
        desk.scene.topics.changes,
        [
            a_change(),
            a_change(customer_id="C2", to="bronze", target="bronze", cause="time", trigger=None),
            a_change(customer_id="C3", dimension="lifecycle"),
        ],
    )
    assert [line.split("  ")[1] for line in desk.run(*ALL, *options).lines] == customers


def test_a_missing_number_is_told_though_a_filter_hides_the_change(desk: Desk) -> None:
    desk.fill(desk.scene.topics.changes, numbered(1, 2, 5))
    said = desk.run(*ALL, "--customer", "C9")
    assert said.code == 1
    assert said.err.splitlines() == [
        "warning: `C1`, value_tier: numbers 3 to 4 are missing before number 5",
        "warning: 3 changes; 2 are missing, 0 came twice",
    ]


def test_a_change_that_comes_twice_is_told(desk: Desk) -> None:
    desk.fill(desk.scene.topics.changes, numbered(1, 2, 2))
    said = desk.run(*ALL)
    assert said.code == 1
    assert "`C1`, value_tier came before: number 2 after number 2" in said.err


@pytest.mark.parametrize(
    ("from_first", "changes", "missing", "repeated"),
    [
        (True, numbered(1, 2, 3), 0, 0),
        (True, numbered(2), 1, 0),
        (False, numbered(7, 8), 0, 0),
        (False, numbered(7, 9), 1, 0),
        (True, numbered(1) + numbered(1, dimension="lifecycle"), 0, 0),
        (True, numbered(1, 2) + numbered(1, life=2), 0, 0),
        (True, numbered(1, 2) + numbered(2, life=2), 1, 0),
        (True, numbered(1, life=2) + numbered(2), 0, 1),
        (True, numbered(1, 2) + numbered(7, 8, generation=2), 0, 0),
        (True, numbered(1, 2, 1, 2, 3), 0, 2),
    ],
)
def test_numbers_tell_what_is_missing_or_repeated(
    from_first: bool, changes: list[dict[str, Any]], missing: int, repeated: int
) -> None:
    numbers = Numbers(from_first=from_first)
    for change in changes:
        numbers.check(change)
    assert (numbers.missing, numbers.repeated) == (missing, repeated)


def test_a_message_that_is_not_ours_does_not_end_the_watch(desk: Desk) -> None:
    asyncio.run(
        desk.scene.send(desk.scene.topics.changes, [(b"C1", b"nonsense"), (b"C1", b"[]"), (b"C1", None)])
    )
    desk.fill(desk.scene.topics.changes, [a_change()])
    said = desk.run(*ALL)
    assert len(said.lines) == 1
    assert said.err.count("this message is not one of ours") == 3


def test_since_begins_with_what_was_published_then(desk: Desk) -> None:
    topic = desk.scene.topics.changes
    for minute, customer in enumerate(("C1", "C2")):
        record = (customer.encode(), orjson.dumps(a_change(customer_id=customer)))
        at_ms = 1_772_380_800_000 + minute * 60_000
        asyncio.run(desk.scene.send(topic, [record], partition=0, timestamp_ms=at_ms))
    said = desk.run("watch", "--no-follow", "--since", "2026-03-01T16:00:30Z")
    assert [line.split("  ")[1] for line in said.lines] == ["C2"]


def test_a_missing_topic_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_TOPICS__CHANGES", "nowhere")
    said = desk.run(*ALL)
    assert said.code == 2
    assert said.err.startswith("error: there is no topic `nowhere` on ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--since", "soon"], "`--since soon` is no moment"),
        (["--since", "2h", "--from-beginning"], "give either"),
        (["--brokers", "127.0.0.1:1"], "no broker answers at `127.0.0.1:1`"),
    ],
)
def test_what_cannot_be_watched_is_said_in_one_sentence(desk: Desk, options: list[str], message: str) -> None:
    said = desk.run("watch", *options)
    assert said.code == 2
    assert said.err.startswith(f"error: {message}")


def test_ctrl_c_ends_it_in_order(desk: Desk) -> None:
    command = [sys.executable, "-m", "workers.cli.main", "watch", "--from-beginning"]
    desk.fill(desk.scene.topics.changes, [a_change()])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    ) as run:
        assert run.stdout is not None
        assert b"C1" in run.stdout.readline()
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (0, b"1 change; no number was missing, none came twice\n")
