"""A replay of files writes the bytes that the reference writes, however files, parts and threads cut it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from rules.calendar import PERIOD_FIRST, PERIOD_LAST
from tests.properties.histories import History, Tick
from tests.properties.replay_comparison import (
    FORMS,
    LINES,
    ORDERS,
    differences,
    folder_differences,
    write_plain,
)
from tests.properties.strategies import seeded_history
from workers.files import chunks
from workers.replay import gather, lines, play, run, straight, writing
from workers.replay.reference_replay import run_reference
from workers.replay.run import replay
from workers.replay.summary import Order

CHUNK = 10
FAST_CHUNKS, SLOW_CHUNKS = 2, 20
#: Seeds of long histories.
LONG = (1, 2, 6, 8, 9, 10)


def until_of(history: History, seed: int) -> int | None:
    """No last day, one in the middle of the history, or one far behind it."""
    events = sorted(each.period for each in history.inputs)
    choice = (None, events[len(events) // 2], events[-1] + 40)[seed % 3]
    return None if choice is None else min(max(choice, PERIOD_FIRST), PERIOD_LAST)


def compare_seeds(first: int, count: int) -> None:
    for seed in range(first, first + count):
        history = seeded_history(seed)
        found = differences(history, workers=1 + seed % 2, until=until_of(history, seed))
        if found:
            command = f".venv/bin/python -m tests.properties --seed {seed}"
            pytest.fail("\n".join([*found, f"once more: {command}"]), pytrace=False)


@pytest.mark.parametrize("base", ["known", "new"])
@pytest.mark.parametrize("chunk", range(FAST_CHUNKS))
def test_the_kernel_writes_what_the_reference_writes(
    seed_bases: tuple[int, int], base: str, chunk: int
) -> None:
    """S10, in both orders"""
    compare_seeds(seed_bases[base == "new"] + CHUNK * chunk, CHUNK)


@pytest.mark.slow
@pytest.mark.parametrize("base", ["known", "new"])
@pytest.mark.parametrize("chunk", range(FAST_CHUNKS, FAST_CHUNKS + SLOW_CHUNKS))
def test_the_kernel_writes_what_the_reference_writes_of_many_more(
    seed_bases: tuple[int, int], base: str, chunk: int
) -> None:
    """S10, in both orders"""
    compare_seeds(seed_bases[base == "new"] + CHUNK * chunk, CHUNK)


def crowd(seed: int, size: int = 12) -> tuple[History, list[str]]:
    """A history, and its lines told of many customers."""
    history = seeded_history(seed)
    told = [
        line.replace('"customer_id": "', f'"customer_id": "{number}-')
        for number in range(size)
        for line in history.lines
        if number == 0 or '"tick"' not in line
    ]
    return history, told


@pytest.fixture
def cut_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces, parts and slices so small that every file is many of each, kept in files in between."""
    monkeypatch.setattr(run, "read_chunks", partial(chunks.read_chunks, chunk_bytes=700, chunk_rows=3))
    monkeypatch.setattr(run, "PART_EVENTS", 2)
    monkeypatch.setattr(gather, "SLICE_ROWS", 5)
    monkeypatch.setattr(lines, "_PIECE_BYTES", 40_000)
    monkeypatch.setattr(lines, "_ROOM_BYTES", 100)
    monkeypatch.setattr(straight, "_BUFFER_BYTES", 40_000)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("seed", LONG)
@pytest.mark.parametrize("kept_in_files", [False, True])
def test_pieces_parts_and_slices_make_no_difference(
    tmp_path: Path,
    cut_small: None,
    monkeypatch: pytest.MonkeyPatch,
    order: Order,
    seed: int,
    kept_in_files: bool,
) -> None:
    """S4.5, S10"""
    monkeypatch.setattr(run, "MEMORY_EVENTS", -1 if kept_in_files else 10**9)
    monkeypatch.setattr(writing, "_MANY_LINES", -1 if kept_in_files else 10**9)
    history, told = crowd(seed)
    files = [tmp_path / "a.ndjson", tmp_path / "b.ndjson"]
    write_plain(told[::2], files[0])
    write_plain(told[1::2], files[1])
    run_reference(history.pack, files, tmp_path / "reference", order=order)
    replay(history.pack, files, tmp_path / "kernel", order=order, workers=1 + seed % 3)
    assert list(folder_differences(tmp_path / "reference", tmp_path / "kernel")) == []
    assert not [path for path in (tmp_path / "kernel").iterdir() if path.name.startswith(".")]


def test_many_parts_are_really_played(
    tmp_path: Path, cut_small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[int] = []
    original = play.play

    def count(*arguments: object) -> object:
        played.append(1)
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("workers.replay.playing.play", count)
    history, told = crowd(1, 40)
    write_plain(told, tmp_path / "a.ndjson")
    replay(history.pack, [tmp_path / "a.ndjson"], tmp_path / "out")
    assert len(played) > 4


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("seed", range(20, 26))
def test_the_form_of_the_files_makes_no_difference(tmp_path: Path, order: Order, seed: int) -> None:
    """S10"""
    history = seeded_history(seed)
    lines = [
        line
        for line, each in zip(history.lines, history.inputs, strict=True)
        if not isinstance(each, Tick)  # rows of Parquet are events
    ]
    for form, write in FORMS.items():
        (tmp_path / form).mkdir()
        write(lines, tmp_path / form / "events.ndjson")
        replay(history.pack, [tmp_path / form / "events.ndjson"], tmp_path / f"{form}-out", order=order)
    for form in FORMS:
        for name in LINES[:3]:
            expected, came = ((tmp_path / f"{each}-out" / name).read_bytes() for each in ("plain", form))
            assert came == expected, (form, name)
        expected, came = (
            (tmp_path / f"{each}-out" / "customers.parquet").read_bytes() for each in ("plain", form)
        )
        assert came == expected, form


@pytest.mark.parametrize("order", ORDERS)
def test_no_events_give_empty_files(tmp_path: Path, order: Order) -> None:
    (tmp_path / "a.ndjson").write_text("\n\n", encoding="utf-8")
    pack = seeded_history(0).pack
    for engine in ("reference", "kernel"):
        replay(pack, [tmp_path / "a.ndjson"], tmp_path / engine, order=order, engine=engine)
    assert list(folder_differences(tmp_path / "reference", tmp_path / "kernel")) == []
