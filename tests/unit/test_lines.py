"""Lines of NDJSON: where they are, and which number they have in the file."""

from __future__ import annotations

import numpy as np
import pytest

from rules.intake.lines import split_lines


def lines(text: bytes) -> list[tuple[int, bytes]]:
    buffer = np.frombuffer(text, np.uint8)
    start, length, number = split_lines(buffer)
    return [
        (int(line), text[begin : begin + size])
        for begin, size, line in zip(start.tolist(), length.tolist(), number.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"\n", []),
        (b"{}", [(1, b"{}")]),
        (b"{}\n", [(1, b"{}")]),
        (b"a\nb", [(1, b"a"), (2, b"b")]),
        (b"a\r\nb\r\n", [(1, b"a"), (2, b"b")]),
        (b"a\n\n  \n\t\r\nb\n", [(1, b"a"), (5, b"b")]),
        (b"a\rb\n", [(1, b"a\rb")]),
        (b"\r\r\n", [(1, b"\r")]),
        (b" a \n", [(1, b" a ")]),
        (b"x" * 100 + b"\n" + b"y" * 7 + b"\nz", [(1, b"x" * 100), (2, b"y" * 7), (3, b"z")]),
        ("ä\u2028ö\n".encode(), [(1, "ä\u2028ö".encode())]),
        (b"\x8a\x0a\x0b", [(1, b"\x8a"), (2, b"\x0b")]),
    ],
)
def test_lines_end_with_lf_or_cr_lf_and_blank_ones_only_count(
    text: bytes, expected: list[tuple[int, bytes]]
) -> None:
    assert lines(text) == expected
