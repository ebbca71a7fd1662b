"""The plan: a checked pack as arrays that the compiled kernel interprets.

Facts are kept twice at most: in *cells* of the customer's row for what looks at a whole lifetime, and in
*rings* of daily entries for what looks through a window. A ring serves all windows over the same facts (same
types, same labels); its entries are cumulative, so that a window's sum is the difference of two entries.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from rules.calendar import PERIOD_TABLE_FIRST, PERIOD_TABLE_LAST, calendar
from rules.engine import layout as at
from rules.engine.event import LABELS, TOPICS, TYPES
from rules.engine.plan_arrays import I64, Plan, PlanArrays, pack_plan
from rules.engine.program import Compiler, Constants, Instruction, derived_metrics, leaves, stack_depth
from rules.language.model import (
    AggregateMetric,
    AttributeRef,
    Condition,
    DerivedMetric,
    Dimension,
    DimensionRef,
    Expression,
    Kind,
    Metric,
    MetricRef,
    Pack,
    Window,
)
from rules.money import MINOR_DIGITS, MONEY_MAX, convert

_TYPE_CODES = {name: code for code, name in enumerate(TYPES)}
_WINDOW_CODES = {
    "days": at.WINDOW_DAYS,
    "this_month": at.WINDOW_THIS_MONTH,
    "last_month": at.WINDOW_LAST_MONTH,
    "this_quarter": at.WINDOW_THIS_QUARTER,
    "last_quarter": at.WINDOW_LAST_QUARTER,
    "this_year": at.WINDOW_THIS_YEAR,
    "last_year": at.WINDOW_LAST_YEAR,
}
#: How many periods before `as_of` a calendar window can begin.
_REACH = {
    "this_month": 30,
    "last_month": 61,
    "this_quarter": 91,
    "last_quarter": 183,
    "this_year": 365,
    "last_year": 731,
}
#: The value column of an event that holds a field: amount, score and severity never meet in one event.
FIELD_COLUMN = {None: 0, "amount": 1, "score": 1, "severity": 1, "discount": 2, "items": 3}
#: Sums of money in packs whose rates make more than this of an amount are guarded against wrapping. Smaller
#: ones could wrap only after a million facts of one customer, each the largest that is accepted.
_UNGUARDED_MAX = 2**63 // 10**6
#: Fields that every fact of a type has, so that their count is the count of facts.
_ALWAYS = {
    "amount": {name for name, topic in TYPES.items() if topic in ("orders", "payments")}
    - {"order.cancelled"},
    "score": {"feedback.rating", "feedback.nps"},
    "severity": {"feedback.complaint"},
}
_CELL_KEEPS = {
    "count": (at.KEEP_COUNT,),
    "sum": (at.KEEP_SUM,),
    "avg": (at.KEEP_SUM, at.KEEP_COUNT),
    "days": (at.KEEP_DAYS,),
    "min": (at.KEEP_MIN,),
    "max": (at.KEEP_MAX,),
    "first": (at.KEEP_FIRST,),
    "last": (at.KEEP_LAST,),
    "recency": (at.KEEP_RECENT,),
    "tenure": (at.KEEP_EARLIEST,),
}


@dataclass(slots=True)
class _Ring:
    of: frozenset[str]
    labels: tuple[str, ...] | None
    columns: list[tuple[int, int]]
    reach: int = 0
    word: int = 0


@dataclass(slots=True)
class _Cell:
    of: frozenset[str]
    labels: tuple[str, ...] | None
    keep: int
    field: int
    position: int
    ring: int = -1


def label_codes(pack: Pack) -> dict[str, tuple[str, ...]]:
    """By topic, the label values that any metric names, sorted; an event's code is the position plus one."""
    found: dict[str, set[str]] = {topic: set() for topic in TOPICS}
    for metric in pack.metrics:
        if isinstance(metric, AggregateMetric) and metric.labels is not None:
            for name in (*metric.of, *metric.minus):
                found[TYPES[name]].update(metric.labels)
    return {topic: tuple(sorted(values)) for topic, values in found.items()}


class _Planner:
    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.labels = label_codes(pack)
        self.strings: dict[str, int] = {}
        self.constants = Constants(self.intern)
        self.rings: list[_Ring] = []
        self.cells: list[_Cell] = []
        self.views: list[tuple[int, int, int]] = []
        self.programs: list[list[Instruction]] = []
        self.words = at.ROW_HEAD
        self.guarded = any(
            convert(MONEY_MAX, MINOR_DIGITS[currency], rate, pack.digits) > _UNGUARDED_MAX
            for currency, rates in pack.rates.items()
            for rate in rates
        )
        self.compiler = Compiler(pack, self.constants, self.guarded)

    def intern(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))

    def program(self, code: list[Instruction]) -> int:
        self.programs.append(code)
        return len(self.programs) - 1

    def take(self, words: int) -> int:
        position = self.words
        self.words += words
        return position

    # --- facts ---

    def ring(self, of: Iterable[str], labels: tuple[str, ...] | None, reach: int) -> int:
        types = frozenset(of)
        for index, ring in enumerate(self.rings):
            if ring.of == types and ring.labels == labels:
                ring.reach = max(ring.reach, reach)
                return index
        self.rings.append(_Ring(types, labels, [], reach, self.take(1)))
        return len(self.rings) - 1

    def guards(self, field: str | None) -> bool:
        """Whether sums of the field are guarded."""
        return self.guarded and field in ("amount", "discount")

    def column(self, ring: int, keep: int, field: str | None) -> int:
        """The word of an entry that holds the column; counts of a field all facts have share one word."""
        columns = self.rings[ring].columns
        if keep == at.KEEP_COUNT and (field is None or self.rings[ring].of <= _ALWAYS.get(field, set())):
            return at.ENTRY_COUNT
        wanted = (keep, FIELD_COLUMN[field])
        if wanted not in columns:
            columns.append(wanted)
            if keep == at.KEEP_SUM and self.guards(field):
                columns.append((at.KEEP_HIGH, wanted[1]))
        return at.ENTRY_HEAD + columns.index(wanted)

    def cell(self, of: Iterable[str], labels: tuple[str, ...] | None, keep: int, field: str | None) -> int:
        types, column = frozenset(of), FIELD_COLUMN[field]
        if field is not None and keep == at.KEEP_COUNT and types <= _ALWAYS.get(field, set()):
            column = 0
        for cell in self.cells:
            if (cell.of, cell.labels, cell.keep, cell.field) == (types, labels, keep, column):
                return cell.position
        guard = keep == at.KEEP_SUM and self.guards(field)
        position = self.take(2 if guard or keep in (at.KEEP_FIRST, at.KEEP_LAST) else 1)
        if guard:
            self.cells.append(_Cell(types, labels, at.KEEP_HIGH, column, position + 1))
        new = _Cell(types, labels, keep, column, position)
        if keep == at.KEEP_DAYS:
            new.ring = self.ring(types, labels, self.pack.lateness)
            self.column(new.ring, at.KEEP_DAYS, field)
        self.cells.append(new)
        return position

    def view(self, ring: int, window: Window) -> int:
        wanted = (ring, _WINDOW_CODES[window.unit], window.days)
        if wanted not in self.views:
            self.views.append(wanted)
        return self.views.index(wanted)

    def metric(self, index: int, metric: Metric) -> tuple[int, ...]:
        number, money = int(metric.kind is Kind.NUMBER), int(metric.kind is Kind.MONEY)
        if isinstance(metric, DerivedMetric):
            return (
                at.METRIC_DERIVED,
                0,
                0,
                0,
                0,
                number,
                money,
                self.program(self.compiler.derived(index)),
                0,
            )
        if metric.field in ("amount", "discount"):
            money = 1
        guarded = int(metric.agg in ("sum", "avg") and self.guards(metric.field))
        if metric.window.unit == "lifetime":
            return (*self.lifetime(metric), number, money, -1, guarded)
        return (*self.windowed(metric), number, money, -1, guarded)

    def lifetime(self, metric: AggregateMetric) -> tuple[int, int, int, int, int]:
        keeps = _CELL_KEEPS[metric.agg]
        places = [self.cell(metric.of, metric.labels, keep, metric.field) for keep in keeps]
        if metric.agg == "avg":
            return (at.METRIC_CELL_AVG, places[0], places[1], 0, 0)
        if metric.agg in ("recency", "tenure"):
            return (at.METRIC_SINCE, places[0], 0, 0, 0)
        less = self.cell(metric.minus, metric.labels, at.KEEP_SUM, metric.field) if metric.minus else -1
        return (at.METRIC_CELL, places[0], less, 0, 0)

    def windowed(self, metric: AggregateMetric) -> tuple[int, int, int, int, int]:
        reach = metric.window.days - 1 if metric.window.unit == "days" else _REACH[metric.window.unit]
        ring = self.ring(metric.of, metric.labels, reach)
        view = self.view(ring, metric.window)
        if metric.agg in ("min", "max"):
            keep = at.KEEP_MIN if metric.agg == "min" else at.KEEP_MAX
            how = at.METRIC_WINDOW_MIN if metric.agg == "min" else at.METRIC_WINDOW_MAX
            return (how, view, self.column(ring, keep, metric.field), 0, 0)
        if metric.agg == "avg":
            total = self.column(ring, at.KEEP_SUM, metric.field)
            return (at.METRIC_WINDOW_AVG, view, total, self.column(ring, at.KEEP_COUNT, metric.field), 0)
        keep = {"count": at.KEEP_COUNT, "sum": at.KEEP_SUM, "days": at.KEEP_DAYS}[metric.agg]
        column = self.column(ring, keep, metric.field)
        if not metric.minus:
            return (at.METRIC_WINDOW, view, column, -1, 0)
        other = self.ring(metric.minus, metric.labels, reach)
        return (
            at.METRIC_WINDOW,
            view,
            column,
            self.view(other, metric.window),
            self.column(other, at.KEEP_SUM, metric.field),
        )

    # --- what has to be looked at again ---

    def inputs(self, node: Expression) -> tuple[set[int], set[int], set[int]]:
        """The aggregate metrics, attributes and dimensions an expression depends on, also through others."""
        metrics: set[int] = set()
        attributes: set[int] = set()
        dimensions: set[int] = set()
        trees = [node]
        trees += [
            m.tree
            for i in derived_metrics(self.pack, node)
            if isinstance(m := self.pack.metrics[i], DerivedMetric)
        ]
        for leaf in (leaf for tree in trees for leaf in leaves(tree)):
            match leaf:
                case MetricRef(index=index) if isinstance(self.pack.metrics[index], AggregateMetric):
                    metrics.add(index)
                case AttributeRef(index=index):
                    attributes.add(index)
                case DimensionRef(index=index):
                    dimensions.add(index)
        return metrics, attributes, dimensions


def conditions(dimension: Dimension) -> list[Condition]:
    """All conditions of a dimension, in the order of its categories."""
    found = [c for category in dimension.categories for c in (category.enter, category.keep, category.when)]
    return [condition for condition in found if condition is not None]


def make_plan(pack: Pack) -> Plan:
    """Compile a pack; the same pack gives the same plan."""
    planner = _Planner(pack)
    metric_rows = [planner.metric(index, metric) for index, metric in enumerate(pack.metrics)]
    blocks = [planner.take(at.BLOCK) for _ in pack.dimensions]
    attribute_block = planner.take(at.ATTRIBUTE_WORDS * len(pack.attributes))
    categories, policies = _category_rows(planner)
    dependents = _dependents(planner)
    dimensions, first = [], 0
    for index, dimension in enumerate(pack.dimensions):
        ladder = int(dimension.kind == "ladder")
        dimensions.append(
            (blocks[index], ladder, len(dimension.categories), first, dependents.dimensions[index])
        )
        first += len(dimension.categories)
    code = [instruction for program in planner.programs for instruction in program]
    firsts = np.concatenate(([0], np.cumsum([len(p) for p in planner.programs], dtype=np.int64)))
    scalars = [
        planner.words,
        len(pack.metrics),
        len(pack.attributes),
        len(pack.dimensions),
        pack.lateness,
        10**pack.digits,
        len(planner.rings),
        len(planner.rings) + 1,
        attribute_block,
    ]
    columns = [ring.columns for ring in planner.rings]
    classes = _classes(planner, dependents.metrics)
    arrays = PlanArrays(
        scalars=np.array(scalars, np.int64),
        starts=calendar(pack.timezone).starts,
        months=_months(),
        **classes,
        rings=_table(
            [(r.word, at.ENTRY_HEAD + len(r.columns), r.reach) for r in planner.rings],
            3,
        ),
        column_first=np.concatenate(([0], np.cumsum([len(c) for c in columns], dtype=np.int64))).astype(
            np.int64
        ),
        columns=_table([column for group in columns for column in group], 2),
        cells=_table([(c.position, c.keep, c.field, c.ring) for c in planner.cells], 4),
        views=_table(planner.views, 3),
        metrics=_table(metric_rows, 9),
        attribute_number=np.array([a.kind is Kind.NUMBER for a in pack.attributes], np.int64),
        attribute_touch=np.array(dependents.attributes, np.int64),
        dimensions=_table(dimensions, 5),
        categories=_table(categories, 3),
        policies=_table(policies, 4),
        code=_table(code, 4),
        program_first=firsts.astype(np.int64),
        constants=np.array(planner.constants.integers or [0], np.int64),
        numbers=np.array(planner.constants.numbers or [0.0], np.float64),
    )
    depth = max((stack_depth(program) for program in planner.programs), default=0)
    return Plan(pack, arrays, pack_plan(arrays), tuple(planner.strings), planner.labels, depth + 1)


def _table(rows: Iterable[tuple[int, ...]], width: int) -> I64:
    """Rows of equal width as a matrix, also where there are none."""
    return np.array(list(rows), np.int64).reshape(-1, width)


def _category_rows(planner: _Planner) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    categories: list[tuple[int, ...]] = []
    policies: list[tuple[int, ...]] = []
    ats = {None: 0, "month_start": 1, "quarter_start": 2, "year_start": 3}

    def compiled(condition: Condition | None) -> int:
        return -1 if condition is None else planner.program(planner.compiler.condition(condition.tree))

    for dimension in planner.pack.dimensions:
        for category in dimension.categories:
            enter = compiled(category.enter if dimension.kind == "ladder" else category.when)
            keep = enter if category.keep is None else compiled(category.keep)
            categories.append((enter, keep, planner.intern(category.id)))
        policies += [
            (policy.hold, policy.min_dwell, ats[policy.at], int(policy.step_one))
            for policy in (dimension.upgrade, dimension.downgrade)
        ]
    return categories, policies


@dataclass(frozen=True, slots=True)
class _Dependents:
    """Bit sets of dimensions, by aggregate metric, attribute and dimension they depend on."""

    metrics: list[int]
    attributes: list[int]
    dimensions: list[int]


def _dependents(planner: _Planner) -> _Dependents:
    pack = planner.pack
    found = _Dependents([0] * len(pack.metrics), [0] * len(pack.attributes), [0] * len(pack.dimensions))
    for bit, dimension in enumerate(pack.dimensions):
        for condition in conditions(dimension):
            metrics, attributes, dimensions = planner.inputs(condition.tree)
            for sets, indexes in (
                (found.metrics, metrics),
                (found.attributes, attributes),
                (found.dimensions, dimensions),
            ):
                for index in indexes:
                    sets[index] |= 1 << bit
    return found


def _classes(planner: _Planner, touch: list[int]) -> dict[str, I64]:
    """What an event of each type and label code updates and touches."""
    base: list[int] = []
    rings: list[list[int]] = []
    cells: list[list[int]] = []
    touches: list[int] = []
    for name, topic in TYPES.items():
        base.append(len(touches))
        values = planner.labels[topic] if topic in LABELS else ()
        for label in (None, *values):

            def takes(
                of: Iterable[str],
                allowed: tuple[str, ...] | None,
                name: str = name,
                label: str | None = label,
            ) -> bool:
                return name in of and (allowed is None or label in allowed)

            rings.append([i for i, ring in enumerate(planner.rings) if takes(ring.of, ring.labels)])
            cells.append([i for i, cell in enumerate(planner.cells) if takes(cell.of, cell.labels)])
            bits = 0
            for index, metric in enumerate(planner.pack.metrics):
                if isinstance(metric, AggregateMetric) and takes((*metric.of, *metric.minus), metric.labels):
                    bits |= touch[index]
            touches.append(bits)

    def listed(groups: list[list[int]]) -> tuple[I64, I64]:
        firsts = np.concatenate(([0], np.cumsum([len(g) for g in groups], dtype=np.int64))).astype(np.int64)
        return firsts, np.array([i for group in groups for i in group], np.int64)

    ring_first, class_rings = listed(rings)
    cell_first, class_cells = listed(cells)
    return {
        "class_base": np.array(base, np.int64),
        "class_touch": np.array(touches, np.int64),
        "class_ring_first": ring_first,
        "class_rings": class_rings,
        "class_cell_first": cell_first,
        "class_cells": class_cells,
    }


@cache
def _months() -> NDArray[np.int32]:
    """First days of month, quarter and year, from PERIOD_TABLE_FIRST to PERIOD_TABLE_LAST."""
    days = np.arange(PERIOD_TABLE_FIRST, PERIOD_TABLE_LAST + 1).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    quarters = (months.astype(np.int64) // 3 * 3).astype("datetime64[M]")
    years = days.astype("datetime64[Y]")
    table = np.stack([m.astype("datetime64[D]").astype(np.int32) for m in (months, quarters, years)], axis=1)
    return np.ascontiguousarray(table)
