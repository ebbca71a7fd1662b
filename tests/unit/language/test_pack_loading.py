"""What a pack file becomes: every part of the checked pack, its defaults, and its fingerprints."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from rules.calendar import period_from_date
from rules.language.load import load_pack
from rules.language.model import (
    AggregateMetric,
    Attribute,
    Compare,
    DerivedMetric,
    Kind,
    Literal,
    MetricRef,
    Pack,
    Policy,
    Rate,
    Window,
)
from tests.unit.language.packs import HEAD, METRICS, condition, whole

TEXT = (Path(__file__).parents[2] / "data" / "retail.yaml").read_text()


@pytest.fixture(scope="module")
def retail() -> Pack:
    return load_pack(TEXT, "retail.yaml")


def test_the_head_of_a_pack_is_read(retail: Pack) -> None:
    assert (retail.name, retail.version, retail.timezone) == ("retail", "7", "Europe/London")
    assert (retail.currency, retail.digits, retail.lateness, retail.max_ahead) == ("GBP", 2, 14, 2)
    assert (retail.title, retail.description) == ("Retail", None)


def test_rates_stand_by_rising_date_in_lowest_terms(retail: Pack) -> None:
    start_2009, start_2024 = period_from_date(date(2009, 1, 1)), period_from_date(date(2024, 1, 1))
    assert retail.rates["EUR"] == (Rate(start_2009, 88, 2), Rate(start_2024, 86, 2))
    assert list(retail.rates) == ["EUR", "JPY"]


def test_attributes_keep_their_order_and_kind(retail: Pack) -> None:
    assert retail.attributes == (
        Attribute("region", Kind.STRING),
        Attribute("vip", Kind.BOOLEAN),
        Attribute("age", Kind.INTEGER),
        Attribute("weight", Kind.NUMBER),
    )


def test_metrics_are_read_with_their_kinds(retail: Pack) -> None:
    metrics = {metric.name: metric for metric in retail.metrics}
    assert metrics["web_orders_90d"] == AggregateMetric(
        "web_orders_90d",
        Kind.INTEGER,
        "count",
        ("order.completed", "order.placed"),
        None,
        (),
        ("web", "app"),
        Window("days", 90),
    )
    spend = metrics["spend_365d"]
    assert isinstance(spend, AggregateMetric)
    assert (spend.kind, spend.field, spend.minus) == (Kind.MONEY, "amount", ("order.refunded",))
    assert metrics["rating_180d"].kind is Kind.NUMBER
    assert metrics["rating_180d"].title == "Average rating"
    assert metrics["worst"].kind is Kind.INTEGER
    year = metrics["spend_year"]
    assert isinstance(year, AggregateMetric)
    assert year.window == Window("this_year", 0)
    loyal = metrics["loyal"]
    assert isinstance(loyal, DerivedMetric)
    assert (loyal.kind, loyal.text) == (Kind.BOOLEAN, "orders >= 3 and present(rating_180d)")


@pytest.mark.parametrize(
    ("agg", "field", "kind"),
    [
        ("count", None, Kind.INTEGER),
        ("count", "discount", Kind.INTEGER),
        ("days", "amount", Kind.INTEGER),
        ("recency", "items", Kind.INTEGER),
        ("tenure", None, Kind.INTEGER),
        ("sum", "amount", Kind.MONEY),
        ("sum", "items", Kind.INTEGER),
        ("avg", "amount", Kind.NUMBER),
        ("avg", "items", Kind.NUMBER),
        ("min", "discount", Kind.MONEY),
        ("max", "items", Kind.INTEGER),
        ("first", "amount", Kind.MONEY),
        ("last", "items", Kind.INTEGER),
    ],
)
def test_an_aggregate_has_the_kind(agg: str, field: str | None, kind: Kind) -> None:
    having = f", field: {field}" if field else ""
    pack = load_pack(whole(metrics=f"  m: {{agg: {agg}, of: order.placed{having}}}\n"), "test")
    metric = pack.metrics[0]
    assert isinstance(metric, AggregateMetric)
    assert (metric.kind, metric.field) == (kind, field)


def test_a_ladder_is_read(retail: Pack) -> None:
    tier = retail.dimensions[0]
    bronze, silver, gold = tier.categories
    assert (tier.id, tier.kind, tier.title) == ("value_tier", "ladder", "Tier")
    assert (bronze.id, bronze.code, bronze.enter, bronze.keep) == ("bronze", "004", None, None)
    assert silver.keep is not None
    spend = MetricRef(Kind.MONEY, 2, "spend_365d")
    assert silver.keep.tree == Compare(">=", spend, Literal(Kind.MONEY, 14950))
    assert silver.keep.text == "spend_365d >= 149.50"
    assert silver.keep.names == (spend,)
    assert gold.enter is not None
    assert [name.name for name in gold.enter.names] == ["spend_365d", "attr.region"]
    assert gold.keep is None
    assert gold.strategy_json == '{"discount":"5%","gifts":[1,2.5,null,true],"until":{"month":12}}'
    assert tier.upgrade == Policy()
    assert tier.downgrade == Policy(30, 0, "month_start", True)
    assert [retail.metrics[index].name for index in tier.publish] == ["spend_365d", "basket"]


def test_a_first_match_has_one_policy_for_all_moves(retail: Pack) -> None:
    lifecycle = retail.dimensions[1]
    assert lifecycle.upgrade == lifecycle.downgrade == Policy(3, 14)
    assert [category.id for category in lifecycle.categories][-1] == "active"
    assert lifecycle.categories[-1].when is None
    assert retail.dimensions[2].upgrade == Policy()


def test_what_is_left_out_has_the_defaults_of_the_language() -> None:
    pack = load_pack(whole(), "test")
    assert (pack.lateness, pack.max_ahead, pack.rates) == (30, 1, {})
    assert pack.metrics[0] == AggregateMetric(
        "orders", Kind.INTEGER, "count", ("order.completed",), None, (), None, Window()
    )


# --- fingerprints -----------------------------------------------------------------------------------------


def prints(text: str) -> tuple[str, str]:
    pack = load_pack(text, "test")
    return pack.state_fingerprint, pack.fingerprint


BASE = whole(
    head=HEAD + 'rates: {EUR: {"2024-01-01": "0.86"}, USD: {"2024-01-01": "0.8"}}\n',
    metrics=METRICS
    + "  mixed: {agg: count, of: [order.placed, order.completed], where: {channel: [a, b]}}\n"
    + '  twice: {expr: "orders * 2"}\n',
    dimensions="  d: {kind: ladder, categories: {a: {}, b: {enter: spend >= 5}}, upgrade: {hold: 3d}}\n",
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: shop", "# a comment\nname:   'shop'"),
        ("spend >= 5", '"spend >= 5"'),
        ("version:", "title: Shop\nversion:"),
        ("upgrade: {hold: 3d}", "upgrade: {hold: 3d, min_dwell: 0d, step: full}, downgrade: {}"),
        ("version:", "lateness: 30d\nversion:"),
        ("of: order.completed}", "of: [order.completed], window: lifetime}"),
        ("[order.placed, order.completed]", "[order.completed, order.placed]"),
        ("channel: [a, b]", "channel: [b, a]"),
        ('"0.86"', '"0.860"'),
        ("a: {},", "a: {title: A},"),
    ],
)
def test_what_means_the_same_has_the_same_fingerprints(old: str, new: str) -> None:
    assert old in BASE
    assert prints(BASE.replace(old, new, 1)) == prints(BASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("shop", "store"),
        ('"1"', '"2"'),
        ("spend >= 5", "spend >= 6"),
        ("spend >= 5", "spend  >= 5"),
        ("a: {}", "a: {strategy: {x: 1}}"),
        ("a: {}", 'a: {code: "1"}'),
        ("hold: 3d", "hold: 4d"),
        ("orders * 2", "orders * 3"),
        ("timezone:", "max_ahead: 2d\ntimezone:"),
        ("upgrade: {hold: 3d}", "upgrade: {hold: 3d}, publish: [orders]"),
    ],
)
def test_a_change_of_rules_changes_the_fingerprint_of_the_pack_alone(old: str, new: str) -> None:
    (state, whole_pack), (changed_state, changed_pack) = prints(BASE), prints(BASE.replace(old, new, 1))
    assert changed_state == state
    assert changed_pack != whole_pack


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Europe/London", "Europe/Paris"),
        ("GBP", "CHF"),
        ('"0.86"', '"0.87"'),
        ("timezone:", "lateness: 31d\ntimezone:"),
        ("age: integer", "age: number"),
        ("orders: {agg: count, of: order.completed}", "orders: {agg: count, of: order.placed}"),
        ("of: feedback.rating, field: score", "of: feedback.rating, field: score, window: 30d"),
        ("channel: [a, b]", "channel: [a]"),
    ],
)
def test_a_change_of_what_is_remembered_changes_both_fingerprints(old: str, new: str) -> None:
    assert old in BASE
    (state, whole_pack), (changed_state, changed_pack) = prints(BASE), prints(BASE.replace(old, new, 1))
    assert changed_state != state
    assert changed_pack != whole_pack


def test_fingerprints_stay_as_they_were_published() -> None:
    """A change here makes every running service rebuild its state: raise the form on purpose only."""
    assert prints(condition("orders > 1")) == (
        "2bb90b5ef5eef1494338f8732d1d6dbeec0501967178c7fc7d5a9033e428c8b4",
        "cb48a490afec7b824aa2bdfc0932dc5c4bbc3a7e91a97b7325c964fcc54de113",
    )
