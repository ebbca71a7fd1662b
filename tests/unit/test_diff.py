"""Two histories are compared by customer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workers.cli.main import run
from workers.diff import compare
from workers.history import read_blocks


def a_change(customer: str = "C1", sequence: int = 1, to: str = "gold", **parts: Any) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "life": 1,
        "dimension": "value_tier",
        "sequence": sequence,
        "from": "silver",
        "to": to,
        "target": to,
        "direction": "up",
        "effective_at": f"2026-03-{sequence:02d}T16:00:00.000000Z",
        "cause": "event",
        "trigger": {"event_id": "E1", "type": "order.completed"},
        "reasons": [{"rule": f"value_tier.{to}.enter", "expression": "n > 1", "result": True, "values": {}}],
        "metrics": {},
        **parts,
    }


@pytest.fixture
def history(tmp_path: Path) -> Any:
    """Writes changes as a history; each call makes another file."""

    def write(*changes: dict[str, Any], text: str | None = None) -> Path:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        lines = "".join(json.dumps(change, ensure_ascii=False) + "\n" for change in changes)
        (folder / "changes.ndjson").write_text(lines if text is None else text, encoding="utf-8")
        return folder

    return write


ONE, TWO, THREE = a_change(sequence=1), a_change(sequence=2), a_change(sequence=3)
OTHER = a_change("Ünlü", sequence=1)
SAME_INSTANT = {"dimension": "lifecycle", "effective_at": ONE["effective_at"]}


@pytest.mark.parametrize(
    ("a", "b", "ways"),
    [
        ([], [], {}),
        ([ONE, TWO, OTHER], [ONE, TWO, OTHER], {}),
        ([ONE, OTHER, TWO], [OTHER, ONE, TWO], {}),
        ([ONE, OTHER], [ONE], {"only_a": 1}),
        ([], [ONE, OTHER], {"only_b": 2}),
        ([ONE, TWO, THREE], [ONE, TWO], {"moves": 1}),
        ([ONE, THREE], [ONE, TWO, THREE], {"moves": 1}),
        ([ONE, ONE], [ONE], {"moves": 1}),
        ([ONE], [a_change(to="platinum")], {"moves": 1}),
        ([ONE], [{**ONE, "effective_at": "2026-03-01T16:00:00.000001Z"}], {"moves": 1}),
        ([ONE], [{**ONE, "from": None}], {"moves": 1}),
        ([ONE], [{**ONE, "metrics": {"n": 1}}], {"details": 1}),
        ([ONE, {**ONE, **SAME_INSTANT}], [{**ONE, **SAME_INSTANT}, ONE], {"order": 1}),
        (
            [ONE, OTHER],
            [{**ONE, "metrics": {"n": 1}}, a_change("X")],
            {"only_a": 1, "only_b": 1, "details": 1},
        ),
    ],
    ids=[
        "both empty",
        "the same",
        "customers in another order",
        "a customer in A only",
        "customers in B only",
        "the last change missing",
        "one in the middle missing",
        "one twice",
        "another category",
        "a microsecond later",
        "another origin",
        "another metric",
        "dimensions in another order",
        "everything at once",
    ],
)
def test_customers_that_differ_are_counted_once_by_the_gravest_way(
    history: Any, a: list[dict[str, Any]], b: list[dict[str, Any]], ways: dict[str, int]
) -> None:
    comparison = compare(history(*a), history(*b), limit=10)
    assert comparison.differing == ways
    assert comparison.equal == (not ways)


def test_the_first_difference_of_a_customer_is_shown_from_both_sides(history: Any) -> None:
    changed = a_change(sequence=2, to="platinum")
    comparison = compare(history(ONE, TWO, THREE), history(ONE, changed, THREE), limit=10)
    (difference,) = comparison.differences
    assert (difference.customer_id, difference.way) == ("C1", "moves")
    assert (difference.a, difference.b) == (TWO, changed)


def test_a_customer_who_moved_differently_is_shown_where_the_moves_part(history: Any) -> None:
    a = history(ONE, TWO, OTHER)
    b = history(
        {**ONE, "metrics": {"n": 1}}, a_change(sequence=2, to="platinum"), {**OTHER, "metrics": {"n": 1}}
    )
    moved, detail = compare(a, b, limit=10).differences
    assert (moved.customer_id, moved.a) == ("C1", TWO)
    assert (detail.customer_id, detail.way) == (OTHER["customer_id"], "details")


def test_differing_customers_come_by_id_and_no_more_than_asked_for(history: Any) -> None:
    a = history(*(a_change(f"C{n}") for n in (3, 1, 2)))
    assert [each.customer_id for each in compare(a, history(), limit=2).differences] == ["C1", "C2"]


def test_who_ends_up_elsewhere_is_counted(history: Any) -> None:
    a = history(a_change("A"), a_change("B"), a_change("C"), a_change("D", to="silver"))
    b = history(a_change("A", to="silver"), a_change("B", to="silver"), a_change("D", to="silver"))
    assert compare(a, b, limit=0).ends == (
        ("value_tier", "gold", "silver", 2),
        ("value_tier", "gold", None, 1),
    )


def test_a_history_of_many_blocks_is_read_like_one_of_one(
    history: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = history(*(a_change(f"C{n}", n % 28 + 1) for n in range(50)))
    whole = next(read_blocks(folder / "changes.ndjson"))
    monkeypatch.setattr("workers.history.BLOCK_BYTES", 100)
    blocks = list(read_blocks(folder / "changes.ndjson"))
    assert len(blocks) == 50
    assert [row for block in blocks for row in block.rows()] == whole.rows()


def test_blank_lines_and_a_missing_last_newline_do_not_count(history: Any) -> None:
    text = "\n".join(json.dumps(change) for change in (ONE, TWO))
    assert compare(history(ONE, TWO), history(text=text.replace("\n", "\n\n")), limit=1).equal


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not json", "line 2 is not JSON"),
        ("[]", "line 2 is not a change: it is not an object"),
        ('{"customer_id": "C"}', "line 2 is not a change: `life` is missing"),
        (json.dumps({**ONE, "sequence": "first"}), "line 2 is not a change: `sequence` is missing"),
    ],
)
def test_a_file_that_is_not_a_history_is_named_with_the_line(
    history: Any, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    broken = history(text=f"{json.dumps(ONE)}\n{line}\n")
    assert run(["diff", str(broken), str(history(ONE))]) == 2
    assert message in capsys.readouterr().err


def test_the_exit_code_is_0_only_for_equal_histories(history: Any) -> None:
    a, b = str(history(ONE)), str(history(TWO))
    assert run(["diff", a, a]) == 0
    assert run(["diff", a, b]) == 1
    assert run(["diff", a, f"{b}/nothing"]) == 2


def test_the_differences_are_told_in_words(history: Any, capsys: pytest.CaptureFixture[str]) -> None:
    a = history(ONE, a_change("[red]"), a_change("E"))
    b = history({**ONE, "metrics": {"n": 1}}, a_change("E", to="platinum"))
    run(["diff", str(a), str(b)])
    shown = capsys.readouterr().out
    assert "3 customers" in shown
    assert "[red]\n  A  2026-03-01 16:00  value_tier rises from silver to gold" in shown
    assert "metrics.n: null in A, 1 in B" in shown
    assert "value_tier rises from silver to platinum with order.completed: `n > 1` holds" in shown
