"""The last step of a replay: everything in the order of S10 into the output files."""

from __future__ import annotations

import json
from functools import partial
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rules.engine.bodies import encode, erased_body
from rules.engine.event import Code, Rejection
from rules.engine.letters import dead_letter
from rules.engine.outcome import ERASED_DETAIL, too_late_detail
from rules.engine.plan_arrays import Plan
from rules.engine.text.render import render_changes, render_notices, render_numbers
from rules.engine.text.template import make_template
from workers.files.chunks import raw_records, read_chunks
from workers.replay.customers import write_customers
from workers.replay.customers_fast import columns_table
from workers.replay.dealing import Dealer, Letter
from workers.replay.gather import Gathered
from workers.replay.lines import PIECE_LINES, Buffered, More, render_lines, render_pieces
from workers.replay.outputs import (
    CHANGES,
    CUSTOMERS,
    DEAD_LETTERS,
    ERASED,
    NOTICES,
    ReplayOutputs,
)
from workers.replay.playing import Player
from workers.replay.straight import StraightFile
from workers.replay.summary import Summary

if TYPE_CHECKING:
    from workers.replay.run import Progress, Run

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
Cut = list[tuple[int, int]]
#: How many lines a slice has, and what renders them.
Prepared = tuple[int, More]

#: More lines than this are written past the page cache: some hundred MB.
_MANY_LINES = 250_000


class Writer:
    """Writes the files of one replay."""

    def __init__(
        self,
        plan: Plan,
        player: Player,
        dealer: Dealer,
        outputs: ReplayOutputs,
        summary: Summary,
        generation: int,
        at_once: bool,
    ) -> None:
        """`at_once`: one thread renders the changes, right where they are written from."""
        self._plan = plan
        self._player = player
        self._dealer = dealer
        self._outputs = outputs
        self._summary = summary
        self._at_once = at_once
        self._template = make_template(plan.pack, generation)

    def write(self, run: Run, progress: Progress) -> None:
        """Write all files but the summary."""
        parts = self._player.results()
        progress.step("writing", "changes", self._summary.changes)
        if parts:
            gathered = Gathered(self._plan, parts)
            besides = (self._write_customers, self._write_notices)
            written = [run.beside(partial(write, gathered)) for write in besides]
            self._write_changes(gathered, run, progress)
            self._write_erasures(gathered)
            for wait in written:
                wait()
        else:
            for name in (CHANGES, NOTICES, ERASED):
                self._outputs.lines(name)
            write_customers(self._outputs.partial(CUSTOMERS), self._plan.pack, [])
        self._write_letters()

    def _write_changes(self, gathered: Gathered, run: Run, progress: Progress) -> None:
        def prepare(cut: Cut) -> Prepared:
            part = gathered.changes(cut)
            numbers = render_numbers(part.evaluations, self._template)

            def more(first: int, end: int, buffer: U8, ends: I64) -> int:
                return render_changes(
                    self._template,
                    part.changes,
                    part.evaluations,
                    part.order[:end],
                    first,
                    gathered.customers,
                    part.triggers,
                    gathered.strings,
                    numbers,
                    gathered.string_max,
                    buffer,
                    ends,
                )

            return part.order.size, more

        with self._open(CHANGES, self._summary.changes) as file:
            sink = _sink(file)
            for count, more in run(prepare, iter(gathered.change_cuts())):
                if self._at_once:
                    render_lines(0, count, more, sink)
                else:
                    firsts = iter(range(0, count, PIECE_LINES))
                    for pieces in run(partial(render_pieces, more, count), firsts):
                        for piece in pieces:
                            sink.write(piece)
                progress.done(count)

    def _write_notices(self, gathered: Gathered) -> None:
        def prepare(cut: Cut) -> Prepared:
            table, order = gathered.notices(cut)

            def more(first: int, end: int, buffer: U8, ends: I64) -> int:
                return render_notices(
                    self._template, table, order[:end], first, gathered.customers, buffer, ends
                )

            return order.size, more

        with self._open(NOTICES, self._summary.notices) as file:
            sink = _sink(file)
            for cut in gathered.notice_cuts():
                render_lines(0, *prepare(cut), sink)

    def _open(self, name: str, lines: int) -> IO[bytes] | StraightFile:
        return self._outputs.many_lines(name) if lines > _MANY_LINES else self._outputs.lines(name)

    def _write_customers(self, gathered: Gathered) -> None:
        tables = (columns_table(self._plan, gathered, words) for words in gathered.customers_by_id())
        write_customers(self._outputs.partial(CUSTOMERS), self._plan.pack, tables)

    def _write_erasures(self, gathered: Gathered) -> None:
        lines: list[tuple[int, int, int, int, bytes]] = []
        for part, shelved in enumerate(self._player.results()):
            for row, life, instant, place, event in shelved.erasures:
                rank = gathered.rank(part, row)
                start, end = gathered.customers.ends[rank : rank + 2].tolist()
                body = erased_body(
                    customer_id=bytes(gathered.customers.text[start:end]).decode(),
                    life=life,
                    effective_us=instant,
                    reason=event.reason,
                    actor=event.actor,
                )
                lines.append((place, instant, rank, len(lines), encode(body) + b"\n"))
        with self._outputs.lines(ERASED) as file:
            file.writelines(line for *_, line in sorted(lines))

    def _write_letters(self) -> None:
        letters = [*self._dealer.letters, *self._late_letters()]
        with self._outputs.lines(DEAD_LETTERS) as file:
            file.writelines(
                letter.line for letter in sorted(letters, key=lambda each: (each.file, each.position))
            )

    def _late_letters(self) -> list[Letter]:
        """Dead letters of what the engine rejected; the records are read once more where they are needed."""
        found = []
        for place, code, event_id, customer_id in self._player.rejections:
            file, position = self._dealer.place(place)
            if code == 0:
                rejection = Rejection(Code.ERASED, ERASED_DETAIL, event_id, customer_id)
            else:
                detail = too_late_detail(self._plan.pack.lateness)
                rejection = Rejection(Code.TOO_LATE, detail, event_id, customer_id)
            self._summary.rejected[rejection.code.value] += 1
            found.append((file, position, rejection))
        wanted: dict[int, list[int]] = {}
        for file, position, rejection in found:
            if rejection.code is Code.TOO_LATE:
                wanted.setdefault(file, []).append(position)
        raw = {}
        for file, positions in wanted.items():
            sought = np.array(sorted(positions), np.int64)
            for chunk in read_chunks([self._dealer.files[file]]):
                raw.update({(file, position): record for position, record in raw_records(chunk, sought)})
        letters = []
        for file, position, rejection in found:
            body = dead_letter(
                rejection, self._dealer.files[file].name, position, raw.get((file, position), b"")
            )
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            letters.append(Letter(file, position, text))
        return letters


def _sink(file: IO[bytes] | StraightFile) -> StraightFile | Buffered:
    return file if isinstance(file, StraightFile) else Buffered(file)
