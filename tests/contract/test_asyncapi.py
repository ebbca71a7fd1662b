"""The AsyncAPI document in the repository is that of the program, well formed, and true of real records."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML
from typer.testing import CliRunner

from rules.engine.event import TYPES
from tests.contract.described import FILE, document, kind_of, kinds_of, messages_of, wrong
from tests.live.histories import random_events
from tests.live.pretended import publish
from tests.live.published import INPUTS, Record
from workers.cli.main import build
from workers.kafka.asyncapi import written
from workers.settings.topics import TopicNames

#: AsyncAPI's own JSON Schema of its version 3.1.0 as of @asyncapi/specs 6.11.1 (Apache-2.0).
SCHEMA = Path(__file__).with_name("asyncapi-3.1.0.schema.json.gz")
EVENTS = [
    (role, name, example["payload"])
    for role in INPUTS
    for name, message in messages_of(role).items()
    for example in message["examples"]
]


def test_the_file_is_what_the_program_says() -> None:
    """If this fails, run `make schemas` and say in the changelog what changed for subscribers."""
    assert FILE.read_text(encoding="utf-8") == written(TopicNames())


def test_it_is_well_formed() -> None:
    schema = json.loads(gzip.decompress(SCHEMA.read_bytes()))
    assert not list(Draft7Validator(schema).iter_errors(document()))
    assert list(Draft7Validator(schema).iter_errors({**document(), "channels": {"orders": {"addres": "o"}}}))


def test_every_reference_leads_somewhere() -> None:
    def follow(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found: Any = document()
                for part in value["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
            for each in value.values():
                follow(each)
        elif isinstance(value, list):
            for each in value:
                follow(each)

    follow(document())


def test_names_of_topics_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_TOPICS__ORDERS", "shop.orders")
    printed = CliRunner().invoke(build(), ["topics", "asyncapi"]).output
    found = YAML(typ="safe").load(printed)
    assert found["channels"]["orders"]["address"] == "shop.orders"
    assert found["channels"]["payments"]["address"] == "payments"
    assert found["operations"]["orders"]["action"] == "receive"


def test_every_type_of_event_stands_in_its_topic() -> None:
    found = {
        kind: role
        for role in INPUTS
        for message in messages_of(role).values()
        for kind in message["title"].split(", ")
    }
    assert found == TYPES


@pytest.mark.parametrize(("role", "name", "event"), EVENTS)
def test_examples_are_events_and_nothing_less(role: str, name: str, event: dict[str, Any]) -> None:
    payload = messages_of(role)[name]["payload"]
    assert wrong(payload, event) is None
    for field in ("event_id", "type", "occurred_at", "customer_id"):
        assert wrong(payload, {key: value for key, value in event.items() if key != field})


def test_records_of_a_service_are_as_described(seed_bases: tuple[int, int]) -> None:
    found = set()
    for seed in range(seed_bases[0], seed_bases[0] + 12):
        events = random_events(seed)
        found |= kinds_of(publish(events.pack, events.sent, seed=seed))
    assert found == {"Changed", "Erased", "Categories", "NoCategories", "Pending", "DeadLetter", "Batch"}


def test_another_record_is_not(seed_bases: tuple[int, int]) -> None:
    """Else the one above could not fail."""
    events = random_events(seed_bases[0])
    published = publish(events.pack, events.sent, seed=seed_bases[0])
    record = next(each for p in range(published.partitions) for each in published.of("changes", p))
    body = json.loads(record.value or b"")
    others: list[Record] = [
        replace(record, key=None),
        replace(record, headers=record.headers[1:]),
        replace(record, headers=(*record.headers, ("more", b"1"))),
        replace(record, value=None),
        replace(record, value=json.dumps(body | {"more": 1}).encode()),
        replace(record, value=json.dumps(body | {"sequence": 0}).encode()),
    ]
    assert kind_of("changes", record) == "Changed"
    for each in others:
        with pytest.raises(AssertionError, match="none of its messages"):
            kind_of("changes", each)
