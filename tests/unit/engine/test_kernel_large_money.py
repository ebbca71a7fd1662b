"""Sums of money around and far beyond the limit of S6.3: kernel and reference agree on what is missing."""

from __future__ import annotations

from datetime import date

import pytest

from rules.calendar import DAY_US, period_from_date
from rules.engine.event import Event
from rules.language.load import load_pack
from tests.properties.comparison import compare_history
from tests.properties.histories import History, Input, Tick

#: A dollar is so many rials that the largest order makes 10^17 of the pack's minor units.
PACK = """
name: large
version: "1"
timezone: UTC
currency: IRR
rates:
  USD: {"1970-01-01": "100000"}
metrics:
  total: {agg: sum, of: order.completed, field: amount}
  net: {agg: sum, of: order.completed, field: amount, minus: order.refunded}
  mean: {agg: avg, of: order.completed, field: amount}
  total_5d: {agg: sum, of: order.completed, field: amount, window: 5d}
  net_5d: {agg: sum, of: order.completed, field: amount, minus: order.refunded, window: 5d}
  mean_5d: {agg: avg, of: order.completed, field: amount, window: 5d}
dimensions:
  known:
    kind: first_match
    categories:
      beyond: {when: "missing(total) or missing(total_5d)"}
      odd: {when: "net < 0 or net_5d < 0"}
      large: {when: "total_5d >= 1000000000000000"}
      small: {}
    publish: [total, net, mean, total_5d, net_5d, mean_5d]
  turns:
    kind: first_match
    categories:
      one: {when: 'days_in_category >= 1 and current == "other"'}
      other: {}
    publish: [total, net, mean, total_5d, net_5d, mean_5d]
"""
FIRST = period_from_date(date(2024, 1, 1))


def order(number: int, kind: str, amount: int, day: int) -> Event:
    period = FIRST + day
    return Event(f"e{number}", kind, "C", period * DAY_US + number, period, amount=amount)


@pytest.mark.parametrize("amount", [10**17, 10**17 - 1, 2**56, 2**56 - 1, 2**50])
@pytest.mark.parametrize("a_day", [1, 9, 47, 93, 150, 185])
def test_what_is_beyond_the_limit_is_missing_and_comes_back_within_it(amount: int, a_day: int) -> None:
    inputs: list[Input] = []
    for day in range(4):
        for _ in range(a_day):
            inputs.append(order(len(inputs), "order.completed", amount, day))
        for _ in range(a_day * (day % 3) // 2):
            inputs.append(order(len(inputs), "order.refunded", amount, day))
        inputs.append(order(len(inputs), "order.completed", 1, day))
    inputs.append(Tick(FIRST + 12))
    assert not compare_history(History(PACK, load_pack(PACK, "large.yaml"), tuple(inputs)))
