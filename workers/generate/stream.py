"""All events in the order of their arrival, slice of time by slice of time, so that memory stays bounded."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.generate.facts import FACT, Facts, after, facts, joined
from workers.generate.people import NEVER, REGIONS, SEGMENTS, People, draw_people, expected_weight
from workers.generate.seasons import day_weights, times_of_day
from workers.generate.settings import DAY_US, Settings
from workers.generate.shopping import EVENTS_PER_ORDER, Counters, complaints, orders

#: Events of a slice: enough for the arrays to pay off, few enough for the cache and the memory.
SLICE_EVENTS = 400_000
#: Changes of region or segment per customer and year.
UPDATES_PER_YEAR = 0.15
#: A late event arrives at most this long after it happened; the usual lateness of a pack is 30 days.
LATE_DAYS_MAX = 20
#: Events that a customer brings without ordering: the registration, and trouble now and then.
EVENTS_PER_CUSTOMER = 1.1
#: Share of the troubled that also give a bad rating at once.
TROUBLE_RATED = 0.5
#: Share of those complaints that are resolved: few, which is why these customers leave.
TROUBLE_RESOLVED = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Events with rising `arrival_us`; `done` of `total` days are behind."""

    events: Facts
    done: int
    total: int


def stream(settings: Settings) -> Iterator[Slice]:
    """The events of the settings, sorted by arrival; nothing occurs at or after the end."""
    people = draw_people(settings)
    days = day_weights(settings.start, settings.days)
    scale = _order_rate(people, settings)
    counters = Counters()
    pool = np.zeros(0, FACT)
    step = max(1, int(settings.days * SLICE_EVENTS / max(settings.events, 1)))
    numbered = 0
    for index, day in enumerate(range(0, settings.days, step)):
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([settings.seed, 1 + index])))
        stop = min(day + step, settings.days)
        begin, end = settings.start_us + day * DAY_US, settings.start_us + stop * DAY_US
        who, at = _shoppers(rng, people, days[day:stop] * scale, begin)
        who, at = _with_first_orders(rng, people, who, at, begin, end)
        parts = orders(rng, people, who, at, counters)
        parts += _registrations(rng, people, begin, end)
        parts += _troubles(rng, people, begin, end, counters)
        fresh = joined(parts)
        fresh = fresh[fresh["occurred_us"] < settings.end_us]
        fresh["event"] = np.arange(numbered, numbered + fresh.size)
        numbered += fresh.size
        pool = joined((pool, _arriving(rng, fresh, settings)))
        due = pool["arrival_us"] < (end if stop < settings.days else NEVER)
        ready, pool = pool[due], pool[~due]
        yield Slice(ready.take(np.argsort(ready["arrival_us"], kind="stable")), stop, settings.days)


def _order_rate(people: People, settings: Settings) -> float:
    """Orders per day and unit of a customer's rate that bring about the wished number of events."""
    others = EVENTS_PER_CUSTOMER + UPDATES_PER_YEAR * settings.days / 365
    first = int((people.joined[people.first] < settings.end_us).sum())
    wished = (settings.events - others * settings.customers) / EVENTS_PER_ORDER - first
    return max(wished, 0.0) / max(expected_weight(people, settings), 1e-9)


def _shoppers(
    rng: np.random.Generator, people: People, rates: NDArray[np.float64], begin: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Who orders when: a Poisson process over all customers, thinned to those who buy at that moment."""
    total = people.weight[-1]
    count = int(rng.poisson(total * rates.sum()))
    lot = np.sort(rng.random(count)) * total
    who = np.minimum(np.searchsorted(people.weight, lot, side="right") - 1, people.joined.size - 1)
    day = np.searchsorted(np.cumsum(rates) / max(rates.sum(), 1e-300), rng.random(count), side="right")
    at = begin + np.minimum(day, rates.size - 1) * DAY_US + times_of_day(rng, count)
    buys = people.buys_at(who, at)
    return who[buys], at[buys]


def _with_first_orders(
    rng: np.random.Generator,
    people: People,
    who: NDArray[np.int64],
    at: NDArray[np.int64],
    begin: int,
    end: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The orders and those of newcomers, who often buy on the day they register."""
    new = _between(people.first, people.joined, begin, end)
    return np.concatenate((who, new)), np.concatenate((at, after(rng, people.joined[new], 0.05, 12)))


def _between(
    ordered: NDArray[np.int64], instants: NDArray[np.int64], begin: int, end: int
) -> NDArray[np.int64]:
    """The part of `ordered` (indexes by rising instant) whose instants lie in [begin, end)."""
    low, high = (bisect_left(ordered, at, key=lambda index: int(instants[index])) for at in (begin, end))
    return ordered[low:high]


def _registrations(rng: np.random.Generator, people: People, begin: int, end: int) -> list[Facts]:
    """Registrations in [begin, end), and changes of attributes of customers that are there."""
    new = _between(people.by_joined, people.joined, begin, end)
    there = people.by_joined[
        : bisect_left(people.by_joined, end, key=lambda index: int(people.joined[index]))
    ]
    count = int(rng.poisson(UPDATES_PER_YEAR * there.size * (end - begin) / (365 * DAY_US)))
    count = count if there.size else 0
    who = there[rng.integers(0, max(there.size, 1), count)]
    at = begin + rng.integers(0, (end - begin) // 1000, count) * 1000
    known = at >= people.joined[who]
    who, at = who[known], at[known]
    moved = rng.random(who.size) < 0.7
    return [
        facts(
            "customer.registered",
            people.joined[new],
            new,
            region=people.region[new],
            segment=people.segment[new],
        ),
        facts(
            "customer.updated",
            at,
            who,
            region=np.where(moved, rng.integers(0, len(REGIONS), who.size), -1),
            segment=np.where(moved, -1, rng.integers(0, len(SEGMENTS), who.size)),
        ),
    ]


def _troubles(
    rng: np.random.Generator, people: People, begin: int, end: int, counters: Counters
) -> list[Facts]:
    """Grave complaints of those for whom something goes wrong in [begin, end), some with a bad rating."""
    who = _between(people.by_trouble, people.trouble, begin, end)
    at = people.trouble[who]
    angry = rng.random(who.size) < TROUBLE_RATED
    rating = facts(
        "feedback.rating",
        after(rng, at[angry], 0, 10),
        who[angry],
        score=1 + rng.binomial(1, 0.3, int(angry.sum())),
        thing=counters.take("feedback", int(angry.sum())),
    )
    severity = 3 + rng.binomial(2, 0.5, who.size)
    return [*complaints(rng, who, at, severity, counters, TROUBLE_RESOLVED), rating]


def _arriving(rng: np.random.Generator, fresh: Facts, settings: Settings) -> Facts:
    """The events with their times of arrival: a few late by hours or days, and a few sent twice."""
    fresh["arrival_us"] = fresh["occurred_us"]
    late = np.flatnonzero(rng.random(fresh.size) < settings.late)
    delay = np.minimum(rng.exponential(1.5, late.size) + 0.05, LATE_DAYS_MAX)
    fresh["arrival_us"][late] += (delay * DAY_US).astype(np.int64)
    twice = fresh[rng.random(fresh.size) < settings.duplicates]
    twice["arrival_us"] += (rng.exponential(0.05, twice.size) * DAY_US).astype(np.int64)
    return joined((fresh, twice))
