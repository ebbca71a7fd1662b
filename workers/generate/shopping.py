"""Orders and what follows from them: payments, refunds, ratings, complaints.

The probabilities are by feel, chosen so that every type is there in a believable share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.generate.facts import Facts, after, facts
from workers.generate.people import CHANNELS, METHODS, People, pick
from workers.generate.settings import DAY_US

STORE, CASH, CARD = CHANNELS.index("store"), METHODS.index("cash"), METHODS.index("card")
INVOICE = METHODS.index("invoice")
TOPICS = ("delivery", "quality", "price", "service", "billing")

CANCELLED, LOST = 0.05, 0.01
REFUNDED = 0.045
#: A payment that failed is tried again with this chance; the order stands in any case.
RETRIED = 0.85
OVERDUE = 0.15
RATED, ASKED_NPS, COMPLAINED = 0.14, 0.03, 0.006
RESOLVED = 0.75
#: Events that one order brings on average, measured over a year of a hundred thousand customers.
EVENTS_PER_ORDER = 3.07


@dataclass(slots=True)
class Counters:
    """The numbers given out so far, so that ids are unique."""

    orders: int = 0
    payments: int = 0
    feedback: int = 0

    def take(self, name: str, count: int) -> NDArray[np.int64]:
        """int64[count]: the next numbers of a kind."""
        first = getattr(self, name)
        setattr(self, name, first + count)
        return np.arange(first, first + count, dtype=np.int64)


def orders(
    rng: np.random.Generator,
    people: People,
    who: NDArray[np.int64],
    at: NDArray[np.int64],
    counters: Counters,
) -> list[Facts]:
    """The events of orders that customers `who` give at the instants `at`, and all that follows."""
    count = who.size
    number = counters.take("orders", count)
    bought = np.exp(people.basket[who] + 0.45 * rng.standard_normal(count))
    full = np.clip(bought, 1, 5e9).astype(np.int64)
    cheaper = rng.random(count) < people.bargain[who]
    discount = np.where(cheaper, (full * rng.uniform(0.05, 0.35, count)).astype(np.int64), -1)
    amount = full - np.maximum(discount, 0)
    items = 1 + rng.poisson(np.minimum(full / 2500.0, 60.0))
    channel = np.where(rng.random(count) < 0.8, people.channel[who], pick(rng, count, (0.4, 0.4, 0.2)))
    in_store = channel == STORE
    fate = rng.random(count)
    cancelled = ~in_store & (fate < CANCELLED)
    completed = in_store | (fate >= CANCELLED + LOST)
    done = np.where(in_store, at, after(rng, at, 4, 40))
    shared = {"amount": amount, "discount": discount, "items": items, "label": channel}

    def some(kind: str, mask: NDArray[np.bool_], when: NDArray[np.int64], **more: NDArray[np.int64]) -> Facts:
        fields = {name: values[mask] for name, values in {**shared, **more}.items()}
        return facts(kind, when[mask], who[mask], order=number[mask], **fields)

    missing = np.full(count, -1)
    stated = np.where(rng.random(count) < 0.5, amount, -1)
    refunded = completed & (rng.random(count) < REFUNDED)
    back = np.where(
        rng.random(count) < 0.6, amount, np.maximum(1, (amount * rng.random(count)).astype(np.int64))
    )
    returned = after(rng, done, 24, 150)
    made = [
        some("order.placed", ~in_store, at),
        some(
            "order.cancelled",
            cancelled,
            after(rng, at, 0.1, 10),
            amount=stated,
            items=missing,
            discount=missing,
        ),
        some("order.completed", completed, done),
        some("order.refunded", refunded, returned, amount=back, items=missing, discount=missing),
    ]
    method = np.where(in_store, np.where(rng.random(count) < 0.4, CASH, CARD), people.method[who])
    made += _payments(rng, people, who, at, done, cancelled, method, amount, number, counters)
    made.append(
        facts(
            "payment.refunded",
            after(rng, returned[refunded], 0.2, 20),
            who[refunded],
            order=number[refunded],
            amount=back[refunded],
            label=method[refunded],
            thing=counters.take("payments", int(refunded.sum())),
        )
    )
    return made + _feedback(rng, people, who[completed], done[completed], number[completed], counters)


def _payments(
    rng: np.random.Generator,
    people: People,
    who: NDArray[np.int64],
    at: NDArray[np.int64],
    done: NDArray[np.int64],
    cancelled: NDArray[np.bool_],
    method: NDArray[np.int64],
    amount: NDArray[np.int64],
    number: NDArray[np.int64],
    counters: Counters,
) -> list[Facts]:
    """Payments of orders that were not cancelled: at once, or for invoices some weeks later."""
    count = who.size
    invoice = method == INVOICE
    fails = ~invoice & (method != CASH) & (rng.random(count) >= people.reliable[who])
    late = invoice & (rng.random(count) < OVERDUE)
    again = after(rng, at, 0.02, 8)
    due = np.where(invoice, after(rng, done, 48, 200), np.where(fails, again, after(rng, at, 0, 0.01)))
    due = np.where(late, after(rng, done, 31 * 24, 120), due)
    pays = ~cancelled & (~fails | (rng.random(count) < RETRIED))

    def some(kind: str, mask: NDArray[np.bool_], when: NDArray[np.int64]) -> Facts:
        return facts(
            kind,
            when[mask],
            who[mask],
            order=number[mask],
            amount=amount[mask],
            label=method[mask],
            thing=counters.take("payments", int(mask.sum())),
        )

    return [
        some("payment.failed", fails & ~cancelled, after(rng, at, 0, 0.01)),
        some("payment.overdue", late & ~cancelled, done + 30 * DAY_US),
        some("payment.succeeded", pays, due),
    ]


def _feedback(
    rng: np.random.Generator,
    people: People,
    who: NDArray[np.int64],
    done: NDArray[np.int64],
    number: NDArray[np.int64],
    counters: Counters,
) -> list[Facts]:
    """Ratings, recommendations and complaints after orders; bad ones from customers who had trouble."""
    count = who.size
    rated = np.flatnonzero(rng.random(count) < RATED)
    asked = np.flatnonzero(rng.random(count) < ASKED_NPS)
    upset = np.flatnonzero(rng.random(count) < COMPLAINED)
    rating_at, nps_at = after(rng, done[rated], 6, 60), after(rng, done[asked], 48, 100)
    stars = np.clip(
        np.rint(_mood(people, who[rated], rating_at) + 0.7 * rng.standard_normal(rated.size)), 1, 5
    )
    likely = np.clip(
        np.rint(2 * _mood(people, who[asked], nps_at) + 1.2 * rng.standard_normal(asked.size)), 0, 10
    )
    made = [
        facts(
            "feedback.rating",
            rating_at,
            who[rated],
            order=number[rated],
            score=stars,
            thing=counters.take("feedback", rated.size),
            label=np.where(rng.random(rated.size) < 0.3, pick(rng, rated.size, (0.3, 0.4, 0.1, 0.2)), -1),
        ),
        facts(
            "feedback.nps",
            nps_at,
            who[asked],
            score=likely,
            thing=counters.take("feedback", asked.size),
        ),
    ]
    severity = 1 + rng.binomial(4, 0.3, upset.size)
    return made + complaints(rng, who[upset], after(rng, done[upset], 2, 40), severity, counters, RESOLVED)


def _mood(people: People, who: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean rating a customer would give at the instant: about 1.8 in the two months after trouble."""
    sour = (at >= people.trouble[who]) & (at < people.trouble[who] + 60 * DAY_US)
    return np.where(sour, 1.8, people.mood[who])


def complaints(
    rng: np.random.Generator,
    who: NDArray[np.int64],
    at: NDArray[np.int64],
    severity: NDArray[np.int64],
    counters: Counters,
    resolved: float,
) -> list[Facts]:
    """Complaints at the instants, and the answer to a share of them some days later."""
    count = who.size
    topic = pick(rng, count, (0.35, 0.3, 0.05, 0.2, 0.1))
    thing = counters.take("feedback", count)
    # The severity is left out at times: it then counts as 1 (S2.1).
    stated = np.where((severity == 1) & (rng.random(count) < 0.5), -1, severity)
    solved = rng.random(count) < resolved
    return [
        facts("feedback.complaint", at, who, thing=thing, score=stated, label=topic),
        facts(
            "feedback.complaint_resolved",
            after(rng, at[solved], 4, 90),
            who[solved],
            thing=thing[solved],
            label=topic[solved],
        ),
    ]
