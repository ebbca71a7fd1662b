"""The topics as an AsyncAPI 3.1 document: what may be written to them, and what stands in them.

`tierline topics asyncapi` prints it for the names of the settings; `deploy/asyncapi.yaml` has the usual ones.
"""

from __future__ import annotations

from importlib.metadata import version
from io import StringIO
from typing import Any, Final, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from ruamel.yaml import YAML

from rules.engine.event import TYPES
from schemas.changes import Change, CustomerCategories, CustomerErased, DeadLetter, PendingNotice
from schemas.events import MODELS
from schemas.headers import (
    ChangeHeaders,
    DeadLetterHeaders,
    ErasedHeaders,
    PendingHeaders,
    PlainHeaders,
)
from schemas.journal import JournalRecord
from workers.kafka.topics import made_with
from workers.settings.topics import TopicNames

#: Version of the Kafka bindings of AsyncAPI that are used.
_BINDING: Final = "0.5.0"
_JSON: Final = "application/json"
_REF: Final = "#/components/schemas/"
#: Lines are not broken: each text stands on one.
_WIDTH: Final = 4096
#: Settings of topics that AsyncAPI has names for.
_SHOWN: Final = ("cleanup.policy", "retention.ms", "retention.bytes", "max.message.bytes")


class _Sent(NamedTuple):
    """A kind of message that is sent: its headers and body, None for none; the schema of its key."""

    title: str
    summary: str
    headers: type[BaseModel] | None
    body: type[BaseModel] | None
    key: dict[str, Any]


_CUSTOMER: Final = {"type": "string", "description": "The customer's id, as in the body."}
_REFUSED: Final = {
    "type": ["string", "null"],
    "description": "That of the refused record; none where the customer was erased.",
}
_SHARD: Final = {"type": "string", "pattern": "^[0-9]+$", "description": "The number of the shard."}

#: Messages that are sent, by name, for each role of a topic.
_SENT: Final = {
    "changes": {
        "Changed": _Sent("Category changed", "A customer moved, and why.", ChangeHeaders, Change, _CUSTOMER),
        "Erased": _Sent("Customer erased", "Forget this customer.", ErasedHeaders, CustomerErased, _CUSTOMER),
    },
    "categories": {
        "Categories": _Sent(
            "Categories now",
            "Where a customer stands now.",
            PlainHeaders,
            CustomerCategories,
            _CUSTOMER,
        ),
        "NoCategories": _Sent("Categories gone", "The customer was erased.", PlainHeaders, None, _CUSTOMER),
    },
    "pending": {
        "Pending": _Sent(
            "Move pending",
            "A move that is coming, has a new goal or was cancelled.",
            PendingHeaders,
            PendingNotice,
            _CUSTOMER,
        )
    },
    "dead_letters": {
        "DeadLetter": _Sent(
            "Dead letter", "A record that was refused, as it came.", DeadLetterHeaders, DeadLetter, _REFUSED
        )
    },
    "journal": {
        "Batch": _Sent(
            "Batch committed",
            "What went in, and a hash of what came out.",
            PlainHeaders,
            JournalRecord,
            _SHARD,
        )
    },
}

_ABOUT: Final = {
    "customers": "Profiles, overrides and erasures of customers. Key: the customer's id.",
    "orders": "Orders. Key: the customer's id.",
    "payments": "Payments. Key: the customer's id.",
    "feedback": "Ratings and complaints. Key: the customer's id.",
    "changes": "Every change of a category, once, in order for each customer and dimension; and erasures.",
    "categories": "The categories of every customer now: compacted, so that reading all of it gives all.",
    "pending": "Moves that will come by themselves if nothing happens.",
    "dead_letters": "Records that changed nothing, with the reason; they can be sent again.",
    "journal": "One record a batch, by which the service restores itself and its history is verified.",
    "snapshots": "Pieces of the workers' state; binary, for themselves alone.",
}

_DESCRIPTION: Final = (
    "Events of customers come in, changes of their categories go out, each exactly once. All topics have the "
    "same number of partitions; records lie in the partition of their key as Kafka's default partitioner "
    "finds it. Read what is sent with `isolation.level=read_committed`, and ignore keys that are new."
)


def document(names: TopicNames) -> dict[str, Any]:
    """The document for topics with these names, in the order in which it is to be written."""
    roles = names.by_role()
    messages = {role: _messages(role) for role in roles}
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Tierline",
            "version": version("tierline"),
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": _JSON,
        "servers": {
            "kafka": {
                "host": "{broker}",
                "protocol": "kafka-secure",
                "description": "`kafka` without TLS.",
                "variables": {"broker": {"default": "127.0.0.1:9092"}},
            }
        },
        "channels": {role: _channel(role, name, messages[role]) for role, name in roles.items()},
        "operations": {
            role: {
                "action": "receive" if name in names.inputs else "send",
                "channel": {"$ref": f"#/channels/{role}"},
                "summary": _ABOUT[role],
            }
            for role, name in roles.items()
            if messages[role]
        },
        "components": {
            "messages": {name: each for group in messages.values() for name, each in group.items()},
            "schemas": _schemas(),
        },
    }


def written(names: TopicNames) -> str:
    """The document as YAML."""
    yaml, out = YAML(), StringIO()
    yaml.representer.ignore_aliases = lambda _: True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(document(names), out)
    return out.getvalue()


def _channel(role: str, name: str, messages: dict[str, Any]) -> dict[str, Any]:
    configuration = {
        key: [value] if key == "cleanup.policy" else int(value)
        for key, value in made_with(role).items()
        if key in _SHOWN
    }
    channel: dict[str, Any] = {"address": name, "description": _ABOUT[role]}
    if messages:
        channel["messages"] = {each: {"$ref": f"#/components/messages/{each}"} for each in messages}
    binding = {"topic": name, "topicConfiguration": configuration, "bindingVersion": _BINDING}
    return channel | {"bindings": {"kafka": binding}}


def _messages(role: str) -> dict[str, Any]:
    if role in _SENT:
        return {name: _sent(each) for name, each in _SENT[role].items()}
    found: dict[str, Any] = {}
    for kind, topic in TYPES.items():
        if topic == role:
            found.setdefault(_event(MODELS[kind]), []).append(kind)
    return {name: _received(name, kinds) for name, kinds in found.items()}


def _received(name: str, kinds: list[str]) -> dict[str, Any]:
    model = MODELS[kinds[0]]
    schema = model.model_json_schema()
    return {
        "title": ", ".join(kinds),
        "summary": schema["description"],
        "contentType": _JSON,
        "payload": {"$ref": f"{_REF}{name}"},
        "bindings": _keyed(_CUSTOMER),
        "examples": [{"payload": example} for example in schema["examples"]],
    }


def _sent(message: _Sent) -> dict[str, Any]:
    found: dict[str, Any] = {"title": message.title, "summary": message.summary}
    if message.body:
        found["contentType"] = _JSON
    if message.headers:
        found["headers"] = {"$ref": f"{_REF}{message.headers.__name__}"}
    found["payload"] = {"$ref": f"{_REF}{message.body.__name__}"} if message.body else {"type": "null"}
    found["bindings"] = _keyed(message.key)
    return found


def _keyed(key: dict[str, Any]) -> dict[str, Any]:
    return {"kafka": {"key": key, "bindingVersion": _BINDING}}


def _event(model: type[BaseModel]) -> str:
    return f"{model.__name__}Event"


def _schemas() -> dict[str, Any]:
    """The schemas of all bodies and headers, by name."""
    events = {model.__name__: model for model in MODELS.values()}
    sent = [each for group in _SENT.values() for each in group.values()]
    models = [model for each in sent for model in (each.headers, each.body) if model]
    _, of_events = models_json_schema(
        [(model, "validation") for model in events.values()], ref_template=f"{_REF}{{model}}"
    )
    _, of_sent = models_json_schema(
        [(model, "serialization") for model in dict.fromkeys(models)], ref_template=f"{_REF}{{model}}"
    )
    renamed = {f"{name}Event": schema for name, schema in of_events["$defs"].items() if name in events}
    return {name: _plain(schema) for name, schema in (renamed | of_sent["$defs"]).items()}


def _plain(schema: Any) -> Any:
    """Without what JSON Schema alone knows: AsyncAPI's own `discriminator` is a word, not an object."""
    if isinstance(schema, dict):
        return {key: _plain(value) for key, value in schema.items() if key != "discriminator"}
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema
