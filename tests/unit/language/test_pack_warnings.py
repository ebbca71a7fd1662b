"""Rules that are allowed but hardly meant get a warning in their place; sound ones get none."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.language.findings import Code
from rules.language.load import check_pack, load_pack
from tests.unit.language.packs import METRICS, check_marked, condition, found, whole

DATA = Path(__file__).parents[2] / "data"
USED = "    publish: [orders, spend, net, rating, since, worst]\n"


def ladder(*categories: str) -> str:
    rows = "".join(f"      {category}\n" for category in categories)
    return whole(dimensions=f"  d:\n    kind: ladder\n    categories:\n      low: {{}}\n{rows}{USED}")


def first_match(*categories: str) -> str:
    rows = "".join(f"      {category}\n" for category in categories)
    return whole(dimensions=f"  d:\n    kind: first_match\n    categories:\n{rows}{USED}")


def policies(*rows: str, categories: str = "{a: {}, b: {enter: orders > 1}, c: {enter: orders > 2}}") -> str:
    lines = "".join(f"    {row}\n" for row in rows)
    return whole(dimensions=f"  d:\n    kind: ladder\n    categories: {categories}\n{lines}{USED}")


CONDITIONS = [
    ("never_true", "«orders < 0"),
    ("never_true", "«orders == 0.5"),
    ("never_true", "«orders > 5 and orders < 3"),
    ("never_true", "«orders > 5 and orders < 6"),
    ("never_true", "«5 < orders < 3"),
    ("never_true", "since > 2 or «rating > 5"),
    ("never_true", "«worst == 6"),
    ("never_true", "«spend <= -0.01"),
    ("never_true", "«spend >= 5 and not spend >= 4"),
    ("never_true", "«spend in []"),
    ("never_true", "«spend in [1, 2] and spend > 2"),
    ("never_true", "«missing(orders)"),
    ("never_true", "«missing(since) and since > 3"),
    ("never_true", "«days_in_category < 0"),
    ("never_true", "«attr.region == 'a' and attr.region == 'b'"),
    ("never_true", "«attr.region in ['a'] and attr.region not in ['a', 'b']"),
    ("never_true", "«attr.vip and attr.vip == false"),
    ("never_true", "«current == 'some' and current == 'rest'"),
    ("never_true", "«tier == 'low' and tier != 'low'"),
    ("never_true", "«(orders > 3 or since > 3) and orders < 2 and not present(since)"),
    ("never_true", "«spend / orders > 3 and spend / orders < 2"),
    ("never_true", "«orders > since and not orders > since"),
    ("never_true", "«1 > 2"),
    ("never_true", "not «orders < 0"),
    ("always_true", "«orders >= 0"),
    ("always_true", "orders > 3 and «spend >= 0"),
    ("always_true", "«orders > 3 or orders <= 3"),
    ("always_true", "«missing(since) or since >= 0"),
    ("always_true", "«present(spend)"),
    ("always_true", "«tier in ['low', 'high']"),
]


@pytest.mark.parametrize(("code", "expression"), CONDITIONS)
def test_a_condition_that_decides_nothing_is_found(code: str, expression: str) -> None:
    findings, place = check_marked(condition(f'"{expression}"'))
    assert (code, place) in [(finding.code, (finding.line, finding.column)) for finding in findings]
    assert {finding.severity for finding in findings} == {"warning"}


@pytest.mark.parametrize(
    "expression",
    [
        "orders > 0",
        "net < 0",
        "since >= 0",
        "rating >= 1",
        "rating < 1.01",
        "not (since > 3) and not (since <= 3)",
        "not (attr.vip == true) and not (attr.vip == false)",
        "current != 'some'",
        "missing(current)",
        "attr.region not in ['a', 'b']",
        "orders > since and since > orders - 1",
        "spend > net",
        "spend * 2 < 0.5",
        "true",
        "false",
    ],
)
def test_a_condition_that_can_be_both_gets_no_warning(expression: str) -> None:
    findings = check_pack(condition(f'"{expression}"'))[1]
    assert [finding.code for finding in findings if finding.code in ("never_true", "always_true")] == []


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        (
            "unreachable",
            first_match("a: {when: since >= 90}", "«b: {when: since >= 180}", "z: {}"),
            "`a` takes first",
        ),
        (
            "unreachable",
            first_match("a: {when: orders > 2}", "b: {when: orders <= 2}", "«z: {}"),
            "take everyone together",
        ),
        (
            "unreachable",
            first_match(
                "a: {when: orders < 2}", "b: {when: orders < 9}", "«c: {when: 1 < orders < 5}", "z: {}"
            ),
            "`b` takes first",
        ),
        (
            "keep_stricter",
            ladder("mid: {enter: spend >= 100, «keep: spend >= 150}"),
            "make `keep` the easier one",
        ),
        (
            "keep_stricter",
            ladder("mid: {enter: spend >= 100, «keep: spend >= 100 and orders > 1}"),
            "make `keep` the easier one",
        ),
        (
            "keep_stricter",
            ladder("mid: {enter: spend / orders >= 10, «keep: spend / orders > 10}"),
            "make `keep` the easier one",
        ),
        (
            "not_rising",
            ladder("mid: {enter: spend >= 100}", "top: {«enter: spend >= 100}"),
            "nobody rises to `mid`",
        ),
        (
            "not_rising",
            ladder("mid: {enter: spend >= 100 and orders > 3}", "top: {«enter: spend >= 50}"),
            "stricter from rank to rank",
        ),
        ("inexact_equality", first_match("a: {when: «rating == 2.5}", "z: {}"), "`>=` or `<=`"),
        ("inexact_equality", first_match('a: {when: "«spend / 3 in [1, 2]"}', "z: {}"), "exact value"),
        ("no_effect", policies("upgrade: {hold: 10d, «min_dwell: 7d}"), "beside `hold: 10d`"),
        (
            "no_effect",
            policies("downgrade: {«step: one}", categories="{a: {}, b: {enter: orders > 1}}"),
            "two categories",
        ),
        ("no_effect", policies("«upgrade: {hold: 3d}", categories="{a: {}}"), "one category"),
        (
            "unused_metric",
            whole(metrics=f"{METRICS}  «extra: {{agg: count, of: order.placed}}\n"),
            "use it, or remove it",
        ),
        (
            "listed_twice",
            whole(metrics=f"{METRICS}  m: {{agg: count, of: [order.placed, «order.placed]}}\n"),
            "remove one",
        ),
    ],
)
def test_a_rule_without_effect_is_found(code: str, text: str, words: str) -> None:
    findings, place = check_marked(text)
    messages = {
        finding.code: finding.message
        for finding in findings
        if (finding.line, finding.column) == place and finding.severity == "warning"
    }
    assert words in messages.get(Code(code), f"only {findings}")


@pytest.mark.parametrize(
    "text",
    [
        ladder("mid: {enter: spend >= 100, keep: spend >= 50}", "top: {enter: spend >= 200}"),
        ladder("mid: {enter: spend >= 100, keep: orders > 3}", "top: {enter: orders > 50}"),
        ladder('mid: {enter: "false"}', 'top: {enter: spend >= 5, keep: "true"}'),
        first_match("a: {when: since >= 180}", "b: {when: since >= 90}", "z: {}"),
        first_match("a: {when: since >= 5}", "b: {when: since < 5}", "never_bought: {}"),
        first_match("a: {when: current == 'b'}", "b: {when: current != 'b'}", "at_birth: {}"),
        first_match("a: {when: spend == 2.5}", "b: {when: rating != 0}", "z: {}"),
        policies("upgrade: {hold: 7d, min_dwell: 10d}", "downgrade: {step: one, at: year_start}"),
    ],
)
def test_sound_rules_get_no_warning(text: str) -> None:
    assert found(text) == []


def test_the_example_of_these_tests_has_no_findings() -> None:
    assert check_pack((DATA / "retail.yaml").read_text())[1] == []


def test_a_warning_does_not_refuse_a_pack() -> None:
    text = condition('"orders >= 0"')
    pack, findings = check_pack(text)
    assert [finding.severity for finding in findings] == ["warning", "warning"]
    assert pack == load_pack(text, "test")


def test_conditions_too_many_to_compare_are_taken_as_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    text = condition('"(orders > 5 or since > 5) and orders < 3 and missing(since)"')
    assert found(text) == ["never_true"]
    monkeypatch.setattr("rules.language.logic._STEPS_MAX", 4)
    assert found(text) == []
