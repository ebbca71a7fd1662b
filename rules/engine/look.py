"""One customer's present view, straight from an engine's memory: where they stand, why, and what comes.

To be called by the thread that hands batches to the engine, between two of them, or by another one that
holds the lock which the engine shares (`Engine.share`): it borrows the engine's scratch, and changes nothing
that is remembered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.calendar import calendar, date_from_period
from rules.engine import layout as at
from rules.engine.bodies import render
from rules.engine.engine import Engine
from rules.engine.evaluate import Scope, Value, holds
from rules.engine.kernel.sight import customer_values
from rules.engine.strings import StringTable
from rules.intake.hashing import hash_spans
from rules.language.model import Category, Condition, Dimension, Kind

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ConditionLook:
    """A condition as it stands now.

    `rule` and `values` as in the reasons of a change (S9.3). `asked`: whether it is the one that decides on
    its category now; of a ladder's `enter` and `keep` that depends on the earned rank (S7.1).
    """

    rule: str
    expression: str
    result: bool
    asked: bool
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class CategoryLook:
    """A category of a dimension with its conditions; none where it is what is left."""

    category: Category
    conditions: tuple[ConditionLook, ...]


@dataclass(frozen=True, slots=True)
class PendingLook:
    """A move that waits: where it would lead now, begun at period `since`, due at period `until`."""

    to: Category
    since: int
    until: int
    words: str


@dataclass(frozen=True, slots=True)
class OverrideLook:
    """A pin or a floor that is active, until a period (exclusive) or for ever; times in µs UTC."""

    mode: str
    category: Category
    until: int | None
    actor: str | None
    reason: str | None
    assigned_us: int


@dataclass(frozen=True, slots=True)
class DimensionLook:
    """Where a customer stands in a dimension.

    `since_us`: the instant of the latest change; `entered`: its period. `target`: where the rules aim now,
    overrides and policies aside. `earned`: the earned rank's category in a ladder (S8), None if nothing is.
    `due`: the next period at which time alone could move something; it may be too early, never too late.
    """

    dimension: Dimension
    category: Category
    since_us: int
    entered: int
    changes: int
    target: Category
    earned: Category | None
    pending: PendingLook | None
    override: OverrideLook | None
    due: int | None
    categories: tuple[CategoryLook, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """A known customer at `as_of`, the period up to which time is worked through; the rest as in the pack.

    `instant_us`: the latest instant that any evaluation used, µs UTC. `due`: the earliest of the dimensions'.
    """

    customer_id: str
    life: int
    as_of: int
    instant_us: int
    due: int | None
    attributes: tuple[Value, ...]
    metrics: tuple[Value, ...]
    dimensions: tuple[DimensionLook, ...]


def look(engine: Engine, customer_id: str) -> Look | None:
    """What an engine knows of a customer now; None where it knows nothing, or forgot."""
    number, rows = _number(engine.customers, customer_id.encode()), engine.rows()
    # a customer of the batch in hand may have a number already, and no row yet
    if number is None or number >= len(rows) or rows[number, at.AS_OF] == at.ABSENT:
        return None
    return _Looker(engine, number).look(customer_id)


class _Looker:
    """Reads one known customer's row."""

    def __init__(self, engine: Engine, number: int) -> None:
        self.engine, self.number = engine, number
        self.pack = engine.plan.pack
        self.row: I64 = engine.rows()[number]
        self.as_of, words = _values_now(engine, number)
        kinds = [attribute.kind for attribute in self.pack.attributes]
        held = engine.attribute_words(self.row[None])[0]
        self.attributes = tuple(self._value(k, w) for k, w in zip(kinds, held.tolist(), strict=True))
        kinds = [metric.kind for metric in self.pack.metrics]
        self.metrics = tuple(self._value(k, w) for k, w in zip(kinds, words.tolist(), strict=True))
        self.blocks = [self._block(index) for index in range(len(self.pack.dimensions))]

    def look(self, customer_id: str) -> Look:
        started_us = calendar(self.pack.timezone).start_us(self.as_of)
        dimensions = tuple(self._dimension(index) for index in range(len(self.blocks)))
        return Look(
            customer_id=customer_id,
            life=int(self.row[at.LIFE]),
            as_of=self.as_of,
            instant_us=max(int(self.row[at.INSTANT]), started_us),
            due=min((each.due for each in dimensions if each.due is not None), default=None),
            attributes=self.attributes,
            metrics=self.metrics,
            dimensions=dimensions,
        )

    def _block(self, index: int) -> list[int]:
        first = int(self.engine.plan.arrays.dimensions[index, 0])
        words: list[int] = self.row[first : first + at.BLOCK].tolist()
        return words

    def _dimension(self, index: int) -> DimensionLook:
        dimension, block = self.pack.dimensions[index], self.blocks[index]
        ids = [
            each.categories[words[at.CATEGORY]].id
            for each, words in zip(self.pack.dimensions, self.blocks, strict=True)
        ]
        scope = Scope(
            digits=self.pack.digits,
            metrics=self.metrics,
            attributes=self.attributes,
            categories=tuple(ids[:index]),
            current=ids[index],
            days_in_category=self.as_of - block[at.ENTERED],
        )
        earned = block[at.EARNED] if dimension.kind == "ladder" else -1
        categories = tuple(
            CategoryLook(category, tuple(_conditions(dimension, position, earned, scope)))
            for position, category in enumerate(dimension.categories)
        )
        due = max(block[at.DUE], self.as_of + 1)
        return DimensionLook(
            dimension=dimension,
            category=dimension.categories[block[at.CATEGORY]],
            since_us=block[at.ENTERED_US],
            entered=block[at.ENTERED],
            changes=block[at.COUNT],
            target=_target(dimension, categories),
            earned=dimension.categories[earned] if earned >= 0 else None,
            pending=_pending(dimension, block),
            override=self._override(index),
            due=None if due == at.NEVER else due,
            categories=categories,
        )

    def _override(self, index: int) -> OverrideLook | None:
        slab = self.engine.override(self.number, index)
        if slab is None:
            return None
        mode, category, until, assigned_us, actor, reason = slab.tolist()
        if mode == 0 or self.as_of >= until:
            return None
        return OverrideLook(
            mode="pin" if mode == at.MODE_PIN else "floor",
            category=self.pack.dimensions[index].categories[category],
            until=None if until == at.NEVER else until,
            actor=None if actor < 0 else self.engine.strings.text(actor),
            reason=None if reason < 0 else self.engine.strings.text(reason),
            assigned_us=assigned_us,
        )

    def _value(self, kind: Kind, word: int) -> Value:
        if kind is Kind.NUMBER:
            number = float(np.int64(word).view(np.float64))
            return None if np.isnan(number) else number
        if word == at.ABSENT:
            return None
        if kind is Kind.STRING:
            return self.engine.strings.text(word)
        return word == 1 if kind is Kind.BOOLEAN else word


def _number(table: StringTable, text: bytes) -> int | None:
    """The number of a string in a table, if it is there: the table itself only finds what it may add."""
    if not text:
        return None
    span = np.zeros(1, np.int64), np.array([len(text)], np.int32)
    key = int(hash_spans(np.frombuffer(text, np.uint8), *span)[0])
    mask = table._slots.size - 1
    slot = key & mask
    while (number := int(table._slots[slot])) >= 0:
        begin, end = table.ends[number], table.ends[number + 1]
        if int(table._hashes[number]) == key and table.arena[begin:end].tobytes() == text:
            return number
        slot = (slot + 1) & mask
    return None


def _values_now(engine: Engine, number: int) -> tuple[int, I64]:
    """Up to which period time is worked through for a customer, and the metrics at it as words.

    Customers whom a tick leaves as they are do not hear of it until they are next looked at, so it counts
    for them all the same; not for those who have something due by it and whose turn is still to come.
    """
    state, plan = engine._state, engine.plan.packed
    known, as_of = np.array([number], np.int64), np.empty(1, np.int64)
    values = np.empty((1, len(engine.plan.pack.metrics)), np.int64)
    customer_values(plan, state, engine._work, known, as_of, values)
    if state.due[number] <= as_of[0]:
        customer_values(plan, state._replace(ticks=state.ticks[:0]), engine._work, known, as_of, values)
    return int(as_of[0]), values[0]


def _conditions(dimension: Dimension, position: int, earned: int, scope: Scope) -> Iterator[ConditionLook]:
    category = dimension.categories[position]
    rule = f"{dimension.id}.{category.id}"
    if category.when is not None:
        yield _condition(f"{rule}.when", category.when, scope, asked=True)
    if category.enter is not None:
        keep = category.keep or category.enter
        yield _condition(f"{rule}.enter", category.enter, scope, asked=position > earned)
        yield _condition(f"{rule}.keep", keep, scope, asked=position <= earned)


def _condition(rule: str, condition: Condition, scope: Scope, *, asked: bool) -> ConditionLook:
    values = {name.name: render(scope.value(name), name.kind, scope.digits) for name in condition.names}
    return ConditionLook(rule, condition.text, holds(condition.tree, scope), asked, values)


def _target(dimension: Dimension, categories: tuple[CategoryLook, ...]) -> Category:
    """Where S7.1 aims: a ladder is tried from its highest category down, a first_match from its first."""
    tried = tuple(reversed(categories)) if dimension.kind == "ladder" else categories
    for each in tried:
        if any(condition.asked and condition.result for condition in each.conditions):
            return each.category
    return tried[-1].category


def _pending(dimension: Dimension, block: list[int]) -> PendingLook | None:
    current, target = block[at.CATEGORY], block[at.PENDING_TARGET]
    if target < 0:
        return None
    policy = dimension.upgrade if target > current else dimension.downgrade
    if dimension.kind == "ladder" and policy.step_one:
        target = current + 1 if target > current else current - 1
    to, until = dimension.categories[target], block[at.PENDING_UNTIL]
    words = (
        f"{dimension.id} will move from {dimension.categories[current].id} to {to.id} "
        f"on {date_from_period(until)} if nothing happens"
    )
    return PendingLook(to, block[at.PENDING_SINCE], until, words)
