"""Numbers as written, read by what stands beside them (S6.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from rules.language.expressions import ExpressionError
from rules.language.findings import Code
from rules.language.model import INTEGER_LIMIT, Kind, Literal
from rules.money import minor_units


@dataclass(frozen=True, slots=True)
class Numeral:
    """A plain decimal with its sign, at a character of the expression's text."""

    text: str
    negative: bool
    offset: int

    @property
    def written(self) -> str:
        """The number with its sign."""
        return ("-" if self.negative else "") + self.text

    def plain(self) -> Literal:
        """By its own form: an integer, or with a point a double; raises `ExpressionError` out of range."""
        if "." in self.text:
            value = float(self.text)
            if value > INTEGER_LIMIT or not math.isfinite(value):
                raise self._out_of_range()
            return Literal(Kind.NUMBER, -value if self.negative else value)
        whole = int(self.text)
        if whole > INTEGER_LIMIT:
            raise self._out_of_range()
        return Literal(Kind.INTEGER, -whole if self.negative else whole)

    def money(self, currency: str, digits: int) -> Literal:
        """Exactly, in minor units; raises `ExpressionError` out of range or finer than the minor unit."""
        units = minor_units(Decimal(self.text), digits)
        if units is None:
            decimals = f"at most {digits} decimals" if digits else "no decimals"
            message = f"`{self.written}` is finer than {currency} can be: write it with {decimals}"
            raise ExpressionError(Code.LITERAL_TOO_FINE, self.offset, message)
        if units > INTEGER_LIMIT:
            raise self._out_of_range()
        return Literal(Kind.MONEY, -units if self.negative else units)

    def _out_of_range(self) -> ExpressionError:
        message = f"`{self.written}` is out of range: no value is beyond 2 to the power of 62"
        return ExpressionError(Code.LITERAL_RANGE, self.offset, message)
