"""The language on input that nobody thought of: it never falls over, and never warns of what can happen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rules.engine.evaluate import Scope, Value, holds
from rules.language.findings import PackError
from rules.language.load import check_pack, load_pack
from rules.language.logic import Logic
from rules.language.model import Expression

RETAIL = (Path(__file__).parents[1] / "data" / "retail.yaml").read_text()

HEAD = """\
name: p
version: "1"
timezone: UTC
currency: GBP
attributes: {region: string, vip: boolean, age: integer, weight: number}
metrics:
  orders: {agg: count, of: order.completed}
  days: {agg: days, of: order.completed, window: 3d}
  spend: {agg: sum, of: order.completed, field: amount}
  net: {agg: sum, of: order.completed, field: amount, minus: order.refunded}
  rating: {agg: avg, of: feedback.rating, field: score}
  since: {agg: recency, of: order.completed}
  keen: {expr: orders > 1 and rating >= 4}
dimensions:
  tier: {kind: ladder, categories: {low: {}, high: {enter: spend >= 5}}}
  use:
    kind: first_match
    categories:
"""

NUMERIC = ("orders", "days", "spend", "net", "rating", "since", "attr.age", "attr.weight", "days_in_category")
NUMBERS = ("-1", "0", "0.5", "1", "2", "3", "4.5", "5", "6")
OPERATORS = ("<", "<=", "==", "!=", ">=", ">")


def comparisons() -> st.SearchStrategy[str]:
    """Conditions of one comparison."""
    names, numbers = st.sampled_from(NUMERIC), st.sampled_from(NUMBERS)
    operators = st.sampled_from(OPERATORS)
    lists = st.lists(numbers, max_size=3).map(lambda items: f"[{', '.join(items)}]")
    belonging = st.sampled_from(("in", "not in"))
    return st.one_of(
        st.tuples(names, operators, numbers).map(" ".join),
        st.tuples(numbers, operators, names, operators, numbers).map(" ".join),
        st.tuples(names, operators, names).map(" ".join),
        st.tuples(names, belonging, lists).map(" ".join),
        st.tuples(st.sampled_from(("missing", "present")), names).map(lambda pair: f"{pair[0]}({pair[1]})"),
        st.sampled_from(
            (
                "attr.vip",
                "keen",
                "keen == true",
                "attr.vip != false",
                "attr.region == 'a'",
                "attr.region != 'a'",
                "attr.region in ['a', 'b']",
                "attr.region not in ['a', 'b']",
                "current == 'first'",
                "current != 'last'",
                "current not in ['first', 'second', 'last']",
                "missing(current)",
                "tier == 'low'",
                "tier in ['low', 'high']",
                "true",
                "1 > 2",
            )
        ),
    )


def conditions() -> st.SearchStrategy[str]:
    """Conditions of some comparisons joined in any way."""

    def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        words = st.sampled_from(("and", "or"))
        return st.one_of(
            st.tuples(inner, words, inner).map(lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"),
            inner.map(lambda text: f"not ({text})"),
        )

    return st.recursive(comparisons(), joined, max_leaves=6)


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    """What the names stand for: any values that facts and attributes can make."""
    counts = st.integers(0, 7)
    orders, days, since = draw(counts), draw(st.integers(0, 3)), draw(st.none() | counts)
    spend, net = draw(st.integers(0, 700)), draw(st.integers(-300, 700))
    rating = draw(st.none() | st.integers(4, 20).map(lambda fours: fours / 4))
    keen = orders > 1 and rating is not None and rating >= 4
    attributes: tuple[Value, ...] = (
        draw(st.sampled_from((None, "a", "b", "c"))),
        draw(st.sampled_from((None, True, False))),
        draw(st.none() | st.integers(-2, 7)),
        draw(st.none() | st.integers(-4, 14).map(lambda halves: halves / 2)),
    )
    current = draw(st.sampled_from((None, "first", "second", "last")))
    entered = draw(counts) if current else None
    metrics = (orders, days, spend, net, rating, since, keen)
    tier = draw(st.sampled_from(("low", "high")))
    return Scope(2, metrics, attributes, (tier,), current, entered)


def trees(first: str, second: str) -> tuple[Logic, Expression, Expression]:
    """The two conditions as trees, with the logic of their dimension."""
    text = f'{HEAD}      first: {{when: "{first}"}}\n      second: {{when: "{second}"}}\n      last: {{}}\n'
    pack = load_pack(text, "test")
    dimension = pack.dimensions[1]
    one, other = dimension.categories[0].when, dimension.categories[1].when
    assert one is not None
    assert other is not None
    return Logic(pack, dimension), one.tree, other.tree


@settings(max_examples=150)
@given(conditions(), conditions(), st.lists(scopes(), min_size=20, max_size=20))
def test_what_is_said_to_be_impossible_never_happens(first: str, second: str, seen: list[Scope]) -> None:
    logic, one, other = trees(first, second)
    never, always = not logic.can_hold([one]), not logic.can_hold([], [one])
    implied = logic.implies(one, other)
    for scope in seen:
        true = holds(one, scope)
        assert not (never and true)
        assert not (always and not true)
        assert not (implied and true and not holds(other, scope))


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_pack_is_refused_in_words_and_in_its_text(data: st.DataObject) -> None:
    text = RETAIL
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        size = data.draw(st.integers(0, 12))
        pasted = data.draw(
            st.one_of(
                st.text(max_size=4),
                st.sampled_from(
                    (": ", "\n", "- ", '"', "'", "[", "{", "}", "|\n", "&a ", "*a", "!!int ", "~", "(")
                ),
                st.integers(0, len(text)).map(lambda at: RETAIL[at : at + 10]),
            )
        )
        text = text[:start] + pasted + text[start + size :]
    assume(text != RETAIL)
    pack, findings = check_pack(text)
    lines = text.count("\n") + text.count("\r") + 2
    for finding in findings:
        assert 1 <= finding.line <= lines
        assert 1 <= finding.column <= len(text) + 1
        assert finding.message
    errors = [finding for finding in findings if finding.severity == "error"]
    assert (pack is None) == bool(errors)
    if pack is not None:
        assert load_pack(text, "test") == pack
    else:
        with pytest.raises(PackError):
            load_pack(text, "test")
