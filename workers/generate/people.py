"""The customers: who they are, how often they buy, and when and why they stop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.generate.seasons import day_weights
from workers.generate.settings import DAY_US, Settings

REGIONS = ("north", "east", "south", "west", "central")
SEGMENTS = ("consumer", "small_business", "corporate")
CHANNELS = ("web", "app", "store")
METHODS = ("card", "paypal", "invoice", "bank_transfer", "cash")

#: An instant that never comes.
NEVER = np.int64(2**62)
#: Share of the customers that are there on the first day; the others register over the time.
FOUNDERS = 0.6
#: Share of the registered who never buy.
PROSPECTS = 0.08
#: Share of newcomers who buy within days of registering.
WELCOMED = 0.7
#: Mean time until a customer leaves, in days: about a third leave within a year.
STAY_DAYS = 900.0
#: Share of those who leave after something went wrong, and of those who go through the same and stay.
LEFT_IN_ANGER, STAYED_IN_ANGER = 0.4, 0.03
#: Share of those who left that come back after a few months.
RETURNING = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """`n` customers; instants are int64 microseconds, `NEVER` where they do not come.

    joined      when the customer registers
    left        when the customer stops buying
    back        when the customer buys again
    trouble     when something goes wrong badly enough to complain
    weight      float64[n + 1]: running sum of the customers' relative order rates, from 0
    first       index into customers of those who buy soon after registering, by `joined`
    by_joined, by_trouble    customers in the order of these instants
    basket      float32[n]: mean of the log of an order's minor units
    bargain     float32[n]: chance that an order has a discount
    mood        float32[n]: mean rating on good days
    reliable    float32[n]: chance that a payment succeeds at once
    region, segment, channel, method    int8[n]: positions in the tuples above
    """

    joined: NDArray[np.int64]
    left: NDArray[np.int64]
    back: NDArray[np.int64]
    trouble: NDArray[np.int64]
    weight: NDArray[np.float64]
    first: NDArray[np.int64]
    by_joined: NDArray[np.int64]
    by_trouble: NDArray[np.int64]
    basket: NDArray[np.float32]
    bargain: NDArray[np.float32]
    mood: NDArray[np.float32]
    reliable: NDArray[np.float32]
    region: NDArray[np.int8]
    segment: NDArray[np.int8]
    channel: NDArray[np.int8]
    method: NDArray[np.int8]

    def buys_at(self, who: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each customer is one who buys at the instant."""
        return (self.joined[who] <= at) & ((at < self.left[who]) | (at >= self.back[who]))


def pick(rng: np.random.Generator, count: int, shares: tuple[float, ...]) -> NDArray[np.int8]:
    """int8[count]: positions in `shares`, drawn by their size."""
    return np.searchsorted(np.cumsum(shares)[:-1], rng.random(count), side="right").astype(np.int8)


def draw_people(settings: Settings) -> People:
    """All customers of the settings, the same for the same seed."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([settings.seed, 0])))
    n, start, span = settings.customers, settings.start_us, settings.days * DAY_US
    founders = rng.random(n) < FOUNDERS
    # Founders come by an initial load in the first hour; the load is quick, so it is by the millisecond.
    joined = np.where(founders, rng.random(n) * min(3_600_000_000, span / 24), rng.random(n) * span)
    joined = start + (joined / 1000).astype(np.int64) * 1000
    left = joined + (rng.exponential(STAY_DAYS, n) * DAY_US).astype(np.int64)
    away = (60 + rng.exponential(120, n)) * DAY_US
    back = np.where(rng.random(n) < RETURNING, left + away.astype(np.int64), NEVER)
    trouble = _draw_trouble(rng, joined, left, start, span)
    rate = rng.lognormal(0.0, 1.0, n) * (rng.random(n) >= PROSPECTS)
    welcomed = np.flatnonzero(~founders & (rng.random(n) < WELCOMED) & (rate > 0))
    segment = pick(rng, n, (0.8, 0.15, 0.05))
    method = pick(rng, n, (0.55, 0.25, 0.06, 0.14))
    business = segment > 0
    method[business] = pick(rng, int(business.sum()), (0.25, 0.05, 0.5, 0.2))
    return People(
        joined=joined,
        left=left,
        back=back,
        trouble=trouble,
        weight=np.concatenate(([0.0], np.cumsum(rate))),
        first=welcomed[np.argsort(joined[welcomed], kind="stable")],
        by_joined=np.argsort(joined, kind="stable"),
        by_trouble=np.argsort(trouble, kind="stable"),
        basket=(rng.normal(8.2, 0.5, n) + 0.8 * segment).astype(np.float32),
        bargain=rng.beta(0.6, 1.8, n).astype(np.float32),
        mood=np.clip(rng.normal(4.3, 0.6, n), 1, 5).astype(np.float32),
        reliable=rng.beta(30, 1.2, n).astype(np.float32),
        region=pick(rng, n, (0.3, 0.15, 0.25, 0.2, 0.1)),
        segment=segment,
        channel=pick(rng, n, (0.5, 0.3, 0.2)),
        method=method,
    )


def _draw_trouble(
    rng: np.random.Generator, joined: NDArray[np.int64], left: NDArray[np.int64], start: int, span: int
) -> NDArray[np.int64]:
    """Instants of trouble: shortly before leaving for the angry, at any time for those who forgive."""
    n = joined.size
    lot = rng.random(n)
    before = left - (1 + rng.gamma(2.0, 6.0, n)) * DAY_US
    forgiven = start + rng.random(n) * span
    at = np.where(
        lot < LEFT_IN_ANGER, before, np.where(lot < LEFT_IN_ANGER + STAYED_IN_ANGER, forgiven, NEVER)
    )
    at = (at / 1000).astype(np.int64) * 1000
    return np.where(at > joined, at, NEVER)


def expected_weight(people: People, settings: Settings) -> float:
    """The sum over customers of rate times weighted days as a buyer: orders to expect per unit of rate."""
    start = settings.start_us
    days = np.concatenate(([0.0], np.cumsum(day_weights(settings.start, settings.days))))

    def until(at: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.interp((at - start) / DAY_US, np.arange(days.size, dtype=np.float64), days)

    active = until(people.left) - until(people.joined) + days[-1] - until(people.back)
    return float(np.dot(np.diff(people.weight), active))
