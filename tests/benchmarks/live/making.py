"""The events that are fed, made up from a seed: the same ones each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from aiokafka.partitioner import murmur2

#: Partitions of every topic.
PARTITIONS = 4
#: `orders` spread over so many days from here on, whatever their number.
_ORDERS_FROM = datetime(2024, 1, 1, tzinfo=UTC)
_ORDER_DAYS = 694
#: The day of the shop that is measured begins at this midnight of New York, by whose days the shop pack goes;
#: what its customers did before is its history.
SHOP_DAY = datetime(2025, 6, 16, 4, tzinfo=UTC)
_HISTORY_DAYS = (80, 66, 52, 38, 24, 10)
#: What a customer of the shop usually spends, in cents; as many customers of each.
_BASKETS = (400, 3_000, 12_000, 45_000)
_CALM_HISTORY_DAY = 20
#: A customer without an order for so many days is at risk, says the shop pack.
_AT_RISK_DAYS = 45
_REGIONS = ("north", "south")


class Made(NamedTuple):
    """A record to be: its topic (as it is called by default), partition, milliseconds, key and value."""

    topic: str
    partition: int
    timestamp_ms: int
    key: bytes
    value: bytes


class People:
    """Customers `C00000000` upwards, and the partition each falls on, as Kafka's own partitioner has it."""

    def __init__(self, count: int, letter: str = "C", partitions: int = PARTITIONS) -> None:
        self.partitions = partitions
        self.names = [f"{letter}{number:08d}" for number in range(count)]
        self.keys = [name.encode() for name in self.names]
        self.places = [(murmur2(key) & 0x7FFFFFFF) % partitions if partitions > 1 else 0 for key in self.keys]

    def __len__(self) -> int:
        return len(self.names)


def orders(count: int, people: People, seed: int = 1) -> Iterator[Made]:
    """Completed orders of random customers, one after the other over 694 days."""
    draw = random.Random(seed)
    step_s = _ORDER_DAYS * 86_400 / count
    first_ms = int(_ORDERS_FROM.timestamp() * 1000)
    for number in range(count):
        who = draw.randrange(len(people))
        cents = draw.randrange(100, 100_000)
        after_s = int(number * step_s)
        value = (
            f'{{"event_id": "{draw.getrandbits(128):032x}", "customer_id": "{people.names[who]}", '
            f'"order_id": "O{number:010d}", "type": "order.completed", "amount": "{_money(cents)}", '
            f'"currency": "CNY", "occurred_at": "{_instant(_ORDERS_FROM + timedelta(seconds=after_s))}", '
            f'"channel": "web"}}'
        )
        place = people.places[who]
        yield Made("orders", place, first_ms + after_s * 1000, people.keys[who], value.encode())


def flips(
    count: int, people: People, started: datetime, rate: float, share: float, seed: int = 4
) -> Iterator[Made]:
    """Orders of `order_flips.yaml` at a rate, of which about a share moves its customer to the other side.

    The customers are known, and all on the side of small orders (`flip_births`). Event `n` is called `en`.
    """
    draw = random.Random(seed)
    is_large = bytearray(len(people))
    for number in range(count):
        who = draw.randrange(len(people))
        if share >= 1 or draw.random() < share:
            is_large[who] ^= 1
        yield _flip(
            people, who, f"e{number}", started + timedelta(seconds=number / rate), bool(is_large[who])
        )


def flip_births(people: People, until: datetime) -> Iterator[Made]:
    """One small order of each customer, a thousandth of a second apart, all before an instant."""
    for who in range(len(people)):
        yield _flip(people, who, f"b{who}", until - timedelta(milliseconds=len(people) - who), False)


def shop_history(people: People, seed: int = 2) -> Iterator[Made]:
    """What the customers of a shop did before the day that is measured: registered, and bought six times."""
    draw = random.Random(seed)
    yield from _registered(people, draw)
    rows = [(day, draw.randrange(86_400), who) for day in _HISTORY_DAYS for who in range(len(people))]
    rows.sort(key=lambda row: (-row[0], row[1]))
    usual = [draw.choice(_BASKETS) for _ in range(len(people))]
    for number, (day, second, who) in enumerate(rows):
        at = SHOP_DAY - timedelta(days=day) + timedelta(seconds=second)
        yield _order(people, who, f"h{number}", at, usual[who] + draw.randrange(usual[who] // 4))


def shop_calm_history(people: People, seed: int = 5, at_risk_on: datetime | None = None) -> Iterator[Made]:
    """A history of two events a customer: registered, and bought once.

    `at_risk_on`: the midnight at which all of them are to be at risk.
    """
    draw = random.Random(seed)
    yield from _registered(people, draw)
    day = (
        at_risk_on - timedelta(days=_AT_RISK_DAYS)
        if at_risk_on
        else SHOP_DAY - timedelta(days=_CALM_HISTORY_DAY)
    )
    for who in range(len(people)):
        at = day + timedelta(hours=8, seconds=who * 40_000 / len(people))
        yield _order(people, who, f"h{who}", at, 2_000 + draw.randrange(500))


def shop_day(count: int, people: People, started: datetime, rate: float, seed: int = 3) -> Iterator[Made]:
    """A day of the shop at a rate: half of it small orders, the rest payments, customers' data and ratings.

    Event `n` is called `en`.
    """
    draw = random.Random(seed)
    for number in range(count):
        who = draw.randrange(len(people))
        at = started + timedelta(seconds=number / rate)
        kind = draw.random()
        if kind < 0.5:
            yield _order(people, who, f"e{number}", at, 100 + draw.randrange(400))
        elif kind < 0.9:
            extra = f'"payment_id": "P{number}", "amount": "4.20", "currency": "USD", "method": "card"'
            yield _event(people, who, "payments", "payment.succeeded", f"e{number}", at, extra)
        elif kind < 0.98:
            extra = f'"attributes": {{"segment": "s{draw.randrange(9)}"}}'
            yield _event(people, who, "customers", "customer.updated", f"e{number}", at, extra)
        else:
            extra = f'"feedback_id": "F{number}", "score": {draw.choice((3, 4, 4, 5))}'
            yield _event(people, who, "feedback", "feedback.rating", f"e{number}", at, extra)


def shop_moves(count: int, people: People, started: datetime, rate: float, seed: int = 6) -> Iterator[Made]:
    """Customers of the shop who move house at a rate: every event moves one. Event `n` is called `en`."""
    draw = random.Random(seed)
    region = bytearray(len(people))
    for number in range(count):
        who = draw.randrange(len(people))
        region[who] ^= 1
        extra = f'"attributes": {{"region": "{_REGIONS[region[who]]}"}}'
        at = started + timedelta(seconds=number / rate)
        yield _event(people, who, "customers", "customer.updated", f"e{number}", at, extra)


def shop_movers(people: People, started: datetime) -> Iterator[Made]:
    """Customers who can move house."""
    for who in range(len(people)):
        extra = f'"attributes": {{"region": "{_REGIONS[0]}"}}'
        yield _event(people, who, "customers", "customer.registered", f"b{who}", started, extra)


def _registered(people: People, draw: random.Random) -> Iterator[Made]:
    at = SHOP_DAY - timedelta(days=max(_HISTORY_DAYS) + 5)
    for who in range(len(people)):
        extra = f'"attributes": {{"region": "{draw.choice(_REGIONS)}", "household_size": "2"}}'
        yield _event(people, who, "customers", "customer.registered", f"r{who}", at, extra)


def _flip(people: People, who: int, event_id: str, at: datetime, is_large: bool) -> Made:
    amount = "900.00" if is_large else "100.00"
    extra = f'"order_id": "O{event_id}", "amount": "{amount}", "currency": "CNY", "channel": "web"'
    return _event(people, who, "orders", "order.completed", event_id, at, extra)


def _order(people: People, who: int, event_id: str, at: datetime, cents: int) -> Made:
    extra = (
        f'"order_id": "O{event_id}", "amount": "{_money(cents)}", "currency": "USD", '
        f'"discount": "{cents // 1000}.00", "items": 3, "channel": "web"'
    )
    return _event(people, who, "orders", "order.completed", event_id, at, extra)


def _event(people: People, who: int, topic: str, kind: str, event_id: str, at: datetime, extra: str) -> Made:
    value = (
        f'{{"event_id": "{event_id}", "type": "{kind}", "occurred_at": "{_instant(at)}", '
        f'"customer_id": "{people.names[who]}", {extra}}}'
    )
    return Made(topic, people.places[who], int(at.timestamp() * 1000), people.keys[who], value.encode())


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _instant(moment: datetime) -> str:
    """RFC 3339 in UTC, with microseconds where there are any."""
    return f"{moment.replace(tzinfo=None).isoformat()}Z"
