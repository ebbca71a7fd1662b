"""A stage for worked examples: a pack as text, events in the words of S2, what happened in short lines."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from rules.calendar import period_from_date
from rules.engine.event import Event
from rules.engine.outcome import Answer, Output
from rules.engine.reference import Evaluation, Reference
from rules.intake.decode import decode_event
from rules.language.load import load_pack

_IDS = {"order": "order_id", "payment": "payment_id", "feedback": "feedback_id"}


def pack_text(
    metrics: str, dimensions: str, *, timezone: str = "UTC", currency: str = "GBP", more: str = ""
) -> str:
    """The text of a pack; metrics one a line, dimensions as they would stand under that key."""
    return "\n".join(
        [
            "name: worked",
            'version: "1"',
            f"timezone: {timezone}",
            f"currency: {currency}",
            *more.strip().splitlines(),
            "metrics:",
            *(f"  {line.strip()}" for line in metrics.strip().splitlines()),
            "dimensions:",
            dimensions,
        ]
    )


class Scene:
    """Plays events of one or more customers to the reference and keeps what it said.

    `changes` are lines such as `2024-01-10T12:00 tier: low > high (up, event)`, `notices` such as
    `2024-01-10T12:00 tier: started low > high 2024-01-10..2024-01-15 next 2`.
    """

    def __init__(self, pack: str) -> None:
        self.pack = load_pack(pack, "worked.yaml")
        self.evaluations: list[Evaluation] = []
        self.engine = Reference(self.pack, observer=self.evaluations.append)
        self.outputs: list[Output] = []
        self._count = 0

    def event(self, type_: str, at: str, *, customer: str = "C", **fields: Any) -> Answer:
        """Send an event; `at` is a day (its noon in UTC) or an instant; ids are made up where not given."""
        self._count += 1
        record = {
            "event_id": f"e{self._count}",
            "type": type_,
            "occurred_at": at if "T" in at else f"{at}T12:00:00Z",
            "customer_id": customer,
        }
        kind = type_.split(".", maxsplit=1)[0]
        if kind in _IDS:
            record[_IDS[kind]] = f"n{self._count}"
        if kind == "category":
            record |= {"reason": "because", "actor": "ann"}
        event = decode_event(json.dumps(record | fields).encode(), self.pack)
        assert isinstance(event, Event), event
        answer = self.engine.apply(event)
        self.outputs += answer.outputs
        return answer

    def order(self, at: str, amount: str | int = 1, **fields: Any) -> Answer:
        """Send an order.completed."""
        return self.event("order.completed", at, amount=str(amount), **fields)

    def tick(self, day: str) -> list[Output]:
        """Say that a period has begun."""
        outputs = self.engine.tick(period_from_date(date.fromisoformat(day)))
        self.outputs += outputs
        return outputs

    @property
    def changes(self) -> list[str]:
        """All changes so far, in short."""
        return [_short(body) for body in self.bodies("change")]

    @property
    def notices(self) -> list[str]:
        """All pending notices so far, in short."""
        return [
            f"{_time(body)} {body['dimension']}: {body['state']} {body['from']} > {body['to']} "
            f"{body['since']}..{body['until']} next {body['sequence_next']}"
            for body in self.bodies("notice")
        ]

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of all outputs of a kind."""
        return [output.body for output in self.outputs if output.kind == kind]

    def metric(self, name: str) -> object:
        """The value of a metric at the last evaluation; money in minor units."""
        names = [metric.name for metric in self.pack.metrics]
        return self.evaluations[-1].metrics[names.index(name)]

    def category(self, dimension: str, customer: str = "C") -> str:
        """Where a customer is."""
        names = [each.id for each in self.pack.dimensions]
        (view,) = [view for view in self.engine.customers() if view.customer_id == customer]
        return view.dimensions[names.index(dimension)].category


def _short(body: dict[str, Any]) -> str:
    aim = "" if body["target"] == body["to"] else f" for {body['target']}"
    move = f"{body['from'] or 'birth'} > {body['to']}{aim}"
    return f"{_time(body)} {body['dimension']}: {move} ({body['direction']}, {body['cause']})"


def _time(body: dict[str, Any]) -> str:
    """To the minute, with what is beyond it if there is any."""
    text: str = body["effective_at"]
    return text[:16] if text[16:] == ":00.000000Z" else text
