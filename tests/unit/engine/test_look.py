"""What an engine tells of a customer now is what the reference knows, with every condition and its values."""

from __future__ import annotations

import json
import math
import random

import pytest

from rules.calendar import calendar, date_from_period, period_from_date
from rules.engine.evaluate import Value
from rules.engine.event import Event
from rules.engine.look import DimensionLook, Look, look
from rules.engine.look_body import look_body
from rules.engine.reference import CustomerView, DimensionView, Evaluation, Reference
from rules.engine.reference_dimensions import Decision
from rules.language.load import load_pack
from rules.language.model import Pack
from tests.properties.comparison import differences, reference_told, told_by
from tests.properties.histories import Input, Tick
from tests.properties.kernel_host import KernelHost
from tests.properties.strategies import seeded_history

#: How far ahead the reference is walked to see that nothing moves before it is said to.
AHEAD_DAYS = 40


class Both:
    """The reference and the kernel, told the same."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.host = KernelHost(pack)
        self.last: dict[str, Evaluation] = {}
        self.reference = Reference(pack, observer=self._observe)

    def _observe(self, evaluation: Evaluation) -> None:
        self.last[evaluation.customer_id] = evaluation

    def run(self, inputs: tuple[Input, ...]) -> None:
        for each in inputs:
            if isinstance(each, Event):
                self.reference.apply(each)
            else:
                self.reference.tick(each.period)
        self.host.run(inputs, 5)

    def look(self, customer: str) -> Look:
        found = look(self.host.engine, customer)
        assert found is not None
        return found


def same(left: Value, right: Value) -> bool:
    """Whether two values are one and the same, also in their kind."""
    return type(left) is type(right) and left == right


def check_customer(both: Both, view: CustomerView) -> None:
    seen, evaluation = both.look(view.customer_id), both.last[view.customer_id]
    assert (seen.life, seen.as_of) == (view.life, view.as_of)
    assert seen.instant_us == evaluation.instant_us
    assert all(map(same, seen.attributes, view.attributes))
    assert all(map(same, seen.metrics, view.metrics)), (seen.metrics, view.metrics)
    for mine, theirs, decision in zip(seen.dimensions, view.dimensions, evaluation.decisions, strict=True):
        assert flat(mine) == theirs
        check_conditions(mine, decision)


def flat(seen: DimensionLook) -> DimensionView:
    pending, override = seen.pending, seen.override
    return DimensionView(
        category=seen.category.id,
        code=seen.category.code,
        since_us=seen.since_us,
        changes=seen.changes,
        pending_to=None if pending is None else pending.to.id,
        pending_since=None if pending is None else pending.since,
        pending_until=None if pending is None else pending.until,
        override_mode=None if override is None else override.mode,
        override_category=None if override is None else override.category.id,
        override_until=None if override is None else override.until,
    )


def check_conditions(seen: DimensionLook, decision: Decision) -> None:
    """What the last evaluation asked and did not change by its answer stands so now."""
    if decision.move is not None:
        return
    shown = {each.rule: each for category in seen.categories for each in category.conditions}
    asked = [check for check in decision.checks if check.expression is not None]
    for check in asked:
        mine = shown[check.rule]
        assert (mine.expression, mine.result) == (check.expression, check.result)
        assert repr(mine.values) == repr(check.values)
    if all(shown[check.rule].asked for check in asked):  # a rank that was just earned asks for less
        assert seen.target is decision.dimension.categories[decision.rules_target]


def check_due(both: Both) -> None:
    """Nothing moves before the period at which something could."""
    due = {view.customer_id: both.look(view.customer_id).due for view in both.reference.customers()}
    if not due:
        return
    first = max(view.as_of for view in both.reference.customers())
    for period in range(first + 1, first + AHEAD_DAYS):
        for output in both.reference.tick(period):
            customer_due = due[output.customer_id]
            assert customer_due is not None
            assert customer_due <= period
            due[output.customer_id] = period


@pytest.mark.parametrize("chunk", range(3))
@pytest.mark.parametrize("base", ["known", "new"])
def test_it_agrees_with_the_reference_on_random_histories(
    seed_bases: tuple[int, int], base: str, chunk: int
) -> None:
    first = seed_bases[base == "new"] + 25 * chunk
    for seed in range(first, first + 25):
        history = seeded_history(seed)
        both = Both(history.pack)
        cut = random.Random(seed).randrange(len(history.inputs) + 1)
        for inputs in (history.inputs[:cut], history.inputs[cut:]):
            both.run(inputs)
            try:
                for view in both.reference.customers():
                    check_customer(both, view)
            except AssertionError as error:
                pytest.fail(f"seed {seed}, after {cut} inputs or all: {error}")
        # looking in between has changed nothing
        assert differences(reference_told(history.pack, history.inputs), told_by(both.host.said)) == []


def test_nothing_moves_before_it_is_said_to(seed_bases: tuple[int, int]) -> None:
    for seed in range(seed_bases[0], seed_bases[0] + 15):
        history = seeded_history(seed)
        both = Both(history.pack)
        both.run(tuple(each for each in history.inputs if before_the_end(both.pack, each)))
        check_due(both)


def before_the_end(pack: Pack, each: Input) -> bool:
    """The calendar ends in 2200, and the days after it cannot be walked."""
    return each.period < period_from_date(date_from_period(0).replace(year=2190))


PACK = load_pack(
    """
name: shop
version: "7"
timezone: Europe/Berlin
currency: EUR
attributes: {country: string, limit: number, member: boolean}
metrics:
  orders: {agg: count, of: order.completed}
  spend_30d: {agg: sum, of: order.completed, field: amount, window: 30d}
  rating: {agg: avg, of: feedback.rating, field: score}
  home: {expr: "attr.country"}
dimensions:
  tier:
    kind: ladder
    categories:
      low: {}
      high:
        {code: "2", title: High, enter: "spend_30d >= 100", keep: "spend_30d >= 50", strategy: {gift: wine}}
      top: {code: "1", enter: "spend_30d >= 300 and attr.country == 'DE'"}
    downgrade: {hold: 5d, step: one}
  mood:
    kind: first_match
    categories:
      sour: {when: "rating < 3"}
      fine: {}
""",
    "shop.yaml",
)
DAY = period_from_date(date_from_period(0).replace(year=2026, month=3, day=2))


def event(type_: str, day: int, **more: object) -> Event:
    """An event of customer C at noon of a day after `DAY`."""
    fields: dict[str, object] = {
        "event_id": f"{type_}{day}",
        "type": type_,
        "customer_id": "C",
        "period": DAY + day,
        "occurred_us": calendar(PACK.timezone).start_us(DAY + day) + 12 * 3_600_000_000,
    }
    return Event(**{**fields, **more})  # type: ignore[arg-type]


def told(*inputs: Input) -> Both:
    both = Both(PACK)
    both.run(inputs)
    return both


def test_an_unknown_customer_is_not_there_and_is_not_made() -> None:
    both = told(event("order.completed", 0, amount=100))
    engine = both.host.engine
    for stranger in ("", "c", "C ", "é", "C" * 128):
        assert look(engine, stranger) is None
    assert len(engine.customers) == 1


def test_an_erased_customer_is_not_there() -> None:
    both = told(event("order.completed", 0, amount=100), event("customer.erased", 1))
    assert look(both.host.engine, "C") is None


def test_a_customer_is_found_among_thousands() -> None:
    orders = [event("order.completed", 0, customer_id=f"c/{n}é", amount=n * 100) for n in range(3_000)]
    both = Both(PACK)
    both.host.run(orders)
    for n in (0, 1, 1_499, 2_999):
        seen = look(both.host.engine, f"c/{n}é")
        assert seen is not None
        assert seen.metrics[:2] == (1, n * 100)


def test_a_ladder_shows_enter_and_keep_and_which_of_them_is_asked() -> None:
    seen = told(event("order.completed", 0, amount=12_000)).look("C").dimensions[0]
    assert seen.category.id == "high"
    assert seen.earned is seen.category
    assert [
        (each.rule, each.expression, each.result, each.asked, each.values)
        for category in seen.categories
        for each in category.conditions
    ] == [
        ("tier.high.enter", "spend_30d >= 100", True, False, {"spend_30d": "120.00"}),
        ("tier.high.keep", "spend_30d >= 50", True, True, {"spend_30d": "120.00"}),
        (
            "tier.top.enter",
            "spend_30d >= 300 and attr.country == 'DE'",
            False,
            True,
            {"spend_30d": "120.00", "attr.country": None},
        ),
        (
            "tier.top.keep",
            "spend_30d >= 300 and attr.country == 'DE'",
            False,
            False,
            {"spend_30d": "120.00", "attr.country": None},
        ),
    ]


def test_a_pending_move_says_where_it_leads_and_when() -> None:
    both = told(
        event("order.completed", 0, amount=40_000),
        event("customer.updated", 0, attributes=((0, "DE"),)),
        Tick(DAY + 31),
    )
    seen = both.look("C")
    tier = seen.dimensions[0]
    assert tier.category.id == "top"
    assert tier.target.id == "low"
    assert tier.pending is not None
    assert tier.pending.to.id == "high"  # one step at a time
    assert (tier.pending.since, tier.pending.until) == (DAY + 30, DAY + 35)
    assert tier.pending.words == "tier will move from top to high on 2026-04-06 if nothing happens"
    assert tier.due == seen.due == DAY + 35


def test_a_tick_that_leaves_a_customer_alone_counts_all_the_same() -> None:
    seen = told(event("order.completed", 0, amount=12_000), Tick(DAY + 10)).look("C")
    assert seen.as_of == DAY + 10
    assert seen.instant_us == calendar(PACK.timezone).start_us(DAY + 10)
    assert seen.due == DAY + 30


def test_in_the_middle_of_a_tick_a_customer_whose_turn_is_to_come_is_shown_as_before() -> None:
    both = told(event("order.completed", 0, amount=12_000))
    engine = both.host.engine
    engine.begin_tick(DAY + 30)
    before = both.look("C")
    assert before.as_of == DAY
    assert before.metrics[1] == 12_000
    engine.tick_rows(DAY + 30, 0, 1, 100)
    after = both.look("C")
    assert after.as_of == DAY + 30
    assert after.metrics[1] == 0
    assert after.dimensions[0].pending is not None


def test_an_override_is_shown_while_it_is_active() -> None:
    assigned = event(
        "category.assigned",
        1,
        dimension=0,
        category=2,
        mode="pin",
        until=DAY + 9,
        actor="Ann",
        reason="goodwill",
    )
    both = told(event("order.completed", 0, amount=100), assigned)
    tier = both.look("C").dimensions[0]
    assert tier.category.id == "top"
    assert tier.earned is not None
    assert tier.earned.id == "low"
    assert tier.override is not None
    assert (tier.override.mode, tier.override.category.id) == ("pin", "top")
    assert (tier.override.actor, tier.override.reason) == ("Ann", "goodwill")
    assert tier.override.until == tier.due == DAY + 9
    both.run((Tick(DAY + 9),))
    assert both.look("C").dimensions[0].override is None


def test_as_json_it_reads_like_the_body_of_a_change() -> None:
    both = told(
        event("order.completed", 0, amount=12_000),
        event("customer.updated", 0, attributes=((0, "DE"), (1, 2.5), (2, True))),
        event("feedback.rating", 1, score=2),
    )
    body = json.loads(json.dumps(look_body(PACK, both.look("C"))))
    assert body["customer_id"] == "C"
    assert (body["as_of"], body["instant"]) == ("2026-03-03", "2026-03-03T11:00:00.000000Z")
    assert body["next_due"] == "2026-04-01"
    assert body["attributes"] == {"country": "DE", "limit": 2.5, "member": True}
    assert body["metrics"] == {"orders": 1, "spend_30d": "120.00", "rating": 2.0, "home": "DE"}
    assert body["pack"] == {"name": "shop", "version": "7", "fingerprint": PACK.fingerprint}
    tier, mood = body["dimensions"]["tier"], body["dimensions"]["mood"]
    assert tier["strategy"] == {"gift": "wine"}
    assert (tier["category"], tier["code"], tier["title"], tier["changes"]) == ("high", "2", "High", 1)
    assert tier["pending"] is tier["override"] is None
    assert [each["category"] for each in tier["categories"]] == ["low", "high", "top"]
    assert (mood["category"], mood["earned"], mood["next_due"]) == ("sour", None, None)
    assert mood["categories"][1]["conditions"] == []


def test_a_missing_number_is_null_and_not_one_that_json_does_not_know() -> None:
    seen = told(event("order.completed", 0, amount=100)).look("C")
    assert seen.metrics[2] is None
    assert seen.attributes == (None, None, None)
    assert not any(isinstance(value, float) and math.isnan(value) for value in seen.metrics)


class Looking:
    """Looks at customers whenever the engine lets go of what it shares; the bell always rings."""

    def __init__(self, host: KernelHost, customers: set[str]) -> None:
        self._engine, self._customers = host.engine, customers
        self.looks = 0
        self.metrics: list[list[Value]] = []
        host.engine.bell[0] = 1
        host.engine.share(self)

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        self.looks += 1
        seen = [look(self._engine, customer) for customer in sorted(self._customers)]
        self.metrics.append([each.metrics[0] if each else None for each in seen])


def test_a_look_between_two_events_of_a_batch_shows_the_first_one_alone() -> None:
    host = KernelHost(PACK)
    orders = [
        event("order.completed", 0, event_id=f"e{n}", customer_id=f"c{n % 2}", amount=100) for n in range(4)
    ]
    looking = Looking(host, {"c0", "c1"})
    host.run(orders)
    # once when their rows are made, then after each event
    assert looking.metrics == [[None, None], [1, None], [1, 1], [2, 1], [2, 2]]


def test_looks_between_any_two_events_leave_no_trace(seed_bases: tuple[int, int]) -> None:
    for seed in (*range(seed_bases[0], seed_bases[0] + 15), *range(seed_bases[1], seed_bases[1] + 15)):
        history = seeded_history(seed)
        host = KernelHost(history.pack)
        looking = Looking(host, {each.customer_id for each in history.events})
        host.run(history.inputs, 7, group=bool(seed % 2))
        expected, got = reference_told(history.pack, history.inputs), told_by(host.said)
        if seed % 2:  # customers come one after the other
            expected.rejected.sort()
            got.rejected.sort()
        assert differences(expected, got) == [], seed
        assert looking.looks >= len(history.events)
