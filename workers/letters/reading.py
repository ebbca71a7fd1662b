"""Which dead letters are meant, and reading them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from workers.cli.errors import UserError
from workers.kafka.following import follow, start_at
from workers.kafka.opened import open_consumer, partitions_of
from workers.letters.letter import Letter, Place, read_letter
from workers.settings.live import LiveSettings


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; what is empty or None wants all.

    `place` is that of the letter or of its record; `since_ms` is about the letter, in ms since 1970.
    """

    codes: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    since_ms: int | None = None
    place: Place | None = None

    def wants(self, letter: Letter) -> bool:
        """Whether this one is meant."""
        return (
            (not self.codes or letter.code in self.codes)
            and (not self.topics or letter.source.topic in self.topics)
            and (self.place is None or self.place in {letter.at, letter.source})
        )


async def read_letters(settings: LiveSettings, wanted: Wanted) -> AsyncIterator[Letter]:
    """The letters that are there now, in the order in which they were written.

    Raises UserError where the topic is missing or holds something else.
    """
    topic = settings.topics.dead_letters
    async with open_consumer(settings) as client:
        places = await partitions_of(client, [topic], settings)
        await start_at(client, places, "first" if wanted.since_ms is None else wanted.since_ms)
        async for records in follow(client, to_end=True):
            for record in records:
                letter = read_letter(record)
                if letter is None:
                    raise UserError(
                        f"`{topic}/{record.partition}:{record.offset}` is no dead letter of ours",
                        "name the topic of dead letters by TIERLINE_TOPICS__DEAD_LETTERS",
                    )
                if wanted.wants(letter):
                    yield letter
