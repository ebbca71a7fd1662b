"""The first command that a new user types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workers.cli.main import run
from workers.report.terminal import FILES


@pytest.mark.slow
def test_the_demo_replays_a_year_of_baskets_and_tells_the_story(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo-replay", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    for part in ("Who is where", "Who moved from where to where", "The last changes, and why", "The files"):
        assert part in shown
    assert {path.name for path in (tmp_path / "replay").iterdir()} == FILES.keys()
    summary = json.loads((tmp_path / "replay" / "summary.json").read_text(encoding="utf-8"))
    assert (summary["events"], summary["customers"]) == (155_848 + 801, 2_469)
    assert summary["applied"] == summary["events"]
