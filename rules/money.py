"""Exact money: decimal text to minor units, minor units to text, and conversion between currencies (S2.2)."""

from __future__ import annotations

from decimal import Decimal

from rules.language.model import Rate

#: An event's money is at most this many minor units, before conversion.
MONEY_MAX = 10**12

#: A rate may not make more than this of `MONEY_MAX`, so that sums of converted money stay exact in 64 bits.
CONVERTED_MAX = 10**17

_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ "
    "GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD "
    "MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD "
    "RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH "
    "USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL"
)
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"

#: ISO 4217: the number of minor digits of each currency.
MINOR_DIGITS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
    **dict.fromkeys(_FOUR.split(), 4),
}


def minor_units(value: Decimal, digits: int) -> int | None:
    """The value in minor units, exactly; None if it has a non-zero digit beyond them.

    Works on the digits of the number, so that an exponent of any size costs nothing.
    """
    sign, numerals, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return None
    text = "".join(map(str, numerals)).lstrip("0")
    if not text:
        return 0
    shift = exponent + digits
    if shift >= 0:
        if len(text) + shift > 40:
            return None if sign else 10**40
        units = int(text + "0" * shift)
    else:
        kept, dropped = text[:shift], text[shift:]
        if dropped.strip("0"):
            return None
        units = int(kept or "0")
    return -units if sign else units


def convert(units: int, digits_from: int, rate: Rate, digits_to: int) -> int:
    """Minor units of another currency in minor units of the pack's, rounded half to even."""
    numerator: int = units * rate.numerator * 10**digits_to
    denominator: int = 10 ** (rate.scale + digits_from)
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2 == 1):
        quotient += 1
    return quotient


def format_minor(units: int, digits: int) -> str:
    """Minor units as a decimal string with all minor digits: `123456` with 2 digits is `1234.56` (S9.3)."""
    if digits == 0:
        return str(units)
    sign = "-" if units < 0 else ""
    major, minor = divmod(abs(units), 10**digits)
    return f"{sign}{major}.{minor:0{digits}d}"
