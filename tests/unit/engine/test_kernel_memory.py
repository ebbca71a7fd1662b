"""What the kernel remembers of a busy customer: windows, late facts, ids, huge sums; beside plain models."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Sequence

import pytest

from rules.calendar import calendar, month_start, quarter_start, year_start
from rules.engine import engine as engines
from rules.engine.event import Event
from rules.language.load import load_pack
from rules.language.model import Pack
from tests.properties.comparison import differences, kernel_told, reference_told, told_by
from tests.properties.histories import Input, Tick
from tests.properties.kernel_host import KernelHost
from tests.properties.strategies import seeded_history

DAY_US = 86_400_000_000
FIRST = 19_000

WINDOWS: tuple[str, ...] = (
    "1d",
    "7d",
    "30d",
    "90d",
    "365d",
    "this_month",
    "last_month",
    "this_quarter",
    "last_quarter",
)
WINDOWS += ("this_year", "last_year", "lifetime")
AGGREGATES = ("sum", "avg", "min", "max", "count", "days")


#: The metrics that the dimensions of the pack look at.
LOOKED_AT: tuple[str, ...] = (
    "sum_7d",
    "sum_90d",
    "sum_365d",
    "sum_this_year",
    "avg_30d",
    "min_90d",
    "max_365d",
    "count_30d",
)
LOOKED_AT += ("count_last_month", "days_30d", "days_last_quarter")


def pack_with(lateness: int, *, all_metrics: bool = True) -> Pack:
    """Every aggregate over every window, or those alone that the dimensions look at."""
    metrics = "\n".join(
        f"  {agg}_{window}: {{agg: {agg}, of: order.completed, window: {window}"
        + ("" if agg in ("count", "days") else ", field: amount")
        + "}"
        for agg in AGGREGATES
        for window in WINDOWS
        if all_metrics or f"{agg}_{window}" in LOOKED_AT
    )
    return load_pack(
        f"""
name: windows
version: "1"
timezone: UTC
currency: USD
lateness: {lateness}d
metrics:
{metrics}
  refunded_90d: {{agg: sum, of: order.completed, minus: order.refunded, field: amount, window: 90d}}
  net: {{agg: sum, of: order.completed, minus: order.refunded, field: amount}}
  since: {{agg: recency, of: order.completed}}
dimensions:
  tier:
    kind: ladder
    categories:
      low: {{}}
      mid: {{enter: "sum_90d >= 600", keep: "sum_90d >= 400"}}
      high: {{enter: "sum_365d >= 3000 and count_30d >= 4"}}
    downgrade: {{hold: 3d}}
    publish: [sum_7d, avg_30d, min_90d, max_365d, days_last_quarter, sum_this_year, net]
  habit:
    kind: first_match
    categories:
      away: {{when: "since >= 20"}}
      busy: {{when: "days_30d > count_last_month"}}
      calm: {{}}
""",
        "windows.yaml",
    )


def order(number: int, period: int, amount: int, type_: str = "order.completed") -> Event:
    return Event(f"e{number}", type_, "C", period * DAY_US + number % 1000, period, amount=amount)


def first_day(window: str, period: int) -> int:
    starts = {"month": month_start, "quarter": quarter_start, "year": year_start}
    if window == "lifetime":
        return -(10**9)
    if window.endswith("d"):
        return period - int(window[:-1]) + 1
    which, unit = window.split("_")
    start = starts[unit](period)
    return start if which == "this" else starts[unit](start - 1)


def last_day(window: str, period: int) -> int:
    starts = {"month": month_start, "quarter": quarter_start, "year": year_start}
    return starts[window[5:]](period) - 1 if window.startswith("last_") else period


def model(agg: str, window: str, facts: Sequence[tuple[int, int]], period: int) -> float | int | None:
    """S5.1 of facts as (period, amount)."""
    inside = [fact for fact in facts if first_day(window, period) <= fact[0] <= last_day(window, period)]
    amounts = [amount for _, amount in inside]
    if agg in ("count", "days"):
        return len(inside) if agg == "count" else len({day for day, _ in inside})
    if agg == "sum":
        return sum(amounts)
    if not amounts:
        return None
    return (
        sum(amounts) / 100 / len(amounts) if agg == "avg" else min(amounts) if agg == "min" else max(amounts)
    )


def metrics_now(host: KernelHost) -> dict[str, float | int | None]:
    """The metrics of the one customer, as the engine sees them at its `as_of`."""
    _, _, words = host.engine.sight()
    values: dict[str, float | int | None] = {}
    for metric, word in zip(host.plan.pack.metrics, words[0].tolist(), strict=True):
        if metric.name.startswith("avg"):
            (number,) = struct.unpack("<d", struct.pack("<q", word))
            values[metric.name] = None if number != number else number
        else:
            values[metric.name] = None if word == -(2**63) else word
    return values


def life_of(seed: int, lateness: int, count: int) -> list[Event]:
    """Orders of a customer over years: some of the same day, some late by any number of days allowed."""
    choose = random.Random(seed)
    today = FIRST
    events = []
    for number in range(count):
        today += choose.choice((0, 0, 1, 1, 1, 2, 3)) + (choose.randrange(400) if number % 211 == 210 else 0)
        late = choose.randrange(lateness + 1) if choose.randrange(3) == 0 else 0
        events.append(order(number, today - late, choose.randrange(1, 50_000)))
    return events


@pytest.mark.parametrize(("seed", "lateness"), [(1, 1), (2, 30), (3, 400), (4, 3000)])
def test_windows_of_a_busy_customer_are_what_a_list_of_its_facts_gives(seed: int, lateness: int) -> None:
    """S5.2, S5.3: rings grow, drop what no window reaches, and take late facts in between"""
    host = KernelHost(pack_with(lateness))
    facts: list[tuple[int, int]] = []
    now, rejected = FIRST - lateness, 0
    events = life_of(seed, lateness, 900)
    for begin in range(0, len(events), 18):
        part = events[begin : begin + 18]
        host.run(part, 5)
        for event in part:
            if event.period < max(now, event.period) - lateness:
                rejected += 1
            else:
                facts.append((event.period, event.amount or 0))
                now = max(now, event.period)
        if begin % 5 == 0:
            now += begin % 8
            host.run([Tick(now)])
        seen = metrics_now(host)
        for agg in AGGREGATES:
            for window in WINDOWS:
                assert seen[f"{agg}_{window}"] == model(agg, window, facts, now), (agg, window, begin)
    assert len(host.said.rejected) == rejected < 100


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "lateness", "count"), [(5, 30, 3000), (6, 400, 1500)])
def test_years_of_a_busy_customer_are_what_the_reference_says(seed: int, lateness: int, count: int) -> None:
    pack = pack_with(lateness, all_metrics=False)
    choose = random.Random(seed)
    inputs: list[Input] = []
    for event in life_of(seed, lateness + 2, count):
        inputs.append(event)
        if choose.randrange(9) == 0:
            inputs.append(order(100_000 + len(inputs), event.period, choose.randrange(900), "order.refunded"))
        if choose.randrange(20) == 0:
            inputs.append(choose.choice(inputs))
        if choose.randrange(40) == 0:
            inputs.append(Tick(event.period))
    assert differences(reference_told(pack, inputs), kernel_told(pack, inputs, batch_max=100)) == []


def remembered(events: Iterable[Event], lateness: int) -> list[str]:
    """S4.3 in plain words: what becomes of each fact of one customer."""
    as_of, ids, told = -(10**9), dict[str, int](), list[str]()
    for event in events:
        now = max(as_of, event.period)
        if event.period < now - lateness:
            told.append("too_late")
        elif ids.get(event.event_id, -(10**9)) >= now - lateness:
            ids[event.event_id] = max(ids[event.event_id], event.period)
            told.append("duplicate")
        else:
            ids[event.event_id] = max(ids.get(event.event_id, -(10**9)), event.period)
            as_of = now
            told.append("applied")
    return told


@pytest.mark.parametrize("lateness", [1, 30, 365])
def test_thousands_of_ids_are_remembered_as_long_as_they_matter(lateness: int) -> None:
    """S4.3: ids come again soon and late, before and after they are forgotten"""
    choose = random.Random(lateness)
    today, events = FIRST, list[Event]()
    for number in range(6000):
        today += choose.choice((0,) * 20 + (1, 2, lateness // 2))
        period = today - choose.choice((0, 0, 0, 1, lateness, lateness + 1))
        back = choose.randrange(1, choose.choice((20, 200, 5000)))
        old = events[-back] if back < len(events) else None
        known = choose.randrange(4) == 0 and old is not None
        event_id = old.event_id if known and old is not None else f"e{number}"
        events.append(Event(event_id, "order.completed", "C", period * DAY_US, period, amount=1))
    expected = remembered(events, lateness)
    assert min(expected.count(word) for word in ("too_late", "duplicate", "applied")) > 200
    host = KernelHost(pack_with(lateness))
    told = []
    for event in events:
        duplicates, rejected = host.said.duplicates, len(host.said.rejected)
        host.run([event])
        said = host.said
        if len(said.rejected) > rejected:
            told.append(said.rejected[-1][1])
        else:
            told.append("duplicate" if said.duplicates > duplicates else "applied")
    assert told == expected


def test_a_busy_customer_takes_no_more_memory_over_the_years() -> None:
    """Rings and ids that are given back are used again."""
    host = KernelHost(pack_with(30))
    sizes = []
    for year in range(6):
        host.run([order(year * 2000 + n, FIRST + 365 * year + n // 6, 100) for n in range(2000)])
        sizes.append(host.engine.nbytes())
    assert sizes[-1] <= sizes[2] * 1.1


@pytest.mark.parametrize(
    ("amounts", "refunds", "value"),
    [
        ([2**62], [], 2**62),
        ([2**62, 1], [], None),
        ([2**61, 2**61], [], 2**62),
        ([2**62 - 1], [], 2**62 - 1),
        ([2**62, 2**61], [2**61], 2**62),
        ([2**62, 2**61], [2**61 - 1], None),
        ([], [2**62], -(2**62)),
        ([], [2**62, 1], None),
        ([0], [2**62], -(2**62)),
        ([2**62], [2**62], 0),
    ],
)
def test_sums_up_to_the_limit_are_exact_and_beyond_it_missing(
    amounts: list[int], refunds: list[int], value: int | None
) -> None:
    """S6.3"""
    pack = pack_with(30)
    events = [order(n, FIRST + n, amount) for n, amount in enumerate(amounts)]
    events += [order(50 + n, FIRST + 9, amount, "order.refunded") for n, amount in enumerate(refunds)]
    host = KernelHost(pack)
    host.run(events)
    seen = metrics_now(host)
    assert seen["net"] == seen["refunded_90d"] == value
    assert differences(reference_told(pack, events), told_by(host.said)) == []


@pytest.mark.parametrize("seed", range(40))
def test_an_engine_that_must_make_room_all_the_time_says_the_same(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs are taken away page by page, and the pool grows in the middle of a batch."""
    monkeypatch.setattr(engines, "_OUTPUTS_FIRST", 1)
    monkeypatch.setattr(engines, "_OUTPUTS_LAST", 1)
    monkeypatch.setattr(engines, "_ROWS_FIRST", 1)
    monkeypatch.setattr(engines, "_POOL_FIRST", 1 << 15)
    history = seeded_history(seed)
    got = kernel_told(history.pack, history.inputs)
    assert differences(reference_told(history.pack, history.inputs), got) == []


def test_days_of_the_calendar_are_those_of_the_pack() -> None:
    """The orders above lie at the start of their days."""
    assert calendar("UTC").period_of(order(5, FIRST, 1).occurred_us) == FIRST
