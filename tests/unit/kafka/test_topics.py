"""What is wrong with the topics there are, and what to do, one thing after the other."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from workers.kafka.topics import Present, find_wrong
from workers.settings.topics import TopicNames

NAMES = TopicNames()
COMPACTED = ("customer-categories", "tierline-snapshots")


def topics(**changed: Present | None) -> Mapping[str, Present]:
    """All topics as they must be, four partitions each, but for those named by role (None: missing)."""
    found = {}
    for role, name in NAMES.by_role().items():
        policy = "compact" if name in COMPACTED else "delete"
        usual = Present(4, {"cleanup.policy": policy, "retention.ms": "-1", "retention.bytes": "-1"})
        present = changed.get(role, usual)
        if present is not None:
            found[name] = present
    return found


def messages(present: Mapping[str, Present]) -> list[str]:
    return [finding.message for finding in find_wrong(NAMES, present)]


def kept(**settings: str) -> Present:
    return Present(4, {name.replace("_", "."): value for name, value in settings.items()})


def test_topics_as_they_must_be_have_nothing_wrong() -> None:
    assert messages(topics()) == []


def test_inputs_with_different_numbers_of_partitions_are_named_with_their_numbers() -> None:
    assert messages(topics(orders=kept()._replace(partitions=3))) == [
        (
            "the input topics have different numbers of partitions: "
            "`customers` 4, `orders` 3, `payments` 4, `feedback` 4"
        )
    ]


def test_an_output_needs_as_many_partitions_as_the_inputs() -> None:
    assert messages(topics(changes=kept()._replace(partitions=1))) == [
        "the topic `category-changes` has 1 partitions, and the inputs have 4"
    ]


@pytest.mark.parametrize(
    ("role", "found", "message"),
    [
        ("orders", None, "the topic `orders` is missing"),
        (
            "orders",
            kept(cleanup_policy="compact"),
            (
                "the topic `orders` has `cleanup.policy=compact`, and needs `delete`: "
                "compaction would remove records of its history"
            ),
        ),
        (
            "changes",
            kept(cleanup_policy="compact,delete"),
            (
                "the topic `category-changes` has `cleanup.policy=compact,delete`, and needs `delete`: "
                "compaction would remove records of its history"
            ),
        ),
        (
            "categories",
            kept(cleanup_policy="delete"),
            (
                "the topic `customer-categories` has `cleanup.policy=delete`, and needs `compact`: "
                "it must keep the latest record of each key"
            ),
        ),
        (
            "snapshots",
            kept(cleanup_policy="compact,delete"),
            (
                "the topic `tierline-snapshots` has `cleanup.policy=compact,delete`, and needs `compact`: "
                "it must keep the latest record of each key"
            ),
        ),
        (
            "snapshots",
            kept(cleanup_policy="compact", max_message_bytes="65536"),
            (
                "the topic `tierline-snapshots` has `max.message.bytes=65536`, and needs `2097152`: "
                "pieces of snapshots are up to 1 MB"
            ),
        ),
        (
            "journal",
            kept(cleanup_policy="delete", retention_ms="604800000", retention_bytes="-1"),
            (
                "the topic `tierline-journal` has `retention.ms=604800000`, and needs `-1`: "
                "restoring reads it from any point on"
            ),
        ),
    ],
)
def test_a_topic_that_keeps_its_records_wrongly_is_named(
    role: str, found: Present | None, message: str
) -> None:
    assert messages(topics(**{role: found})) == [message]


def test_inputs_may_forget_what_is_old() -> None:
    week = kept(cleanup_policy="delete", retention_ms="604800000")
    assert messages(topics(orders=week, customers=week)) == []


def test_every_finding_says_what_to_do() -> None:
    found = find_wrong(NAMES, topics(orders=None, changes=kept(cleanup_policy="compact"), journal=None))
    assert [(finding.topics, bool(finding.hint)) for finding in found] == [
        (("orders", "tierline-journal"), True),
        (("category-changes",), True),
    ]
