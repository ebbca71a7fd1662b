"""Every mistake in a pack is found in its very place, and the message says what to write instead."""

from __future__ import annotations

import pytest

from rules.language import keys
from rules.language.findings import PackError
from rules.language.load import check_pack, load_pack
from rules.language.source import TEXT_MAX
from tests.unit.language.packs import ATTRIBUTES, DIMENSION, HEAD, METRICS, check_marked, found, whole

Row = tuple[str, str, str]


def metric(text: str) -> str:
    return whole(metrics=f"{METRICS}  m: {text}\n")


def dimension(text: str) -> str:
    return whole(dimensions=f"  d:\n    kind: {text}\n")


def head(line: str) -> str:
    """The head of a pack with a line of its own in place of the one with the same key."""
    key = line.replace("«", "").partition(":")[0]
    lines = [other for other in HEAD.splitlines() if other.partition(":")[0] != key]
    return whole(head="\n".join([*lines, line]) + "\n")


YAML: list[Row] = [
    ("yaml_syntax", f"{HEAD}metrics: [1\n«", "expected ',' or ']'"),
    ("yaml_syntax", f"{HEAD}metrics: {{a: «@}}\n", "cannot start any token"),
    ("yaml_syntax", f"{HEAD}metrics: a«: b\n", "inside quotes"),
    ("yaml_syntax", f"{HEAD}title: «\x07\n", "U+0007"),
    ("yaml_syntax", f'{HEAD}title: «"\\ud83d"\n', "surrogate"),
    ("yaml_syntax", f"{HEAD}«---\nname: again\n", "one document"),
    ("yaml_syntax", f"{HEAD}title: «*nobody\n", "undefined alias"),
    ("yaml_feature", f"{HEAD}rates: «&r {{}}\n", "anchors"),
    ("yaml_feature", f"{HEAD}metrics: {{«<<: {{}}}}\n", "merge keys"),
    ("yaml_feature", f"{HEAD}title: «!secret x\n", "`!secret`"),
    ("yaml_feature", f"{HEAD}metrics: «!!set {{a}}\n", "tags"),
    ("yaml_feature", f"# 1.1\n«%YAML 1.1\n---\n{whole()}", "`%YAML 1.1`"),
    ("wrong_shape", f"{HEAD}«[a]: 1\n", "a key must be a plain word"),
    ("duplicate_key", f"{whole()}«name: other\n", "in line 1"),
    ("duplicate_key", whole(metrics=f"{METRICS}  «spend: {{agg: count, of: order.placed}}\n"), "`spend`"),
    ("wrong_shape", "«- a\n- b\n", "a pack must be a mapping"),
    ("limit", "«" + "[" * 45 + "]" * 45, "40 levels"),
    ("limit", "«" + "[" * 5_000 + "]" * 5_000, "40 levels"),
]

HEADS: list[Row] = [
    ("unquoted", head("version: «3"), '`"3"`'),
    ("unquoted", head("version: «1.10"), '`"1.10"`'),
    ("unquoted", head("version: «2024-01-31"), "looks like a date"),
    ("unquoted", head("name: «true"), "looks like a boolean"),
    ("unquoted", head("name: «~"), "looks like nothing"),
    ("wrong_shape", head("«name:"), "`name` is empty"),
    ("wrong_shape", head("name: «[a]"), "must be text"),
    ("bad_value", head('name: «" "'), "is empty"),
    ("bad_value", head('name: «"a\\tb"'), "control character"),
    ("limit", head(f"name: «{'n' * 129}"), "128 characters"),
    (
        "missing_key",
        f"«timezone: UTC\ncurrency: EUR\nversion: a\nmetrics: {{}}\ndimensions:\n{DIMENSION}",
        "`name`",
    ),
    ("unknown_key", head("«currncy: GBP"), "did you mean `currency`?"),
    ("unknown_timezone", head("timezone: «Europe/Lodnon"), "did you mean `Europe/London`?"),
    ("unknown_timezone", head("timezone: «../../etc/passwd"), "IANA"),
    ("unknown_timezone", head("timezone: «Europe"), "did you mean `Europe/"),
    ("unknown_currency", head("currency: «EURO"), "did you mean `EUR`?"),
    ("unknown_currency", head("currency: «gbp"), "did you mean `GBP`?"),
    ("bad_value", head("lateness: «30"), "write `30d`"),
    ("bad_value", head("lateness: «30 days"), "write `30d`"),
    ("bad_value", head("lateness: «-1d"), "number of days"),
    ("limit", head("lateness: «36501d"), "`0d` to `36500d`"),
    ("limit", head("max_ahead: «99999d"), "`0d` to `36500d`"),
    ("unquoted", head('rates: {EUR: {«2024-01-01: "0.8"}}'), '`"2024-01-01"`'),
    ("unquoted", head('rates: {EUR: {"2024-01-01": «0.8}}'), '`"0.8"`'),
    ("bad_rate", head('rates: {EUR: {«"2024-02-30": "0.8"}}'), "is not a date"),
    ("bad_rate", head('rates: {EUR: {«"20240130": "0.8"}}'), "is not a date"),
    ("bad_rate", head('rates: {EUR: {"2024-01-01": «"0.00"}}'), "above 0"),
    ("bad_rate", head('rates: {EUR: {"2024-01-01": «"-1"}}'), "above 0"),
    ("bad_rate", head('rates: {EUR: {"2024-01-01": «"1e3"}}'), "decimal"),
    ("bad_rate", head('rates: {EUR: {"2024-01-01": «"100000.1"}}'), "too large"),
    ("bad_rate", head("rates: {EUR: «{}}"), "at least one rate"),
    ("bad_rate", head('rates: {«GBP: {"2024-01-01": "1"}}'), "own currency"),
    ("unknown_currency", head('rates: {«QQQ: {"2024-01-01": "1"}}'), "ISO 4217"),
]

ATTRIBUTE_ROWS: list[Row] = [
    ("bad_value", whole().replace("age: integer", "age: «int"), "did you mean `integer`?"),
    ("bad_id", whole().replace("age:", "«Age:"), "such as `age`"),
    ("bad_id", whole().replace("age:", "«1st:"), "small letters"),
    ("name_taken", whole().replace("age:", "«class:"), "`class_`"),
    (
        "limit",
        whole().replace(ATTRIBUTES, "attributes: «{" + ", ".join(f"a{i}: string" for i in range(61)) + "}\n"),
        "60",
    ),
]

METRIC_ROWS: list[Row] = [
    ("wrong_shape", metric("«count"), "write `{agg: count"),
    ("missing_key", metric("«{of: order.placed}"), "`agg`"),
    ("not_allowed_here", metric('«{agg: count, expr: "1"}'), "either `agg` or `expr`"),
    ("unknown_key", metric("{agg: count, of: order.placed, «filed: amount}"), "did you mean `field`?"),
    ("bad_value", metric("{agg: «average, of: feedback.rating, field: score}"), "cannot be `average`"),
    ("unknown_type", metric("{agg: count, of: «order.complete}"), "did you mean `order.completed`?"),
    ("unknown_type", metric("{agg: count, of: [order.placed, «signup]}"), "the types are"),
    ("unknown_type", metric("{agg: count, of: «customer.updated}"), "no fact"),
    ("wrong_shape", metric("{agg: count, of: «[]}"), "a list of values"),
    ("missing_key", metric("«{agg: sum, of: order.placed}"), "`field: amount`"),
    ("wrong_field", metric("{agg: sum, of: payment.failed, field: «discount}"), "it has `amount`"),
    (
        "wrong_field",
        metric("{agg: sum, of: [order.placed, feedback.nps], field: «score}"),
        "`order.placed` has no",
    ),
    (
        "wrong_field",
        metric("{agg: max, of: feedback.complaint_resolved, field: «severity}"),
        "no numeric field",
    ),
    ("bad_value", metric("{agg: sum, of: order.placed, field: «amuont}"), "did you mean `amount`?"),
    ("not_allowed_here", metric("{agg: count, of: order.placed, «minus: order.refunded}"), "`sum` alone"),
    ("bad_value", metric("{agg: sum, of: order.placed, field: amount, minus: «order.placed}"), "both"),
    (
        "wrong_field",
        metric("{agg: sum, of: order.placed, field: «items, minus: payment.refunded}"),
        "`amount`",
    ),
    ("not_allowed_here", metric("{agg: recency, of: order.placed, «window: 30d}"), "leave `window` out"),
    (
        "not_allowed_here",
        metric("{agg: last, of: order.placed, field: items, «window: this_year}"),
        "lifetime",
    ),
    ("bad_value", metric("{agg: count, of: order.placed, window: «30}"), "`30d`"),
    ("bad_value", metric("{agg: count, of: order.placed, window: «this_yaer}"), "did you mean `this_year`?"),
    ("limit", metric("{agg: count, of: order.placed, window: «0d}"), "`1d` to `36500d`"),
    ("wrong_label", metric("{agg: count, of: order.placed, where: {«method: card}}"), "`channel`"),
    (
        "wrong_label",
        metric("{agg: count, of: [order.placed, payment.failed], «where: {channel: web}}"),
        "one label",
    ),
    ("wrong_label", metric("{agg: count, of: order.placed, where: «{}}"), "exactly one key"),
    ("wrong_label", metric("{agg: count, of: order.placed, where: «{channel: a, topic: b}}"), "one key"),
    ("unquoted", metric("{agg: count, of: order.placed, where: {channel: [web, «7]}}"), '`"7"`'),
    ("limit", metric("{agg: count, of: order.placed, where: {channel: «" + "x" * 65 + "}}"), "64"),
    ("name_taken", whole(metrics="  «and: {agg: count, of: order.placed}\n"), "`and_`"),
    ("name_taken", whole(metrics="  «current: {agg: count, of: order.placed}\n"), "`current_`"),
    ("name_taken", whole(metrics="  «customer_id: {agg: count, of: order.placed}\n"), "`customer_id_`"),
    ("name_taken", whole(metrics="  «lambda: {agg: count, of: order.placed}\n"), "`lambda_`"),
    ("bad_id", whole(metrics="  «Web-Orders: {agg: count, of: order.placed}\n"), "such as `web_orders`"),
    ("bad_id", whole(metrics="  «12: {agg: count, of: order.placed}\n"), "small letters"),
    ("declared_later", metric('{expr: "1 + «later"}\n  later: {expr: "2"}'), "move it above"),
    ("cycle", metric('{expr: "«m + 1"}'), "its own value"),
    ("cycle", metric('{expr: "«l + 1"}\n  l: {expr: k + 1}\n  k: {expr: m}'), "break the cycle"),
    ("not_allowed_here", metric('{expr: "orders + «d"}'), "is a dimension"),
    ("unknown_name", metric('{expr: "«current"}'), "only in the conditions"),
]

DIMENSION_ROWS: list[Row] = [
    (
        "missing_key",
        whole(dimensions="").replace("dimensions:\n", "dimensions: «{}\n"),
        "at least one dimension",
    ),
    ("bad_value", dimension("«laddder\n    categories: {a: {}}"), "did you mean `ladder`?"),
    ("missing_key", dimension("ladder\n    categories: «{}"), "at least one category"),
    ("not_allowed_here", dimension("ladder\n    categories: {a: {«enter: orders > 1}}"), "lowest"),
    ("not_allowed_here", dimension("ladder\n    categories: {a: {«keep: orders > 1}}"), "lowest"),
    ("missing_key", dimension("ladder\n    categories: {a: {}, «b: {keep: orders > 1}}"), "needs `enter`"),
    (
        "not_allowed_here",
        dimension("ladder\n    categories: {a: {}, b: {enter: orders > 1, «when: orders > 1}}"),
        "`keep`",
    ),
    (
        "not_allowed_here",
        dimension("first_match\n    categories: {a: {«enter: orders > 1, when: orders > 1}, b: {}}"),
        "`when`",
    ),
    (
        "not_allowed_here",
        dimension("first_match\n    categories: {a: {«when: orders > 1}}"),
        "always matches",
    ),
    ("missing_key", dimension("first_match\n    categories: {«a: {}, b: {}}"), "needs `when`"),
    (
        "code_collision",
        dimension("first_match\n    categories: {a: {when: orders > 1, code: X}, b: {code: «X}}"),
        "that of `a`",
    ),
    ("unquoted", dimension("first_match\n    categories: {a: {code: «001}}"), '`"001"`'),
    ("unquoted", dimension("first_match\n    categories: {a: {code: «002.2}}"), '`"002.2"`'),
    ("unquoted", dimension("first_match\n    categories: {a: {when: «true}, b: {}}"), '`"true"`'),
    ("bad_id", dimension("first_match\n    categories: {«A: {}}"), "such as `a`"),
    (
        "expression_syntax",
        dimension("ladder\n    categories: {a: {}, b: {enter: max«(orders, 1) > 2}}"),
        "in quotes",
    ),
    ("yaml_syntax", dimension("ladder\n    categories: {a: {}, b: {enter: orders in «[1]}}"), "in quotes"),
    ("unquoted", dimension("first_match\n    categories: {«null: {}}"), '`"null"`'),
    ("unquoted", dimension("first_match\n    categories: {a: {strategy: {from: «2024-01-01}}}"), "quotes"),
    ("unquoted", dimension("first_match\n    categories: {a: {strategy: {x: [1, «.nan]}}}"), "quotes"),
    ("unquoted", dimension("first_match\n    categories: {a: {strategy: {x: «0x1F}}}"), "quotes"),
    ("unquoted", dimension("first_match\n    categories: {a: {strategy: {x: «1e999}}}"), "in range"),
    ("unquoted", dimension("first_match\n    categories: {a: {strategy: {«1: x}}}"), '`"1"`'),
    ("wrong_shape", dimension("first_match\n    categories: {a: {strategy: «free}}"), "must be a mapping"),
    ("not_allowed_here", dimension("ladder\n    categories: {a: {}}\n    «change: {}"), "`downgrade`"),
    ("not_allowed_here", dimension("first_match\n    categories: {a: {}}\n    «upgrade: {}"), "use `change`"),
    (
        "not_allowed_here",
        dimension("first_match\n    categories: {a: {}}\n    change: {«step: one}"),
        "for ladders",
    ),
    ("bad_value", dimension("first_match\n    categories: {a: {}}\n    change: {hold: «3}"), "`3d`"),
    (
        "bad_value",
        dimension("first_match\n    categories: {a: {}}\n    change: {at: «month_end}"),
        "`month_start`",
    ),
    ("bad_value", dimension("ladder\n    categories: {a: {}}\n    upgrade: {step: «two}"), "`one`"),
    (
        "unknown_key",
        dimension("ladder\n    categories: {a: {}}\n    upgrade: {«holds: 3d}"),
        "did you mean `hold`?",
    ),
    (
        "unknown_name",
        dimension("ladder\n    categories: {a: {}}\n    publish: [orders, «ordres]"),
        "did you mean `orders`?",
    ),
    ("name_taken", whole(dimensions="  «spend: {kind: ladder, categories: {a: {}}}\n"), "a metric already"),
    ("name_taken", whole(dimensions="  «or: {kind: ladder, categories: {a: {}}}\n"), "`or_`"),
    (
        "name_taken",
        whole(dimensions="  «customer_id: {kind: ladder, categories: {a: {}}}\n"),
        "`customer_id_`",
    ),
]


@pytest.mark.parametrize(
    ("code", "text", "words"), [*YAML, *HEADS, *ATTRIBUTE_ROWS, *METRIC_ROWS, *DIMENSION_ROWS]
)
def test_a_mistake_is_found_in_its_place(code: str, text: str, words: str) -> None:
    findings, place = check_marked(text)
    at_place = [finding for finding in findings if (finding.line, finding.column) == place]
    assert code in [finding.code for finding in at_place], findings
    message = " ".join(finding.message for finding in at_place if finding.code == code)
    assert words in message
    assert "\n" not in message
    assert not message.endswith(".")


def test_a_pack_with_errors_is_refused_with_all_of_them() -> None:
    text = whole(metrics="  a: {agg: count, of: nothing}\n  b: {expr: c}\n")
    with pytest.raises(PackError) as refused:
        load_pack(text, "packs/shop.yaml")
    assert [finding.code for finding in refused.value.findings] == ["unknown_type", "unknown_name"]
    assert "packs/shop.yaml:7:23: error[unknown_type]:" in str(refused.value)


def test_what_uses_a_broken_metric_is_not_blamed_for_it() -> None:
    text = whole(
        metrics="  broken: {agg: count, of: nothing}\n  b: {expr: broken + 1}\n",
        dimensions="  d: {kind: first_match, categories: {a: {when: b > 1}, z: {}}, publish: [broken, b]}\n",
    )
    assert found(text) == ["unknown_type"]


def test_findings_come_in_the_order_of_the_text() -> None:
    text = whole(metrics="  a: {agg: cuont, of: nothing}\n").replace("GBP", "XXX")
    places = [(finding.line, finding.column) for finding in check_pack(text)[1]]
    assert places == sorted(places)
    assert len(places) == 3


def test_a_finding_names_the_path_of_what_it_is_about() -> None:
    text = dimension("ladder\n    categories: {a: {}, b: {enter: orders}}")
    assert [finding.path for finding in check_pack(text)[1]] == ["dimensions.d.categories.b.enter"]


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (
            whole(metrics="".join(f"  m{i}: {{agg: count, of: order.placed}}\n" for i in range(251))),
            "250 metrics",
        ),
        (
            whole(
                dimensions="".join(f"  d{i}: {{kind: ladder, categories: {{a: {{}}}}}}\n" for i in range(61))
            ),
            "60 dimensions",
        ),
        (
            dimension(
                "first_match\n    categories:\n"
                + "".join(f"      c{i}: {{when: orders == {i}}}\n" for i in range(250))
                + "      z: {}"
            ),
            "250 categories",
        ),
        (
            metric(f"{{agg: count, of: order.placed, where: {{channel: {[f'c{i}' for i in range(65)]}}}}}"),
            "64 values",
        ),
        ("name: " + "x" * TEXT_MAX, f"{TEXT_MAX} characters"),
    ],
    ids=["metrics", "dimensions", "categories", "labels", "text"],
)
def test_a_pack_has_limits(text: str, limit: str) -> None:
    assert [finding.code for finding in check_pack(text)[1] if limit in finding.message] == ["limit"]


def test_an_empty_text_lacks_every_key() -> None:
    assert found("") == ["missing_key"] * len(keys.PACK.required)
    assert found("# nothing yet\n") == ["missing_key"] * len(keys.PACK.required)
