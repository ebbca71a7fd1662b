"""The case format: what can be written, what is told about mistakes, and what a failure looks like."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from rules.cases.compare import Result, unreached
from rules.cases.model import Case, CasesError, EventInput, Input, Observed, TickInput, Whole
from rules.cases.read import pack_of, read_cases
from rules.cases.run import reference, run_cases
from rules.cases.show import show_result
from rules.language.load import load_pack
from rules.language.model import Pack
from workers.packs import catalog

FOLDER = Path(__file__).parent / "corpus"
README = Path(read_cases.__code__.co_filename).parent / "README.md"


@cache
def pack(name: str) -> Pack:
    return load_pack((FOLDER / f"{name}.yaml").read_text("utf-8"), name)


def read(text: str, name: str = "tiers") -> list[Case]:
    return read_cases(text, "text", pack(name))


def run(text: str, name: str = "tiers") -> Result:
    (result,) = run_cases(read("case: one\n" + text, name), pack(name), reference)
    return result


def events(text: str, name: str = "tiers") -> list[dict[str, object]]:
    (case,) = read("case: one\n" + text, name)
    return [json.loads(item.raw) for item in case.inputs if isinstance(item, EventInput)]


def finding(text: str, name: str = "tiers") -> tuple[int, str]:
    with pytest.raises(CasesError) as caught:
        read(text, name)
    (only,) = caught.value.findings
    return only


def test_the_example_of_the_readme_holds() -> None:
    blocks = re.findall(r"```\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    shop = load_pack(catalog()["shop"].read_text("utf-8"), "shop")
    (result,) = run_cases(read_cases(blocks[0], "README.md", shop), shop, reference)
    assert result.passed, show_result(result)


def test_an_event_line_becomes_the_event_with_numbered_ids() -> None:
    line = '2024-01-10 10:00  C1  order.completed  amount=120.00 channel="web shop" items=3 currency=EUR'
    assert events(line) == [
        {
            "event_id": "e1",
            "type": "order.completed",
            "occurred_at": "2024-01-10T10:00:00+00:00",
            "customer_id": "C1",
            "order_id": "o1",
            "amount": 120.0,
            "channel": "web shop",
            "items": 3,
            "currency": "EUR",
        }
    ]


def test_ids_follow_the_events_of_a_case_and_can_be_given() -> None:
    text = """
2024-01-10 10:00  C1  payment.failed  amount=1
tick 2024-01-11
2024-01-11 10:00  C1  feedback.nps  score=7  id=mine
2024-01-11 10:00  C1  payment.overdue  amount=1 payment_id=p1 id=e1
"""
    shown = [(event["event_id"], event.get("payment_id"), event.get("feedback_id")) for event in events(text)]
    assert shown == [("e1", "p1", None), ("mine", None, "f2"), ("e1", "p1", None)]


def test_amounts_keep_their_digits_and_quotes_make_text() -> None:
    (case,) = read('case: x\n2024-01-10 10:00 "C 1" order.completed amount=120.10 discount="0.90"')
    (item,) = case.inputs
    assert isinstance(item, EventInput)
    assert b'"amount":120.10' in item.raw
    assert b'"discount":"0.90"' in item.raw
    assert b'"customer_id":"C 1"' in item.raw


def test_attributes_are_written_as_the_pack_declares_them() -> None:
    line = "2024-01-10 10:00 C1 customer.updated attr.region=5 attr.size=5 attr.vip=true attr.score=(none)"
    (event,) = events(line, "attributes")
    assert event["attributes"] == {"region": "5", "size": 5, "vip": True, "score": None}


@pytest.mark.parametrize(
    ("written", "occurred_at"),
    [
        ("2024-01-10 10:00", "2024-01-10T10:00:00-05:00"),
        ("2024-07-10 10:00:30.5", "2024-07-10T10:00:30.500000-04:00"),
        ("2024-01-10 10:00Z", "2024-01-10T10:00:00Z"),
        ("2024-01-10T10:00:00+09:00", "2024-01-10T10:00:00+09:00"),
        ("2024-11-03 01:30-04:00", "2024-11-03T01:30:00-04:00"),
    ],
)
def test_times_are_those_of_the_pack_unless_they_carry_an_offset(written: str, occurred_at: str) -> None:
    (event,) = events(f"{written} C1 order.completed amount=1", "days_newyork")
    assert event["occurred_at"] == occurred_at


def test_ticks_are_days() -> None:
    (case,) = read("case: x\ntick 2024-02-29")
    assert case.inputs == (TickInput(19782),)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2024-03-10 02:30 C1 order.completed amount=1", "does not exist in America/New_York"),
        ("2024-11-03 01:30 C1 order.completed amount=1", "comes twice in America/New_York"),
        ("2024-02-30 10:00 C1 order.completed amount=1", "`2024-02-30` is not a date"),
        ("2024-02-28 25:00 C1 order.completed amount=1", "is not a time of a day"),
        ("2024-02-28 C1 order.completed amount=1", "write the time of the event"),
        ("yesterday C1 order.completed amount=1", "`yesterday` is not a date"),
        ("2024-02-28 10:00 C1 order.complete amount=1", "did you mean `order.completed`?"),
        ("2024-02-28 10:00 C1 order.completed amuont=1", "did you mean `amount`?"),
        ("2024-02-28 10:00 C1 order.completed amount=1 amount=2", "`amount` is given twice"),
        ("2024-02-28 10:00 C1 order.completed amount 1", "write `=` after `amount`"),
        ("2024-02-28 10:00 C1 customer.updated attr.colour=red", "declares no attribute `colour`"),
        ('2024-02-28 10:00 C1 order.completed channel="web', "close the quote"),
        ("tick 2024-02-28 10:00", "nothing can follow the date of a tick"),
        ("tick", "the line ends where the date of the tick should follow"),
    ],
)
def test_a_mistake_in_an_input_is_told_with_its_line(line: str, message: str) -> None:
    number, told = finding(f"# comment\ncase: one\n{line}\n", "days_newyork")
    assert number == 3
    assert message in told


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-> tyre: bronze -> silver", "`tyre:` does not name a dimension"),
        ("-> tier: bronze -> sliver", "`sliver` is not a category of tier"),
        ("-> tier: bronze silver", "write `->` between the categories"),
        ("-> tier: bronze -> silver sideways", "`sideways` is not something to expect here"),
        ("-> tier: bronze -> silver by chance", "`chance` is not a cause"),
        ("-> tier: bronze -> silver because spend_30d", "the line ends where `=` should follow"),
        ("-> rejected: dislike", "`dislike` is not a reason code"),
        ("-> pending tier: begun bronze -> silver", "`begun` is not a state"),
        ("-> nothing at all", "nothing can follow `nothing`"),
    ],
)
def test_a_mistake_in_an_expectation_is_told_with_its_line(line: str, message: str) -> None:
    number, told = finding(f"case: one\n2024-01-10 10:00 C1 order.completed amount=1\n  {line}\n")
    assert number == 3
    assert message in told


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file has no case"),
        ("tick 2024-01-01", 1, "begin a case"),
        ("case: x\n  -> nothing", 2, "an expectation follows an event or a tick"),
        ("case: x\ntick 2024-01-01\n  -> late", 3, "a tick cannot be `late`"),
        ("case: x\ntick 2024-01-01\n  -> tier: gold -> silver", 3, "name the customer"),
        ("dimensions: tyre\ncase: x\ntick 2024-01-01", 1, "`tyre` is not a dimension of the pack"),
        ("pending: some\ncase: x\ntick 2024-01-01", 1, "`some` is not a way to look at notices"),
        ("case: x\npack: y", 2, "`pack:` stands above the first case"),
        (
            "case: x\n2024-01-10 10:00 C1 order.placed amount=1\n  -> duplicate\n  -> tier: (none) -> bronze",
            4,
            "line 2 cannot both move a customer and do nothing",
        ),
        (
            "case: x\n2024-01-10 10:00 C1 order.placed amount=1\n  -> tier: (none) -> bronze\n  -> nothing",
            4,
            "line 2 cannot both move a customer and do nothing",
        ),
    ],
)
def test_a_mistake_in_the_shape_of_a_file_is_told_with_its_line(text: str, line: int, message: str) -> None:
    number, told = finding(text)
    assert number == line
    assert message in told


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    with pytest.raises(CasesError) as caught:
        read("case: x\ntick soon\ntick 2024-01-01\n  -> late\n")
    assert [line for line, _ in caught.value.findings] == [2, 4]
    assert str(caught.value).startswith("text:2: `soon` is not a date")


def test_a_failing_case_shows_what_was_expected_and_what_came() -> None:
    result = run("""
2024-03-01 10:00  C1  order.completed  amount=100
  -> tier: (none) -> bronze
2024-03-02 10:00  C1  order.completed  amount=400
  -> tier: silver -> gold  up  at 2024-03-02 11:00  because spend_30d = 500
2024-03-02 10:00  C1  order.completed  amount=400
  -> duplicate
tick 2024-04-10
""")
    assert show_result(result) == "\n".join(
        [
            "text:1: one",
            "  line 3: 2024-03-01 10:00  C1  order.completed  amount=100",
            "    - tier: (none) -> bronze",
            "    + tier: (none) -> silver  initial  at 2024-03-01 10:00  because spend_30d = 100.00",
            "  line 5: 2024-03-02 10:00  C1  order.completed  amount=400",
            "    - tier: silver -> gold  up  at 2024-03-02 11:00  because spend_30d = 500",
            "    + tier: silver -> gold  up  at 2024-03-02 10:00  because spend_30d = 500.00",
            "  line 7: 2024-03-02 10:00  C1  order.completed  amount=400",
            "    - duplicate",
            "    + applied",
            "  line 9: tick 2024-04-10",
            "    + tier: gold -> bronze  down  at 2024-04-01  because spend_30d = 0.00",
        ]
    )


@pytest.mark.parametrize(
    "claim",
    [
        "down",
        "at 2024-03-02",
        "previous (none)",
        "by time",
        "code 002",
        "target silver",
        "sequence 3",
        "life 2",
        "trigger e1",
        "rule tier.gold.keep",
        "because spend_30d = 500",
        "because orders = 1",
        "showing spend_30d = 1.00",
        "strategy discount = 6%",
        "strategy visits = 2.0",
    ],
)
def test_each_claim_can_fail(claim: str) -> None:
    story = """
2024-03-01 10:00  C1  order.completed  amount=100
  -> tier: (none) -> silver
2024-03-02 10:00  C1  order.completed  amount=400
  -> tier: silver -> gold"""
    true = """ up  at 2024-03-02 10:00  previous 2024-03-01 10:00  by event  code 001  target gold
       sequence 2  life 1  trigger e2  rule tier.gold.enter  because spend_30d = 500.00  showing ratings = 0
       strategy discount = 5%, visits = 2"""
    assert run(f"{story} {true}").passed
    assert not run(f"{story} {claim}").passed


def test_a_change_too_many_and_a_change_too_few_fail() -> None:
    assert not run("2024-03-01 10:00  C1  order.completed  amount=100").passed
    story = "2024-03-01 10:00  C1  order.completed  amount=5\n  -> tier: (none) -> bronze\n"
    assert run(story).passed
    assert not run(story + "  -> tier: bronze -> silver").passed


def test_only_the_dimensions_that_a_case_names_are_compared() -> None:
    story = "2024-03-01 10:00  C1  customer.registered  attr.points=20\n"
    assert run(story + "  -> plain: (none) -> high", "points").passed
    assert not run("dimensions: plain, held\n" + story + "  -> plain: (none) -> high", "points").passed
    assert not run(story + "  -> nothing", "points").passed


@pytest.mark.parametrize(
    ("header", "line", "passes"),
    [
        ("", "", True),
        ("pending: all\n", "", False),
        ("", "  -> pending held: started low -> high", True),
        ("pending: ignored\n", "  -> pending held: started low -> mid", True),
        ("", "  -> pending held: started low -> mid", False),
    ],
)
def test_notices_count_where_a_case_lists_one_or_says_so(header: str, line: str, passes: bool) -> None:
    text = f"""{header}dimensions: held
2024-03-01 10:00  C1  customer.registered  attr.points=0
  -> held: (none) -> low
2024-03-02 10:00  C1  customer.updated  attr.points=20
{line}
"""
    assert run(text, "points").passed == passes


def whole(ruled_by: Pack, inputs: Sequence[Input]) -> Observed:
    seen = reference(ruled_by, inputs)
    assert isinstance(seen, list)
    return Whole(
        tuple(output for item in reversed(seen) for output in item.outputs),
        {position: item.rejected for position, item in enumerate(seen) if item.rejected is not None},
        sum(item.duplicate for item in seen),
        sum(item.skipped for item in seen),
    )


def test_a_host_that_answers_as_a_whole_is_compared_customer_by_customer() -> None:
    text = """case: one
2024-03-01 10:00  C1  order.completed  amount=100
  -> tier: (none) -> silver
2024-03-01 10:00  C2  order.completed  amount=100
  -> tier: (none) -> silver
2024-03-01 10:00  C1  order.completed  amount=100 id=e1
  -> duplicate
2024-03-01 10:00  C1  order.completed  amount=-1
  -> rejected: schema
"""
    (result,) = run_cases(read(text), pack("tiers"), whole)
    assert result.passed
    (result,) = run_cases(read(text.replace("duplicate", "nothing")), pack("tiers"), whole)
    assert [row.text for row in result.differences[0].rows[:2]] == ["duplicates: 0", "duplicates: 1"]
    (result,) = run_cases(read(text.replace("rejected: schema", "nothing")), pack("tiers"), whole)
    assert "line 8 rejected: schema" in show_result(result)


def test_categories_that_no_case_reaches_are_told_in_the_order_of_the_pack() -> None:
    result = run("2024-03-01 10:00  C1  order.completed  amount=100\n  -> tier: (none) -> silver")
    assert unreached(pack("tiers"), [result]) == [("tier", "bronze"), ("tier", "gold")]


def test_a_file_names_its_pack_above_its_first_case() -> None:
    assert pack_of("# text\npack: other.yaml\ncase: x\n") == "other.yaml"
    assert pack_of("case: x\n") is None
