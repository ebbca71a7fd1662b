"""`tierline rules test` as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.cli.main import run

PACK = (Path(__file__).parent / "corpus" / "tiers.yaml").read_text("utf-8")

GOOD = """case: it grows
2024-03-01 10:00  C1  order.completed  amount=100
  -> tier: (none) -> silver
"""
BAD = """case: it does not grow
2024-03-01 10:00  C1  order.completed  amount=99
  -> tier: (none) -> silver
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pack.yaml").write_text(PACK, "utf-8")
    (tmp_path / "cases").mkdir()
    return tmp_path


def test_cases_that_hold_end_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cases" / "good.txt").write_text(GOOD, "utf-8")
    assert run(["rules", "test", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "passed  it grows" in out
    assert "1 case passed" in out
    assert "never reached by any case:\n  tier: bronze, gold\n" in out


def test_a_case_that_fails_shows_the_difference_and_ends_with_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cases" / "a.txt").write_text(GOOD, "utf-8")
    (folder / "cases" / "b.txt").write_text(BAD, "utf-8")
    assert run(["rules", "test", str(folder / "pack.yaml")]) == 1
    out = capsys.readouterr().out
    assert "FAILED  it does not grow" in out
    assert "    - tier: (none) -> silver\n" in out
    assert "    + tier: (none) -> bronze  initial  at 2024-03-01 10:00\n" in out
    assert "2 cases, 1 failed" in out


def test_cases_can_be_chosen_by_file_and_title(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cases" / "a.txt").write_text(GOOD, "utf-8")
    (folder / "cases" / "b.txt").write_text(BAD, "utf-8")
    assert run(["rules", "test", str(folder), "a.txt"]) == 0
    assert run(["rules", "test", str(folder), "NOT GROW"]) == 1
    assert "never reached" not in capsys.readouterr().out
    assert run(["rules", "test", str(folder), "shrinks"]) == 2
    assert "no case beside" in capsys.readouterr().err


def test_mistakes_in_a_case_file_are_told_by_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cases" / "a.txt").write_text(GOOD + "tick soon\n", "utf-8")
    assert run(["rules", "test", str(folder)]) == 2
    assert "a.txt:4: `soon` is not a date" in capsys.readouterr().err


def test_a_pack_without_cases_says_where_to_write_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["rules", "test", str(folder)]) == 2
    assert "there are no cases beside" in capsys.readouterr().err
