"""A customer's story: what came, what it did and why, chapter by chapter, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rules.calendar import date_from_period
from rules.engine.bodies import render
from rules.engine.evaluate import Value
from rules.engine.event import LABELS, Event
from rules.engine.outcome import Answer, Output
from rules.engine.reference import CustomerView, Evaluation, Reference
from rules.engine.reference_dimensions import Check, Decision
from rules.language.model import Kind, Pack
from rules.money import format_minor


@dataclass(frozen=True, slots=True)
class Part:
    """What an evaluation found in one dimension; `checks` are the conditions in the order asked."""

    dimension: str
    outputs: tuple[Output, ...]
    checks: tuple[Check, ...]
    override: str | None


@dataclass(frozen=True, slots=True)
class Chapter:
    """One event, or one day that began, of a customer.

    `headline` says what came, `notes` what is special about it (late, a duplicate, rejected). `parts` are the
    dimensions in which something happened, and `metrics` all metrics then, as bodies show them.
    """

    life: int | None
    period: int
    instant_us: int
    headline: str
    notes: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    metrics: tuple[tuple[str, object], ...] = ()


class Storyteller:
    """Runs the reference on one customer's events and ticks, and keeps the chapters."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.chapters: list[Chapter] = []
        self.last: Evaluation | None = None
        self._evaluations: list[Evaluation] = []
        self._engine = Reference(pack, observer=self._evaluations.append)

    def apply(self, event: Event) -> None:
        """An event of the customer."""
        answer = self._engine.apply(event)
        evaluation = self._days()
        headline = event_in_words(event, self.pack)
        notes = tuple(_notes(event, answer))
        if evaluation is None:
            self.chapters.append(Chapter(None, event.period, event.occurred_us, headline, notes))
        else:
            self.chapters.append(self._chapter(evaluation, headline, notes, event.occurred_us))

    def tick(self, period: int) -> None:
        """A period has begun."""
        self._engine.tick(period)
        self._days()

    def customer(self) -> CustomerView | None:
        """Where the customer is now, if known."""
        return next(self._engine.customers(), None)

    def parts_now(self) -> tuple[Part, ...]:
        """What the last evaluation asked in every dimension."""
        return () if self.last is None else tuple(self._parts(self.last, all_dimensions=True))

    def _days(self) -> Evaluation | None:
        """Turn the days that moved something into chapters; the evaluation of an event is left to it."""
        event_evaluation = None
        for evaluation in self._evaluations:
            self.last = evaluation
            if evaluation.cause == "event":
                event_evaluation = evaluation
            elif evaluation.outputs:
                headline = "the day begins"
                self.chapters.append(self._chapter(evaluation, headline, (), evaluation.instant_us))
        self._evaluations.clear()
        return event_evaluation

    def _chapter(
        self, evaluation: Evaluation, headline: str, notes: tuple[str, ...], instant_us: int
    ) -> Chapter:
        shown = metrics_in_words(self.pack, evaluation.metrics) if evaluation.outputs else ()
        return Chapter(
            life=evaluation.life,
            period=evaluation.period,
            instant_us=instant_us,
            headline=headline,
            notes=notes,
            parts=tuple(self._parts(evaluation, all_dimensions=False)),
            metrics=shown,
        )

    def _parts(self, evaluation: Evaluation, *, all_dimensions: bool) -> Iterator[Part]:
        for decision in evaluation.decisions:
            name = decision.dimension.id
            outputs = tuple(each for each in evaluation.outputs if each.body["dimension"] == name)
            if outputs or all_dimensions:
                yield Part(name, outputs, decision.checks, _override(decision))


def event_in_words(event: Event, pack: Pack) -> str:
    """An event's type and everything it says, such as `order.completed: amount 12.50 GBP, channel web`."""
    says = list(_fields(event, pack))
    return f"{event.type}: {', '.join(says)}" if says else event.type


def metrics_in_words(pack: Pack, metrics: tuple[Value, ...]) -> tuple[tuple[str, object], ...]:
    """All metrics by name, as bodies show them."""
    return tuple(
        (metric.name, render(value, metric.kind, pack.digits))
        for metric, value in zip(pack.metrics, metrics, strict=True)
    )


def _notes(event: Event, answer: Answer) -> Iterator[str]:
    if answer.rejection is not None:
        yield f"rejected ({answer.rejection.code.value}): {answer.rejection.detail}"
    if answer.duplicate:
        yield f"a duplicate: `{event.event_id}` came before, so it changes nothing"
    if answer.late:
        yield f"late: it counts on {date_from_period(event.period)}"
    if any(output.kind == "erased" for output in answer.outputs):
        yield "everything known of this customer is forgotten"


def _fields(event: Event, pack: Pack) -> Iterator[str]:
    for name in ("amount", "discount"):
        units = getattr(event, name)
        if units is not None:
            yield f"{name} {format_minor(units, pack.digits)} {pack.currency}"
    for name in ("items", "score", "severity"):
        if getattr(event, name) is not None:
            yield f"{name} {getattr(event, name)}"
    if event.label is not None and event.topic != "customers":
        yield f"{LABELS[event.topic]} {event.label}"
    for index, value in event.attributes:
        attribute = pack.attributes[index]
        yield (
            f"{attribute.name} removed"
            if value is None
            else f"{attribute.name} {_plain(value, attribute.kind)}"
        )
    if event.dimension is not None:
        dimension = pack.dimensions[event.dimension]
        if event.category is None:
            yield f"{dimension.id} released"
        else:
            verb = "pinned to" if event.mode == "pin" else "kept at least at"
            yield f"{dimension.id} {verb} {dimension.categories[event.category].id}"
        if event.until is not None:
            yield f"until {date_from_period(event.until)}"
    if event.actor is not None:
        yield f"by {event.actor}"
    if event.reason is not None:
        yield f"because: {event.reason}"


def _plain(value: Value, kind: Kind) -> str:
    return str(value).lower() if kind is Kind.BOOLEAN else str(value)


def _override(decision: Decision) -> str | None:
    """The active override in words."""
    override = decision.override
    if override is None:
        return None
    category = decision.dimension.categories[override.category].id
    act = f"pinned to {category}" if override.mode == "pin" else f"kept at {category} or above"
    until = "" if override.until is None else f" until {date_from_period(override.until)}"
    actor = "" if override.actor is None else f" by {override.actor}"
    return f"{act}{until}{actor}"
