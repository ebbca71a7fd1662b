"""Pack texts for tests, with a mark where a finding is expected."""

from __future__ import annotations

from rules.language.findings import Finding
from rules.language.load import check_pack

#: Stands in a text just before the character at which a finding is expected.
MARK = "«"

HEAD = """\
name: shop
version: "1"
timezone: Europe/London
currency: GBP
"""
ATTRIBUTES = "attributes: {region: string, vip: boolean, age: integer, weight: number}\n"
METRICS = """\
  orders: {agg: count, of: order.completed}
  spend: {agg: sum, of: order.completed, field: amount}
  net: {agg: sum, of: order.completed, field: amount, minus: order.refunded}
  rating: {agg: avg, of: feedback.rating, field: score}
  since: {agg: recency, of: order.completed}
  worst: {agg: max, of: feedback.complaint, field: severity}
"""
DIMENSION = "  d: {kind: first_match, categories: {all: {}}}\n"


def whole(head: str = HEAD, metrics: str = METRICS, dimensions: str = DIMENSION) -> str:
    """A pack text around the part that a test is about; the attributes are always there."""
    return f"{head}{ATTRIBUTES}metrics:\n{metrics}dimensions:\n{dimensions}"


def condition(text: str) -> str:
    """A pack with one condition, the second of its dimension, after an earlier dimension `tier`."""
    return whole(
        dimensions="  tier: {kind: ladder, categories: {low: {}, high: {enter: spend >= 5}}}\n"
        "  use:\n    kind: first_match\n    categories:\n"
        "      none: {when: net < -1000}\n"
        f"      some: {{when: {text}}}\n"
        "      rest: {}\n"
        "    publish: [orders, spend, net, rating, since, worst]\n"
        "  after: {kind: first_match, categories: {only: {}}}\n"
    )


def check_marked(text: str) -> tuple[list[Finding], tuple[int, int]]:
    """All findings of a text without its mark, and line and column of the mark."""
    before, mark, after = text.partition(MARK)
    assert mark, "the text of this test has no mark"
    lines = before.split("\n")
    _, findings = check_pack(before + after)
    return findings, (len(lines), len(lines[-1]) + 1)


def found(text: str) -> list[str]:
    """The codes of all findings of a text without a mark."""
    return [str(finding.code) for finding in check_pack(text)[1]]
