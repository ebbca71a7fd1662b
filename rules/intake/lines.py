"""The lines of a text as spans of its bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.jit import entered
from rules.words import frozen, word

_NEWLINE, _RETURN, _SPACE, _TAB = 10, 13, 32, 9
_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
_NEWLINES = np.uint64(_NEWLINE) * _EACH


def split_lines(
    buffer: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Start, length and 1-based number of every line that is not blank: three int64[n].

    Lines end with LF or CR LF, which are not part of them; the last may end with the buffer.
    """
    lines = int(np.count_nonzero(buffer == _NEWLINE)) + 1
    start, length, number = np.empty(lines, np.int64), np.empty(lines, np.int64), np.empty(lines, np.int64)
    found = _split(frozen(buffer), start, length, number)
    return start[:found], length[:found], number[:found]


@entered
def _split(
    buf: NDArray[np.uint8],
    start: NDArray[np.int64],
    length: NDArray[np.int64],
    number: NDArray[np.int64],
) -> int:
    found = line = begin = i = 0
    while begin < buf.size:
        while i + 8 <= buf.size:
            eight = word(buf, i) ^ _NEWLINES
            if ~(((eight & _LOW) + _LOW) | eight) & _HIGH != 0:
                break
            i += 8
        while i < buf.size and buf[i] != _NEWLINE:
            i += 1
        end = i
        if end > begin and buf[end - 1] == _RETURN:
            end -= 1
        line += 1
        first = begin
        while first < end and (buf[first] == _SPACE or buf[first] == _TAB):
            first += 1
        if first < end:
            start[found] = begin
            length[found] = end - begin
            number[found] = line
            found += 1
        i += 1
        begin = i
    return found
