"""The types of the fields of events, for models: the readers of `values` with their JSON Schemas."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from schemas.values import (
    ID_CHARACTERS_MAX,
    ITEMS_MAX,
    LABEL_CHARACTERS_MAX,
    REMARK_CHARACTERS_MAX,
    integer_of,
    read_currency,
    read_date,
    read_id,
    read_instant,
    read_money,
    read_object,
    shown,
)


def _string_reader(characters_max: int) -> PlainValidator:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"must be a string, not {shown(value)}")
        if len(value) > characters_max:
            raise ValueError(f"must have at most {characters_max} characters, not {len(value)}")
        return value

    return PlainValidator(read)


def _integer_reader(first: int, last: int) -> PlainValidator:
    def read(value: object) -> int:
        number = integer_of(value)
        if number is None or not first <= number <= last:
            raise ValueError(f"must be an integer from {first} to {last}, not {shown(value)}")
        return number

    return PlainValidator(read)


def _integer_schema(first: int, last: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "minimum": first, "maximum": last})


def _text_schema(characters_max: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "maxLength": characters_max})


_NUMBER_PATTERN = r"^(0|[1-9][0-9]*|-0)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_INSTANT_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)

Id = Annotated[
    str,
    PlainValidator(read_id),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": ID_CHARACTERS_MAX,
            "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$",
        }
    ),
]
Instant = Annotated[
    int,
    PlainValidator(read_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _INSTANT_PATTERN}),
]
Day = Annotated[int, PlainValidator(read_date), WithJsonSchema({"type": "string", "format": "date"})]
Money = Annotated[
    Decimal,
    PlainValidator(read_money),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": _NUMBER_PATTERN}]}
    ),
]
Currency = Annotated[
    str, PlainValidator(read_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})
]
Label = Annotated[str, _string_reader(LABEL_CHARACTERS_MAX), _text_schema(LABEL_CHARACTERS_MAX)]
Remark = Annotated[str, _string_reader(REMARK_CHARACTERS_MAX), _text_schema(REMARK_CHARACTERS_MAX)]
Items = Annotated[int, _integer_reader(0, ITEMS_MAX), _integer_schema(0, ITEMS_MAX)]
Stars = Annotated[int, _integer_reader(1, 5), _integer_schema(1, 5)]
Likelihood = Annotated[int, _integer_reader(0, 10), _integer_schema(0, 10)]
Attributes = Annotated[
    dict[str, Any],
    PlainValidator(read_object),
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}
    ),
]
