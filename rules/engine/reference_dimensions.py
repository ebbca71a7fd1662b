"""How the reference decides a dimension at one evaluation: target, policy, override, earned rank (S7, S8)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from rules.calendar import month_start, quarter_start, year_start
from rules.engine.bodies import Direction, NoticeState, render
from rules.engine.evaluate import Scope, holds
from rules.language.model import Condition, Dimension, Policy

#: The category of a customer who is not born yet, and the earned rank of one who has earned nothing (S7.1).
NOWHERE = -1

_AT = {"month_start": month_start, "quarter_start": quarter_start, "year_start": year_start}


@dataclass(frozen=True, slots=True)
class Pending:
    """A move that waits: where the rules aim, where it would lead now, begun at `since`, due at `until`."""

    target: int
    to: int
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Override:
    """A pin or a floor on a dimension, active at periods before `until` (S8)."""

    mode: Literal["pin", "floor"]
    category: int
    until: int | None
    reason: str | None
    actor: str | None

    def active(self, period: int) -> bool:
        """Whether it acts at a period."""
        return self.until is None or period < self.until


@dataclass(slots=True)
class DimensionState:
    """What is remembered of a customer in one dimension (S3). Categories are positions in the dimension.

    `override_us` is the `occurred_at` of the latest assignment or release, so that an older one that comes
    later does not undo it (S4.3).
    """

    category: int = NOWHERE
    entered: int = 0
    entered_us: int = 0
    changes: int = 0
    pending: Pending | None = None
    override: Override | None = None
    override_us: int | None = None
    earned: int = NOWHERE


@dataclass(frozen=True, slots=True)
class Check:
    """A condition as it was asked, or a category that asks nothing; `values` as in a reason (S9.3)."""

    rule: str
    expression: str | None
    result: bool
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class Notice:
    """A pending notice in the making (S9.7)."""

    state: NoticeState
    source: int
    pending: Pending
    sequence_next: int


@dataclass(frozen=True, slots=True)
class Move:
    """A move from one category to another, with the reasons for it; `source` is NOWHERE at birth."""

    source: int
    to: int
    target: int
    direction: Direction
    overridden: bool
    previous_us: int
    sequence: int
    reasons: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one evaluation found in one dimension. `rules_target` is S7.1's, before a floor.

    `checks` are the conditions asked for it, in the order in which they were asked.
    """

    dimension: Dimension
    category: int
    rules_target: int
    checks: tuple[Check, ...]
    override: Override | None
    pending: Pending | None
    notices: tuple[Notice, ...]
    move: Move | None


@dataclass(slots=True)
class _Draft:
    """What is still open while a dimension is decided."""

    to: int | None = None
    target: int = 0
    overridden: bool = False
    notices: list[Notice] = field(default_factory=list)


def decide(
    dimension: Dimension, state: DimensionState, period: int, instant_us: int, scope: Scope
) -> Decision:
    """Evaluate a dimension at a period: at most one move (S7). Changes `state`."""
    rules_target, checks = _rules_target(dimension, state.earned, scope)
    override = state.override if state.override is not None and state.override.active(period) else None
    floor = override.category if override is not None and override.mode == "floor" else None
    target = rules_target if floor is None else max(rules_target, floor)

    draft = _Draft(target=target)
    if override is not None and _decides(override, state, rules_target):
        _obey(override, state, draft)
    elif state.category == NOWHERE:
        draft.to = target  # S7.2
    else:
        _apply_policy(dimension, state, period, draft)

    move = None
    if draft.to is not None:
        direction = _direction(dimension, state.category, draft.to)
        move = Move(
            source=state.category,
            to=draft.to,
            target=draft.target,
            direction=direction,
            overridden=draft.overridden,
            previous_us=state.entered_us,
            sequence=state.changes + 1,
            reasons=_reasons(dimension, state, draft, direction, rules_target, checks, override),
        )
    _earn(state, move, rules_target, floor)
    if move is not None:
        state.category, state.entered, state.entered_us = move.to, period, instant_us
        state.changes, state.pending = move.sequence, None  # S7.4
    return Decision(
        dimension=dimension,
        category=state.category,
        rules_target=rules_target,
        checks=tuple(checks.values()),
        override=override,
        pending=state.pending,
        notices=tuple(draft.notices),
        move=move,
    )


def _rules_target(dimension: Dimension, earned: int, scope: Scope) -> tuple[int, dict[int, Check]]:
    """The target (S7.1), and by category every condition that was asked to find it, the target's last."""
    checks: dict[int, Check] = {}
    if dimension.kind == "first_match":
        for position, category in enumerate(dimension.categories):
            checks[position] = _ask(dimension, position, "when", category.when, scope)
            if checks[position].result:
                return position, checks
    else:
        for position in reversed(range(len(dimension.categories))):
            category = dimension.categories[position]
            if position > earned:
                checks[position] = _ask(dimension, position, "enter", category.enter, scope)
            else:
                checks[position] = _ask(dimension, position, "keep", category.keep or category.enter, scope)
            if checks[position].result:
                return position, checks
    raise AssertionError("a category without a condition always matches")


def _ask(dimension: Dimension, position: int, word: str, condition: Condition | None, scope: Scope) -> Check:
    prefix = f"{dimension.id}.{dimension.categories[position].id}"
    if condition is None:
        return Check(f"{prefix}.otherwise", None, result=True, values={})
    values = {name.name: render(scope.value(name), name.kind, scope.digits) for name in condition.names}
    return Check(f"{prefix}.{word}", condition.text, result=holds(condition.tree, scope), values=values)


def _decides(override: Override, state: DimensionState, rules_target: int) -> bool:
    """Whether an active override decides this evaluation: a pin does, a floor only from below (S8)."""
    if override.mode == "pin":
        return True
    return (rules_target if state.category == NOWHERE else state.category) < override.category


def _obey(override: Override, state: DimensionState, draft: _Draft) -> None:
    """Move at once where the override says, and cancel a pending move (S8)."""
    _cancel(state, draft)
    draft.target = override.category
    if state.category != override.category:
        draft.to, draft.overridden = override.category, True


def _cancel(state: DimensionState, draft: _Draft) -> None:
    if state.pending is not None:
        draft.notices.append(_notice("cancelled", state, state.pending))
        state.pending = None


def _notice(word: NoticeState, state: DimensionState, pending: Pending) -> Notice:
    return Notice(word, state.category, pending, state.changes + 1)


def _apply_policy(dimension: Dimension, state: DimensionState, period: int, draft: _Draft) -> None:
    """Start, update, cancel or carry out the pending move towards the target (S7.3, S9.7)."""
    current, target = state.category, draft.target
    if target == current:
        _cancel(state, draft)
        return
    policy = dimension.upgrade if target > current else dimension.downgrade
    to = target
    if policy.step_one:
        to = current + 1 if target > current else current - 1

    old = state.pending
    if old is not None and _same_move(dimension, current, old.target, target):
        state.pending = replace(old, target=target, to=to)
        word: NoticeState | None = "updated" if to != old.to else None
    else:
        _cancel(state, draft)
        due = _first_allowed(policy, max(period + policy.hold, state.entered + policy.min_dwell))
        state.pending = Pending(target, to, since=period, until=due)
        word = "started"
    if period >= state.pending.until:
        draft.to = to
    elif word is not None:
        draft.notices.append(_notice(word, state, state.pending))


def _same_move(dimension: Dimension, current: int, old_target: int, target: int) -> bool:
    """Whether a pending move goes on: the same direction in a ladder, else the same target (S7.3)."""
    if dimension.kind == "ladder":
        return (old_target > current) == (target > current)
    return old_target == target


def _first_allowed(policy: Policy, period: int) -> int:
    """The first period at or after the given one on which the policy lets a move happen (S7.3)."""
    if policy.at is not None:
        while _AT[policy.at](period) != period:
            period += 1
    return period


def _direction(dimension: Dimension, source: int, to: int) -> Direction:
    if source == NOWHERE:
        return "initial"
    if dimension.kind == "first_match":
        return "move"
    return "up" if to > source else "down"


def _reasons(
    dimension: Dimension,
    state: DimensionState,
    draft: _Draft,
    direction: Direction,
    rules_target: int,
    checks: dict[int, Check],
    override: Override | None,
) -> tuple[Check, ...]:
    """Why it moves (S9.3)."""
    if override is not None and draft.overridden:
        return (_override_reason(dimension, override),)
    reasons = []
    if direction == "down":
        reasons.append(checks[state.category])
    if override is not None and draft.target > rules_target:
        reasons.append(_override_reason(dimension, override))
    else:
        reasons.append(checks[draft.target])
    return tuple(reasons)


def _override_reason(dimension: Dimension, override: Override) -> Check:
    rule = f"{dimension.id}.{dimension.categories[override.category].id}.{override.mode}"
    values: dict[str, object] = {"actor": override.actor, "reason": override.reason}
    return Check(rule, None, result=True, values=values)


def _earn(state: DimensionState, move: Move | None, rules_target: int, floor: int | None) -> None:
    """Goodwill is not earned: only what the rules gave counts as the earned rank (S8)."""
    if move is None:
        if rules_target == state.category:
            state.earned = rules_target
    elif move.overridden:
        return
    elif move.direction != "down":
        state.earned = move.to
    elif floor is not None and rules_target < floor and move.to == floor:
        state.earned = rules_target
    else:
        state.earned = min(state.earned, move.to)
