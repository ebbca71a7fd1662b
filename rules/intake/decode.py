"""One record to one event, the slow way: the truth that the fast decoders are compared with (S2).

The checks come in the order of S2.4: JSON, known type, schema, key, currency, future.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal

from rules.calendar import DAY_US, calendar
from rules.engine.event import LABELS, TYPES, Code, Event, Rejection, Unknown
from rules.intake.json_text import MalformedError, parse_json
from rules.language.model import INTEGER_LIMIT, Attribute, Kind, Pack, Rate
from rules.money import MINOR_DIGITS, MONEY_MAX, convert, minor_units
from schemas.values import decimal_of, integer_of, read_id, shown

if TYPE_CHECKING:
    from schemas.events import AnyEvent


class NoKey(Enum):
    """Records without keys, as lines of a file are."""

    NO_KEY = "no key"


NO_KEY: Final = NoKey.NO_KEY


class _SchemaError(ValueError):
    """The text is a sentence that begins with the field's name in backticks."""


def decode_event(
    raw: bytes, pack: Pack, *, key: bytes | NoKey | None = NO_KEY, timestamp_us: int | None = None
) -> Event | Rejection | Unknown:
    """Decode one record under a pack.

    `key` is the record's key (None: the record has none) or NO_KEY, and then it is not checked.
    `timestamp_us` is the record's timestamp in microseconds; without it nothing is `future` (S4.4).
    """
    try:
        fields = parse_json(raw)
    except MalformedError as error:
        return Rejection(Code.MALFORMED_JSON, str(error))
    if not isinstance(fields, dict):
        return Rejection(Code.SCHEMA, "the record is not an object")
    present = {name: value for name, value in fields.items() if value is not None}
    type_ = present.get("type")
    if isinstance(type_, str) and type_ not in TYPES:
        return Unknown(type_)

    def reject(code: Code, detail: str) -> Rejection:
        return Rejection(
            code, detail, _readable_id(present, "event_id"), _readable_id(present, "customer_id")
        )

    try:
        model = _validated(present)
        event, money = _Decoder(pack).event(model)
    except _SchemaError as error:
        return reject(Code.SCHEMA, str(error))
    if key is not NO_KEY and key != event.customer_id.encode():
        return reject(Code.KEY_MISMATCH, _key_detail(key))
    if money is not None:
        return reject(Code.UNKNOWN_CURRENCY, money)
    if timestamp_us is not None and event.occurred_us > timestamp_us + pack.max_ahead * DAY_US:
        return reject(
            Code.FUTURE,
            f"`occurred_at` is more than {pack.max_ahead} d later than the timestamp of the record",
        )
    return event


def _readable_id(fields: dict[str, Any], name: str) -> str | None:
    try:
        return read_id(fields.get(name))
    except ValueError:
        return None


def _key_detail(key: bytes | NoKey | None) -> str:
    if key is None:
        return "`customer_id` cannot be checked: the record has no key"
    return "`customer_id` is not the key of the record"


def _validated(fields: dict[str, Any]) -> AnyEvent:
    type_ = fields.get("type")
    if type_ is None:
        raise _SchemaError("`type` is missing")
    if not isinstance(type_, str):
        raise _SchemaError(f"`type` must be a string, not {shown(type_)}")
    if type_ == "customer.merged":
        raise _SchemaError("`type` customer.merged is not supported yet")
    # here, since a replay whose events are all well-formed never comes here: a twentieth of its start
    from pydantic import ValidationError

    from schemas.events import MODELS

    try:
        return MODELS[type_].model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            raise _SchemaError(f"`{name}` is missing") from None
        if first["type"] == "literal_error":
            expected = first["ctx"]["expected"].replace("'", "")
            raise _SchemaError(f"`{name}` must be {expected}, not {shown(first['input'])}") from None
        raise _SchemaError(f"`{name}` {first['ctx']['error']}") from None


class _Decoder:
    """Checks what depends on the pack and builds the event."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack

    def event(self, model: AnyEvent) -> tuple[Event, str | None]:
        """The event, and why its currency cannot be converted, if so: that is not yet a rejection (S2.4)."""
        period = calendar(self.pack.timezone).period_of(model.occurred_at)
        money, problem = self._money(model, period)
        dimension, category = self._override(model)
        score = getattr(model, "score", None)
        severity = (model.severity or 1) if model.type == "feedback.complaint" else None
        label = getattr(model, LABELS.get(TYPES[model.type], ""), None)
        event = Event(
            event_id=model.event_id,
            type=model.type,
            customer_id=model.customer_id,
            occurred_us=model.occurred_at,
            period=period,
            amount=money.get("amount"),
            discount=money.get("discount"),
            items=getattr(model, "items", None),
            score=score,
            severity=severity,
            label=label,
            attributes=self._attributes(getattr(model, "attributes", None)),
            dimension=dimension,
            category=category,
            mode=_mode(model),
            until=getattr(model, "until", None),
            reason=getattr(model, "reason", None),
            actor=getattr(model, "actor", None),
        )
        return event, problem

    def _money(self, model: AnyEvent, period: int) -> tuple[dict[str, int], str | None]:
        """Amount and discount in the pack's currency (S2.2), or why there is no rate."""
        values = {
            name: value
            for name in ("amount", "discount")
            if (value := getattr(model, name, None)) is not None
        }
        if not values:
            return {}, None
        currency = getattr(model, "currency", None) or self.pack.currency
        rate = None
        digits = self.pack.digits
        if currency != self.pack.currency:
            rate = self._rate(currency, period)
            if rate is None:
                return {}, f"`currency` {currency} has no rate in the pack on the day of the event"
            digits = MINOR_DIGITS[currency]
        money = {}
        for name, value in values.items():
            units = minor_units(value, digits)
            if units is None:
                raise _SchemaError(f"`{name}` has more than the {digits} decimal digits of {currency}")
            if units > MONEY_MAX:
                raise _SchemaError(f"`{name}` is more than 10^12 minor units of {currency}")
            money[name] = units if rate is None else convert(units, digits, rate, self.pack.digits)
        return money, None

    def _rate(self, currency: str, period: int) -> Rate | None:
        """The rate in force: the last that starts at or before the period."""
        in_force = [rate for rate in self.pack.rates.get(currency, ()) if rate.start <= period]
        return in_force[-1] if in_force else None

    def _attributes(
        self, given: dict[str, Any] | None
    ) -> tuple[tuple[int, int | float | str | bool | None], ...]:
        if not given:
            return ()
        return tuple(
            (index, _attribute_value(attribute, given[attribute.name]))
            for index, attribute in enumerate(self.pack.attributes)
            if attribute.name in given
        )

    def _override(self, model: AnyEvent) -> tuple[int | None, int | None]:
        if model.type not in ("category.assigned", "category.released"):
            return None, None
        dimensions = [dimension.id for dimension in self.pack.dimensions]
        if model.dimension not in dimensions:
            raise _SchemaError(f"`dimension` {shown(model.dimension)} is not in the pack")
        index = dimensions.index(model.dimension)
        if model.type == "category.released":
            return index, None
        dimension = self.pack.dimensions[index]
        categories = [category.id for category in dimension.categories]
        if model.category not in categories:
            raise _SchemaError(f"`category` {shown(model.category)} is not in dimension {dimension.id}")
        if model.mode == "floor" and dimension.kind != "ladder":
            raise _SchemaError(f"`mode` floor needs a ladder, and {dimension.id} is a first_match")
        return index, categories.index(model.category)


def _mode(model: AnyEvent) -> Literal["pin", "floor"] | None:
    return (model.mode or "pin") if model.type == "category.assigned" else None


def _attribute_value(attribute: Attribute, value: object) -> int | float | str | bool | None:
    """The value in the declared kind (S2.3); None removes the attribute."""
    if value is None:
        return None
    name = f"`attributes.{attribute.name}`"
    match attribute.kind:
        case Kind.STRING:
            if isinstance(value, str):
                return value
        case Kind.BOOLEAN:
            if isinstance(value, bool):
                return value
        case Kind.INTEGER:
            number = integer_of(value)
            if number is not None and abs(number) <= INTEGER_LIMIT:
                return number
        case _:
            decimal = decimal_of(value)
            if decimal is not None and math.isfinite(float(decimal)):
                return float(decimal)
    article = "an" if attribute.kind is Kind.INTEGER else "a"
    raise _SchemaError(f"{name} must be {article} {attribute.kind.value}, not {shown(value)}")
