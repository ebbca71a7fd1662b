"""SHA-256 (FIPS 180-4) in machine code: a million change ids in a fraction of a second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.engine.text.sha256_x86 import has_instructions, round_by_instructions
from rules.jit import called, lean
from rules.words import hex_digits, put_word

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]

#: How many hexadecimal digits of a digest are written.
DIGEST_DIGITS = 32


def _roots(power: float, count: int) -> list[int]:
    """First 32 bits of the fractional parts of the roots of the first primes (FIPS 180-4, 4.2.2, 5.3.3)."""
    primes = [n for n in range(2, 312) if all(n % p for p in range(2, int(n**0.5) + 1))][:count]
    found = []
    for prime in primes:
        scaled = prime << (64 if power == 0.5 else 96)
        low, high = 0, 1 << 40
        exponent = 2 if power == 0.5 else 3
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if middle**exponent <= scaled else (low, middle)
        found.append(low & 0xFFFFFFFF)
    return found


_K = np.array(_roots(1 / 3, 64), np.uint32)
_START = np.array(_roots(0.5, 8), np.uint32)
#: The counts of the rotations.
_2, _6, _7, _11, _13, _17, _18, _19, _22, _25 = (
    np.uint32(count) for count in (2, 6, 7, 11, 13, 17, 18, 19, 22, 25)
)


@lean
def _turn(x: np.uint32, count: np.uint32) -> np.uint32:
    return np.uint32((x >> count) | (x << np.uint32(np.uint32(32) - count)))


@lean
def _mixed(x: np.uint32, a: np.uint32, b: np.uint32, c: np.uint32) -> np.uint32:
    """The three rotations of a word that the big sigmas mix."""
    return np.uint32(_turn(x, a) ^ _turn(x, b) ^ _turn(x, c))


@called
def plain_round(state: U32, message: U8, start: int) -> None:
    """One round over 64 bytes; the schedule is behind the eight words of the state."""
    for i in range(16):
        j = start + 4 * i
        state[8 + i] = np.uint32(
            (np.uint32(message[j]) << np.uint32(24))
            | (np.uint32(message[j + 1]) << np.uint32(16))
            | (np.uint32(message[j + 2]) << np.uint32(8))
            | np.uint32(message[j + 3])
        )
    for i in range(24, 72):
        x, y = state[i - 15], state[i - 2]
        s0 = _turn(x, _7) ^ _turn(x, _18) ^ np.uint32(x >> np.uint32(3))
        s1 = _turn(y, _17) ^ _turn(y, _19) ^ np.uint32(y >> np.uint32(10))
        state[i] = np.uint32(state[i - 16] + s0 + state[i - 7] + s1)
    a, b, c, d = state[0], state[1], state[2], state[3]
    e, f, g, h = state[4], state[5], state[6], state[7]
    for i in range(64):
        choice = (e & f) ^ (~e & g)
        t1 = np.uint32(h + _mixed(e, _6, _11, _25) + choice + _K[i] + state[8 + i])
        majority = (a & b) ^ (a & c) ^ (b & c)
        t2 = np.uint32(_mixed(a, _2, _13, _22) + majority)
        h, g, f = g, f, e
        e = np.uint32(d + t1)
        d, c, b = c, b, a
        a = np.uint32(t1 + t2)
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e
    state[5] += f
    state[6] += g
    state[7] += h


@called
def fast_round(state: U32, message: U8, start: int) -> None:
    """The same by the processor's instructions for it."""
    round_by_instructions(state, message, start, _K)


_round = fast_round if has_instructions() else plain_round


@lean
def put_digest(buf: U8, at: int, message: U8, length: int, scratch: U32) -> int:
    """Write the first `DIGEST_DIGITS` hex digits of the SHA-256 of `message[:length]`; returns the position
    after them.

    `message` must have 72 bytes of room behind the text, for the padding; `scratch[72]` is for the state and
    the schedule.
    """
    padded = (length + 9 + 63) // 64 * 64
    message[length] = 0x80
    for i in range(length + 1, padded - 8, 8):
        put_word(message, i, np.int64(0))
    put_word(message, padded - 8, np.int64(0))
    bits = length * 8
    for i in range(4):
        message[padded - 1 - i] = (bits >> (8 * i)) & 0xFF
    for i in range(8):
        scratch[i] = _START[i]
    for start in range(0, padded, 64):
        _round(scratch, message, start)
    for i in range(DIGEST_DIGITS // 8):
        put_word(buf, at + 8 * i, np.int64(hex_digits(scratch[i])))
    return at + DIGEST_DIGITS
