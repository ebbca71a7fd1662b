"""CRC-32C (Castagnoli), the checksum of a record batch: by the processor's own instruction where it has one.

Eight bytes an instruction on x86-64 with SSE 4.2; elsewhere eight tables of 256 (slicing by 8), after
Kounavis and Berry, "Novel table lookup-based algorithms for high-performance CRC generation", 2008.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from rules.jit import compiled

#: The polynomial, its bits turned round.
_POLYNOMIAL = 0x82F63B78
_ONES = np.uint64(0xFFFFFFFF)
_BYTE = np.uint64(0xFF)
_8 = np.uint64(8)


def has_instruction() -> bool:
    """Whether this processor has the instruction that the code below uses."""
    return bool(binding.get_host_cpu_features().get("sse4.2", False))


def _tables() -> NDArray[np.uint64]:
    """uint64[8, 256]: the checksum of a byte followed by 0 to 7 zero bytes."""
    table = np.zeros((8, 256), np.uint64)
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table[0, byte] = value
    for zeros in range(1, 8):
        before = table[zeros - 1]
        table[zeros] = before >> _8 ^ table[0][before & _BYTE]
    return table


_TABLES = _tables()


def _next_crc(_context: Any, crc: Any, word: Any) -> Any:
    """The checksum after eight more bytes: uint64, uint64 -> uint64."""

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        word_type = ir.IntType(64)
        kind = ir.FunctionType(word_type, [word_type, word_type])
        function = builder.module.declare_intrinsic("llvm.x86.sse42.crc32.64.64", (), kind)
        return builder.call(function, arguments)

    return types.uint64(crc, word), code


def _eight_bytes(_context: Any, buffer: Any, _index: Any) -> Any:
    """Eight bytes from an index on, the least first, at any alignment: uint8[], int64 -> uint64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(buffer, types.int64), code


_instruction: Any = intrinsic(_next_crc)
_word: Any = intrinsic(_eight_bytes)


@compiled
def crc32c_by_tables(buffer: NDArray[np.uint8], start: int, end: int) -> int:
    """CRC-32C of `buffer[start:end]`, uint8[], on any processor."""
    crc = _ONES
    i = start
    while i + 8 <= end:
        word = _word(buffer, i) ^ crc
        crc = (
            _TABLES[7, word & _BYTE]
            ^ _TABLES[6, word >> np.uint64(8) & _BYTE]
            ^ _TABLES[5, word >> np.uint64(16) & _BYTE]
            ^ _TABLES[4, word >> np.uint64(24) & _BYTE]
            ^ _TABLES[3, word >> np.uint64(32) & _BYTE]
            ^ _TABLES[2, word >> np.uint64(40) & _BYTE]
            ^ _TABLES[1, word >> np.uint64(48) & _BYTE]
            ^ _TABLES[0, word >> np.uint64(56)]
        )
        i += 8
    while i < end:
        crc = crc >> _8 ^ _TABLES[0, (crc ^ np.uint64(buffer[i])) & _BYTE]
        i += 1
    return np.int64(crc ^ _ONES)


@compiled
def crc32c_by_instruction(buffer: NDArray[np.uint8], start: int, end: int) -> int:
    """CRC-32C of `buffer[start:end]`, uint8[], on a processor of which `has_instruction` is true."""
    crc = _ONES
    i = start
    while i + 8 <= end:
        crc = _instruction(crc, _word(buffer, i))
        i += 8
    while i < end:
        crc = crc >> _8 ^ _TABLES[0, (crc ^ np.uint64(buffer[i])) & _BYTE]
        i += 1
    return np.int64(crc ^ _ONES)


#: CRC-32C of `buffer[start:end]`, uint8[]: a number of 32 bits.
crc32c = crc32c_by_instruction if has_instruction() else crc32c_by_tables
