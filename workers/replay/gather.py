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
from rules.engine.plan_arrays import EVALUATION_WORDS, Plan
from rules.engine.strings import StringTable, byte_order, gather
from rules.engine.text.render import Triggers, Words
from rules.jit import entered
from rules.language.model import Kind
from rules.words import ahead
from workers.replay.play import following
from workers.replay.seen import customer_words, turn
from workers.replay.shelf import Shelf
from workers.replay.sorting import in_order

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]

#: Evaluations, notices or customers that go into one slice, about.
SLICE_ROWS = 40_000
#: Keys of each part by which a slice is measured, about.
_SAMPLES = 8
#: Ranks of customers lie anywhere: each is asked for so many lines before it is needed.
_AHEAD = 16


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


#: Words of what a slice has of a part: where the part's customers and strings begin among those of all, and
#: how many lines, changes and bytes of event ids there are.
(_SPAN_ROW, _SPAN_STRING, _SPAN_LINES, _SPAN_CHANGES, _SPAN_BYTES) = range(5)


@entered
def _settle(
    spans: I64,
    evaluations: I64,
    changes: I64,
    change_first: U32,
    trigger_first: U32,
    start: I64,
    rank: I64,
    numbers: I64,
    columns: I64,
) -> None:
    """Make one slice of what was read from the parts: customers, lines, strings and event ids get the numbers
    that they have among all. `columns` of an evaluation hold strings; `start` becomes where the event id of
    each line begins.
    """
    line, move, byte = np.int64(0), np.int64(0), np.int64(0)
    for s in range(spans.shape[0]):
        row, string = spans[s, _SPAN_ROW], spans[s, _SPAN_STRING]
        end = line + spans[s, _SPAN_LINES]
        last_move = move + spans[s, _SPAN_CHANGES]
        away_move, away_byte = move - np.int64(change_first[line]), byte - np.int64(trigger_first[line])
        for i in range(line, end):
            ahead(rank, row + evaluations[min(i + _AHEAD, end - 1), at.EVALUATION_ROW], 0)
            evaluations[i, at.EVALUATION_ROW] = rank[row + evaluations[i, at.EVALUATION_ROW]]
            if evaluations[i, at.EVALUATION_EVENT] >= 0:
                evaluations[i, at.EVALUATION_EVENT] = i
            for c in range(columns.size):
                if evaluations[i, columns[c]] >= 0:
                    evaluations[i, columns[c]] = numbers[string + evaluations[i, columns[c]]]
            start[i] = away_byte + np.int64(trigger_first[i])
            next_move = away_move + np.int64(change_first[i + 1]) if i + 1 < end else last_move
            for m in range(away_move + np.int64(change_first[i]), next_move):
                changes[m, at.CHANGE_EVALUATION] = i
                for column in (at.CHANGE_ACTOR, at.CHANGE_REASON):
                    if changes[m, column] >= 0:
                        changes[m, column] = numbers[string + changes[m, column]]
        line, move, byte = end, last_move, byte + spans[s, _SPAN_BYTES]
    start[line] = byte


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
        self._ranks = rank
        self._rank = np.split(rank, np.cumsum(sizes)[:-1])
        self._first_row = np.cumsum([0, *sizes])
        self.customers = Words(*gather(arena, ends, order))
        self._strings = StringTable()
        numbers = [self._interned(part.strings) for part in parts]
        self._numbers = np.concatenate(numbers)
        self._first_string = np.cumsum([0, *(each.size for each in numbers)])
        self.strings = Words(self._strings.arena, self._strings.ends)
        self.string_count = len(self._strings)
        self.string_max = int(np.diff(self._strings.ends[: len(self._strings) + 1]).max(initial=0))
        pack = plan.pack
        self._customer_words = customer_words(plan)
        self._evaluation_words = int(plan.packed[EVALUATION_WORDS])
        kinds = [m.kind for m in pack.metrics] + [a.kind for a in pack.attributes]
        strings = [at.EVALUATION_HEAD + i for i, kind in enumerate(kinds) if kind is Kind.STRING]
        self._text_columns = np.array(strings, np.int64)

    def _interned(self, strings: StringTable) -> I64:
        count = len(strings)
        starts = strings.ends[:count].copy()
        return self._strings.intern_spans(
            strings.arena, starts, np.diff(strings.ends[: count + 1]).astype(np.int32)
        )

    def strings_of(self, parts: I64, words: I64) -> I64:
        """The numbers in `strings` of what are some parts' own numbers of strings; missing ones stay."""
        known = words >= 0
        found = words.copy()
        found[known] = self._numbers[self._first_string[parts[known]] + words[known]]
        return found

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
        wanted = [(p, low, high, *self._parts[p].bounds(low, high)) for p, (low, high) in enumerate(cut)]
        wanted = [each for each in wanted if each[2] > each[1]]
        spans = np.array(
            [
                (self._first_row[p], self._first_string[p], high - low, last - first, end - begin)
                for p, low, high, first, last, begin, end in wanted
            ],
            np.int64,
        )
        count, moved, size = spans[:, _SPAN_LINES:].sum(axis=0).tolist()
        table = np.empty((count, self._evaluation_words), np.int64)
        moves, text = np.empty((moved, at.CHANGE_WORDS), np.int64), np.empty(size, np.uint8)
        change_first, trigger_first = np.empty(count, np.uint32), np.empty(count, np.uint32)
        start, types = np.empty(count + 1, np.int64), np.empty(count, np.uint8)
        line = move = byte = 0
        for p, low, high, first, last, begin, end in wanted:
            part = self._parts[p]
            to, to_move, to_byte = line + high - low, move + last - first, byte + end - begin
            part.evaluations.rows_into(low, high, table[line:to])
            part.changes.rows_into(first, last, moves[move:to_move])
            part.triggers.rows_into(begin, end, text[byte:to_byte])
            change_first[line:to] = part.change_first[low:high]
            trigger_first[line:to] = part.trigger_first[low:high]
            types[line:to] = part.trigger_type[low:high]
            line, move, byte = to, to_move, to_byte
        columns = self._text_columns
        _settle(spans, table, moves, change_first, trigger_first, start, self._ranks, self._numbers, columns)
        triggers = Triggers(text, start[:-1], np.diff(start).astype(np.int32), types)
        order = in_order(table, (at.EVALUATION_INPUT, at.EVALUATION_INSTANT, at.EVALUATION_ROW))
        change_order, _ = following(moves, order)
        return ChangeSlice(table, moves, change_order, triggers)

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
        """What `customers_matrix` has, by slices of all known customers in the order of their ids.

        They come by columns: int64[columns, customers]. The first is the place among `customers`; a last one
        is added: the part, by which the strings among the attributes and metrics are numbered.
        """
        ranks = [self._rank[p][part.customer_rows] for p, part in enumerate(self._parts)]
        for cut in _cuts(ranks, SLICE_ROWS):
            here = [(p, low, high) for p, (low, high) in enumerate(cut) if high > low]
            place = np.concatenate([ranks[p][low:high] for p, low, high in here])
            part = np.repeat([p for p, _, _ in here], [high - low for _, low, high in here])
            table = np.empty((place.size, self._customer_words), np.int64)
            line = 0
            for p, low, high in here:
                self._parts[p].customers.rows_into(low, high, table[line : line + high - low])
                line += high - low
            order = np.argsort(place)
            columns = np.empty((self._customer_words + 1, place.size), np.int64)
            turn(table, order, columns)
            columns[0], columns[-1] = place[order], part[order]
            yield columns


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
