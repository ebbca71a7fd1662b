"""The log of a simulated partition: records, transactions and their markers, as Kafka keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.live.published import Record

#: Who wrote: transactional id and epoch.
Writer = tuple[str, int]


@dataclass(slots=True)
class Entry:
    """A record, or the marker that ends a transaction (`record` is None). `aborted` once that is known."""

    offset: int
    writer: Writer | None
    record: Record | None
    open: bool = False
    aborted: bool = False


@dataclass
class Log:
    """One partition; what lies before `begin` is deleted."""

    entries: list[Entry] = field(default_factory=list)
    begin: int = 0

    @property
    def end(self) -> int:
        """The high watermark."""
        return len(self.entries)

    @property
    def stable(self) -> int:
        """The last stable offset: nothing from here on may be read by those who read what is committed."""
        return next((entry.offset for entry in self.entries if entry.open), self.end)

    def append(self, records: list[Record], writer: Writer | None = None) -> int:
        """Write records; those of a transaction are open until its marker comes. Returns the first offset."""
        first = self.end
        for record in records:
            offset = self.end
            placed = Record(offset, record.timestamp_ms, record.key, record.value, record.headers)
            self.entries.append(Entry(offset, writer, placed, open=writer is not None))
        return first

    def mark(self, writer: Writer, *, commit: bool) -> None:
        """Write the marker that ends the writer's transaction here."""
        for entry in self.entries:
            if entry.open and entry.writer == writer:
                entry.open, entry.aborted = False, not commit
        self.entries.append(Entry(self.end, writer, None))

    def committed(self, first: int, end: int) -> list[Record]:
        """What a reader of committed records is given of a range of offsets."""
        return [
            entry.record
            for entry in self.entries[first : min(end, self.stable)]
            if entry.record is not None and not entry.aborted
        ]
