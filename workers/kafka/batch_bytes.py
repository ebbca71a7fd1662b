"""Record batches of format v2 from columns, field by field: each function does one field of all records.

Positions are counted from the start of the buffer in which all batches lie, one after the other. The layout
of a record: https://kafka.apache.org/documentation/#record.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from rules.jit import compiled, lean

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

copy_bytes: Any = cgutils.raw_memcpy

#: From the base offset to the number of records.
HEADER_BYTES = 61


def _memcpy(_context: Any, out: Any, at: Any, text: Any, start: Any, size: Any) -> Any:
    """Copy `size` bytes, `text[start:]` to `out[at:]`: uint8[], int64, uint8[], int64, int64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, source = (
            builder.gep(context.make_array(kind)(context, builder, array).data, [index])
            for kind, array, index in zip(
                signature.args[0:4:2], arguments[0:4:2], arguments[1:4:2], strict=True
            )
        )
        copy_bytes(builder, to, source, arguments[4], 1)
        return context.get_dummy_value()

    del at, start, size
    return types.void(out, types.int64, text, types.int64, types.int64), code


_copy: Any = intrinsic(_memcpy)


@lean
def _varint_bytes(value: int) -> int:
    """How many bytes a number from -1 on takes in zigzag code."""
    code = (value << 1) ^ (value >> 63)
    size = 1
    while code > 127:
        code >>= 7
        size += 1
    return size


@lean
def _put_varint(out: U8, at: int, value: int) -> int:
    """Write a number in zigzag code; the place after it."""
    code = (value << 1) ^ (value >> 63)
    while code > 127:
        out[at] = code & 127 | 128
        code >>= 7
        at += 1
    out[at] = code
    return at + 1


@compiled
def add_field(size: I64, text: U8, start: I64, length: I64) -> bool:
    """Add what a text takes with its length to the size of each record; false if one lies outside `text`."""
    inside = True
    for i in range(size.size):
        long = max(length[i], 0)
        inside &= start[i] >= 0 and start[i] + long <= text.size
        size[i] += _varint_bytes(length[i]) + long
    return inside


@compiled
def cut(
    size: I64, bytes_max: int, delta: I64, place: I64, batch_first: I64, batch_place: I64
) -> tuple[int, int]:
    """Deal records to batches of at most so many bytes, or of one record if that alone takes more.

    `size` int64[n]: what each takes without its offset, which is added here; `delta` int64[n]: its number
    within its batch; `place` int64[n]: where it starts. `batch_first`, `batch_place` int64[n]: the first
    record of each batch and where its header starts. Returns the number of batches and of bytes.
    """
    batches = 0
    at = 0
    for i in range(size.size):
        number = 0 if i == 0 else delta[i - 1] + 1
        body = size[i] + _varint_bytes(number)
        if i == 0 or at + body + _varint_bytes(body) - batch_place[batches - 1] > bytes_max:
            batch_first[batches] = i
            batch_place[batches] = at
            batches += 1
            at += HEADER_BYTES
            number = 0
            body = size[i] + 1
        delta[i] = number
        size[i] = body
        place[i] = at
        at += _varint_bytes(body) + body
    return batches, at


@compiled
def add_times(size: I64, later_ms: I64) -> None:
    """Add what the difference to the batch's timestamp takes to the size of each record."""
    for i in range(size.size):
        size[i] += _varint_bytes(later_ms[i])


@compiled
def begin_records(out: U8, place: I64, size: I64, later_ms: I64, delta: I64) -> None:
    """Write the size of each record, its attributes and differences to the batch; `place` moves behind."""
    for i in range(place.size):
        at = _put_varint(out, place[i], size[i])
        out[at] = 0
        at = _put_varint(out, at + 1, later_ms[i])
        place[i] = _put_varint(out, at, delta[i])


@compiled
def put_field(out: U8, place: I64, text: U8, start: I64, length: I64) -> None:
    """Write a text with its length into each record; `place` moves behind it."""
    for i in range(place.size):
        at = _put_varint(out, place[i], length[i])
        long = max(length[i], 0)
        _copy(out, at, text, start[i], long)
        place[i] = at + long


@compiled
def put_fixed(out: U8, place: I64, fixed: U8) -> None:
    """Write the same bytes into each record; `place` moves behind them."""
    for i in range(place.size):
        _copy(out, place[i], fixed, 0, fixed.size)
        place[i] += fixed.size
