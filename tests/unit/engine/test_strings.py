"""Tables of strings: numbers in the order of first coming, whatever the hashes, and the order of bytes."""

from __future__ import annotations

import random

import numpy as np
import pytest
from numpy.typing import NDArray

from rules.engine import strings
from rules.engine.strings import StringTable, byte_order, gather


def spans(texts: list[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32]]:
    length = np.array([len(text) for text in texts], np.int32)
    start = np.cumsum(length, dtype=np.int64) - length
    return np.frombuffer(b"".join(texts) + b"\0", np.uint8).copy(), start, length


def numbered(texts: list[bytes]) -> list[int]:
    """What a dictionary gives."""
    known: dict[bytes, int] = {}
    return [known.setdefault(text, len(known)) for text in texts]


def random_texts(seed: int, count: int, longest: int = 12) -> list[bytes]:
    choose = random.Random(seed)
    return [bytes(choose.choices(b"ab\xc3\xff-", k=choose.randrange(longest))) for _ in range(count)]


@pytest.mark.parametrize("batch", [1, 7, 5000])
def test_strings_are_numbered_as_they_first_come(batch: int) -> None:
    texts = random_texts(1, 5000, longest=6)
    table = StringTable()
    numbers: list[int] = []
    for begin in range(0, len(texts), batch):
        numbers += table.intern_spans(*spans(texts[begin : begin + batch])).tolist()
    assert numbers == numbered(texts)
    assert len(table) == len(set(texts))


@pytest.mark.parametrize("different", [1, 2, 50])
def test_strings_with_equal_hashes_are_told_apart(monkeypatch: pytest.MonkeyPatch, different: int) -> None:
    def few_hashes(
        text: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int32]
    ) -> NDArray[np.uint64]:
        sums = [int(text[s : s + n].sum()) % different for s, n in zip(start, length, strict=True)]
        # the last slots of the table, so that probing goes round its end
        return np.uint64(2**64 - 1) - np.array(sums, np.uint64)

    monkeypatch.setattr(strings, "hash_spans", few_hashes)
    texts = random_texts(2, 600, longest=5)
    table = StringTable()
    half = [table.intern_spans(*spans(part)).tolist() for part in (texts[:300], texts[300:])]
    assert half[0] + half[1] == numbered(texts)


def test_texts_come_back_by_their_numbers() -> None:
    table = StringTable()
    texts = ["", "é", "a longer one " * 100, "𝄞", "a"]
    assert [table.intern(text) for text in [*texts, *texts]] == [*range(5), *range(5)]
    assert list(table.texts()) == texts


def test_a_table_made_of_what_another_holds_goes_on_numbering() -> None:
    table = StringTable()
    texts = random_texts(3, 1000)
    table.intern_spans(*spans(texts))
    count = len(table)
    other = StringTable.of(table.ends[: count + 1].copy(), table.arena[: table.ends[count]].copy())
    assert len(other) == count
    more = [*texts, b"new", *texts]
    assert other.intern_spans(*spans(more)).tolist() == table.intern_spans(*spans(more)).tolist()


LONG = b"customer-0000000000000000000000000-"


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [b""],
        [b"b", b"a", b""],
        [b"12345678", b"1234567", b"123456789", b"12345678\x01", b"1234567\xff"],
        [LONG[:size] for size in range(len(LONG), 0, -1)],
        [LONG + str(n).encode() for n in range(1000, 0, -1)],
        [bytes([byte]) * size for byte in (255, 128, 127, 32) for size in (9, 8, 7, 1)],
        sorted({LONG[: n % 12] + text for n, text in enumerate(random_texts(5, 3000, 20))}),
    ],
    ids=range(8),
)
def test_strings_are_ordered_by_their_bytes(texts: list[bytes]) -> None:
    shuffled = random.Random(4).sample(texts, len(texts))
    table = StringTable()
    table.intern_spans(*spans(shuffled))
    order = table.byte_order()
    assert [shuffled[n] for n in order] == sorted(texts)
    arena, ends = gather(table.arena, table.ends, order)
    assert [bytes(arena[ends[i] : ends[i + 1]]) for i in range(len(texts))] == sorted(texts)
    assert byte_order(arena, ends, len(texts)).tolist() == list(range(len(texts)))
