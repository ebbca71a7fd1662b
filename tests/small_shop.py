"""A replay small enough to follow, with something of everything: moves, waits, pins, bad records."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from rules.calendar import period_from_date
from rules.language.load import load_pack
from workers.replay.reference_replay import run_reference

PACK = load_pack(
    """
name: small-shop
version: "1"
title: "A <small> shop"
timezone: Europe/Berlin
currency: EUR
metrics:
  orders: {agg: count, of: order.completed}
  spend_30d: {agg: sum, of: order.completed, field: amount, window: 30d}
  rating: {agg: avg, of: feedback.rating, field: score}
dimensions:
  tier:
    title: Tier
    kind: ladder
    categories:
      low: {title: "Low & slow"}
      high: {code: "2", enter: "spend_30d >= 100", strategy: {gift: "<b>wine</b>"}}
      top: {code: "1", enter: "spend_30d >= 300"}
    downgrade: {hold: 5d}
    publish: [spend_30d]
  mood:
    kind: first_match
    categories:
      sour: {when: "rating < 3"}
      unknown: {}
    change: {hold: 60d}
    publish: [rating]
""",
    "small-shop.yaml",
)

#: Its id is markup, in the hope that somebody forgets to escape it.
MARKUP_ID = "<script>alert('C3')</script>"


def _order(at: str, customer: str, amount: str, event_id: str | None = None) -> dict[str, Any]:
    number = event_id or f"{customer[:3]}-{at}"
    return {
        "event_id": number,
        "type": "order.completed",
        "occurred_at": f"{at}T12:00:00Z",
        "customer_id": customer,
        "order_id": number,
        "amount": amount,
    }


def _customer(type_: str, at: str, customer: str, **fields: str) -> dict[str, Any]:
    return {
        "event_id": f"{type_}-{at}",
        "type": type_,
        "occurred_at": f"{at}T12:00:00Z",
        "customer_id": customer,
        **fields,
    }


EVENTS: list[dict[str, Any] | str] = [
    _order("2024-01-01", "C1", "150"),
    _order("2024-01-10", "C1", "200"),
    _order("2024-01-02", "C2", "10.50"),
    _order("2024-03-01", "C2", "120"),
    _order("2024-03-01", MARKUP_ID, "20"),
    _order("2024-03-02", MARKUP_ID, "500"),
    _order("2024-03-02", MARKUP_ID, "500"),
    _order("2024-02-01", "C4", "400"),
    _customer("customer.erased", "2024-02-10", "C4", reason="asked", actor="ann"),
    _order("2024-02-05", "C4", "400", "C4-before"),
    _order("2024-02-20", "C4", "5"),
    _customer(
        "category.assigned", "2024-02-15", "C2", dimension="tier", category="top", until="2024-02-20",
        reason="a <good> friend", actor="ann",
    ),
    {
        "event_id": "F1", "type": "feedback.rating", "occurred_at": "2024-03-03T00:00:00Z",
        "customer_id": "C2", "feedback_id": "F1", "score": 1,
    },
    _order("2024-06-01", "C1", "1"),
    _customer("something.else", "2024-01-01", "C9"),
    _order("2024-01-01", "C9", "1.234", "too-fine"),
    '{"event_id": "<i>cut off</i>", ',
]  # fmt: skip


def replay_small_shop(folder: Path) -> Path:
    """Replay it up to 10 March 2024 and return the output folder."""
    lines = (each if isinstance(each, str) else json.dumps(each) for each in EVENTS)
    (folder / "events.ndjson").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    until = period_from_date(date(2024, 3, 10))
    run_reference(PACK, [folder / "events.ndjson"], folder / "out", until=until)
    return folder / "out"
