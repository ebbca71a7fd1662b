"""The reference: the loop of S4 as it is written, day by day, for every customer. Slow, and nothing to doubt.

What it answers is the definition of truth in code. Nothing here is clever: facts are kept in a list, metrics
are computed anew at each evaluation, and every period of every customer is walked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from rules.calendar import calendar
from rules.engine.bodies import change_body, erased_body, notice_body, published, reason
from rules.engine.evaluate import Scope, Value
from rules.engine.event import Code, Event, Rejection, Topic
from rules.engine.outcome import ERASED_DETAIL, Answer, Output, too_late_detail
from rules.engine.reference_dimensions import (
    NOWHERE,
    Decision,
    DimensionState,
    Move,
    Notice,
    Override,
    decide,
)
from rules.engine.reference_metrics import metric_values
from rules.language.model import Dimension, Pack


@dataclass(slots=True)
class _Customer:
    """What is remembered of a customer (S3). `facts` are in the order in which they were applied."""

    id: str
    life: int
    as_of: int
    instant_us: int
    attributes: list[Value]
    attributes_us: list[int | None]
    dimensions: list[DimensionState]
    facts: list[Event] = field(default_factory=list)
    ids: dict[tuple[Topic, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Marker:
    """What stays of an erased customer: the number of its next life, and the instant it ended (S12.1)."""

    life: int
    instant_us: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation (S7) as it was made, and what came of it, for those who explain it."""

    customer_id: str
    life: int
    period: int
    instant_us: int
    cause: Literal["event", "time"]
    trigger: Event | None
    metrics: tuple[Value, ...]
    attributes: tuple[Value, ...]
    decisions: tuple[Decision, ...]
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class DimensionView:
    """A dimension of a customer as it is known now; categories by id, periods as integers, times in µs UTC.

    Of the override only what is active at the customer's `as_of` is shown.
    """

    category: str
    code: str | None
    since_us: int
    changes: int
    pending_to: str | None
    pending_since: int | None
    pending_until: int | None
    override_mode: str | None
    override_category: str | None
    override_until: int | None


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A known customer: dimensions, attributes and metrics (at `as_of`) in the order of the pack."""

    customer_id: str
    life: int
    as_of: int
    dimensions: tuple[DimensionView, ...]
    attributes: tuple[Value, ...]
    metrics: tuple[Value, ...]


class Reference:
    """The slow engine. `observer`, if given, is told of each evaluation as it is made."""

    def __init__(
        self, pack: Pack, generation: int = 1, observer: Callable[[Evaluation], None] | None = None
    ) -> None:
        self.pack = pack
        self.generation = generation
        self._observer = observer
        self._calendar = calendar(pack.timezone)
        self._customers: dict[str, _Customer] = {}
        self._markers: dict[str, _Marker] = {}

    def apply(self, event: Event) -> Answer:
        """Apply an event (S4.1), unless it is rejected or a duplicate."""
        marker = self._markers.get(_digest(event.customer_id))
        if marker is not None and event.occurred_us <= marker.instant_us:
            return _rejected(event, Code.ERASED, ERASED_DETAIL)
        customer = self._customers.get(event.customer_id)
        latest = event.period if customer is None else max(customer.as_of, event.period)
        if event.topic != "customers" and event.period < latest - self.pack.lateness:
            return _rejected(event, Code.TOO_LATE, too_late_detail(self.pack.lateness))
        if customer is not None and self._remembered(customer, event, latest):
            return Answer(duplicate=True)

        if event.type == "customer.erased":
            return self._erase(customer, event, marker)
        outputs: list[Output] = []
        if customer is None:
            customer = self._born(event, 1 if marker is None else marker.life)  # S4.1 step 1
            self._remembered(customer, event, latest)
        late = event.period < customer.as_of
        self._walk(customer, event.period, outputs)  # step 2
        _apply(customer, event)  # step 4
        customer.instant_us = max(customer.instant_us, event.occurred_us)
        self._evaluate(customer, event, outputs)  # step 5
        return Answer(outputs=tuple(outputs), late=late)

    def tick(self, period: int) -> list[Output]:
        """Tell that a period has begun (S4.2): period by period, customers by the bytes of their ids."""
        outputs: list[Output] = []
        customers = sorted(self._customers.values(), key=lambda customer: customer.id.encode())
        first = min((customer.as_of + 1 for customer in customers), default=period)
        for each in range(first, period + 1):
            for customer in customers:
                self._walk(customer, each, outputs)
        return outputs

    def customers(self) -> Iterator[CustomerView]:
        """All known customers, by the bytes of their ids."""
        for customer in sorted(self._customers.values(), key=lambda customer: customer.id.encode()):
            yield self._view(customer)

    def _remembered(self, customer: _Customer, event: Event, latest: int) -> bool:
        """Whether the event came before (S4.3); remembers that it came now."""
        key = (event.topic, event.event_id)
        known = customer.ids.get(key)
        seen = latest if event.topic == "customers" else event.period
        customer.ids[key] = seen if known is None else max(known, seen)
        return known is not None and known >= latest - self.pack.lateness

    def _born(self, event: Event, life: int) -> _Customer:
        customer = _Customer(
            id=event.customer_id,
            life=life,
            as_of=event.period,
            instant_us=event.occurred_us,
            attributes=[None] * len(self.pack.attributes),
            attributes_us=[None] * len(self.pack.attributes),
            dimensions=[DimensionState() for _ in self.pack.dimensions],
        )
        self._customers[event.customer_id] = customer
        return customer

    def _walk(self, customer: _Customer, period: int, outputs: list[Output]) -> None:
        """Work through the periods up to the given one, each by itself (S4.1 step 2)."""
        while customer.as_of < period:
            customer.as_of += 1
            customer.instant_us = max(customer.instant_us, self._calendar.start_us(customer.as_of))
            self._evaluate(customer, None, outputs)

    def _erase(self, customer: _Customer | None, event: Event, marker: _Marker | None) -> Answer:
        """Forget everything but the marker (S12.1)."""
        digest = _digest(event.customer_id)
        if customer is None:
            self._markers[digest] = _Marker(1 if marker is None else marker.life, event.occurred_us)
            return Answer()
        outputs: list[Output] = []
        late = event.period < customer.as_of
        self._walk(customer, event.period, outputs)
        instant_us = max(customer.instant_us, event.occurred_us)
        body = erased_body(
            customer_id=customer.id,
            life=customer.life,
            effective_us=instant_us,
            reason=event.reason,
            actor=event.actor,
        )
        outputs.append(Output("erased", customer.id, instant_us, body))
        del self._customers[customer.id]
        self._markers[digest] = _Marker(customer.life + 1, instant_us)
        return Answer(outputs=tuple(outputs), late=late)

    def _evaluate(self, customer: _Customer, trigger: Event | None, outputs: list[Output]) -> None:
        """Evaluate every dimension in declared order at the customer's `as_of` (S7)."""
        period, instant_us = customer.as_of, customer.instant_us
        attributes = tuple(customer.attributes)
        metrics = metric_values(self.pack, customer.facts, attributes, period)
        decisions: list[Decision] = []
        made: list[Output] = []
        for dimension, state in zip(self.pack.dimensions, customer.dimensions, strict=True):
            unborn = state.category == NOWHERE
            scope = Scope(
                digits=self.pack.digits,
                metrics=metrics,
                attributes=attributes,
                categories=tuple(each.dimension.categories[each.category].id for each in decisions),
                current=None if unborn else dimension.categories[state.category].id,
                days_in_category=None if unborn else period - state.entered,
            )
            decision = decide(dimension, state, period, instant_us, scope)
            decisions.append(decision)
            made.extend(self._notice(customer, dimension, notice) for notice in decision.notices)
            if decision.move is not None:
                made.append(self._change(customer, dimension, decision.move, trigger, metrics))
        outputs.extend(made)
        if self._observer is not None:
            cause: Literal["event", "time"] = "time" if trigger is None else "event"
            self._observer(
                Evaluation(
                    customer.id,
                    customer.life,
                    period,
                    instant_us,
                    cause,
                    trigger,
                    metrics,
                    attributes,
                    tuple(decisions),
                    tuple(made),
                )
            )

    def _notice(self, customer: _Customer, dimension: Dimension, notice: Notice) -> Output:
        body = notice_body(
            dimension,
            customer_id=customer.id,
            life=customer.life,
            state=notice.state,
            source=dimension.categories[notice.source],
            to=dimension.categories[notice.pending.to],
            since=notice.pending.since,
            until=notice.pending.until,
            effective_us=customer.instant_us,
            sequence_next=notice.sequence_next,
        )
        return Output("notice", customer.id, customer.instant_us, body)

    def _change(
        self,
        customer: _Customer,
        dimension: Dimension,
        move: Move,
        trigger: Event | None,
        metrics: tuple[Value, ...],
    ) -> Output:
        by_rules: Literal["event", "time"] = "time" if trigger is None else "event"
        body = change_body(
            self.pack,
            dimension,
            generation=self.generation,
            customer_id=customer.id,
            life=customer.life,
            sequence=move.sequence,
            source=None if move.source == NOWHERE else dimension.categories[move.source],
            to=dimension.categories[move.to],
            target=dimension.categories[move.target],
            direction=move.direction,
            effective_us=customer.instant_us,
            previous_us=None if move.source == NOWHERE else move.previous_us,
            cause="override" if move.overridden else by_rules,
            trigger=None if trigger is None else (trigger.event_id, trigger.type),
            reasons=[
                reason(check.rule, check.expression, result=check.result, values=check.values)
                for check in move.reasons
            ],
            metrics=published(self.pack, dimension, metrics),
        )
        return Output("change", customer.id, customer.instant_us, body)

    def _view(self, customer: _Customer) -> CustomerView:
        attributes = tuple(customer.attributes)
        return CustomerView(
            customer_id=customer.id,
            life=customer.life,
            as_of=customer.as_of,
            dimensions=tuple(
                _dimension_view(dimension, state, customer.as_of)
                for dimension, state in zip(self.pack.dimensions, customer.dimensions, strict=True)
            ),
            attributes=attributes,
            metrics=metric_values(self.pack, customer.facts, attributes, customer.as_of),
        )


def _digest(customer_id: str) -> str:
    return hashlib.sha256(customer_id.encode()).hexdigest()


def _rejected(event: Event, code: Code, detail: str) -> Answer:
    return Answer(rejection=Rejection(code, detail, event.event_id, event.customer_id))


def _apply(customer: _Customer, event: Event) -> None:
    """Add an event to the facts, attributes or overrides (S4.1 step 4)."""
    if event.topic != "customers":
        customer.facts.append(event)
        return
    for index, value in event.attributes:
        set_us = customer.attributes_us[index]
        if set_us is None or event.occurred_us >= set_us:  # the latest occurred_at wins (S4.3)
            customer.attributes[index] = value
            customer.attributes_us[index] = event.occurred_us
    if event.dimension is not None:
        state = customer.dimensions[event.dimension]
        if state.override_us is None or event.occurred_us >= state.override_us:
            state.override = _override(event)
            state.override_us = event.occurred_us


def _override(event: Event) -> Override | None:
    if event.type == "category.released" or event.category is None:
        return None
    return Override(event.mode or "pin", event.category, event.until, event.reason, event.actor)


def _dimension_view(dimension: Dimension, state: DimensionState, as_of: int) -> DimensionView:
    category, pending = dimension.categories[state.category], state.pending
    override = state.override if state.override is not None and state.override.active(as_of) else None
    return DimensionView(
        category=category.id,
        code=category.code,
        since_us=state.entered_us,
        changes=state.changes,
        pending_to=None if pending is None else dimension.categories[pending.to].id,
        pending_since=None if pending is None else pending.since,
        pending_until=None if pending is None else pending.until,
        override_mode=None if override is None else override.mode,
        override_category=None if override is None else dimension.categories[override.category].id,
        override_until=None if override is None else override.until,
    )
