"""The parts of a replay put together: one order of all customers, and results in slices of that order.

Every slice holds what all parts have between two points of the order of S10. It is small, so memory does not
grow with the history; and slices can be rendered side by side and written one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.event import Event
from rules.engine.plan_arrays import Plan
from rules.engine.strings import StringTable, byte_order, gather
from rules.engine.text.render import Triggers, Words
from rules.language.model import Kind
from workers.replay.play import following, in_order
from workers.replay.shelf import Shelf

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

#: Evaluations, notices or customers that go into one slice, about.
SLICE_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Shelved:
    """What a part brought, its large tables on a shelf.

    `ids` and `ids_ends` are its customers by their bytes; `when` and `notice_when` the two keys of the order
    (input, instant) of evaluations and notices; `change_first` where the changes of each evaluation begin and
    `trigger_first` where its event id does, with one more at the end; `customer_rows` the rows of the known.
    """

    ids: U8
    ids_ends: I64
    when: I64
    notice_when: I64
    change_first: I64
    trigger_first: I64
    trigger_type: U8
    customer_rows: I64
    strings: StringTable
    evaluations: Shelf
    changes: Shelf
    notices: Shelf
    triggers: Shelf
    customers: Shelf
    erasures: list[tuple[int, int, int, int, Event]]


@dataclass(frozen=True, slots=True)
class ChangeSlice:
    """Changes between two points of the order, ready to render: `order` lists them as they are written."""

    evaluations: I64
    changes: I64
    order: I64
    triggers: Triggers


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
        evaluations, changes, texts, starts, types = [], [], [], [], []
        lines = size = 0
        for p, (low, high) in enumerate(cut):
            if high == low:
                continue
            part = self._parts[p]
            here = part.evaluations.rows(low, high)
            here[:, at.EVALUATION_ROW] = self._rank[p][here[:, at.EVALUATION_ROW]]
            caused = here[:, at.EVALUATION_EVENT] >= 0
            here[:, at.EVALUATION_EVENT] = np.where(caused, np.arange(lines, lines + high - low), -1)
            for column in self._text_columns:
                words = here[:, column].copy()
                self.strings_of(p, words)
                here[:, column] = words
            begins = part.change_first[low : high + 1]
            moves = part.changes.rows(int(begins[0]), int(begins[-1]))
            moves[:, at.CHANGE_EVALUATION] = np.repeat(np.arange(lines, lines + high - low), np.diff(begins))
            for column in (at.CHANGE_ACTOR, at.CHANGE_REASON):
                words = moves[:, column].copy()
                self.strings_of(p, words)
                moves[:, column] = words
            first = part.trigger_first[low : high + 1]
            texts.append(part.triggers.rows(int(first[0]), int(first[-1])))
            starts.append(first[:-1] - first[0] + size)
            evaluations.append(here)
            changes.append(moves)
            types.append(part.trigger_type[low:high])
            lines += high - low
            size += int(first[-1] - first[0])
        table, moves = np.concatenate(evaluations), np.concatenate(changes)
        start = np.concatenate(starts)
        triggers = Triggers(
            np.concatenate(texts).ravel(),
            start,
            np.diff(np.append(start, size)).astype(np.int32),
            np.concatenate(types),
        )
        order = in_order(table, (at.EVALUATION_INPUT, at.EVALUATION_INSTANT, at.EVALUATION_ROW))
        change_order, _ = following(moves[:, at.CHANGE_EVALUATION], order)
        return ChangeSlice(table, moves, change_order, triggers)

    def notices(self, cut: list[tuple[int, int]]) -> tuple[I64, I64]:
        """Load the notices of a slice, and their order."""
        tables = []
        for p, (low, high) in enumerate(cut):
            here = self._parts[p].notices.rows(low, high)
            here[:, at.NOTICE_ROW] = self._rank[p][here[:, at.NOTICE_ROW]]
            tables.append(here)
        table = np.concatenate(tables)
        return table, in_order(table, (at.NOTICE_INPUT, at.NOTICE_INSTANT, at.NOTICE_ROW))

    def customers_by_id(self) -> Iterator[I64]:
        """The matrices of `customers_matrix` by slices of all known customers in the order of their ids.

        The first column is the place among `customers`; a last one is added: the part, by which the strings
        among the attributes and metrics are numbered.
        """
        ranks = [self._rank[p][part.customer_rows] for p, part in enumerate(self._parts)]
        for cut in _cuts([np.stack([r, r], axis=1) for r in ranks], SLICE_ROWS):
            tables = []
            for p, (low, high) in enumerate(cut):
                here = self._parts[p].customers.rows(low, high)
                here[:, 0] = ranks[p][low:high]
                tables.append(np.concatenate([here, np.full((high - low, 1), p, np.int64)], axis=1))
            table = np.concatenate(tables)
            yield table[np.argsort(table[:, 0])]


def _cuts(whens: list[I64], rows: int) -> list[list[tuple[int, int]]]:
    """Cut sorted key tables (n × 2) at common points, about `rows` lines to a slice."""
    everything = np.concatenate(whens)
    if everything.shape[0] == 0:
        return []
    first = everything[np.lexsort((everything[:, 1], everything[:, 0]))[::rows]][1:]
    single = len(np.unique(everything[:, 0])) == 1
    marks = np.unique(first[:, 1] if single else first[:, 0])
    column = 1 if single else 0
    edges = [
        np.concatenate(([0], np.searchsorted(when[:, column], marks), [when.shape[0]])) for when in whens
    ]
    cuts = [[(int(e[i]), int(e[i + 1])) for e in edges] for i in range(marks.size + 1)]
    return [cut for cut in cuts if any(high > low for low, high in cut)]
