"""The first step of a replay: what is read is counted, sorted out, and dealt to the parts."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass

import numpy as np

from rules.engine.event import Code, Rejection
from rules.engine.letters import dead_letter
from rules.language.model import Pack
from workers.files.chunks import DecodedChunk
from workers.files.sources import EventFile
from workers.replay.blocks import PLACE_BITS, deal
from workers.replay.parts import Parts
from workers.replay.play import Ticks
from workers.replay.reference_replay import TickLine, decode_line
from workers.replay.summary import Summary


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter and where it belongs: position of the file, line or row."""

    file: int
    position: int
    line: bytes


class Dealer:
    """Takes decoded pieces of files; may be called from several threads."""

    def __init__(self, files: list[EventFile], pack: Pack, parts: Parts, summary: Summary) -> None:
        self.files = files
        self.parts = parts
        self.letters: list[Letter] = []
        self._pack = pack
        self._summary = summary
        self._lock = threading.Lock()
        self._ticks: list[tuple[int, int]] = []
        self._latest: int | None = None
        arrival = summary.order == "arrival"
        by_name = sorted(range(len(files)), key=lambda i: (files[i].name.encode(), i))
        self._file_of_rank = list(range(len(files))) if arrival else by_name
        self._rank_of_file = {file: rank for rank, file in enumerate(self._file_of_rank)}

    def place(self, place: int) -> tuple[int, int]:
        """File and position of a place."""
        return self._file_of_rank[place >> PLACE_BITS], place & ((1 << PLACE_BITS) - 1)

    def take(self, chunk: DecodedChunk) -> int:
        """Deal out a piece; returns the number of records it had."""
        events, until = chunk.decoded.events, self._summary.until
        position = chunk.position[events.index]
        rank = self._rank_of_file[chunk.file]
        taken = np.ones(events.index.size, np.bool_) if until is None else events.period <= until
        for part, block in deal(events, position, rank, self.parts.count, taken):
            self.parts.add(part, block)
        letters, ticks = self._rejected(chunk, rank)
        latest = int(events.period[taken].max()) if taken.any() else None
        with self._lock:
            summary = self._summary
            summary.events += chunk.position.size - len(ticks)
            summary.after_until += int(taken.size - taken.sum())
            summary.unknown_types.update(chunk.decoded.unknown)
            for code, letter in letters:
                summary.rejected[code.value] += 1
                self.letters.append(letter)
            self._ticks += ticks
            if latest is not None:
                self._latest = latest if self._latest is None else max(self._latest, latest)
        return chunk.position.size

    def _rejected(
        self, chunk: DecodedChunk, rank: int
    ) -> tuple[list[tuple[Code, Letter]], list[tuple[int, int]]]:
        """The dead letters of a piece, and the ticks among its lines as (place, period)."""
        letters, ticks = [], []
        for each in chunk.decoded.rejected:
            position, rejection = int(chunk.position[each.index]), each.rejection
            if b'"tick"' in each.record:
                line = decode_line(each.record, self._pack)
                if isinstance(line, TickLine):
                    ticks.append(((rank << PLACE_BITS) | position, line.period))
                    continue
                if isinstance(line, Rejection):
                    rejection = line
            body = dead_letter(rejection, self.files[chunk.file].name, position, each.record)
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            letters.append((rejection.code, Letter(chunk.file, position, text)))
        return letters, ticks

    def ticks(self) -> Ticks:
        """The ticks of the replay (S10): those of the lines in arrival order, and the last one."""
        until = self._summary.until
        end = 2**63 - 1
        found: list[tuple[int, int]] = []
        if self._summary.order == "arrival":
            found = sorted(tick for tick in self._ticks if until is None or tick[1] <= until)
            last = until
        else:
            last = self._latest if until is None else until
        if last is not None:
            found.append((end, last))
        return Ticks(
            np.array([period for _, period in found], np.int32),
            np.array([place for place, _ in found], np.int64),
        )
