"""Records to be sent, as columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]


class Spans(NamedTuple):
    """Texts within one: `text[start[i] : start[i] + length[i]]`, length -1 for null.

    text uint8[], start int64[n], length int64[n].
    """

    text: U8
    start: I64
    length: I64

    def bytes_of(self, index: int) -> bytes | None:
        """One of them."""
        start, length = int(self.start[index]), int(self.length[index])
        return None if length < 0 else self.text[start : start + length].tobytes()

    @classmethod
    def of(cls, texts: list[bytes | None]) -> Spans:
        """The spans of some texts."""
        lengths = np.array([-1 if text is None else len(text) for text in texts], np.int64)
        sizes = np.maximum(lengths, 0)
        joined = b"".join(text for text in texts if text)
        return cls(np.frombuffer(joined, np.uint8), np.cumsum(sizes) - sizes, lengths)


class Messages(NamedTuple):
    """`n` records for one topic's partition.

    `fixed` headers are the same for all, `varying` ones have a text a record; fixed ones come first.
    `timestamp_ms` is that of all of them, since 1970-01-01T00:00Z. `ready`: the batches made of them ahead of
    time, by whoever is to send them; None if they are still to be made. `times_ms` int64[n] are the records'
    own timestamps, where they differ, and `timestamp_ms` is the least of them then.
    """

    topic: str
    keys: Spans
    values: Spans
    fixed: tuple[tuple[str, bytes], ...]
    varying: tuple[tuple[str, Spans], ...]
    timestamp_ms: int
    ready: object = None
    times_ms: I64 | None = None

    def headers_of(self, index: int) -> list[tuple[str, bytes]]:
        """The headers of one record."""
        return [*self.fixed, *((name, spans.bytes_of(index) or b"") for name, spans in self.varying)]
