"""The topics: what must be there, making what is missing, and saying what is wrong with what exists.

Every topic has as many partitions as the inputs: shard p is partition p of all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from workers.cli.errors import UserError
from workers.clock import running_seconds
from workers.kafka.clients import admin
from workers.settings.live import LiveSettings
from workers.settings.topics import TopicNames

#: Records that are kept for ever: the log is the state, and the truth that everything is derived from.
_KEEP = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
#: The latest record of each key is kept.
_COMPACT = {"cleanup.policy": "compact"}
_ROLES_COMPACT = ("categories", "snapshots")
#: Roles whose records restore and verification read again: none of them may go by itself.
_ROLES_KEEP = ("journal",)
#: Of 128 MB; only segments that are full are compacted, and old snapshots are large.
_SNAPSHOTS = {**_COMPACT, "segment.bytes": str(128 << 20), "max.message.bytes": str(2 << 20)}
#: A refused record of a megabyte in JSON, where a byte can take six.
_LETTERS = {**_KEEP, "max.message.bytes": str(8 << 20)}
#: What a topic must take, and what that is made of.
_MESSAGE_BYTES = {
    "snapshots": (1 << 20, 2 << 20, "pieces of snapshots are up to 1 MB"),
    "dead_letters": (8 << 20, 8 << 20, "a refused record of 1 MB can take so much as JSON"),
}

_EXISTS_ALREADY = 36
#: A topic that was made is known to all brokers after a moment; so long at most, by feel.
_APPEAR_S = 30.0
#: A broker that has just started answers before it has read which topics there are; so long at most, by feel.
_BEHIND_S = 10.0
_LOOK_AGAIN_S = 0.05
_LOOKED_AT = ("cleanup.policy", "retention.ms", "retention.bytes", "max.message.bytes")


class Present(NamedTuple):
    """A topic as it is: its partitions, and the settings that matter here."""

    partitions: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with some topics: what, and what to do about it."""

    topics: tuple[str, ...]
    message: str
    hint: str


class Topics(NamedTuple):
    """What was found and made: the number of partitions, so of shards, and the topics that are new."""

    partitions: int
    created: list[str]
    findings: list[Finding]


async def create_topics(settings: LiveSettings) -> Topics:
    """Make the topics that are missing, look at those that exist.

    They get the partitions of the inputs that exist, else as many as the settings say. Nothing is made while
    the inputs disagree. Raises UserError where the broker refuses.
    """
    client = admin(settings)
    await client.start()
    try:
        present = await _look(client, settings.topics)
        partitions = _partitions(settings, present)
        missing = [name for name in settings.topics.by_role().values() if name not in present]
        if partitions is None:
            findings = find_wrong(settings.topics, present)
            return Topics(0, [], [each for each in findings if set(each.topics) <= present.keys()])
        made = await _make(client, settings, missing, partitions)
        present = await _look_until_all_are_there(client, settings.topics, _APPEAR_S)
        # what was not known at first may have been there all the same, with partitions of its own
        partitions = _partitions(settings, present) or 0
        return Topics(partitions, made, find_wrong(settings.topics, present))
    finally:
        await client.close()


async def check_topics(settings: LiveSettings, *, patience_s: float = 0.0) -> Topics:
    """Look at the topics, again for so many seconds while some are missing; what is missing is a finding."""
    client = admin(settings)
    await client.start()
    try:
        present = await _look_until_all_are_there(client, settings.topics, patience_s)
        return Topics(_partitions(settings, present) or 0, [], find_wrong(settings.topics, present))
    finally:
        await client.close()


async def ready_topics(settings: LiveSettings, *, create: bool = True) -> int:
    """The number of partitions of topics that are all as they must be.

    Raises UserError with the first thing that is wrong and what to do about it.
    """
    topics = await (create_topics(settings) if create else check_topics(settings, patience_s=_BEHIND_S))
    if topics.findings:
        first, *more = topics.findings
        others = f" (and {len(more)} more: `tierline topics check` lists them)" if more else ""
        raise UserError(f"{first.message}{others}", first.hint)
    return topics.partitions


def made_with(role: str) -> dict[str, str]:
    """The settings with which the topic of a role, such as `dead_letters`, is made."""
    special = {"categories": _COMPACT, "snapshots": _SNAPSHOTS, "dead_letters": _LETTERS}
    return dict(special.get(role, _KEEP))


def find_wrong(names: TopicNames, present: Mapping[str, Present]) -> list[Finding]:
    """Everything that is wrong with the topics there are, in the order in which to put it right."""
    findings = []
    inputs = {name: present[name].partitions for name in names.inputs if name in present}
    partitions = next(iter(inputs.values()), None)
    if len(set(inputs.values())) > 1:
        counts = ", ".join(f"`{name}` {count}" for name, count in inputs.items())
        findings.append(
            Finding(
                tuple(inputs),
                f"the input topics have different numbers of partitions: {counts}",
                "a customer's events of all topics must meet in one shard: make the topics anew with equal "
                "numbers, as adding partitions would part a customer from its past",
            )
        )
        partitions = None
    findings += _missing([name for name in names.by_role().values() if name not in present])
    for role, name in names.by_role().items():
        if name not in present:
            continue
        if name not in names.inputs and partitions not in (None, present[name].partitions):
            findings.append(_other_number(name, present[name].partitions, partitions))
        findings += _wrong_settings(role, name, present[name].settings)
    return findings


def _missing(names: list[str]) -> list[Finding]:
    if not names:
        return []
    which = (
        f"topic `{names[0]}` is" if len(names) == 1 else f"topics {', '.join(f'`{n}`' for n in names)} are"
    )
    return [Finding(tuple(names), f"the {which} missing", "`tierline topics create` makes what is missing")]


def _other_number(name: str, count: int, wanted: int | None) -> Finding:
    return Finding(
        (name,),
        f"the topic `{name}` has {count} partitions, and the inputs have {wanted}",
        "each shard writes to its own partition: remove the topic if nothing in it is needed, or give it "
        f"{wanted} partitions",
    )


def _wrong_settings(role: str, name: str, found: Mapping[str, str]) -> list[Finding]:
    """What is wrong with how a topic keeps its records."""
    policy = {part.strip() for part in found.get("cleanup.policy", "").split(",") if part.strip()}
    if not policy:
        return []  # the broker does not say
    if role in _ROLES_COMPACT and policy != {"compact"}:
        return [
            _setting(name, "cleanup.policy", "compact", "it must keep the latest record of each key", found)
        ]
    if role not in _ROLES_COMPACT and policy != {"delete"}:
        return [
            _setting(
                name, "cleanup.policy", "delete", "compaction would remove records of its history", found
            )
        ]
    findings = []
    if role in _ROLES_KEEP:
        findings = [
            _setting(name, key, "-1", "restoring reads it from any point on", found)
            for key in ("retention.ms", "retention.bytes")
            if found.get(key, "-1") != "-1"
        ]
    least, wanted, why = _MESSAGE_BYTES.get(role, (0, 0, ""))
    if int(found.get("max.message.bytes", least)) < least:
        findings.append(_setting(name, "max.message.bytes", str(wanted), why, found))
    return findings


def _setting(name: str, key: str, wanted: str, why: str, found: Mapping[str, str]) -> Finding:
    return Finding(
        (name,),
        f"the topic `{name}` has `{key}={found[key]}`, and needs `{wanted}`: {why}",
        f"set it: kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics "
        f"--entity-name {name} --add-config {key}={wanted}",
    )


def _partitions(settings: LiveSettings, present: Mapping[str, Present]) -> int | None:
    """As many as the inputs have, or shall have; None if they disagree."""
    counts = {present[name].partitions for name in settings.topics.inputs if name in present}
    if not counts:
        return settings.partitions
    return counts.pop() if len(counts) == 1 else None


async def _look_until_all_are_there(
    client: AIOKafkaAdminClient, names: TopicNames, patience_s: float
) -> dict[str, Present]:
    """The topics, once the broker that is asked knows of what the one that makes topics has made."""
    until = running_seconds() + patience_s
    while len(present := await _look(client, names)) < len(names.by_role()) and running_seconds() < until:
        await asyncio.sleep(_LOOK_AGAIN_S)
    return present


async def _look(client: AIOKafkaAdminClient, names: TopicNames) -> dict[str, Present]:
    """Those of our topics that exist. All topics are listed: some brokers make what is asked for by name."""
    ours = set(names.by_role().values())
    found = {
        each["topic"]: len(each["partitions"])
        for each in await client.describe_topics()
        if each["topic"] in ours
        and each["partitions"]
        and all(part["leader"] >= 0 for part in each["partitions"])
    }
    settings: dict[str, dict[str, str]] = {name: {} for name in found}
    if found:
        asked = [
            ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(_LOOKED_AT))
            for name in sorted(found)
        ]
        for response in await client.describe_configs(asked):
            for each in response.to_object()["resources"]:
                for entry in each["config_entries"]:
                    settings[each["resource_name"]][entry["config_names"]] = entry["config_value"]
    return {name: Present(count, settings[name]) for name, count in found.items()}


async def _make(
    client: AIOKafkaAdminClient, settings: LiveSettings, missing: list[str], partitions: int
) -> list[str]:
    """Make topics; those that were made, as another process may have made some in the meantime."""
    if not missing:
        return []
    roles = {name: role for role, name in settings.topics.by_role().items()}
    new = [
        NewTopic(name, partitions, settings.replication_factor, topic_configs=made_with(roles[name]))
        for name in missing
    ]
    response = await client.create_topics(new)
    for topic, code, reason in response.topic_errors:
        if code not in (0, _EXISTS_ALREADY):
            text = (reason or for_code(code).description or "no reason is given").rstrip(".")
            raise UserError(f"the broker does not make the topic `{topic}`: {text}")
    return [topic for topic, code, _ in response.topic_errors if code == 0]
