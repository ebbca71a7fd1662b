"""The events of a replay by part: the first half of it writes them, the second reads them back.

Parts are kept in memory while they are small and in files of the output folder when they are not. What a part
brings then takes the place of its events.
"""

from __future__ import annotations

import os
import threading
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rules.engine.event import Event
from workers.replay.blocks import ATTRIBUTE_WORDS, EVENT_WORDS, Block
from workers.replay.shelf import Shelves, read_all, write_all

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PartEvents:
    """All events of a part: its blocks one behind the other, as `Block` says.

    `sizes` int64[blocks, 4] are the events, bytes of text, attributes and details of each block, to which
    what its events refer to is relative.
    """

    words: I64
    text: U8
    attributes: I64
    details: tuple[Event, ...]
    sizes: I64


@dataclass(slots=True)
class _Part:
    lock: threading.Lock = field(default_factory=threading.Lock)
    blocks: list[Block] = field(default_factory=list)
    file: int | None = None
    used: int = 0
    details: list[Event] = field(default_factory=list)
    sizes: array[int] = field(default_factory=lambda: array("q"))


class Parts:
    """The events of a replay by part. With a folder they are written to files there, else kept in memory.

    A context manager, which closes the files.
    """

    def __init__(self, count: int, folder: Path | None) -> None:
        self.count = count
        self._folder = folder
        self._parts = [_Part() for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for part in self._parts:
            if part.file is not None:
                os.close(part.file)

    def add(self, part: int, block: Block) -> None:
        """Add a block to a part; may be called from several threads."""
        here = self._parts[part]
        with here.lock:
            sizes = (block.words.shape[0], block.text.size, block.attributes.shape[0], len(block.details))
            here.sizes.extend(sizes)
            here.details += block.details
            if self._folder is None:
                here.blocks.append(block)
                return
            if here.file is None:
                here.file = os.open(self._folder / f"events-{part}", os.O_RDWR | os.O_CREAT)
            here.used = write_all(here.file, (block.words, block.attributes, block.text), here.used)

    def take(self, part: int) -> PartEvents | None:
        """All events of a part, which the part then forgets; None if there are none."""
        here = self._parts[part]
        self._parts[part] = _Part(file=here.file)
        if not here.sizes:
            return None
        sizes = np.array(here.sizes, np.int64).reshape(-1, 4)
        events, size, attributes, _ = sizes.sum(axis=0).tolist()
        words, text = np.empty((events, EVENT_WORDS), np.int64), np.empty(size, np.uint8)
        tables = (words, np.empty((attributes, ATTRIBUTE_WORDS), np.int64), text)
        lengths = sizes[:, [0, 2, 1]]
        ends = np.cumsum(lengths, axis=0)
        stretches = [
            table[low:high]
            for lows, highs in zip((ends - lengths).tolist(), ends.tolist(), strict=True)
            for table, low, high in zip(tables, lows, highs, strict=True)
        ]
        if here.file is not None:
            read_all(here.file, stretches, 0)
        else:
            kept = [each for block in here.blocks for each in (block.words, block.attributes, block.text)]
            for stretch, table in zip(stretches, kept, strict=True):
                stretch[...] = table
        return PartEvents(words, text, tables[1], tuple(here.details), sizes)

    def shelves(self, part: int) -> Shelves:
        """Where what a part brings is put, once its events are taken."""
        return Shelves(self._parts[part].file)
