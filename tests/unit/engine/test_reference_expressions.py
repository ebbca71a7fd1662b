"""S6: what expressions give, worked by hand."""

from __future__ import annotations

import pytest

from tests.scene import Scene, pack_text

METRICS = """
spend: {agg: sum, of: order.completed, field: amount}
fees: {agg: sum, of: order.completed, field: discount}
n: {agg: count, of: order.completed}
none: {agg: max, of: feedback.rating, field: score}
"""
ATTRIBUTES = (
    "attributes: {tag: string, level: integer, ratio: number, vip: boolean, gone: integer, no: boolean}"
)
ONE = "  all: {kind: first_match, categories: {one: {when: 'n == 0'}, two: {}}}"


def value(expression: str, *, currency: str = "GBP") -> object:
    """The value after three orders: spend 10.00, fees 0.30, n 3; level 7, ratio 0.1, tag a, vip true."""
    quoted = expression.replace("'", "''")
    text = pack_text(f"{METRICS}\nx: {{expr: '{quoted}'}}", ONE, currency=currency, more=ATTRIBUTES)
    stage = Scene(text)
    attributes = {"tag": "a", "level": 7, "ratio": 0.1, "vip": True}
    stage.event("customer.registered", "2024-01-10", attributes=attributes)
    stage.order("2024-01-10", "3", discount="0.10" if currency == "GBP" else "1")
    stage.order("2024-01-10", "3", discount="0.20" if currency == "GBP" else "2")
    stage.order("2024-01-10", "4")
    return stage.metric("x")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("n + 2", 5),
        ("n * n - 1", 8),
        ("n / 2", 1.5),
        ("n + 2.0", 5.0),
        ("-n", -3),
        ("--n", 3),
        ("2 - n - 1", -2),
        ("n / 0", None),
        ("n / (n - 3)", None),
        ("spend", 1000),
        ("spend + fees", 1030),
        ("spend - 0.5", 950),
        ("0.5 - spend", -950),
        ("spend + n", 1300),
        ("n - spend", -700),
        ("spend * n", 3000),
        ("n * spend", 3000),
        ("spend * 1.5", 15.0),
        ("spend / n", 10.0 / 3.0),
        ("spend / 4", 2.5),
        ("spend / fees", 1000.0 / 30.0),
        ("spend * fees", 10.0 * 0.3),
        ("spend + attr.ratio", 10.1),
        ("n / 3 * 3", 3.0),
        ("fees / 0", None),
        ("spend / (fees - fees)", None),
        ("min(n, 2)", 2),
        ("max(n, 2.5)", 3.0),
        ("min(spend, fees)", 30),
        ("max(spend, n)", 10.0),
        ("attr.ratio * 3", 0.30000000000000004),
        ("attr.ratio + attr.ratio + attr.ratio", 0.1 + 0.1 + 0.1),
        ("none + 1", None),
        ("-none", None),
        ("min(none, 1)", None),
        ("max(1, none)", None),
        ("attr.gone * 0", None),
        ("attr.level * 658812288346769700", 7 * 658812288346769700),
        ("attr.level * 658812288346769701", None),
        ("attr.level * 4611686018427387904 / 7", None),
        ("-(attr.level * 658812288346769700) - 4", -(2**62)),
        ("-(attr.level * 658812288346769700) - 5", None),
        ("n * 1.0 / 3", 1.0),
    ],
)
def test_arithmetic(expression: str, expected: object) -> None:
    found = value(expression)
    assert (found, type(found)) == (expected, type(expected))


def test_the_limit_in_these_examples_is_just_reached() -> None:
    assert 7 * 658812288346769700 + 4 == 2**62
    assert 7 * 658812288346769701 > 2**62


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("spend >= 10", True),
        ("spend > 10", False),
        ("spend == 10.0", True),
        ("spend >= 10.01", False),
        ("spend > 9.99", True),
        ("10 <= spend", True),
        ("spend == n + 7", True),
        ("spend > n", True),
        ("1 < n < 4", True),
        ("1 < n < 3", False),
        ("n == 3.0", True),
        ("fees == 0.3", True),
        ("fees / 1 == 0.3", True),
        ("attr.ratio * 3 == 0.3", False),
        ("n in [1, 3]", True),
        ("n in [1, 3.0]", True),
        ("n not in [1, 2]", True),
        ("spend in [5, 10]", True),
        ("spend not in [10.00]", False),
        ("none in [1]", False),
        ("none not in [1]", False),
        ("none == none", False),
        ("none != 1", False),
        ("not none == 1", True),
        ("not (none > 1)", True),
        ("missing(none)", True),
        ("present(none)", False),
        ("missing(none + 1) and present(n)", True),
        ("none > 1 or n > 1", True),
        ("none > 1 and n > 1", False),
        ('attr.tag == "a"', True),
        ('attr.tag != "a"', False),
        ('attr.tag in ["b", "a"]', True),
        ("attr.vip", True),
        ("not attr.vip", False),
        ("attr.vip == false", False),
        ("attr.no or n > 5", False),
        ("not attr.no", True),
        ("attr.no == false", False),
        ("present(attr.no)", False),
        ("attr.level * 658812288346769700 == 4611686018427387900", True),
        ("attr.level * 658812288346769700 == 4611686018427387901", False),
        ("attr.level * 658812288346769700 + 0.0 == 4611686018427387901", True),
    ],
)
def test_conditions_are_true_or_false_and_never_missing(expression: str, expected: bool) -> None:
    assert value(expression) is expected


def test_a_boolean_that_is_only_named_stays_missing() -> None:
    assert value("attr.no") is None


def test_doubles_that_are_not_finite_are_missing() -> None:
    huge = "4611686018427387904.0"
    product = " * ".join([huge] * 16)  # 2^992
    assert value(f"n * {product}") == 3.0 * 2.0**992
    assert value(f"n * {product} * {huge}") is None
    assert value("attr.ratio / (n * 0.0)") is None


def test_minor_units_become_major_by_one_division_and_each_operation_rounds_once() -> None:
    """(10 + 3) x 0.1 rounds twice; summing the rounded products would differ in the last bit."""
    assert value("(spend + n) * attr.ratio") == 13.0 * 0.1
    assert value("spend * attr.ratio + n * attr.ratio") == 10.0 * 0.1 + 3.0 * 0.1


def test_money_without_minor_digits_is_its_own_major_unit() -> None:
    assert value("spend / n", currency="JPY") == 10.0 / 3.0
    assert value("spend + 1", currency="JPY") == 11


def test_conditions_read_the_category_before_the_move_and_earlier_dimensions_after_theirs() -> None:
    stage = Scene(
        pack_text(
            "n: {agg: count, of: order.completed}",
            """
  first:
    kind: first_match
    categories:
      many: {when: "n >= 2"}
      few: {}
  second:
    kind: first_match
    categories:
      fresh: {when: 'missing(current) and missing(days_in_category)'}
      follows: {when: 'first == "many" and current != "follows"'}
      rested: {when: 'days_in_category >= 2'}
      rest: {}
""",
        )
    )
    stage.order("2024-01-10")
    assert stage.changes == [
        "2024-01-10T12:00 first: birth > few (initial, event)",
        "2024-01-10T12:00 second: birth > fresh (initial, event)",
    ]
    stage.order("2024-01-11")
    assert stage.changes[2:] == [
        "2024-01-11T00:00 second: fresh > rest (move, time)",
        "2024-01-11T12:00 first: few > many (move, event)",
        "2024-01-11T12:00 second: rest > follows (move, event)",
    ]
    stage.tick("2024-01-14")
    assert stage.changes[5:] == [
        "2024-01-12T00:00 second: follows > rest (move, time)",
        "2024-01-13T00:00 second: rest > follows (move, time)",
        "2024-01-14T00:00 second: follows > rest (move, time)",
    ]
