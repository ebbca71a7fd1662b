"""A pack in plain English says what the rules do, and nothing of how they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.language.load import load_pack
from rules.language.model import Policy
from rules.language.summary import pack_in_words, policy_words
from rules.language.words import Wording, metric_label
from tests.unit.language.packs import METRICS, condition, whole

TEXT = (Path(__file__).parents[2] / "data" / "retail.yaml").read_text()


def quoted(expression: str) -> str:
    return "'" + expression.replace("'", "''") + "'"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("orders >= 2", "orders is at least 2"),
        ("spend >= 200", "spend is at least 200.00 GBP"),
        ("2.5 < spend", "spend is more than 2.50 GBP"),
        ("1 < spend <= 2", "spend is more than 1.00 GBP and spend is at most 2.00 GBP"),
        ("rating != 4.5", "rating is not 4.5"),
        ("attr.region == 'north'", "region is `north`"),
        ("attr.region in ['a', 'b', 'c']", "region is `a`, `b` or `c`"),
        ("attr.region not in ['a', 'b']", "region is neither `a` nor `b`"),
        ("attr.region not in ['a']", "region is not `a`"),
        ("attr.vip", "vip is true"),
        ("not attr.vip", "it is not so that vip is true"),
        ("attr.vip == false", "vip is false"),
        ("missing(rating)", "rating is not known"),
        ("present(rating)", "rating is known"),
        ("current == 'some'", "the category so far is `some`"),
        ("days_in_category < 60", "the number of days in the category so far is less than 60"),
        ("tier == 'low'", "tier is `low`"),
        (
            "orders > 1 and since > 2 or attr.vip",
            "(orders is more than 1 and since is more than 2) or vip is true",
        ),
        (
            "orders > 1 and (since > 2 or attr.vip)",
            "orders is more than 1 and (since is more than 2 or vip is true)",
        ),
        ("spend / orders >= 50", "spend divided by orders is at least 50"),
        ("(spend - net) * 2 > 0.5", "(spend less net) times 2 is more than 0.50 GBP"),
        ("max(spend, net) > 1", "the larger of spend and net is more than 1.00 GBP"),
        ("min(orders, 3) == -since", "the smaller of orders and 3 is minus since"),
        ("true", "always"),
        ("false", "never"),
    ],
)  # fmt: skip
def test_a_condition_in_words(expression: str, words: str) -> None:
    pack = load_pack(condition(quoted(expression)), "test")
    when = pack.dimensions[1].categories[1].when
    assert when is not None
    assert Wording(pack).condition(when) == words


@pytest.mark.parametrize(
    ("metric", "label", "words"),
    [
        ("m: {agg: count, of: order.placed}", "m", "the number of placed orders"),
        (
            "web_90d: {agg: count, of: [order.placed, payment.failed], window: 90d}",
            "web over the last 90 days",
            "the number of placed orders and failed payments over the last 90 days",
        ),
        (
            "m: {agg: sum, of: order.completed, field: amount, minus: order.refunded, window: this_year}",
            "m in this calendar year",
            "the sum of the amounts of completed orders, less that of refunded orders, in this calendar year",
        ),
        (
            "m_last_month: {agg: avg, of: feedback.nps, field: score, window: last_month}",
            "m in the last calendar month",
            "the average score of NPS answers in the last calendar month",
        ),
        (
            "m: {agg: count, of: order.completed, field: discount, where: {channel: [web, app]}, window: 1d}",
            "m today",
            "the number of completed orders that state their discount with the channel `web` or `app` today",
        ),
        (
            "m: {agg: recency, of: payment.overdue, title: Days since a reminder}",
            "days since a reminder",
            "the days since the latest of all overdue payments",
        ),
        (
            "m: {agg: sum, of: order.placed, field: items, title: NPS}",
            "NPS",
            "the sum of the items of placed orders",
        ),
        ("m_30d: {expr: spend + 1}", "m over the last 30 days", "spend plus 1.00 GBP"),
        ("m: {expr: orders > 1}", "m", "(orders is more than 1)"),
    ],
)
def test_a_metric_in_words(metric: str, label: str, words: str) -> None:
    pack = load_pack(whole(metrics=f"{METRICS}  {metric}\n"), "test")
    assert metric_label(pack.metrics[-1]) == label
    assert Wording(pack).metric(pack.metrics[-1]) == words


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(), "at once"),
        (Policy(hold=30), "after they have been due for 30 days without a break"),
        (Policy(min_dwell=1), "not before 1 day in the category"),
        (Policy(at="quarter_start", step_one=True), "on the first day of a quarter, one category at a time"),
        (Policy(step_one=True), "at once, one category at a time"),
    ],
)
def test_a_policy_in_words(policy: Policy, words: str) -> None:
    assert policy_words(policy) == words


SENTENCES = """\
# Retail
Pack `retail`, version `7`. Days are those of Europe/London; money is in GBP. Facts more than 14 days late are refused.
- One EUR is 0.88 GBP from 2009-01-01 on and 0.86 GBP from 2024-01-01 on.
## Tier (`value_tier`)
- **bronze** (code 004): everyone else.
- **silver** (code 003): reached when spend over the last 365 days is at least 200.00 GBP; kept as long as spend over the last 365 days is at least 149.50 GBP. Treatment: discount 3%.
- **Gold** (`gold`, code 002): as long as spend over the last 365 days is at least 600.00 GBP and region is not `moon`. Treatment: discount 5%, gifts [1, 2.5, null, true], until {"month": 12}.
Moves up happen at once.
Moves down happen after they have been due for 30 days without a break, on the first day of a month, one category at a time.
Every change tells spend over the last 365 days and basket.
2. **churned** (code C): when days since order is at least 180.
5. **active**: otherwise.
Moves happen after they have been due for 3 days without a break, not before 14 days in the category.
- Average rating (`rating_180d`): the average score of ratings over the last 180 days.
- Region (`attr.region`): told by the customer's record.
"""  # noqa: E501


def test_a_whole_pack_in_words() -> None:
    words = pack_in_words(load_pack(TEXT, "retail.yaml")).splitlines()
    assert [line for line in SENTENCES.splitlines() if line not in words] == []
