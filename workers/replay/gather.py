"""The parts of a replay put together: one order of all customers, and results in slices of that order.

Every slice holds what all parts have between two points of the order of S10. It is small, so memory does not
grow with the history; and slices can be rendered side by side and written one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.event import Event
from rules.engine.plan_arrays import EVALUATION_WORDS, Plan
from rules.engine.strings import StringTable, byte_order, gather
from rules.engine.text.render import Triggers, Words
from rules.language.model import Kind
from workers.replay.play import following, in_order
from workers.replay.shelf import Shelf

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

#: Evaluations, notices or customers that go into one slice, about.
SLICE_ROWS = 40_000
#: Keys of each part by which a slice is measured, about.
_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Shelved:
    """What a part brought, its large tables on a shelf.

    `ids` and `ids_ends` are its customers by their bytes; `when` and `notice_when` the first key of the order
    of evaluations and notices in which they differ: the instant, or in order of arrival the input;
    `change_first` where the changes of each evaluation begin and `trigger_first` where its event id does,
    with one more at the end; `customer_rows` the rows of the known.
    """

    ids: U8
    ids_ends: I64
    when: I64
    notice_when: I64
    change_first: NDArray[np.uint32]
    trigger_first: NDArray[np.uint32]
    trigger_type: U8
    customer_rows: I64
    strings: StringTable
    evaluations: Shelf
    changes: Shelf
    notices: Shelf
    triggers: Shelf
    customers: Shelf
    erasures: list[tuple[int, int, int, int, Event]]

    def bounds(self, low: int, high: int) -> tuple[int, int, int, int]:
        """First and last change and byte of the evaluations from `low` to `high`."""
        changes, texts = self.change_first, self.trigger_first
        return int(changes[low]), int(changes[high]), int(texts[low]), int(texts[high])


@dataclass(frozen=True, slots=True)
class ChangeSlice:
    """Changes between two points of the order, ready to render: `order` lists them as they are written."""

    evaluations: I64
    changes: I64
    order: I64
    triggers: Triggers


class _Span(NamedTuple):
    """What a slice has of a part: lines of evaluations, their changes, and the bytes of their event ids."""

    part: int
    low: int
    high: int
    change: int
    last_change: int
    byte: int
    last_byte: int


class Gathered:
    """All parts of a replay. `customers` are all ids by their bytes, and `strings` all interned texts."""

    def __init__(self, plan: Plan, parts: list[Shelved]) -> None:
        self._plan = plan
        self._parts = parts
        sizes = [part.ids_ends.size - 1 for part in parts]
        base = np.cumsum([0, *(part.ids.size for part in parts)])
        arena = np.concatenate([part.ids for part in parts])
        ends = np.concatenate(
            [part.ids_ends[:-1] + base[i] for i, part in enumerate(parts)] + [base[-1:]]
        ).astype(np.int64)
        order = byte_order(arena, ends, int(sum(sizes)))
        rank = np.empty(order.size, np.int64)
        rank[order] = np.arange(order.size)
        self._rank = np.split(rank, np.cumsum(sizes)[:-1])
        self.customers = Words(*gather(arena, ends, order))
        self._strings = StringTable()
        self._string_numbers = [self._interned(part.strings) for part in parts]
        self.strings = Words(self._strings.arena, self._strings.ends)
        self.string_count = len(self._strings)
        self.string_max = int(np.diff(self._strings.ends[: len(self._strings) + 1]).max(initial=0))
        pack = plan.pack
        self._evaluation_words = int(plan.packed[EVALUATION_WORDS])
        self._text_columns = [
            at.EVALUATION_HEAD + i
            for i, kind in enumerate([m.kind for m in pack.metrics] + [a.kind for a in pack.attributes])
            if kind is Kind.STRING
        ]

    def _interned(self, strings: StringTable) -> I64:
        count = len(strings)
        starts = strings.ends[:count].copy()
        return self._strings.intern_spans(
            strings.arena, starts, np.diff(strings.ends[: count + 1]).astype(np.int32)
        )

    def strings_of(self, part: int, words: I64) -> None:
        """Turn a part's own numbers of strings into those of `strings`, in place; missing ones stay."""
        known = words >= 0
        words[known] = self._string_numbers[part][words[known]]

    def rank(self, part: int, row: int) -> int:
        """The place among all customers of a part's row."""
        return int(self._rank[part][row])

    def change_cuts(self) -> list[list[tuple[int, int]]]:
        """For every slice, the range of evaluations that each part has in it."""
        return _cuts([part.when for part in self._parts], SLICE_ROWS)

    def notice_cuts(self) -> list[list[tuple[int, int]]]:
        """For every slice, the range of notices that each part has in it."""
        return _cuts([part.notice_when for part in self._parts], SLICE_ROWS)

    def changes(self, cut: list[tuple[int, int]]) -> ChangeSlice:
        """Load the changes of a slice."""
        spans = [
            _Span(p, low, high, *self._parts[p].bounds(low, high))
            for p, (low, high) in enumerate(cut)
            if high > low
        ]
        count = sum(span.high - span.low for span in spans)
        table = np.empty((count, self._evaluation_words), np.int64)
        moves = np.empty((sum(span.last_change - span.change for span in spans), at.CHANGE_WORDS), np.int64)
        text = np.empty(sum(span.last_byte - span.byte for span in spans), np.uint8)
        start, types = np.empty(count + 1, np.int64), np.empty(count, np.uint8)
        line = move = byte = 0
        for span in spans:
            part, size = self._parts[span.part], span.high - span.low
            here = table[line : line + size]
            part.evaluations.rows_into(span.low, span.high, here)
            here[:, at.EVALUATION_ROW] = self._rank[span.part][here[:, at.EVALUATION_ROW]]
            lines = np.arange(line, line + size)
            here[:, at.EVALUATION_EVENT] = np.where(here[:, at.EVALUATION_EVENT] >= 0, lines, -1)
            self._strings_of_columns(span.part, here, self._text_columns)
            own = moves[move : move + span.last_change - span.change]
            part.changes.rows_into(span.change, span.last_change, own)
            begins = part.change_first[span.low : span.high + 1]
            own[:, at.CHANGE_EVALUATION] = np.repeat(lines, np.diff(begins))
            self._strings_of_columns(span.part, own, [at.CHANGE_ACTOR, at.CHANGE_REASON])
            part.triggers.rows_into(span.byte, span.last_byte, text[byte : byte + span.last_byte - span.byte])
            first = part.trigger_first[span.low : span.high].astype(np.int64)
            np.add(first, byte - span.byte, out=start[line : line + size])
            types[line : line + size] = part.trigger_type[span.low : span.high]
            line += size
            move += span.last_change - span.change
            byte += span.last_byte - span.byte
        start[-1] = byte
        triggers = Triggers(text, start[:-1], np.diff(start).astype(np.int32), types)
        order = in_order(table, (at.EVALUATION_INPUT, at.EVALUATION_INSTANT, at.EVALUATION_ROW))
        change_order, _ = following(moves[:, at.CHANGE_EVALUATION], order)
        return ChangeSlice(table, moves, change_order, triggers)

    def _strings_of_columns(self, part: int, table: I64, columns: list[int]) -> None:
        for column in columns:
            words = table[:, column].copy()
            self.strings_of(part, words)
            table[:, column] = words

    def notices(self, cut: list[tuple[int, int]]) -> tuple[I64, I64]:
        """Load the notices of a slice, and their order."""
        table = np.empty((sum(high - low for low, high in cut), at.NOTICE_WORDS), np.int64)
        line = 0
        for p, (low, high) in enumerate(cut):
            here = table[line : line + high - low]
            self._parts[p].notices.rows_into(low, high, here)
            here[:, at.NOTICE_ROW] = self._rank[p][here[:, at.NOTICE_ROW]]
            line += high - low
        return table, in_order(table, (at.NOTICE_INPUT, at.NOTICE_INSTANT, at.NOTICE_ROW))

    def customers_by_id(self) -> Iterator[I64]:
        """The matrices of `customers_matrix` by slices of all known customers in the order of their ids.

        The first column is the place among `customers`; a last one is added: the part, by which the strings
        among the attributes and metrics are numbered.
        """
        ranks = [self._rank[p][part.customer_rows] for p, part in enumerate(self._parts)]
        for cut in _cuts(ranks, SLICE_ROWS):
            tables = []
            for p, (low, high) in enumerate(cut):
                here = self._parts[p].customers.rows(low, high)
                here[:, 0] = ranks[p][low:high]
                tables.append(np.concatenate([here, np.full((high - low, 1), p, np.int64)], axis=1))
            table = np.concatenate(tables)
            yield table[np.argsort(table[:, 0])]


def _cuts(whens: list[I64], rows: int) -> list[list[tuple[int, int]]]:
    """Cut sorted keys at common points, about `rows` lines to a slice; lines of equal keys stay together.

    The points are those of a sample of the keys, so that nothing as long as the history is made here.
    """
    apart = max(1, rows // (_SAMPLES * len(whens)))
    sample = np.sort(np.concatenate([when[::apart] for when in whens]))
    marks = np.unique(sample[:: max(1, rows // apart)][1:])
    edges = [np.concatenate(([0], np.searchsorted(when, marks), [when.size])).tolist() for when in whens]
    cuts = [[(e[i], e[i + 1]) for e in edges] for i in range(marks.size + 1)]
    return [cut for cut in cuts if any(high > low for low, high in cut)]
