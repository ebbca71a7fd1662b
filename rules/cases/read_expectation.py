"""An expectation line of a case: what must follow from the input above it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rules.calendar import calendar, format_instant, period_from_date
from rules.cases.model import Claim, Expected
from rules.cases.words import LineError, Words, read_date, read_time
from rules.engine.event import Code
from rules.language.model import Dimension, Pack

NONE = "(none)"
DIRECTIONS = ("initial", "up", "down", "move")
CAUSES = ("event", "time", "override", "rules", "merge")
STATES = ("started", "updated", "cancelled")

#: Claims with one word after them, of each kind of output.
_WORD_CLAIMS = {
    "change": ("by", "code", "rule", "sequence", "life", "target", "trigger"),
    "notice": ("life", "next"),
    "erased": ("life", "reason", "actor"),
}
_TIME_CLAIMS = {"change": ("at", "previous"), "notice": ("at",), "erased": ("at",)}
_DATE_CLAIMS = {"change": (), "notice": ("since", "until"), "erased": ()}
_PAIR_CLAIMS = {"change": ("because", "showing", "strategy"), "notice": (), "erased": ()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """An expectation about the input itself: one of `rejected`, `duplicate`, `skipped`, `late`, `nothing`."""

    word: str
    code: Code | None = None


def read_expectation(words: Words, customer: str | None, pack: Pack) -> Expected | Verdict:
    """Read what follows `->`. `customer` is whose it is unless the line names one. Raises LineError."""
    verdict = _verdict(words)
    if verdict is not None:
        return verdict
    named = words.peek()
    following = words.peek(1)
    if named is None:
        raise LineError("write what is expected after `->`")
    starts = ("pending", "erased")
    if not (named.text.endswith(":") and not named.quoted) and (
        named.quoted or named.text not in starts or (following is not None and following.text in starts)
    ):
        customer = words.take("a customer").text
    if customer is None:
        raise LineError("name the customer after `->`: the case has more than one")
    if words.skip("erased"):
        return Expected("erased", customer, (), _claims(words, "erased", pack))
    if words.skip("pending"):
        dimension = _dimension(words, pack)
        state = words.take("`started`, `updated` or `cancelled`").text
        if state not in STATES:
            raise LineError(f"`{state}` is not a state of a pending move: {', '.join(STATES)}")
        head = (dimension.id, state, *_move(words, dimension))
        return Expected("notice", customer, head, _claims(words, "notice", pack))
    dimension = _dimension(words, pack)
    return Expected(
        "change", customer, (dimension.id, *_move(words, dimension)), _claims(words, "change", pack)
    )


def _verdict(words: Words) -> Verdict | None:
    for word in ("duplicate", "skipped", "late", "nothing"):
        if words.skip(word):
            if words:
                raise LineError(f"nothing can follow `{word}` on its line")
            return Verdict(word)
    if words.skip("rejected:"):
        text = words.take("a reason code").text
        if text not in list(Code):
            raise LineError(f"`{text}` is not a reason code: {', '.join(Code)}")
        if words:
            raise LineError("nothing can follow the reason code on its line")
        return Verdict("rejected", Code(text))
    return None


def _dimension(words: Words, pack: Pack) -> Dimension:
    word = words.take("a dimension").text
    for dimension in pack.dimensions:
        if word == f"{dimension.id}:":
            return dimension
    known = ", ".join(f"`{dimension.id}:`" for dimension in pack.dimensions)
    raise LineError(f"`{word}` does not name a dimension: write one of {known}")


def _move(words: Words, dimension: Dimension) -> tuple[str, str]:
    """Read `FROM -> TO`."""
    known = [category.id for category in dimension.categories]
    origin = words.take("the category before").text
    words.take_sign("->", "between the categories")
    target = words.take("the category after").text
    for category, allowed in ((origin, [NONE, *known]), (target, known)):
        if category not in allowed:
            raise LineError(f"`{category}` is not a category of {dimension.id}: {', '.join(known)}")
    return origin, target


def _claims(words: Words, kind: str, pack: Pack) -> tuple[Claim, ...]:
    claims: list[Claim] = []
    while words:
        word = words.take("a claim").text
        if word in DIRECTIONS and kind == "change":
            claims.append(Claim("direction", "", word))
        elif word in _TIME_CLAIMS[kind]:
            claims.append(Claim(word, "", _instant(words, pack)))
        elif word in _DATE_CLAIMS[kind]:
            claims.append(Claim(word, "", read_date(words.take("a date")).isoformat()))
        elif word in _WORD_CLAIMS[kind]:
            value = words.take(f"the value of `{word}`").text
            if word == "by" and value not in CAUSES:
                raise LineError(f"`{value}` is not a cause: {', '.join(CAUSES)}")
            claims.append(Claim(word, "", value))
        elif word in _PAIR_CLAIMS[kind]:
            claims += _pairs(words, word)
        else:
            tables = (_TIME_CLAIMS, _DATE_CLAIMS, _WORD_CLAIMS, _PAIR_CLAIMS)
            known = [name for table in tables for name in table[kind]]
            raise LineError(f"`{word}` is not something to expect here: {', '.join(known)}")
    return tuple(claims)


def _pairs(words: Words, word: str) -> list[Claim]:
    """Read `NAME = VALUE, …`."""
    claims = []
    while True:
        name = words.take("a name").text
        words.take_sign("=", f"after `{name}`")
        value = words.take(f"the value of `{name}`")
        claims.append(Claim(word, name, value.text))
        if not words.skip(","):
            return claims


def _instant(words: Words, pack: Pack) -> str:
    """A time as published; a date alone is the first instant of that day."""
    word = words.peek()
    if word is not None and word.is_sign(NONE):
        words.take("a time")
        return NONE
    text, instant_us = read_time(words, pack.timezone)
    if instant_us is None:
        period = period_from_date(date.fromisoformat(text))
        instant_us = calendar(pack.timezone).start_us(period)
    return format_instant(instant_us)
