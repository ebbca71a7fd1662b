"""S5: what each aggregate and window gives, worked by hand."""

from __future__ import annotations

from datetime import date

import pytest

from rules.calendar import period_from_date
from tests.scene import Scene, pack_text

ONE = "  either: {kind: first_match, categories: {one: {when: 'missing(m)'}, two: {}}}"


def scene(metric: str, *, timezone: str = "UTC", currency: str = "GBP", more: str = "") -> Scene:
    return Scene(pack_text(metric, ONE, timezone=timezone, currency=currency, more=more))


#: Three orders: 10.00 on the 1st, 2.50 and 4.00 on the 3rd (web), a refund of 1.25 on the 4th.
@pytest.mark.parametrize(
    ("metric", "on_the_5th", "without_facts"),
    [
        ("{agg: count, of: order.completed}", 3, 0),
        ("{agg: count, of: [order.completed, order.refunded]}", 4, 0),
        ("{agg: count, of: order.completed, where: {channel: web}}", 1, 0),
        ("{agg: count, of: order.completed, where: {channel: [web, app]}}", 2, 0),
        ("{agg: sum, of: order.completed, field: amount}", 1650, 0),
        ("{agg: sum, of: order.completed, field: amount, minus: order.refunded}", 1525, 0),
        (
            "{agg: sum, of: order.completed, field: amount, minus: order.refunded, where: {channel: app}}",
            1000,
            0,
        ),
        ("{agg: sum, of: order.refunded, field: amount, minus: order.completed}", -1525, 0),
        ("{agg: sum, of: order.completed, field: items}", 5, 0),
        ("{agg: avg, of: order.completed, field: amount}", 5.5, None),
        ("{agg: avg, of: order.completed, field: items}", 2.5, None),
        ("{agg: min, of: order.completed, field: amount}", 250, None),
        ("{agg: max, of: order.completed, field: amount}", 1000, None),
        ("{agg: max, of: order.completed, field: items}", 3, None),
        ("{agg: days, of: order.completed}", 2, 0),
        ("{agg: first, of: order.completed, field: amount}", 1000, None),
        ("{agg: last, of: order.completed, field: amount}", 400, None),
        ("{agg: last, of: order.completed, field: items}", 3, None),
        ("{agg: recency, of: order.completed}", 2, None),
        ("{agg: tenure, of: order.completed}", 4, None),
        ("{agg: count, of: order.completed, window: 1d}", 0, 0),
        ("{agg: count, of: order.completed, window: 3d}", 2, 0),
        ("{agg: count, of: order.completed, window: 4d}", 2, 0),
        ("{agg: count, of: order.completed, window: 5d}", 3, 0),
        ("{agg: avg, of: order.completed, field: amount, window: 2d}", None, None),
    ],
)
def test_every_aggregate_with_facts_and_without(
    metric: str, on_the_5th: object, without_facts: object
) -> None:
    stage = scene(f"m: {metric}")
    stage.event("customer.registered", "2024-01-01T00:00:00Z")
    assert stage.metric("m") == without_facts
    stage.order("2024-01-01", "10.00", items=2, channel="app")
    stage.order("2024-01-03T10:00:00Z", "2.50", channel="web")
    stage.order("2024-01-03T11:00:00Z", "4.00", items=3)
    stage.event("order.refunded", "2024-01-04", amount="1.25", channel="web")
    stage.tick("2024-01-05")
    assert (stage.metric("m"), type(stage.metric("m"))) == (on_the_5th, type(on_the_5th))


@pytest.mark.parametrize(
    ("window", "first_day_in", "last_day_in", "first_day_out"),
    [
        ("1d", "2024-02-29", "2024-02-29", "2024-03-01"),
        ("7d", "2024-02-29", "2024-03-06", "2024-03-07"),
        ("365d", "2024-02-29", "2025-02-27", "2025-02-28"),
        ("this_month", "2024-02-29", "2024-02-29", "2024-03-01"),
        ("last_month", "2024-03-01", "2024-03-31", "2024-04-01"),
        ("this_quarter", "2024-02-29", "2024-03-31", "2024-04-01"),
        ("last_quarter", "2024-04-01", "2024-06-30", "2024-07-01"),
        ("this_year", "2024-02-29", "2024-12-31", "2025-01-01"),
        ("last_year", "2025-01-01", "2025-12-31", "2026-01-01"),
    ],
)
def test_a_leap_day_is_in_each_window_from_its_first_to_its_last_day(
    window: str, first_day_in: str, last_day_in: str, first_day_out: str
) -> None:
    stage = scene(f"m: {{agg: count, of: order.completed, window: {window}}}")
    stage.order("2024-02-29")
    stage.tick("2026-01-02")
    counts = {evaluation.period: evaluation.metrics[0] for evaluation in stage.evaluations}
    inside = [period for period, count in counts.items() if count == 1]
    edges = [period_from_date(date.fromisoformat(day)) for day in (first_day_in, last_day_in, first_day_out)]
    assert (min(inside), max(inside)) == (edges[0], edges[1])
    assert inside == list(range(edges[0], edges[1] + 1))
    assert counts[edges[2]] == 0


def test_calendar_windows_turn_over_at_the_end_of_a_year() -> None:
    stage = scene(
        """m: {agg: sum, of: order.completed, field: items, window: last_month}
        quarter: {agg: sum, of: order.completed, field: items, window: last_quarter}
        year: {agg: sum, of: order.completed, field: items, window: last_year}"""
    )
    stage.order("2022-12-31", items=1)
    stage.order("2023-10-01", items=10)
    stage.order("2023-12-31", items=100)
    stage.tick("2024-01-01")
    assert [stage.metric(name) for name in ("m", "quarter", "year")] == [100, 110, 110]


@pytest.mark.parametrize(("agg", "expected"), [("first", 100), ("last", 300)])
def test_of_equal_times_first_is_the_one_applied_first_and_last_the_one_applied_last(
    agg: str, expected: int
) -> None:
    stage = scene(f"m: {{agg: {agg}, of: order.completed, field: amount}}")
    for amount in (1, 2, 3):
        stage.order("2024-01-10", amount)
    assert stage.metric("m") == expected


def test_first_and_last_go_by_the_time_of_the_facts_not_by_their_arrival() -> None:
    stage = scene(
        """m: {agg: first, of: order.completed, field: amount}
        z: {agg: last, of: order.completed, field: amount}"""
    )
    stage.order("2024-01-10", 1)
    stage.order("2024-01-12", 2)
    stage.order("2024-01-09", 3)
    stage.order("2024-01-11", 4)
    assert (stage.metric("m"), stage.metric("z")) == (300, 200)


def test_an_event_without_the_field_is_no_fact_of_the_metric() -> None:
    stage = scene(
        """m: {agg: recency, of: order.cancelled, field: amount}
        all: {agg: count, of: order.cancelled}
        with_amount: {agg: count, of: order.cancelled, field: amount}"""
    )
    stage.event("order.cancelled", "2024-01-10")
    assert [stage.metric(name) for name in ("m", "all", "with_amount")] == [None, 1, 0]


def test_a_severity_that_is_left_out_is_one() -> None:
    stage = scene("m: {agg: max, of: feedback.complaint, field: severity}")
    stage.event("feedback.complaint", "2024-01-10")
    assert stage.metric("m") == 1


def test_sums_beyond_two_to_the_62nd_are_missing_and_so_is_their_average() -> None:
    rates = 'rates: {USD: {"2000-01-01": "99999"}}'
    stage = scene(
        """m: {agg: sum, of: order.completed, field: amount}
        a: {agg: avg, of: order.completed, field: amount}""",
        more=rates,
    )
    for _ in range(46):  # 46 times 10^12 x 99999 = 4,599,954 x 10^12 < 2^62 = 4,611,686.018… x 10^12
        stage.order("2024-01-10", "10000000000", currency="USD")
    assert stage.metric("m") == 4_599_954 * 10**12
    assert stage.metric("a") == pytest.approx(999_990_000_000_000, rel=1e-15)
    stage.order("2024-01-10", "10000000000", currency="USD")
    assert (stage.metric("m"), stage.metric("a")) == (None, None)


def test_yen_have_no_minor_digits_and_dinars_three() -> None:
    for currency, amount, units, mean in (("JPY", "1500", 1500, 1500.0), ("KWD", "1.500", 1500, 1.5)):
        stage = scene(
            """m: {agg: sum, of: order.completed, field: amount}
            a: {agg: avg, of: order.completed, field: amount}""",
            currency=currency,
        )
        stage.order("2024-01-10", amount)
        assert (stage.metric("m"), stage.metric("a")) == (units, mean)


def test_a_day_is_a_day_of_the_time_zone() -> None:
    """New York is five hours behind: 03:00 UTC on the 11th is still the 10th there."""
    stage = scene("m: {agg: count, of: order.completed, window: 1d}", timezone="America/New_York")
    stage.order("2024-01-10T12:00:00Z")
    stage.order("2024-01-11T03:00:00Z")
    assert stage.metric("m") == 2
    stage.order("2024-01-11T05:00:00Z")
    assert stage.metric("m") == 1
