"""What a batch of messages does to the tables: pure, from what is known to the rows that are to be written.

Topics are read side by side, so a notice may come before or after the change that makes its move, and
anything of a customer before or after the erasure. What decides is in the messages, never the order of
reading: the number (generation, life, sequence) of a change, the life and the moment of an erasure.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from workers.projector.decoding import Batch, Change, Erasure, Letter, Notice


class Current(NamedTuple):
    """The category of a customer in a dimension now, in the order of the columns of its table."""

    customer_id: str
    dimension: str
    category: str
    code: str | None
    since_us: int
    sequence: int
    life: int
    generation: int

    @property
    def number(self) -> tuple[int, int, int]:
        """What decides which of two is later."""
        return self.generation, self.life, self.sequence


class Customer(NamedTuple):
    """A customer, in the order of the columns of its table."""

    customer_id: str
    life: int
    born_us: int
    updated_us: int


class Order(NamedTuple):
    """An order, in the order of the columns of its table; `place` as for all that the inputs say."""

    customer_id: str
    event_id: str
    type: str
    occurred_us: int
    amount_minor: int
    place: int

    @property
    def standing(self) -> tuple[int, int]:
        """What decides which of two with one id stands: the one that happened last, else the first."""
        return self.occurred_us, -self.place


class Attribute(NamedTuple):
    """An attribute of a customer, in the order of the columns of its table."""

    customer_id: str
    name: str
    value: str | None
    assigned_us: int
    place: int


class Override(NamedTuple):
    """An override, or with `mode` None its release, in the order of the columns of its table."""

    customer_id: str
    dimension: str
    mode: str | None
    category: str | None
    until_day: str | None
    reason: str | None
    actor: str | None
    assigned_us: int
    place: int


class Ended(NamedTuple):
    """The latest erasure of somebody: which life it ended, when that was, when the message was written."""

    life: int
    effective_us: int
    told_ms: int


Name = tuple[str, str]  # customer, and dimension, attribute or event
Said = tuple[int, int]  # when it happened, in microseconds, and its place
T = TypeVar("T")


def digest(customer_id: str) -> str:
    """What stays of the id of a customer who was erased."""
    return hashlib.sha256(customer_id.encode()).hexdigest()


@dataclass(slots=True)
class Known:
    """What the tables hold of the customers of a batch."""

    current: dict[Name, Current] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    pending: dict[Name, Notice] = field(default_factory=dict)
    attributes: dict[Name, Said] = field(default_factory=dict)
    overrides: dict[Name, Said] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)


@dataclass(slots=True)
class Rows:
    """What is to be written: first everybody in `erased` is removed, then the rest is put in."""

    erased: dict[str, Erasure] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    current: dict[Name, Current] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    pending: dict[Name, Notice] = field(default_factory=dict)
    not_pending: set[Name] = field(default_factory=set)
    attributes: dict[Name, Attribute] = field(default_factory=dict)
    overrides: dict[Name, Override] = field(default_factory=dict)
    orders: dict[Name, Order] = field(default_factory=dict)
    letters: dict[tuple[str, int], Letter] = field(default_factory=dict)
    shards: dict[int, Batch] = field(default_factory=dict)
    moves: Counter[tuple[str, str, str, str, str]] = field(default_factory=Counter)


class Fold:
    """Takes messages one after another; `day` gives the local day of an instant in microseconds."""

    def __init__(self, known: Known, day: Callable[[int], str]) -> None:
        self._known, self._day = known, day
        self.rows = Rows()

    def change(self, change: Change) -> None:
        """A change; one that is known already changes nothing."""
        if self._has_ended(change.customer_id, change.life):
            return
        name = change.customer_id, change.dimension
        current = Current(
            change.customer_id,
            change.dimension,
            change.to_category,
            change.to_code,
            change.effective_us,
            change.sequence,
            change.life,
            change.generation,
        )
        before = self._known.current.get(name)
        if before is not None and current.number <= before.number:
            return
        rows = self.rows
        rows.changes.append(change)
        self._known.current[name] = rows.current[name] = current
        self._move(change.dimension, change.effective_us, before, change.to_category, change.cause)
        self._see(change)
        waiting = self._known.pending.get(name)
        if waiting is not None and (waiting.life, waiting.sequence_next) <= (change.life, change.sequence):
            self._not_pending(name)

    def erasure(self, erasure: Erasure) -> None:
        """Everything of a customer goes that belongs to the life that ended, or was said before."""
        customer_id = erasure.customer_id
        ended = self._known.ended.get(digest(customer_id))
        if ended is not None and ended.life >= erasure.life:
            return
        self._known.ended[digest(customer_id)] = Ended(erasure.life, erasure.effective_us, erasure.told_ms)
        for name in [name for name in self._known.current if name[0] == customer_id]:
            current = self._known.current[name]
            if current.life <= erasure.life:
                self._move(name[1], erasure.effective_us, current, "", "erased")
                del self._known.current[name]
        self._forget(erasure)
        self.rows.erased[customer_id] = erasure

    def notice(self, notice: Notice) -> None:
        """A pending move begins, has another goal, or ends."""
        if self._has_ended(notice.customer_id, notice.life):
            return
        name = notice.customer_id, notice.dimension
        if notice.state == "cancelled":
            waiting = self._known.pending.get(name)
            if waiting is not None and (waiting.life, waiting.sequence_next) <= (
                notice.life,
                notice.sequence_next,
            ):
                self._not_pending(name)
            return
        current = self._known.current.get(name)
        if current is not None and (current.life, current.sequence) >= (notice.life, notice.sequence_next):
            return  # the move was made
        self._known.pending[name] = self.rows.pending[name] = notice
        self.rows.not_pending.discard(name)

    def letter(self, letter: Letter) -> None:
        """A record that was refused."""
        for customer_id in {letter.customer_key, letter.customer_id} - {None}:
            ended = self._known.ended.get(digest(str(customer_id)))
            if ended is not None and letter.at_us <= ended.told_ms * 1000:
                return
        self.rows.letters[letter.source, letter.position] = letter

    def batch(self, batch: Batch) -> None:
        """A record of the journal; of a partition the last one stands."""
        self.rows.shards[batch.shard] = batch

    def order(self, order: Order) -> None:
        """An order; of those with one id the one that happened last stands, else the first.

        Not simply the first: that one may belong to a life that has ended, of which is heard only later.
        """
        if self._said_before_the_end(order.customer_id, order.occurred_us):
            return
        name = order.customer_id, order.event_id
        if order.standing >= self.rows.orders.get(name, order).standing:
            self.rows.orders[name] = order

    def attribute(self, attribute: Attribute) -> None:
        """An attribute; the one said last, by the time at which it happened, stands (S4.3)."""
        name = attribute.customer_id, attribute.name
        if self._said_before_the_end(attribute.customer_id, attribute.assigned_us):
            return
        said = attribute.assigned_us, attribute.place
        if said >= self._known.attributes.get(name, said):
            self._known.attributes[name] = said
            self.rows.attributes[name] = attribute

    def override(self, override: Override) -> None:
        """An override or its release; the one said last stands, as for attributes."""
        name = override.customer_id, override.dimension
        if self._said_before_the_end(override.customer_id, override.assigned_us):
            return
        said = override.assigned_us, override.place
        if said >= self._known.overrides.get(name, said):
            self._known.overrides[name] = said
            self.rows.overrides[name] = override

    def _has_ended(self, customer_id: str, life: int) -> bool:
        if not self._known.ended:
            return False
        ended = self._known.ended.get(digest(customer_id))
        return ended is not None and life <= ended.life

    def _said_before_the_end(self, customer_id: str, occurred_us: int) -> bool:
        if not self._known.ended:
            return False
        ended = self._known.ended.get(digest(customer_id))
        return ended is not None and occurred_us <= ended.effective_us

    def _see(self, change: Change) -> None:
        before = self._known.customers.get(change.customer_id)
        same = before is not None and before.life >= change.life
        customer = Customer(
            change.customer_id,
            before.life if before is not None and same else change.life,
            before.born_us if before is not None and same else change.effective_us,
            max(change.effective_us, before.updated_us) if before is not None else change.effective_us,
        )
        self._known.customers[change.customer_id] = self.rows.customers[change.customer_id] = customer

    def _move(self, dimension: str, at_us: int, before: Current | None, to: str, cause: str) -> None:
        from_ = "" if before is None else before.category
        self.rows.moves[dimension, self._day(at_us), from_, to, cause] += 1

    def _not_pending(self, name: Name) -> None:
        self._known.pending.pop(name, None)
        self.rows.pending.pop(name, None)
        self.rows.not_pending.add(name)

    def _forget(self, erasure: Erasure) -> None:
        """Take out of the rows, and of what is known, what the erasure ends."""
        customer_id, rows, known = erasure.customer_id, self.rows, self._known
        rows.changes = [
            each for each in rows.changes if each.customer_id != customer_id or each.life > erasure.life
        ]
        for pending in (known.pending, rows.pending):
            _remove(pending, customer_id, lambda notice: notice.life <= erasure.life)
        _remove(rows.current, customer_id, lambda current: current.life <= erasure.life)
        _remove(rows.attributes, customer_id, lambda each: each.assigned_us <= erasure.effective_us)
        _remove(rows.overrides, customer_id, lambda each: each.assigned_us <= erasure.effective_us)
        _remove(rows.orders, customer_id, lambda each: each.occurred_us <= erasure.effective_us)
        _remove(known.attributes, customer_id, lambda said: said[0] <= erasure.effective_us)
        _remove(known.overrides, customer_id, lambda said: said[0] <= erasure.effective_us)
        customer = known.customers.get(customer_id)
        if customer is not None and customer.life <= erasure.life:
            del known.customers[customer_id]
            rows.customers.pop(customer_id, None)
        for place in [
            place
            for place, letter in rows.letters.items()
            if customer_id in {letter.customer_key, letter.customer_id}
            and letter.at_us <= erasure.told_ms * 1000
        ]:
            del rows.letters[place]


def _remove(rows: dict[Name, T], customer_id: str, ends: Callable[[T], bool]) -> None:
    for name in [name for name, row in rows.items() if name[0] == customer_id and ends(row)]:
        del rows[name]


@dataclass(slots=True)
class Wanted:
    """What has to be known of the tables for some messages, and no more: reading costs as much as writing.

    `moves`: (customer, dimension) of changes and notices; `changed` and `erased`: customers of changes and of
    erasures; `anybody`: all customers, who may have been erased before.
    """

    moves: set[Name] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    attributes: set[Name] = field(default_factory=set)
    overrides: set[Name] = field(default_factory=set)
    anybody: set[str] = field(default_factory=set)


def wanted_of(messages: Iterable[object]) -> Wanted:
    """What has to be known for these."""
    wanted = Wanted()
    for message in messages:
        match message:
            case Letter(customer_key=key, customer_id=named):
                wanted.anybody |= {each for each in (key, named) if each is not None}
                continue
            case Batch():
                continue
            case Change(customer_id=own, dimension=dimension):
                wanted.moves.add((own, dimension))
                wanted.changed.add(own)
            case Notice(customer_id=own, dimension=dimension):
                wanted.moves.add((own, dimension))
            case Erasure(customer_id=own):
                wanted.erased.add(own)
            case Attribute(customer_id=own, name=name):
                wanted.attributes.add((own, name))
            case Override(customer_id=own, dimension=dimension):
                wanted.overrides.add((own, dimension))
            case Order(customer_id=own):
                pass
        wanted.anybody.add(own)
    return wanted
