"""Why an input cannot be read on: what no waiting mends, said so that somebody can mend it."""

from __future__ import annotations

from typing import Final, Literal

from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, UnsupportedCodecError

from workers.cli.errors import UserError

#: What stands in the way, as a label of figures.
Reason = Literal["deleted", "forbidden", "damaged", "too_large", "unsupported"]

_GONE: Final = (
    "restore the topic from a copy, or begin anew from what is there under another group and other topics"
)


class Unreadable(UserError):  # noqa: N818 - not an error of the program
    """There is no reading on from an offset, however long one waits; what lies before it is not concerned.

    `topic` is None where the whole group is concerned, `partition` where the whole topic is, and `offset`
    where none is known.
    """

    def __init__(
        self,
        message: str,
        reason: Reason,
        topic: str | None,
        partition: int | None = None,
        offset: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason, self.topic, self.partition, self.offset = reason, topic, partition, offset


def deleted(topic: str, partition: int, offset: int, begin: int | None, end: int | None) -> Unreadable:
    """An offset is needed that the log does not have; `begin` and `end` of the log, where they are known."""
    where = f"offset {offset} of `{topic}/{partition}` is not there"
    if begin is not None and begin > offset:
        why = f"the log begins at offset {begin} now, and what is still needed before it has been deleted"
    elif end is not None and end < offset:
        why = f"the log ends at offset {end} now: the topic was made anew, or its end was lost"
    else:
        why = "records that are still needed have been deleted, or the topic was made anew"
    return Unreadable(f"{where}: {why}; {_GONE}", "deleted", topic, partition, offset)


def forbidden(topic: str) -> Unreadable:
    """The broker does not let this client read a topic."""
    return Unreadable(
        f"the broker does not let this user read `{topic}`: allow it to read and describe that topic",
        "forbidden",
        topic,
    )


def forbidden_group(error: GroupAuthorizationFailedError) -> Unreadable:
    """The broker does not let this client be a member of its group."""
    group = f" `{error.args[0]}`" if error.args else ""
    return Unreadable(
        f"the broker does not let this user be in the group{group}: allow it to read that group",
        "forbidden",
        None,
    )


def too_large(topic: str, partition: int, offset: int, limit: int) -> Unreadable:
    """A record does not fit into a fetch."""
    return Unreadable(
        f"the record at offset {offset} of `{topic}/{partition}` is larger than the {limit} bytes that are "
        "fetched at once: raise `max_partition_fetch_bytes`",
        "too_large",
        topic,
        partition,
        offset,
    )


def damaged(topic: str, partition: int, offset: int, error: KafkaError) -> Unreadable:
    """The bytes from an offset on are not what a broker should send, or cannot be unpacked here."""
    where = f"the records of `{topic}/{partition}` from offset {offset} on"
    what = " ".join(map(str, error.args)) or type(error).__name__
    if isinstance(error, UnsupportedCodecError):
        return Unreadable(f"{where} cannot be read: {what}", "unsupported", topic, partition, offset)
    return Unreadable(
        f"{where} are damaged: {what}: look at the broker's disk", "damaged", topic, partition, offset
    )
