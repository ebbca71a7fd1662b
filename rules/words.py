"""Eight or sixteen bytes at a time, and lines of the cache ahead: what numba has no names for.

Positions are not checked and need not be aligned. With the JIT off the same happens in plain Python.
"""

from __future__ import annotations

from typing import Any, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from rules.jit import lean

U8 = NDArray[np.uint8]


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any, bits: Any) -> Any:
    """A pointer to a position of an array of bytes, as one to something else."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), bits.as_pointer())


def _word(_typing: Any, buf: Any, _at: Any) -> Any:
    """The eight bytes at a position as one little-endian word."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], args[0], args[1], ir.IntType(64))
        return builder.load(place, align=1)

    return types.uint64(buf, types.int64), generate


def _put_word(_typing: Any, buf: Any, _at: Any, _value: Any) -> Any:
    """Write a word as the eight bytes at a position, the low ones first."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], args[0], args[1], ir.IntType(64))
        builder.store(args[2], place, align=1)
        return context.get_dummy_value()

    return types.void(buf, types.int64, types.int64), generate


def _copy16(_typing: Any, target: Any, _to: Any, source: Any, _start: Any) -> Any:
    """Copy sixteen bytes; both must have so many."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sixteen = ir.VectorType(ir.IntType(8), 16)
        found = builder.load(_place(context, builder, signature.args[2], args[2], args[3], sixteen), align=1)
        builder.store(found, _place(context, builder, signature.args[0], args[0], args[1], sixteen), align=1)
        return context.get_dummy_value()

    return types.void(target, types.int64, source, types.int64), generate


def _ahead(_typing: Any, array: Any, _at: Any, _skipped: Any) -> Any:
    """Ask for the line of the cache so many bytes behind the beginning of a row; nobody waits for it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = context.make_array(signature.args[0])(context, builder, args[0])
        first = builder.mul(args[1], builder.extract_value(found.strides, 0))
        bits, small = ir.IntType(8).as_pointer(), ir.IntType(32)
        place = builder.gep(builder.bitcast(found.data, bits), [builder.add(first, args[2])])
        kind = ir.FunctionType(ir.VoidType(), [bits, small, small, small])
        prefetch = cast(Any, cgutils).get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [place, *(ir.Constant(small, hint) for hint in (0, 3, 1))])  # read, keep, data
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), generate


def _plain_word(buf: U8, at: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes(buf[int(at) : int(at) + 8]), "little"))


def _plain_put_word(buf: U8, at: int, value: int) -> None:
    buf[int(at) : int(at) + 8] = list((int(value) & (2**64 - 1)).to_bytes(8, "little"))


def _plain_copy16(target: U8, to: int, source: U8, start: int) -> None:
    target[to : to + 16] = source[start : start + 16]


def _plain_ahead(array: NDArray[Any], at: int, skipped: int) -> None:
    """Nothing to ask for."""


_OFF: bool = cast(Any, numba.config).DISABLE_JIT
#: `word(buf, at)`, `put_word(buf, at, value)`, `copy16(target, to, source, start)` and
#: `ahead(array, row, bytes)`, as said above.
word: Any = _plain_word if _OFF else intrinsic(_word)
put_word: Any = _plain_put_word if _OFF else intrinsic(_put_word)
copy16: Any = _plain_copy16 if _OFF else intrinsic(_copy16)
ahead: Any = _plain_ahead if _OFF else intrinsic(_ahead)


@lean
def row_ahead(table: NDArray[np.int64], row: int) -> None:
    """Ask for a row of a table."""
    size = 8 * table.shape[1]
    for skipped in range(0, size, 64):
        ahead(table, row, skipped)
    ahead(table, row, size - 8)


@lean
def copy_bytes(target: U8, to: int, source: U8, start: int, length: int) -> None:
    """Copy bytes of another array, and none beside them: eight at a time, at the end the last eight."""
    last = np.int64(length) - 8
    if last < 0:
        for i in range(length):
            target[to + i] = source[start + i]
    else:
        for i in range(0, last, 8):
            put_word(target, to + i, np.int64(word(source, start + i)))
        put_word(target, to + last, np.int64(word(source, start + last)))


_LOW, _HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_SPACES, _QUOTES, _BACKSLASHES = (np.uint64(byte * 0x0101010101010101) for byte in (0x20, 0x22, 0x5C))
_NIBBLES, _ZEROS = np.uint64(0x000F000F000F000F), np.uint64(0x3030303030303030)
_SIXES, _BYTES = np.uint64(0x0606060606060606), np.uint64(0x000000FF000000FF)
_4, _8, _16, _32, _39 = (np.uint64(number) for number in (4, 8, 16, 32, 39))


@lean
def needs_escape(eight: np.uint64) -> bool:
    """Whether JSON writes any of eight bytes in another form: control characters, quotes and backslashes.

    Each test sets the highest bit of the lowest byte that it holds for (S. E. Anderson, Bit Twiddling Hacks,
    "Determine if a word has a byte less than n").
    """
    quotes, backslashes = eight ^ _QUOTES, eight ^ _BACKSLASHES
    found = (eight - _SPACES) & ~eight
    found |= (quotes - _LOW) & ~quotes
    found |= (backslashes - _LOW) & ~backslashes
    return bool(found & _HIGH)


@lean
def hex_digits(number: np.uint32) -> np.uint64:
    """The eight hexadecimal digits of a number as bytes, the first one lowest.

    Its four-bit digits are spread, halves first, one to a byte; those above nine then lie 39 further on in
    ASCII, where the letters are.
    """
    number64 = np.uint64(number)
    halves = (number64 >> _16) | ((number64 & np.uint64(0xFFFF)) << _32)
    bytes_ = ((halves >> _8) & _BYTES) | ((halves & _BYTES) << _16)
    nibbles = ((bytes_ >> _4) & _NIBBLES) | ((bytes_ & _NIBBLES) << _8)
    letters = ((nibbles + _SIXES) >> _4) & _LOW
    return nibbles + _ZEROS + letters * _39


def frozen(buf: U8) -> U8:
    """The same bytes, not to be written to: machine code is made once for them, whatever they came from."""
    view = buf.view()
    view.flags.writeable = False
    return view
