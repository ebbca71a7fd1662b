"""Whether every line of event files is a valid event, by the slow decoder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rules.engine.event import Event
from rules.intake.decode import decode_event
from rules.language.load import load_pack
from rules.language.model import Pack

PACK = """
name: open
version: "1"
timezone: Europe/Berlin
currency: EUR
rates:
  USD: {"1970-01-01": "0.9"}
  JPY: {"1970-01-01": "0.006"}
  KWD: {"1970-01-01": "3"}
attributes: {region: string, segment: string, n: integer, share: number, vip: boolean}
metrics:
  orders: {agg: count, of: order.completed}
dimensions:
  tier:
    kind: ladder
    categories: {low: {}, high: {enter: "orders >= 2"}}
"""


def open_pack(currency: str = "EUR") -> Pack:
    """A pack that accepts what the tests write."""
    text = (
        PACK
        if currency == "EUR"
        else PACK.replace("EUR", currency, 1).replace(f"  {currency}: {{", "  CHF: {")
    )
    return load_pack(text, "open.yaml")


def accepted(folder: Path, pack: Pack) -> Counter[str]:
    """The number of events by type in the NDJSON files of a folder; fails on the first that is rejected."""
    counts: Counter[str] = Counter()
    for path in sorted(folder.glob("*.ndjson")):
        for line in path.read_bytes().splitlines():
            event = decode_event(line, pack)
            assert isinstance(event, Event), (event, line)
            counts[event.type] += 1
    return counts
