"""Records of the topics, held against the AsyncAPI document."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tests.live.published import OUTPUTS, Published, Record
from tests.repository.project import ROOT

FILE = ROOT / "deploy" / "asyncapi.yaml"
_MESSAGES = "#/components/messages/"


@cache
def document() -> dict[str, Any]:
    """The document, read."""
    found: dict[str, Any] = YAML(typ="safe").load(FILE.read_text(encoding="utf-8"))
    return found


def messages_of(role: str) -> dict[str, dict[str, Any]]:
    """The messages of a channel by name."""
    named = [each["$ref"] for each in document()["channels"][role].get("messages", {}).values()]
    return {
        name.removeprefix(_MESSAGES): document()["components"]["messages"][name.removeprefix(_MESSAGES)]
        for name in named
    }


def wrong(schema: dict[str, Any], value: object) -> str | None:
    """What is wrong with a value under a schema of the document."""
    whole = {**schema, "components": document()["components"]}
    error = next(Draft202012Validator(whole).iter_errors(value), None)
    return error and f"{'/'.join(map(str, error.absolute_path))}: {error.message}"


def kind_of(role: str, record: Record) -> str:
    """The one message of its channel that a record is; raises AssertionError with why it is none."""
    why, fitting = {}, []
    for name, message in messages_of(role).items():
        found = (
            wrong(message["bindings"]["kafka"]["key"], record.key and record.key.decode(errors="replace")),
            wrong(message.get("headers", {"maxProperties": 0}), _headers(record)),
            wrong(message["payload"], None if record.value is None else json.loads(record.value)),
        )
        why[name] = [each for each in found if each]
        if not why[name]:
            fitting.append(name)
    assert len(fitting) == 1, f"{role} at {record.offset} is {fitting or 'none of its messages'}: {why}"
    return fitting[0]


def _headers(record: Record) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers}


def kinds_of(published: Published) -> set[str]:
    """Which messages there are among all records that a service has written; each must be one."""
    return {
        kind_of(role, record)
        for role in OUTPUTS
        for shard in range(published.partitions)
        for record in published.of(role, shard)
    }
