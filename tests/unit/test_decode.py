"""One record to one event: what S2 accepts, what it rejects and why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rules.engine.event import Code, Event, Rejection, Unknown
from rules.intake.decode import decode_event
from rules.language.load import load_pack
from rules.language.model import Pack

PACK_TEXT = """
name: intake
version: "1"
timezone: Asia/Shanghai
currency: USD
rates:
  EUR: {"2020-01-01": "1.125", "2024-01-01": "1.25"}
  JPY: {"2000-01-01": "0.0065"}
  KWD: {"2000-01-01": "3.25"}
attributes: {region: string, age: integer, weight: number, vip: boolean}
metrics:
  orders: {agg: count, of: order.completed}
dimensions:
  tier:
    kind: ladder
    categories: {low: {}, high: {enter: "orders > 3"}}
    upgrade: {}
    downgrade: {}
  mood:
    kind: first_match
    categories: {good: {when: "orders > 3"}, bad: {}}
    change: {}
"""


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(PACK_TEXT, "intake.yaml")


BASE: dict[str, dict[str, Any]] = {
    "order.completed": {"order_id": "O1", "amount": "12.34"},
    "order.cancelled": {"order_id": "O1"},
    "payment.failed": {"payment_id": "P1", "amount": 3},
    "feedback.rating": {"feedback_id": "F1", "score": 4},
    "feedback.nps": {"feedback_id": "F1", "score": 0},
    "feedback.complaint": {"feedback_id": "F1"},
    "feedback.complaint_resolved": {"feedback_id": "F1"},
    "customer.updated": {},
    "category.assigned": {"dimension": "tier", "category": "high", "reason": "r", "actor": "a"},
    "category.released": {"dimension": "tier", "reason": "r", "actor": "a"},
    "customer.erased": {},
    "customer.merged": {"into": "C2"},
}


def record(type_: str = "order.completed", **changes: Any) -> bytes:
    """A record of the type with some fields changed; `...` leaves one out, Raw puts text in as it is."""
    fields: dict[str, Any] = {
        "event_id": "E1",
        "type": type_,
        "occurred_at": "2024-01-01T00:00:00Z",
        "customer_id": "C1",
        **BASE.get(type_, {}),
        **changes,
    }
    parts = []
    for name, value in fields.items():
        if value is not ...:
            text = value.text if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False)
            parts.append(f'"{name}": {text}')
    return ("{" + ", ".join(parts) + "}").encode()


class Raw:
    """JSON text that is put in as it is."""

    def __init__(self, text: str) -> None:
        self.text = text


def event(pack: Pack, raw: bytes, **options: Any) -> Event:
    answer = decode_event(raw, pack, **options)
    assert isinstance(answer, Event), answer
    return answer


def rejection(pack: Pack, raw: bytes, **options: Any) -> Rejection:
    answer = decode_event(raw, pack, **options)
    assert isinstance(answer, Rejection), answer
    return answer


def test_a_whole_order_is_read(pack: Pack) -> None:
    raw = record(discount=1.5, items=3, channel="web", note="ignored")
    assert event(pack, raw) == Event(
        event_id="E1",
        type="order.completed",
        customer_id="C1",
        occurred_us=1_704_067_200_000_000,
        period=19723,
        amount=1234,
        discount=150,
        items=3,
        label="web",
    )


def test_the_period_is_the_local_day_of_the_pack(pack: Pack) -> None:
    assert event(pack, record(occurred_at="2023-12-31T15:59:59.999999Z")).period == 19722
    assert event(pack, record(occurred_at="2023-12-31T16:00:00Z")).period == 19723


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"{",
        b"{}{}",
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": 01}',
        b'{"a": 1.}',
        b'{"a": .5}',
        b'{"a": +1}',
        b'{"a": 1e}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": "\xff"}',
        b'{"a": "\xc0\x80"}',
        b'{"a": "\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\n"}',
        b'{"a": "\\x"}',
        b'{"a": "\\u12g4"}',
        b'{"a": "\\ud800"}',
        b'{"\\udc00": 1}',
        b'{"a": [["\\ud800\\u0041"]]}',
        b'{"a": "\\ud800", "a": 1}',
        b'{"a": "\\\\\\ud83d"}',
        b'{"type": "visit", "a": "\\ud800"}',
        b"{" + b'"a":{' * 64 + b"}" * 65,
        b"[" * 100_000,
        b'{"a": 1}\x00',
        b"\xa0{}",
    ],
)
def test_bytes_that_are_not_json_are_malformed(pack: Pack, raw: bytes) -> None:
    assert rejection(pack, raw).code is Code.MALFORMED_JSON


@pytest.mark.parametrize(
    "raw",
    [
        record(note=Raw(r'"😀 \\ud800"')),
        record(note=Raw('{"' + "[{" * 100 + '": 1}')),
        record(note=Raw('{"a":' * 63 + "1" + "}" * 63)),
        record(note=Raw("1e999999999999999999999999999")),
        record(note=Raw("9" * 10_000)),
        b" \t\r\n" + record() + b"\n",
        record().replace(b'"C1"', b'"C0", "customer_id": "C1"'),
        record().replace(b'"C1"', b'"C\\u0031"'),
        record().replace(b'"type"', b'"t\\u0079pe"'),
        record(amount=Raw("-0.0e5")),
        record(amount="12.3400000"),
        record(amount=Raw("1234e-2")),
        record(amount="1.0E+10"),
        record(amount=Raw("0." + "0" * 5000 + "1e5001")),
        record(amount=10**10),
        record(discount=None, currency=None, items=None, channel=None),
        record(items=Raw("3.0")),
        record(items=Raw("30e-1")),
        record(items=10**9),
        record(channel=""),
        record(channel="é" * 64),
        record(event_id="é" * 128, order_id="😀" * 128),
        record("order.cancelled", currency="XXX"),
        record("payment.failed", discount="not looked at", score=99, channel=7),
        record("feedback.nps", severity="not looked at", currency=5),
        record("customer.updated", attributes={"unknown": [1], "age": None}),
        record("customer.updated", attributes=None, amount=-1),
        record("category.assigned", mode=None, until=None),
        record("category.assigned", until="2024-02-29", mode="floor"),
        record("category.assigned", dimension="mood", category="bad", mode="pin", reason="x" * 256),
    ],
)
def test_unusual_but_right_records_are_accepted(pack: Pack, raw: bytes) -> None:
    event(pack, raw)


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"[]", "the record is not an object"),
        (b"null", "the record is not an object"),
        (b'"x"', "the record is not an object"),
        (b"{}", "`type` is missing"),
        (record(type_="x", type=None), "`type` is missing"),
        (record(type_="x", type=5), "`type` must be a string, not `5`"),
        (record(event_id=...), "`event_id` is missing"),
        (record(event_id=None), "`event_id` is missing"),
        (record(event_id=""), "`event_id` must have 1 to 128 characters, not 0"),
        (record(event_id="x" * 129), "`event_id` must have 1 to 128 characters, not 129"),
        (record(event_id="a\u0085b"), "`event_id` must not hold control characters"),
        (record(event_id="a\tb"), "`event_id` must not hold control characters"),
        (record(customer_id=7), "`customer_id` must be a string, not `7`"),
        (record(order_id=...), "`order_id` is missing"),
        (record(amount=...), "`amount` is missing"),
        (record(amount="-0.01"), "`amount` must not be negative, but is `-0.01`"),
        (record(amount="1,5"), "`amount` must be a decimal number, or a string that holds one, not `1,5`"),
        (record(amount=" 1"), "`amount` must be a decimal number, or a string that holds one, not ` 1`"),
        (
            record(amount="\u0661"),
            "`amount` must be a decimal number, or a string that holds one, not `\u0661`",
        ),
        (record(amount="1\n"), "`amount` must be a decimal number, or a string that holds one, not `1\n`"),
        (record(amount=True), "`amount` must be a decimal number, or a string that holds one, not `true`"),
        (record(amount=[1]), "`amount` must be a decimal number, or a string that holds one, not `a list`"),
        (record(amount="1.001"), "`amount` has more than the 2 decimal digits of USD"),
        (record(amount="0.1", currency="JPY"), "`amount` has more than the 0 decimal digits of JPY"),
        (record(discount=Raw("1e-500")), "`discount` has more than the 2 decimal digits of USD"),
        (record(amount="10000000000.01"), "`amount` is more than 10^12 minor units of USD"),
        (record(amount=Raw("1e99999999999")), "`amount` is more than 10^12 minor units of USD"),
        (record(currency="eur"), "`currency` must be three capital letters like EUR, not `eur`"),
        (record("order.cancelled", currency=5), "`currency` must be three capital letters like EUR, not `5`"),
        (record(items=-1), "`items` must be an integer from 0 to 1000000000, not `-1`"),
        (record(items=Raw("2.5")), "`items` must be an integer from 0 to 1000000000, not `2.5`"),
        (record(items="3"), "`items` must be an integer from 0 to 1000000000, not `3`"),
        (record(items=True), "`items` must be an integer from 0 to 1000000000, not `true`"),
        (record(items=Raw("1e400")), "`items` must be an integer from 0 to 1000000000, not `1E+400`"),
        (record(channel=5), "`channel` must be a string, not `5`"),
        (record(channel="x" * 65), "`channel` must have at most 64 characters, not 65"),
        (record("feedback.rating", score=6), "`score` must be an integer from 1 to 5, not `6`"),
        (record("feedback.rating", score=None), "`score` is missing"),
        (record("feedback.nps", score=11), "`score` must be an integer from 0 to 10, not `11`"),
        (record("feedback.complaint", severity=0), "`severity` must be an integer from 1 to 5, not `0`"),
        (record("customer.updated", attributes=[]), "`attributes` must be an object, not `a list`"),
        (
            record("customer.updated", attributes={"age": "4"}),
            "`attributes.age` must be an integer, not `4`",
        ),
        (
            record("customer.updated", attributes={"age": 2**62 + 1}),
            "`attributes.age` must be an integer, not `4611686018427387905`",
        ),
        (
            record("customer.updated", attributes={"weight": 10**309}),
            "`attributes.weight` must be a number, not `1000000000000000000000000000000000000000…`",
        ),
        (
            record("customer.updated", attributes={"vip": 1}),
            "`attributes.vip` must be a boolean, not `1`",
        ),
        (
            record("customer.updated", attributes={"region": {}}),
            "`attributes.region` must be a string, not `an object`",
        ),
        (record("category.assigned", dimension="x"), "`dimension` `x` is not in the pack"),
        (record("category.assigned", category="x"), "`category` `x` is not in dimension tier"),
        (
            record("category.assigned", dimension="mood", category="bad", mode="floor"),
            "`mode` floor needs a ladder, and mood is a first_match",
        ),
        (record("category.assigned", mode="up"), "`mode` must be pin or floor, not `up`"),
        (
            record("category.assigned", until="2023-02-29"),
            "`until` is not a day of the calendar: `2023-02-29`",
        ),
        (
            record("category.assigned", until="20240101"),
            "`until` must be a date like 2026-03-01, not `20240101`",
        ),
        (record("category.assigned", actor=...), "`actor` is missing"),
        (record("category.released", reason="x" * 257), "`reason` must have at most 256 characters, not 257"),
        (record("category.released", dimension="x"), "`dimension` `x` is not in the pack"),
        (record("customer.merged"), "`type` customer.merged is not supported yet"),
    ],
)
def test_a_wrong_field_is_named(pack: Pack, raw: bytes, detail: str) -> None:
    answer = rejection(pack, raw)
    assert (answer.code, answer.detail) == (Code.SCHEMA, detail)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00.000001z", 1),
        ("1970-01-01T00:00:00.1Z", 100_000),
        ("1969-12-31T23:30:00-00:30", 0),
        ("1970-01-01T23:59:00+23:59", 0),
        ("2000-02-29T12:00:00+08:00", 951_796_800_000_000),
        ("2199-12-31T23:59:59.999999Z", 7_258_118_399_999_999),
        ("2200-01-01T00:59:59.999999+01:00", 7_258_118_399_999_999),
    ],
)
def test_instants_are_exact(pack: Pack, text: str, microseconds: int) -> None:
    assert event(pack, record(occurred_at=text)).occurred_us == microseconds


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01T00:00:00",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00.0000000Z",
        "2024-01-01T00:00:00,5Z",
        "2024-01-01T23:59:60Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+00:60",
        "2024-01-01T00:00:00+0100",
        "2024-01-01T00:00:00Z ",
        "2024-01-01T00:00:00Z\n",
        "0000-01-01T00:00:00Z",
        "1970-01-01T00:00:00+00:01",
        "2199-12-31T23:59:59-00:01",
        "12024-01-01T00:00:00Z",
        "\uff12024-01-01T00:00:00Z",
        "",
        1704067200,
    ],
)
def test_other_times_are_refused(pack: Pack, text: object) -> None:
    answer = rejection(pack, record(occurred_at=text))
    assert answer.code is Code.SCHEMA
    assert answer.detail.startswith("`occurred_at` ")


@pytest.mark.parametrize(
    ("currency", "day", "amount", "minor"),
    [
        ("EUR", "2020-06-01", "1.00", 112),  # 112.5 to the even neighbour
        ("EUR", "2020-06-01", "3.00", 338),  # 337.5 to the even neighbour
        ("EUR", "2024-01-01", "1.00", 125),
        ("JPY", "2024-01-01", "1000", 650),
        ("KWD", "2024-01-01", "0.001", 0),
        ("KWD", "2024-01-01", "1.234", 401),
        ("USD", "2024-01-01", "1.23", 123),
    ],
)
def test_money_is_converted_with_the_rate_in_force(
    pack: Pack, currency: str, day: str, amount: str, minor: int
) -> None:
    raw = record(currency=currency, amount=amount, occurred_at=f"{day}T00:00:00Z")
    assert event(pack, raw).amount == minor


def test_a_rate_begins_with_the_local_day(pack: Pack) -> None:
    assert event(pack, record(currency="EUR", amount=1, occurred_at="2023-12-31T16:00:00Z")).amount == 125
    assert event(pack, record(currency="EUR", amount=2, occurred_at="2023-12-31T15:59:59Z")).amount == 225


@pytest.mark.parametrize(
    ("currency", "day"), [("GBP", "2024-01-01"), ("EUR", "2019-12-31"), ("QQQ", "2024-01-01")]
)
def test_without_a_rate_the_digits_are_not_checked(pack: Pack, currency: str, day: str) -> None:
    raw = record(currency=currency, amount="1e99", discount="0.00001", occurred_at=f"{day}T00:00:00Z")
    answer = rejection(pack, raw)
    assert answer.code is Code.UNKNOWN_CURRENCY
    assert currency in answer.detail
    assert (answer.event_id, answer.customer_id) == ("E1", "C1")


@pytest.mark.parametrize("raw", [b'{"type": "visit"}', b'{"type": "", "amount": [], "event_id": 5}'])
def test_an_unknown_type_is_skipped_whatever_else_is_in_it(pack: Pack, raw: bytes) -> None:
    assert isinstance(decode_event(raw, pack, key=None), Unknown)


DAY_US = 86_400_000_000
AT = 1_704_067_200_000_000


def test_codes_come_in_the_order_of_the_checks(pack: Pack) -> None:
    """Each record has its own fault and all later ones; the earliest is named (S2.4)."""
    late = {"key": b"C2", "timestamp_us": AT - 2 * DAY_US}
    codes = [
        rejection(pack, record(currency="GBP", amount=1)[:-1], **late).code,
        rejection(pack, record(currency="GBP", amount=-1), **late).code,
        rejection(pack, record(currency="GBP", amount=1), **late).code,
        rejection(pack, record(currency="GBP", amount=1), timestamp_us=AT - 2 * DAY_US).code,
        rejection(pack, record(), timestamp_us=AT - 2 * DAY_US).code,
    ]
    assert codes == list(Code)[:5]


def test_the_key_must_be_the_customer(pack: Pack) -> None:
    event(pack, record(customer_id="é"), key="é".encode())
    assert rejection(pack, record(), key=None).code is Code.KEY_MISMATCH
    assert rejection(pack, record(), key=b"").code is Code.KEY_MISMATCH


def test_an_event_may_be_max_ahead_of_its_record_and_no_more(pack: Pack) -> None:
    event(pack, record(), timestamp_us=AT - DAY_US)
    assert rejection(pack, record(), timestamp_us=AT - DAY_US - 1).code is Code.FUTURE


def test_attributes_come_in_the_order_of_the_pack_and_in_their_kinds(pack: Pack) -> None:
    raw = record(
        "customer.updated",
        attributes=Raw('{"vip": true, "weight": 0.1, "age": 4e1, "region": null, "age": 41.0, "other": 5}'),
    )
    assert event(pack, raw).attributes == ((0, None), (1, 41), (2, 0.1), (3, True))
    raw = record("customer.updated", attributes=Raw('{"weight": 12345678901234567890, "region": "n\\u00f6"}'))
    assert event(pack, raw).attributes == ((0, "nö"), (2, float(12345678901234567890)))


def test_overrides_are_resolved(pack: Pack) -> None:
    assigned = event(pack, record("category.assigned", until="2024-01-02", mode="floor"))
    assert (assigned.dimension, assigned.category, assigned.mode) == (0, 1, "floor")
    assert (assigned.until, assigned.reason, assigned.actor) == (19724, "r", "a")
    assert event(pack, record("category.assigned")).mode == "pin"
    assert event(pack, record("category.released", dimension="mood")).dimension == 1


def test_a_complaint_is_of_severity_1_unless_it_says_so(pack: Pack) -> None:
    assert event(pack, record("feedback.complaint")).severity == 1
    assert event(pack, record("feedback.complaint", severity=5)).severity == 5
    assert event(pack, record("feedback.complaint_resolved", severity=5)).severity is None


def test_the_committed_schema_accepts_the_examples() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    from schemas.events import MODELS, json_schema

    schema = json_schema()
    for model in set(MODELS.values()):
        extra = model.model_config["json_schema_extra"]
        assert isinstance(extra, dict)
        for example in extra["examples"]:  # type: ignore[union-attr]
            jsonschema.validate(example, schema)
            assert model.model_validate(example).customer_id


def test_the_fields_of_s2_are_those_of_the_models() -> None:
    from schemas.events import MODELS
    from schemas.values import FIELDS

    assert set(FIELDS) == {name for model in MODELS.values() for name in model.model_fields}
