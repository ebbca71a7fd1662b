"""Files written past the page cache hold what was given to them, or say why not."""

from __future__ import annotations

import errno
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from workers.replay import straight
from workers.replay.straight import StraightFile

SIZES = (0, 1, 4095, 4096, 4097, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, 13_000_000)


def written(path: Path, size: int, seed: int) -> bytes:
    """Write bytes in pieces of any size; what they are."""
    choose = random.Random(seed)
    data = choose.randbytes(size)
    with StraightFile(path) as file:
        done = 0
        while done < size:
            piece = memoryview(data)[done : done + choose.choice((1, 100, 5_000, 1 << 20, 6 << 20))]
            assert file.write(piece) == len(piece)
            done += len(piece)
    return data


@pytest.mark.parametrize("size", SIZES)
def test_it_holds_what_was_written(tmp_path: Path, size: int, seed_bases: tuple[int, int]) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"of an earlier run" * 100)
    assert written(path, size, seed_bases[1]) == path.read_bytes()


@pytest.mark.parametrize("seed", range(5))
def test_it_holds_what_was_put_into_its_room(tmp_path: Path, seed: int, seed_bases: tuple[int, int]) -> None:
    choose = random.Random(seed_bases[1] + seed)
    data = bytearray()
    with StraightFile(tmp_path / "lines") as file:
        for _ in range(40):
            piece = choose.randbytes(choose.choice((0, 1, 4095, 4096, 200_000, 5 << 20)))
            if choose.random() < 0.3:
                file.write(piece)
            else:
                room = file.room(len(piece) + choose.choice((0, 0, 70_000)))
                room[: len(piece)] = np.frombuffer(piece, np.uint8)
                room[len(piece) : len(piece) + 10] = 0  # what is not taken is not part of the file
                file.took(len(piece))
            data += piece
    assert bytes(data) == (tmp_path / "lines").read_bytes()


def refused_at_once(file: int, *, direct: bool) -> bool:
    """A file system that takes no direct writes, and says so when asked."""
    return False


@pytest.mark.parametrize("size", SIZES)
def test_where_direct_writes_are_refused_ordinary_ones_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(straight, "_go_direct", refused_at_once)
    assert written(tmp_path / "lines", size, 1) == (tmp_path / "lines").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has direct writes")
@pytest.mark.parametrize("size", SIZES)
def test_where_they_are_refused_when_they_come_ordinary_ones_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    import fcntl

    refused = []

    def write(file: int, data: memoryview, plain: Callable[[int, memoryview], int] = os.write) -> int:
        if fcntl.fcntl(file, fcntl.F_GETFL) & os.O_DIRECT:
            refused.append(file)
            raise OSError(errno.EINVAL, "Invalid argument")
        return plain(file, data)

    monkeypatch.setattr(os, "write", write)
    assert written(tmp_path / "lines", size, 1) == (tmp_path / "lines").read_bytes()
    assert len(refused) <= 1


def test_writes_that_take_only_a_part_are_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(file: int, data: memoryview, plain: Callable[[int, memoryview], int] = os.write) -> int:
        return plain(file, data[: max(1, min(len(data), 700_001))])

    monkeypatch.setattr(os, "write", write)
    assert written(tmp_path / "lines", 9_000_000, 1) == (tmp_path / "lines").read_bytes()


@pytest.mark.parametrize("size", [10, 30 << 20])
def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    def full(file: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left") as raised:
        written(tmp_path / "lines", size, 1)
    assert raised.value.errno == errno.ENOSPC


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    file = StraightFile(tmp_path / "lines")
    file.write(b"one\n")
    file.close()
    file.close()
    assert (tmp_path / "lines").read_bytes() == b"one\n"
