"""Records for comparing the decoders: good ones, bad ones, and good ones with a fault or an oddity.

Made from one seed with plain pseudo-random choices, many thousands a second: what matters is their number.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from rules.engine.event import TYPES

PACK_TEXT = """
name: intake
version: "1"
timezone: America/New_York
currency: USD
rates:
  EUR: {"2010-01-01": "1.125", "2024-01-01": "1.25"}
  JPY: {"2000-01-01": "0.0065"}
  KWD: {"2000-01-01": "3.2512345678901234"}
  CLF: {"2000-01-01": "99.5"}
attributes: {region: string, age: integer, weight: number, vip: boolean, size_x: string}
metrics:
  orders: {agg: count, of: order.completed, where: {channel: [web, app, "überall"]}}
  paid: {agg: count, of: payment.succeeded, where: {method: card}}
  rated: {agg: count, of: feedback.complaint, where: {topic: delivery}}
dimensions:
  tier:
    kind: ladder
    categories: {low: {}, high: {enter: "orders > 3"}}
    upgrade: {}
    downgrade: {}
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: JSON texts that may stand for any value: right in some places, wrong in most, odd everywhere.
ODD_VALUES = (
    "null", "true", "false", "0", "-0", "-0.0", "1", "5", "11", "3.0", "30e-1", "1.50", "1e2", "1E+2",
    "0.001", "00", "01", "1.", ".5", "+1", "-1", "1e", "NaN", "Infinity", "-Infinity", "nul", "True",
    "1e400", "-1e400", "1e-400", "1e99999999999999999999", "9007199254740993", "4611686018427387904",
    "4611686018427387905", "-4611686018427387904", "99999999999999999999", "0.1", "0.30000000000000004",
    "123456789012345678", "1234567890123456.5", "10000000000.00", "10000000000.01", "1000000000000",
    "1000000000", "1000000001", '""', '"1"', '"1.5"', '"0.0000"', '"12.345"', '"1e3"', '"-1"', '"-0"',
    '" 1"', '"1 "', '"0x1"', '"01"', '"1."', '"EUR"', '"JPY"', '"KWD"', '"CLF"', '"GBP"', '"eur"', '"EU"',
    '"USDX"', '"web"', '"app"', '"überall"', '"\\u00fcberall"', '"card"', '"delivery"', '"nö"', '"😀"',
    '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00\\ud83d"', '"a\\nb"', '"a\nb"', '"a\tb"', '"a\x7fb"',
    '"a\u0085b"', '"a\u00a0b"', '"\\/"', '"\\x"', '"\\""', '"\\\\"', '"tab\\u0009"', '"zero\\u0000"', "{}",
    "[]", '{"a":1}', "[1,2]", '{"a":[{"b":null}]}', '{"age":1,"age":2}',
    '{"region":"x","age":-3,"weight":2.25,"vip":true,"size_x":null}', "[[[[]]]]", "[1,]", '{"a":}', "{,}",
    '"' + "x" * 128 + '"', '"' + "x" * 129 + '"', '"' + "é" * 64 + '"', '"' + "é" * 65 + '"',
    '"' + "é" * 128 + '"', '"' + "é" * 129 + '"', '"' + "x" * 64 + '"', '"' + "x" * 65 + '"',
    "[" * 31 + "]" * 31, "[" * 40 + "]" * 40, "[" * 63 + "]" * 63, "[" * 64 + "]" * 64, '"order.completed"',
    '"visit"', '"2024-01-01"',
)  # fmt: skip

ODD_TIMES = (
    "1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1969-12-31T23:59:59-00:01",
    "2199-12-31T23:59:59.999999Z", "2200-01-01T00:00:00Z", "2200-01-01T00:30:00+01:00",
    "2024-02-29T12:00:00Z", "2023-02-29T12:00:00Z", "2100-02-29T00:00:00Z", "2000-02-29T00:00:00Z",
    "2024-13-01T00:00:00Z", "2024-00-10T00:00:00Z", "2024-04-31T00:00:00Z", "2024-01-32T00:00:00Z",
    "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T23:60:00Z", "2024-01-01T23:59:60Z",
    "2024-01-01t23:59:59z", "2024-01-01 23:59:59Z", "2024-01-01T23:59:59", "2024-01-01T23:59:59.Z",
    "2024-01-01T23:59:59.1234567Z", "2024-01-01T23:59:59.5", "2024-01-01T23:59:59+23:59",
    "2024-01-01T23:59:59-23:59", "2024-01-01T23:59:59+24:00", "2024-01-01T23:59:59+00:60",
    "2024-01-01T23:59:59+0100", "2024-01-01T23:59:59+01", "2024-1-1T00:00:00Z", "2024-01-01T00:00:00ZZ",
    "2024-01-01T00:00:00Z ", " 2024-01-01T00:00:00Z", "2024-03-10T02:30:00-05:00",
    "2024-11-03T05:59:59.999999Z", "2024-11-03T06:00:00Z", "2024-01-01T05:00:00Z",
    "2024-01-01T04:59:59.999999Z", "202a-01-01T00:00:00Z", "2024-01-01T0:00:00Z", "2024/01/01T00:00:00Z",
    "", "now", "+024-01-01T00:00:00Z",
)  # fmt: skip


def good_fields(rng: random.Random) -> dict[str, str]:
    """The fields of a usual event as JSON texts by name."""
    type_ = rng.choice([*TYPES][:14] if rng.random() < 0.93 else [*TYPES])
    occurred = _EPOCH + timedelta(microseconds=rng.randrange(1_500_000_000_000_000, 1_800_000_000_000_000))
    shape = rng.random()
    if shape < 0.5:
        time = occurred.strftime("%Y-%m-%dT%H:%M:%SZ")
    elif shape < 0.8:
        time = occurred.strftime("%Y-%m-%dT%H:%M:%S.%f")[: rng.randrange(21, 27)] + "Z"
    else:
        time = occurred.strftime("%Y-%m-%dT%H:%M:%S") + rng.choice(["+01:00", "-05:30", "+14:00", "-00:00"])
    fields: dict[str, object] = {
        "event_id": f"e-{rng.randrange(10**9)}",
        "type": type_,
        "occurred_at": time,
        "customer_id": rng.choice(["C%06d", "kunde-ä-%d", "客%d"]) % rng.randrange(1000),
    }
    money = rng.randrange(10 ** rng.randrange(1, 9)) / 100
    amount: object = money if rng.random() < 0.4 else f"{money:.2f}"
    if type_.startswith("order."):
        fields |= {"order_id": f"O{rng.randrange(999)}", "amount": amount}
        if rng.random() < 0.5:
            fields |= {"currency": rng.choice(["USD", "EUR", "CLF"]), "items": rng.randrange(9)}
        if rng.random() < 0.5:
            fields |= {"channel": rng.choice(["web", "app", "shop", "überall"]), "discount": "0.50"}
    elif type_.startswith("payment."):
        fields |= {
            "payment_id": f"P{rng.randrange(999)}",
            "amount": amount,
            "method": rng.choice(["card", "x"]),
        }
    elif type_.startswith("feedback."):
        fields |= {"feedback_id": "F1", "score": rng.randrange(1, 6), "topic": rng.choice(["delivery", "y"])}
        if rng.random() < 0.5:
            fields["severity"] = rng.randrange(1, 6)
    elif type_ in ("customer.registered", "customer.updated"):
        values: dict[str, object] = {
            "region": rng.choice(["north", "süd", None]),
            "age": rng.randrange(-5, 99),
            "weight": rng.randrange(10**6) / 10 ** rng.randrange(5),
            "vip": rng.random() < 0.5,
            "other": rng.choice([1, "x", None, [1]]),
        }
        chosen = rng.sample(sorted(values), rng.randrange(len(values) + 1))
        fields["attributes"] = {name: values[name] for name in chosen}
    else:
        fields |= {"dimension": "tier", "category": "high", "reason": "r", "actor": "a"}
        if rng.random() < 0.5:
            fields |= {"mode": rng.choice(["pin", "floor"]), "until": "2025-01-01"}
    if rng.random() < 0.2:
        fields["note"] = rng.choice(["free text", {"a": [1, {"b": "c"}]}, 5.5, None, ["x", []]])
    return {name: json.dumps(value, ensure_ascii=False) for name, value in fields.items()}


def odd_fields(rng: random.Random) -> dict[str, str]:
    """A usual event with one to three odd values, odd times, missing, null or moved fields."""
    fields = good_fields(rng)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        name = rng.choice(list(fields))
        kind = rng.random()
        if kind < 0.55:
            extra = rng.choice(["amount", "discount", "items", "currency", "order_id", "score", "attributes"])
            fields[extra if rng.random() < 0.3 else name] = rng.choice(ODD_VALUES)
        elif kind < 0.7:
            fields["occurred_at"] = json.dumps(rng.choice(ODD_TIMES))
        elif kind < 0.78 and fields.get("attributes", "{}") != "{}":
            attribute = rng.choice(["region", "age", "weight", "vip", "size_x", "other"])
            fields["attributes"] = f'{{"{attribute}": {rng.choice(ODD_VALUES)}}}'
        elif kind < 0.86:
            fields.pop(name)
        elif kind < 0.94:
            fields[name] = "null"
        else:
            moved = list(fields.items())
            rng.shuffle(moved)
            fields = dict(moved)
        if not fields:
            break
    return fields


def json_record(rng: random.Random) -> bytes:
    """A record as JSON, good or odd or broken."""
    fields = good_fields(rng) if rng.random() < 0.4 else odd_fields(rng)
    pairs = [f'"{name}"{rng.choice(SPACES)}:{rng.choice(SPACES)}{text}' for name, text in fields.items()]
    if pairs and rng.random() < 0.04:
        pairs.append(rng.choice(pairs))
    if rng.random() < 0.03:
        pairs.insert(rng.randrange(len(pairs) + 1), f'"{rng.choice(ODD_KEYS)}": {rng.choice(ODD_VALUES)}')
    text = "{" + f",{rng.choice(SPACES)}".join(pairs) + "}"
    raw = text.encode("utf-8", "surrogatepass")
    return rng.choice(MUTATIONS)(rng, raw) if rng.random() < 0.25 else raw


SPACES = ("", "", "", " ", " ", "  ", "\t", "\r\n ")
ODD_KEYS = (
    "event_id",
    "amount",
    "\\u0061mount",
    "am\\u00f6unt",
    "typ",
    "type ",
    "",
    "\\ud800",
    "ünknown",
    "a\tb",
)


def _flip(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]


def _insert(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.choice(FRAGMENTS) + raw[at:]


def _cut(rng: random.Random, raw: bytes) -> bytes:
    return raw[: rng.randrange(len(raw))]


def _drop(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + raw[at + 1 :]


def _prefix(rng: random.Random, raw: bytes) -> bytes:
    return rng.choice([b"\xef\xbb\xbf", b" ", b"\n", b"\t\r", b"[", b"\x00", b"{}"]) + raw


def _suffix(rng: random.Random, raw: bytes) -> bytes:
    return raw + rng.choice([b" ", b"\n", b"\x00", b"}", b"x", b"{}", b"\xc2\xa0", b","])


def _whole(rng: random.Random, raw: bytes) -> bytes:
    return rng.choice([b"", b" ", b"{}", b"[]", b"null", b"1", b'"x"', b"{", b"[" + raw + b"]", b"[" * 5000])


MUTATIONS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _flip, _flip, _flip, _insert, _insert, _cut, _drop, _drop, _prefix, _suffix, _whole,
)  # fmt: skip
FRAGMENTS = (
    b"\xff", b"\xc0\x80", b"\xc2\x80", b"\xc3\xa9", b"\xe0\x80\x80", b"\xe0\xa0\x80", b"\xed\xa0\x80",
    b"\xed\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf0\x90\x80\x80", b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80", b"\xe4\xb8", b"\x80", b"\\", b'"', b'\\"', b"\\u0041", b"\\ud800", b",", b":",
    b"{", b"}", b"[", b"]", b"\x00", b"\x1f", b"\x7f", b" ", b"\n", b"0", b"-", b".", b"e5", b"null",
)  # fmt: skip


def arrow_batch(rng: random.Random, rows: int) -> pa.RecordBatch:
    """A batch of rows whose columns have types chosen at random; cells are usual, odd, null or broken."""
    names = [name for name in TEXT_COLUMNS if rng.random() < 0.9]
    fields = [good_fields(rng) for _ in range(rows)]
    columns: dict[str, pa.Array] = {}
    for name in names:
        cells = [_text_cell(rng, one.get(name)) for one in fields]
        columns[name] = _text_column(rng, cells)
    columns["occurred_at"] = _time_column(rng, [json.loads(one["occurred_at"]) for one in fields])
    for name in ("amount", "discount", "items", "score", "severity"):
        if rng.random() < 0.9:
            columns[name] = _number_column(rng, [one.get(name) for one in fields])
    columns["attributes"] = _attribute_column(rng, [one.get("attributes") for one in fields])
    if rng.random() < 0.5:
        columns["note"] = pa.array([rng.choice([b"x", b"\xff", None]) for _ in fields], pa.binary())
    order = list(columns)
    rng.shuffle(order)
    return pa.RecordBatch.from_arrays([columns[name] for name in order], names=order)


TEXT_COLUMNS = (
    "event_id", "type", "customer_id", "order_id", "payment_id", "feedback_id", "currency", "channel",
    "method", "topic", "dimension", "category", "mode", "until", "reason", "actor",
)  # fmt: skip
ODD_BYTES = (
    b"", b"x" * 129, b"a\nb", b"a\x7f", b"\xc2\x85", b"\xff", b"\xed\xa0\x80", b"\\", b'"', b"visit",
    b"EUR", b"JPY", b"order.completed", "é".encode() * 128, "é".encode() * 64, b"x" * 65, b"eur", b"\x00",
    b"null", "überall".encode(),
)  # fmt: skip


def _text_cell(rng: random.Random, text: str | None) -> bytes | None:
    if rng.random() < 0.01:
        return rng.choice([None, *ODD_BYTES])
    return None if text is None else str(json.loads(text)).encode()


def _text_column(rng: random.Random, cells: list[bytes | None]) -> pa.Array:
    column = pa.array(cells, pa.binary())
    kind = rng.random()
    if kind < 0.2:
        return column
    if kind < 0.4:
        return column.cast(pa.large_binary()).view(pa.large_string())
    text = column.view(pa.string())
    if kind < 0.5 and all(cell is None or _is_utf8(cell) for cell in cells):
        return text.dictionary_encode()
    return text


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _time_column(rng: random.Random, texts: list[str]) -> pa.Array:
    kind = rng.random()
    if kind < 0.4:
        texts = [rng.choice(ODD_TIMES) if rng.random() < 0.1 else text for text in texts]
        return _text_column(rng, [text.encode() for text in texts])
    instants: list[int | None] = [
        int((datetime.fromisoformat(text) - _EPOCH).total_seconds()) * 1_000_000 for text in texts
    ]
    unit, per_us = rng.choice([("s", 1e-6), ("ms", 1e-3), ("us", 1), ("ns", 1000)])
    for i, value in enumerate(instants):
        if value is not None and rng.random() < 0.1:
            instants[i] = rng.choice(
                [None, -1, 0, 7_258_118_400_000_000, 7_258_118_399_000_000, value + 123_456, -(10**15)]
            )
    ticks = [None if value is None else int(value * per_us) for value in instants]
    if unit == "ns":
        ticks = [
            tick if tick is None or rng.random() < 0.9 else tick + rng.choice([1, 999]) for tick in ticks
        ]
    return pa.array(ticks, pa.int64()).cast(pa.timestamp(unit, rng.choice([None, "UTC", "Asia/Shanghai"])))


def _number_column(rng: random.Random, texts: list[str | None]) -> pa.Array:
    numbers = [None if text is None else Decimal(str(json.loads(text, parse_float=str))) for text in texts]
    odd = [
        "0",
        "-1",
        "0.001",
        "1E+12",
        "10000000000",
        "10000000000.01",
        "1000000001",
        "5",
        "11",
        "0.1",
        "1.10",
    ]
    numbers = [Decimal(rng.choice(odd)) if rng.random() < 0.05 else number for number in numbers]
    kind = rng.random()
    if kind < 0.2:
        return _text_column(rng, [None if n is None else str(n).encode() for n in numbers])
    if kind < 0.4:
        doubles = [None if number is None else float(number) for number in numbers]
        strange = [float("nan"), float("inf"), -0.0, 1e300, 5e-324, 0.1 + 0.2, 1e16, 123456789.12]
        doubles = [rng.choice(strange) if rng.random() < 0.03 else number for number in doubles]
        return pa.array(doubles, rng.choice([pa.float64(), pa.float64(), pa.float64(), pa.float32()]))
    if kind < 0.6:
        return pa.array(
            [None if number is None else int(number) for number in numbers],
            rng.choice([pa.int64(), pa.int64()]),
        )
    if kind < 0.7:
        small = [None if number is None else int(number) % 100 for number in numbers]
        return pa.array(
            small, rng.choice([pa.int8(), pa.uint8(), pa.int32(), pa.uint64(), pa.decimal256(9, 2)])
        )
    if kind < 0.75:
        return pa.array([rng.choice([None, True]) for _ in numbers], pa.bool_())
    places = rng.choice([0, 2, 4, 9])
    scaled = [None if n is None else n.quantize(Decimal(1).scaleb(-places)) for n in numbers]
    return pa.array(scaled, pa.decimal128(38, places))


def _attribute_column(rng: random.Random, texts: list[str | None]) -> pa.Array:
    kind = rng.random()
    if kind < 0.7:
        cells = [rng.choice(ODD_VALUES) if rng.random() < 0.1 else text for text in texts]
        raw = [
            None
            if cell is None
            else _flip(rng, cell.encode())
            if rng.random() < 0.05
            else cell.encode("utf-8", "surrogatepass")
            for cell in cells
        ]
        return _text_column(rng, raw)
    values = [None if text is None else json.loads(text) for text in texts]
    if kind < 0.85:
        kinds = [("region", pa.string()), ("age", pa.int64()), ("weight", pa.float64()), ("vip", pa.bool_())]
        return pa.array(values, pa.struct(kinds))
    pairs = [
        None if v is None else [(n, None if x is None else str(x)) for n, x in v.items()] for v in values
    ]
    return pa.array(pairs, pa.map_(pa.string(), pa.string()))
