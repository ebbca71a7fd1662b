"""A replay's files appear together, or none of them does."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.engine.event import Code, Rejection
from rules.engine.letters import dead_letter
from workers.cli.errors import UserError
from workers.replay.outputs import CHANGES, FILES, SUMMARY, ReplayOutputs
from workers.replay.summary import Summary


def summary() -> Summary:
    from tests.properties.strategies import seeded_history

    return Summary(seeded_history(0).pack, 1, "occurred", None)


def write_all(outputs: ReplayOutputs, text: bytes) -> None:
    for name in FILES:
        with outputs.lines(name) as file:
            file.write(text)


def replay(folder: Path, text: bytes) -> None:
    with ReplayOutputs(folder) as outputs:
        write_all(outputs, text)
        outputs.finish(summary())


def fail_half_way(folder: Path) -> None:
    with ReplayOutputs(folder) as outputs:
        write_all(outputs, b"new")
        raise OSError("the disk is full")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_nothing_can_be_seen_before_it_is_finished(tmp_path: Path) -> None:
    with ReplayOutputs(tmp_path) as outputs:
        write_all(outputs, b"new")
        assert not names(tmp_path) & {*FILES, SUMMARY}
        outputs.finish(summary())
    assert names(tmp_path) == {*FILES, SUMMARY}


def test_an_error_leaves_the_earlier_output_as_it_was(tmp_path: Path) -> None:
    replay(tmp_path, b"old")
    with pytest.raises(OSError, match="disk"):
        fail_half_way(tmp_path)
    assert names(tmp_path) == {*FILES, SUMMARY}
    assert (tmp_path / CHANGES).read_bytes() == b"old"


def test_an_output_that_is_not_whole_has_no_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replay(tmp_path, b"old")
    replace = Path.replace

    def fail_at_the_second(self: Path, target: Path) -> Path:
        if target.name == FILES[1]:
            raise OSError("gone")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_at_the_second)
    with pytest.raises(OSError, match="gone"):
        replay(tmp_path, b"new")
    assert SUMMARY not in names(tmp_path)


def test_an_output_cannot_take_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        ReplayOutputs(tmp_path / "out")


def test_dead_letters_keep_the_record_as_it_came() -> None:
    letter = dead_letter(Rejection(Code.SCHEMA, "why", "e1", "C"), "a.ndjson", 3, b'{"x" :1}')
    assert letter == {
        "code": "schema",
        "detail": "why",
        "source": "a.ndjson",
        "position": 3,
        "event_id": "e1",
        "record": '{"x" :1}',
    }


def test_dead_letters_keep_bytes_that_are_no_text() -> None:
    letter = dead_letter(Rejection(Code.MALFORMED_JSON, "why"), "a.ndjson", 3, b"\xff")
    assert letter["record"] is None
    assert letter["record_base64"] == "/w=="


def test_dead_letters_of_the_erased_say_nothing_about_them() -> None:
    letter = dead_letter(Rejection(Code.ERASED, "why", "e1", "C"), "a.ndjson", 3, b'{"customer_id": "C"}')
    assert letter == {
        "code": "erased",
        "detail": "why",
        "source": "a.ndjson",
        "position": 3,
        "customer_sha256": "6b23c0d5f35d1b11f9b683f0b0a617355deb11277d91ae091d399c655b87940d",
    }
