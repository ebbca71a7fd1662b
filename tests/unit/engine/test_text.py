"""What machine code writes is what Python writes: numbers, money, days, instants, strings, digests."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import llvmlite.binding as llvm
import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from rules.calendar import PERIOD_FIRST, PERIOD_LAST, date_from_period, format_instant
from rules.engine import layout as at
from rules.engine.text.render import Triggers, Words, render_changes, render_numbers
from rules.engine.text.sha256 import fast_round, plain_round, put_digest
from rules.engine.text.sha256_x86 import has_instructions
from rules.engine.text.template import make_template
from rules.engine.text.write import put_date, put_instant, put_integer, put_money, put_string
from rules.language.load import load_pack
from rules.money import format_minor

PACK = load_pack(
    """
name: doubles
version: "1"
timezone: UTC
currency: USD
attributes: {ratio: number}
metrics:
  count: {agg: count, of: order.completed}
  twice: {expr: "attr.ratio + 0"}
dimensions:
  all:
    kind: first_match
    categories: {one: {when: "count < 0"}, rest: {}}
    publish: [twice]
""",
    "doubles.yaml",
)


def written(write: Callable[..., int], *arguments: object) -> str:
    """What a function writes, which must be as long as it says."""
    buf = np.full(4000, 1, np.uint8)
    end = write(buf, 3, *arguments)
    assert buf[:3].tolist() == [1, 1, 1]
    assert buf[end] == 1
    return buf[3:end].tobytes().decode()


def edges() -> list[int]:
    """Integers up to the limit of S6.3, at every change of length."""
    found = {0, 2**62, 2**62 - 1, 2**53 + 1}
    for power in range(19):
        found |= {10**power - 1, 10**power, 10**power + 1}
    return sorted({n for n in found if n <= 2**62} | {-n for n in found if n <= 2**62})


@pytest.mark.parametrize("number", edges())
def test_integers_and_money(number: int) -> None:
    assert written(put_integer, number) == str(number)
    for digits in (0, 2, 3, 4):
        assert written(put_money, number, digits) == f'"{format_minor(number, digits)}"'


def test_every_day_from_1969_to_2200() -> None:
    for period in range(PERIOD_FIRST - 400, PERIOD_LAST + 400):
        expected = (date(1970, 1, 1) + timedelta(days=period)).isoformat()
        assert written(put_date, period) == expected
    assert written(put_date, PERIOD_FIRST) == date_from_period(PERIOD_FIRST).isoformat()


def test_instants_with_all_their_microseconds() -> None:
    choose = random.Random(7)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    day = 86_400_000_000
    instants = [0, -1, 1, -day, -day - 1, day - 1, 951_782_400_000_000 - 1, 7_258_118_399_999_999]
    instants += [choose.randrange(-day, 7_258_118_400_000_000) for _ in range(3000)]
    for instant in instants:
        shown = (epoch + timedelta(microseconds=instant)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert written(put_instant, instant) == f'"{shown}"' == f'"{format_instant(instant)}"'


@pytest.mark.parametrize(
    "text",
    ["", "plain", 'a "quote"', "back\\slash", "é𝄞 €", "\x7f\x80\u2028", "".join(map(chr, range(32))), "/<>&"],
)
def test_strings_are_json(text: str) -> None:
    raw = np.frombuffer(b"x" + text.encode() + b"x", np.uint8)
    expected = json.dumps(text, ensure_ascii=False)
    assert written(put_string, raw, 1, len(text.encode())) == expected


@pytest.mark.parametrize("length", range(28))
@pytest.mark.parametrize("odd", ["", '"', "\\", "\x00", "\x1f", "\n", "\x7f", "!", "#", "[", "]", " ", "ÿ"])
def test_strings_are_json_wherever_an_odd_character_stands(length: int, odd: str) -> None:
    for place in range(length + 1):
        test_strings_are_json(f"{'abcdefghijklmnopqrstuvwxyzäöü'[:place]}{odd}{'~' * (length - place)}")


@pytest.mark.parametrize("size", range(301))
def test_digests_are_those_of_hashlib(size: int) -> None:
    message = np.full(size + 72, 255, np.uint8)
    message[:size] = np.frombuffer(random.Random(size).randbytes(size), np.uint8)
    expected = hashlib.sha256(message[:size].tobytes()).hexdigest()[:32]
    scratch = np.full(72, 7, np.uint32)
    assert written(put_digest, message, size, scratch) == expected


@pytest.mark.skipif(not has_instructions(), reason="the processor has no instructions for SHA-256")
@pytest.mark.parametrize("seed", range(20))
def test_both_rounds_of_a_digest_are_the_same(seed: int) -> None:
    choose = np.random.default_rng(seed)
    state = choose.integers(0, 2**32, 72, dtype=np.uint32)
    message = choose.integers(0, 256, 100, dtype=np.uint8)
    other = state.copy()
    plain_round(state, message, 17)
    fast_round(other, message, 17)
    assert state[:8].tolist() == other[:8].tolist()


@pytest.mark.skipif(not has_instructions(), reason="the processor has no instructions for SHA-256")
def test_wide_registers_are_cleared_before_the_instructions_for_a_digest() -> None:
    """Without that a round amid other code takes a hundred times as long; its result is the same."""
    if not llvm.get_host_cpu_features().get("avx", False):
        pytest.skip("the processor has no wide registers")

    def round_twice(state: NDArray[np.uint32], message: NDArray[np.uint8]) -> None:
        fast_round(state, message, 0)
        fast_round(state, message, 64)

    made = cast(Any, njit)(round_twice)
    made(np.zeros(72, np.uint32), np.zeros(128, np.uint8))
    (code,) = made.inspect_asm().values()
    assert 0 <= code.find("vzeroupper") < code.find("sha256rnds2")


def doubles() -> Iterable[float]:
    """Doubles of every size: random bits, edges of the forms that are written, and their neighbours."""
    choose = random.Random(11)
    for _ in range(60_000):
        (value,) = struct.unpack("<d", choose.randbytes(8))
        if value == value and abs(value) != float("inf"):
            yield value
    for exponent in range(-330, 309):
        for sign in (1, -1):
            value = sign * float(f"1e{exponent}")
            yield from (value, np.nextafter(value, 0.0), np.nextafter(value, np.inf), value * 1.5)
    for exponent in range(-1074, 1024):
        yield 2.0**exponent
    for whole in (2**53, 10**15, 10**16, 10**17, 123456789012345678, 999999999999999, 10**22):
        yield from (float(whole - 1), float(whole), float(whole + 1))
    yield from (0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3, 100.0, 1e-5)
    for _ in range(20_000):
        yield round(choose.uniform(-1e6, 1e6), choose.randrange(6))


def test_doubles_are_written_in_the_shortest_form_as_python_does() -> None:
    """S9.3"""
    values = np.array([value for value in doubles() if np.isfinite(value)], np.float64)
    metric = next(i for i, each in enumerate(PACK.metrics) if each.name == "twice")
    for part in np.array_split(values, 50):
        assert shown(part, metric) == [repr(value) for value in part.tolist()]


def shown(values: NDArray[np.float64], metric: int) -> list[str]:
    """The doubles as changes publish them."""
    template = make_template(PACK, 1)
    width = at.EVALUATION_HEAD + len(PACK.metrics) + len(PACK.attributes) + len(PACK.dimensions)
    evaluations = np.zeros((values.size, width), np.int64)
    evaluations[:, at.EVALUATION_EVENT] = -1
    evaluations[:, at.EVALUATION_HEAD + metric] = values.view(np.int64)
    changes = np.zeros((values.size, at.CHANGE_WORDS), np.int64)
    changes[:, at.CHANGE_EVALUATION] = np.arange(values.size)
    changes[:, at.CHANGE_FROM] = -1
    changes[:, at.CHANGE_PREVIOUS_US] = at.ABSENT
    changes[:, at.CHANGE_REASON_CURRENT] = -1
    changes[:, at.CHANGE_REASON_TARGET] = at.REASON_KINDS + at.REASON_OTHERWISE
    changes[:, at.CHANGE_TO] = changes[:, at.CHANGE_TARGET] = 1
    nothing = np.zeros(1, np.uint8)
    customers = Words(np.array([ord("C")], np.uint8), np.array([0, 1]))
    triggers = Triggers(nothing, np.zeros(1, np.int64), np.zeros(1, np.int32), nothing)
    buf, ends = np.empty(values.size * 2000, np.uint8), np.zeros(values.size, np.int64)
    done = render_changes(
        template,
        changes,
        evaluations,
        np.arange(values.size),
        0,
        customers,
        triggers,
        Words(nothing, np.zeros(1, np.int64)),
        render_numbers(evaluations, template),
        0,
        buf,
        ends,
    )
    assert done == values.size
    key = '"metrics":{"twice":'
    lines = buf[: ends[-1]].tobytes().decode().splitlines()
    return [line[line.index(key) + len(key) :].split("}")[0] for line in lines]
