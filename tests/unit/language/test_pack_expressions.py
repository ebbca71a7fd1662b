"""Expressions: what they mean, of which kind they are, and where they go wrong (S6)."""

from __future__ import annotations

import pytest

from rules.language.expressions import DEPTH_MAX, LENGTH_MAX
from rules.language.load import check_pack, load_pack
from rules.language.model import (
    And,
    Arithmetic,
    AttributeRef,
    Compare,
    Condition,
    CurrentRef,
    DaysInCategoryRef,
    DerivedMetric,
    DimensionRef,
    Expression,
    Extreme,
    Kind,
    Literal,
    Membership,
    MetricRef,
    Negate,
    Not,
    Or,
    Presence,
    Truth,
)
from tests.unit.language.packs import METRICS, check_marked, condition, whole

ORDERS = MetricRef(Kind.INTEGER, 0, "orders")
SPEND = MetricRef(Kind.MONEY, 1, "spend")
NET = MetricRef(Kind.MONEY, 2, "net")
RATING = MetricRef(Kind.NUMBER, 3, "rating")
SINCE = MetricRef(Kind.INTEGER, 4, "since")
REGION = AttributeRef(Kind.STRING, 0, "attr.region")
VIP = AttributeRef(Kind.BOOLEAN, 1, "attr.vip")
AGE = AttributeRef(Kind.INTEGER, 2, "attr.age")
WEIGHT = AttributeRef(Kind.NUMBER, 3, "attr.weight")
TIER = DimensionRef(0, "tier")


def integer(value: int) -> Literal:
    return Literal(Kind.INTEGER, value)


def money(units: int) -> Literal:
    return Literal(Kind.MONEY, units)


def number(value: float) -> Literal:
    return Literal(Kind.NUMBER, value)


def text(value: str) -> Literal:
    return Literal(Kind.STRING, value)


def quoted(expression: str) -> str:
    """The expression as a YAML scalar that needs no further thought."""
    return '"' + expression.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read(expression: str) -> Condition:
    """The condition that a pack makes of an expression."""
    pack = load_pack(condition(quoted(expression)), "test")
    when = pack.dimensions[1].categories[1].when
    assert when is not None
    return when


def derived(expression: str) -> DerivedMetric:
    """The derived metric that a pack makes of an expression."""
    pack = load_pack(whole(metrics=f"{METRICS}  m: {{expr: {quoted(expression)}}}\n"), "test")
    metric = pack.metrics[-1]
    assert isinstance(metric, DerivedMetric)
    return metric


CONDITIONS: list[tuple[str, Expression]] = [
    ("orders >= 2", Compare(">=", ORDERS, integer(2))),
    ("spend >= 2", Compare(">=", SPEND, money(200))),
    ("spend >= 2.50", Compare(">=", SPEND, money(250))),
    ("spend >= 0.10", Compare(">=", SPEND, money(10))),
    ("spend >= 2.500000", Compare(">=", SPEND, money(250))),
    ("2.5 < spend", Compare("<", money(250), SPEND)),
    ("net > -0.05", Compare(">", NET, money(-5))),
    ("net > --0.05", Compare(">", NET, money(5))),
    ("orders > 2.5", Compare(">", ORDERS, number(2.5))),
    ("rating > 2", Compare(">", RATING, integer(2))),
    ("since == -0", Compare("==", SINCE, integer(0))),
    ("1 < spend <= 2.5", And((Compare("<", money(100), SPEND), Compare("<=", SPEND, money(250))))),
    ("spend > 1 > orders", And((Compare(">", SPEND, money(100)), Compare(">", integer(1), ORDERS)))),
    ("orders in [1, 2.5, -3]", Membership(ORDERS, (integer(1), number(2.5), integer(-3)), False)),
    ("spend not in [1, 2.5]", Membership(SPEND, (money(100), money(250)), True)),
    ("attr.region in [\"a\", 'b']", Membership(REGION, (text("a"), text("b")), False)),
    ("attr.vip in [true]", Membership(VIP, (Literal(Kind.BOOLEAN, True),), False)),
    ("orders in []", Membership(ORDERS, (), False)),
    ("0 < orders in [1]", And((Compare("<", integer(0), ORDERS), Membership(ORDERS, (integer(1),), False)))),
    ("attr.vip", Truth(VIP)),
    ("not attr.vip", Not(Truth(VIP))),
    ("true", Truth(Literal(Kind.BOOLEAN, True))),
    ("attr.vip == true", Compare("==", VIP, Literal(Kind.BOOLEAN, True))),
    ("(orders > 1) == attr.vip", Compare("==", Compare(">", ORDERS, integer(1)), VIP)),
    ("missing(rating)", Presence(RATING, False)),
    ("present(attr.region)", Presence(REGION, True)),
    ("missing(current)", Presence(CurrentRef(), False)),
    ("current == \"some\"", Compare("==", CurrentRef(), text("some"))),
    ("days_in_category < 3", Compare("<", DaysInCategoryRef(), integer(3))),
    ("tier != 'low'", Compare("!=", TIER, text("low"))),
    ("tier in ['low', 'high']", Membership(TIER, (text("low"), text("high")), False)),
    ("tier == attr.region", Compare("==", TIER, REGION)),
    (
        "attr.vip or orders > 1 and not since > 3",
        Or((Truth(VIP), And((Compare(">", ORDERS, integer(1)), Not(Compare(">", SINCE, integer(3))))))),
    ),
    ("attr.region == 'Straße' or attr.vip", Or((Compare("==", REGION, text("Straße")), Truth(VIP)))),
    (r'attr.region == "a\"b\\c"', Compare("==", REGION, text('a"b\\c'))),
    ("spend - 10.5 > net", Compare(">", Arithmetic(Kind.MONEY, "-", SPEND, money(1050)), NET)),
    ("spend - orders > 0", Compare(">", Arithmetic(Kind.MONEY, "-", SPEND, ORDERS), money(0))),
    ("spend * 2 >= 0.5", Compare(">=", Arithmetic(Kind.MONEY, "*", SPEND, integer(2)), money(50))),
    ("spend * 1.5 >= 0.125", Compare(">=", Arithmetic(Kind.NUMBER, "*", SPEND, number(1.5)), number(0.125))),
    ("spend / 2 >= 0.125", Compare(">=", Arithmetic(Kind.NUMBER, "/", SPEND, integer(2)), number(0.125))),
    (
        "spend + (1 + 2) > 3",
        Compare(
            ">",
            Arithmetic(Kind.MONEY, "+", SPEND, Arithmetic(Kind.INTEGER, "+", integer(1), integer(2))),
            money(300),
        ),
    ),
    ("max(spend, 2) > 0.125", Compare(">", Extreme(Kind.NUMBER, "max", SPEND, integer(2)), number(0.125))),
    ("min(spend, net) > 2", Compare(">", Extreme(Kind.MONEY, "min", SPEND, NET), money(200))),
    ("-spend < 0", Compare("<", Negate(Kind.MONEY, SPEND), money(0))),
    ("4611686018427387904 > orders", Compare(">", integer(2**62), ORDERS)),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "tree"), CONDITIONS)
def test_a_condition_means(expression: str, tree: Expression) -> None:
    assert read(expression).tree == tree


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("orders + 1", Kind.INTEGER),
        ("orders * since", Kind.INTEGER),
        ("orders / 2", Kind.NUMBER),
        ("orders + 1.0", Kind.NUMBER),
        ("orders + 0.5", Kind.NUMBER),
        ("spend + 0.5", Kind.MONEY),
        ("0.5 - spend", Kind.MONEY),
        ("spend + orders", Kind.MONEY),
        ("spend + rating", Kind.NUMBER),
        ("spend + 1.0 * 2.0", Kind.NUMBER),
        ("spend * orders", Kind.MONEY),
        ("3 * spend", Kind.MONEY),
        ("spend * net", Kind.NUMBER),
        ("spend * 2.0", Kind.NUMBER),
        ("spend / net", Kind.NUMBER),
        ("1 / spend", Kind.NUMBER),
        ("-rating", Kind.NUMBER),
        ("min(orders, 2)", Kind.INTEGER),
        ("min(orders, 2.0)", Kind.NUMBER),
        ("max(spend, 2)", Kind.NUMBER),
        ("attr.region", Kind.STRING),
        ("attr.vip", Kind.BOOLEAN),
        ("orders > 2", Kind.BOOLEAN),
        ("missing(attr.vip)", Kind.BOOLEAN),
        ("5", Kind.INTEGER),
        ("5.0", Kind.NUMBER),
        ("'x'", Kind.STRING),
    ],
)
def test_a_derived_metric_has_the_kind(expression: str, kind: Kind) -> None:
    metric = derived(expression)
    assert metric.kind is kind
    assert metric.tree.kind is kind


def test_names_are_listed_once_in_the_order_of_the_text() -> None:
    names = read(
        "since > 3 and (spend > orders or 2 < since) and tier == current and attr.age > orders"
    ).names
    assert [name.name for name in names] == ["since", "spend", "orders", "tier", "current", "attr.age"]


def test_the_text_of_a_condition_is_kept_as_written_without_outer_blanks() -> None:
    assert read("  orders   >  1 ").text == "orders   >  1"


ERRORS: list[tuple[str, str, str]] = [
    # names
    ("unknown_name", "«order > 1", "did you mean `orders`?"),
    ("unknown_name", "orders > 1 and «attr.regoin == 'x'", "did you mean `region`?"),
    ("unknown_name", "«region == 'x'", "`attr.region`"),
    ("unknown_name", "«attr == 'x'", "`attr.NAME`"),
    ("unknown_name", "«orders.total > 1", "only attributes"),
    ("unknown_name", "«orders.total.x > 1", "only attributes"),
    ("unknown_name", "«maxx(orders, 1) > 1", "did you mean `max`?"),
    ("unknown_name", "orders == «null", "missing(x)"),
    ("declared_later", "«after == 'only'", "is declared later"),
    ("not_allowed_here", "«use == 'none'", "write `current`"),
    ("unknown_category", "current == «'smoe'", "did you mean `some`?"),
    ("unknown_category", "current in ['some', «'high']", "this dimension"),
    ("unknown_category", "«'gold' != tier", "`low` and `high`"),
    # kinds
    ("wrong_kind", "orders > «'1'", "compare values of one kind"),
    ("wrong_kind", "attr.region == «1", "is text"),
    ("wrong_kind", "attr.vip == «1", "one kind"),
    ("wrong_kind", "«attr.region < 'x'", "cannot be compared with `<`"),
    ("wrong_kind", "«attr.vip >= true", "cannot be compared"),
    ("wrong_kind", "«attr.region + 1 > 2", "a number is needed"),
    ("wrong_kind", "1 + «attr.vip > 2", "a number is needed"),
    ("wrong_kind", "-«attr.region == 'x'", "a number is needed"),
    ("wrong_kind", "min(orders, «attr.region) > 1", "a number is needed"),
    ("wrong_kind", "orders in «attr.age", "needs a list"),
    ("wrong_kind", "orders in [1, «'x']", "values of one kind"),
    ("wrong_kind", "orders in [1, «since]", "a list holds only"),
    ("wrong_kind", "orders in [«[1]]", "after `in`"),
    ("wrong_kind", "«[1] == 1", "after `in`"),
    ("wrong_kind", "orders in «[1] in [2]", "only at the end"),
    ("wrong_kind", "missing(«orders > 1)", "never missing"),
    ("not_a_condition", "«orders", "`orders >= 1`"),
    ("not_a_condition", "orders > 1 and «spend", "money"),
    ("not_a_condition", "not «attr.region", "`attr.region == \"gold\"`"),
    ("not_a_condition", "«1", "not a condition"),
    # literals
    ("literal_too_fine", "spend > «1.005", "at most 2 decimals"),
    ("literal_too_fine", "spend in [1, «-1.005]", "`-1.005`"),
    ("literal_too_fine", "0 < spend < «1.001", "GBP"),
    ("literal_too_fine", "spend + «0.001 > 1", "finer than GBP"),
    ("literal_range", "orders > «4611686018427387905", "out of range"),
    ("literal_range", "orders > «-4611686018427387905", "out of range"),
    ("literal_range", "rating > «99999999999999999999.5", "out of range"),
    ("literal_range", "spend > «46116860184273880", "out of range"),
    ("literal_range", "spend > «" + "9" * 50, "at most 40 characters"),
    # syntax
    ("expression_syntax", "orders «= 1", "compare with `==`"),
    ("expression_syntax", "orders > 1 «&& since > 1", "write `and`"),
    ("expression_syntax", "orders > 1 «|| since > 1", "write `or`"),
    ("expression_syntax", "«!attr.vip", "write `not`"),
    ("expression_syntax", "orders «<> 1", "write `!=`"),
    ("expression_syntax", "orders «=> 1", "write `>=`"),
    ("expression_syntax", "orders «≥ 1", "write `>=`"),
    ("expression_syntax", "orders > 1 «AND since > 1", "`and` in small letters"),
    ("expression_syntax", "attr.vip == «True", "`true` in small letters"),
    ("expression_syntax", "orders == «None", "missing(x)"),
    ("expression_syntax", "orders «is 1", "write `==`"),
    ("expression_syntax", "orders > 1 «if attr.vip else orders > 2", "`if` is no part"),
    ("expression_syntax", "«lambda: 1", "no part"),
    ("expression_syntax", "orders > «1e3", "plain decimal"),
    ("expression_syntax", "orders > «1_000", "plain decimal"),
    ("expression_syntax", "orders > «0x10", "plain decimal"),
    ("expression_syntax", "orders > «007", "plain decimal"),
    ("expression_syntax", "orders > «.5", "plain decimal"),
    ("expression_syntax", "orders > «5.", "plain decimal"),
    ("expression_syntax", "orders > «1or since > 1", "plain decimal"),
    ("expression_syntax", "orders > «+1", "remove it"),
    ("expression_syntax", "«orders ** 2 > 1", "use `+`, `-`, `*` or `/`"),
    ("expression_syntax", "«orders // 2 > 1", "use `+`, `-`, `*` or `/`"),
    ("expression_syntax", "orders «% 2 > 1", "decimal"),
    ("expression_syntax", "attr.region == f«'x'", "without a sign"),
    ("expression_syntax", "attr.region == 'x' «'y'", "without a sign"),
    ("expression_syntax", "attr.region == «'x", "no closing quote"),
    ("expression_syntax", "attr.region == 'a«\\n'", "escapes"),
    ("expression_syntax", "orders > 1 «# many", "outside the expression"),
    ("expression_syntax", "orders > 1«; since > 1", "remove it"),
    ("expression_syntax", "orders in «{1}", "square brackets"),
    ("wrong_kind", "orders in «(1, 2)", "needs a list"),
    ("expression_syntax", "«(orders > 1", "never closed"),
    ("expression_syntax", "orders >«", "ends too early"),
    ("expression_syntax", "orders > 1 «since", "cannot be read"),
    ("expression_syntax", "orders > 1«) or (since > 1", "cannot be read"),
    ("expression_syntax", "«min(orders) > 1", "takes two values"),
    ("expression_syntax", "«max(1, 2, 3) > 1", "takes two values"),
    ("expression_syntax", "«missing(orders, since)", "takes one value"),
    ("expression_syntax", "«min > 1", "needs brackets"),
    ("expression_syntax", "«orders[0] > 1", "no part"),
    ("limit", "«" + "(" * 300 + "orders > 1" + ")" * 300, "too deeply"),
    ("limit", "«" + "not " * 900 + "attr.vip", "too deeply"),
    ("limit", "«" + "-" * 3_900 + "orders > 1", "too deeply"),
    ("limit", "«" + "orders + " * (DEPTH_MAX + 1) + "1 > 1", "too deeply"),
    ("limit", "«orders > 1" + " " * LENGTH_MAX, f"{LENGTH_MAX} characters"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expression", "words"), ERRORS)
def test_a_mistake_is_found_at_the_very_name(code: str, expression: str, words: str) -> None:
    findings, place = check_marked(condition(quoted(expression)))
    errors = [finding for finding in findings if finding.severity == "error"]
    assert [(finding.code, (finding.line, finding.column)) for finding in errors] == [(code, place)]
    assert words in errors[0].message


@pytest.mark.parametrize(
    "scalar",
    [
        "orders > 1 and «nothing > 2",
        "'attr.region != ''its'' and «nothing > 2'",
        '"attr.region == \\"\\u00e9\\x41\\" and «nothing > 2"',
        "'attr.region == \"Straße 東京\" and «nothing > 2'",
        "|\n          orders > 1\n          and «nothing > 2\n",
        ">- # folded\n          orders > 1\n\n          and «nothing\n          > 2\n",
        "orders > 1\n          and «nothing > 2",
        '"orders > 1\n          and\\\n          \\ «nothing > 2"',
    ],
    ids=["plain", "single", "double", "wide", "literal", "folded", "lines", "double lines"],
)
def test_the_place_is_exact_in_every_style_of_scalar(scalar: str) -> None:
    rows = [
        "  d:",
        "    kind: first_match",
        "    categories:",
        "      a:",
        f"        when: {scalar}",
        "      z: {}",
    ]
    text = whole(dimensions="\n".join(rows) + "\n")
    findings, place = check_marked(text)
    assert [(finding.code, finding.line, finding.column) for finding in findings] == [
        ("unknown_name", *place)
    ]


def test_lines_may_end_as_they_do_elsewhere_and_a_byte_order_mark_does_not_count() -> None:
    text = "\ufeff" + condition("nothing > 1").replace("\n", "\r\n")
    findings = check_pack(text)[1]
    line = next(number for number, row in enumerate(text.splitlines(), 1) if "nothing" in row)
    assert [(finding.line, finding.column) for finding in findings] == [(line, 20)]


@pytest.mark.parametrize(
    ("currency", "literal", "units"), [("JPY", "200", 200), ("KWD", "0.001", 1), ("GBP", "0.01", 1)]
)
def test_money_is_read_in_the_minor_units_of_the_pack(currency: str, literal: str, units: int) -> None:
    pack = load_pack(condition(f"spend > {literal}").replace("GBP", currency), "test")
    when = pack.dimensions[1].categories[1].when
    assert when is not None
    assert when.tree == Compare(">", SPEND, money(units))


def test_a_currency_without_minor_units_takes_whole_money_only() -> None:
    findings = check_pack(condition("spend > 0.5").replace("GBP", "JPY"))[1]
    assert [finding.message for finding in findings if finding.severity == "error"] == [
        "`0.5` is finer than JPY can be: write it with no decimals"
    ]
