"""`tierline explain` tells the story of one customer as a replay of everything would have it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workers.cli.main import run

PACK = """
name: corner
version: "1"
timezone: Europe/London
currency: GBP
lateness: 3d
attributes: {region: string}
metrics:
  spend: {agg: sum, of: order.completed, field: amount, window: 30d}
dimensions:
  tier:
    kind: ladder
    categories:
      low: {code: "002"}
      high: {code: "001", enter: "spend >= 10"}
    downgrade: {hold: 5d}
"""


def order(number: int, day: str, amount: str, customer: str = "Zoë") -> str:
    return (
        f'{{"event_id": "e{number}", "type": "order.completed", "occurred_at": "{day}T12:00:00Z", '
        f'"customer_id": "{customer}", "order_id": "o{number}", "amount": {amount}}}'
    )


UPDATED = (
    '{"event_id": "e4", "type": "customer.updated", "occurred_at": "2024-01-12T00:00:00Z", '
    '"customer_id": "Zo\\u00eb", "attributes": {"region": "north"}}'
)
LINES = [
    order(1, "2024-01-10", "4"),
    order(2, "2024-01-11", "7.50"),
    order(2, "2024-01-11", "7.50"),
    order(3, "2024-01-12", '"x"'),
    UPDATED,
    order(5, "2024-02-11", "1", customer="someone else"),
    '{"tick": "2024-02-20"}',
    '{"broken',
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pack.yaml").write_text(PACK, encoding="utf-8")
    (tmp_path / "events.ndjson").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return tmp_path


def explain(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    *more: str,
    customer: str = "Zoë",
    name: str = "events.ndjson",
) -> str:
    pack, events = str(folder / "pack.yaml"), str(folder / name)
    code = run(["explain", "--rules", pack, "--events", events, "--customer", "Zoë", *more])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


STORY = """\
Zoë under pack corner 1

2024-01-10 12:00 UTC  order.completed: amount 4.00 GBP
  → tier starts as low
      ✗ tier.high.enter: spend >= 10   [spend = 4.00]
      ✓ tier.low.otherwise: no condition: it is what is left
  metrics: spend 4.00

2024-01-11 12:00 UTC  order.completed: amount 7.50 GBP
  → tier rises from low to high
      ✓ tier.high.enter: spend >= 10   [spend = 11.50]
  metrics: spend 11.50

2024-01-11 12:00 UTC  order.completed: amount 7.50 GBP
  a duplicate: `e2` came before, so it changes nothing

2024-01-12 00:00 UTC  customer.updated: region north

2024-02-09 00:00 UTC  the day begins
  ⧗ tier will move from high to low on 2024-02-14 if nothing happens
      ✗ tier.high.keep: spend >= 10   [spend = 7.50]
      ✓ tier.low.otherwise: no condition: it is what is left
  metrics: spend 7.50

records that were rejected: 1
  events.ndjson:4 (schema) `amount` must be a decimal number of at least 0, not `x`
"""

NOW = """\
on 2024-02-11
  tier: high (001) since 2024-01-11 12:00 UTC, 2 changes
      ⧗ moves to low on 2024-02-14 if nothing happens
      ✗ tier.high.keep: spend >= 10   [spend = 0.00]
      ✓ tier.low.otherwise: no condition: it is what is left
  attributes: region north
  metrics: spend 0.00
"""


def test_the_whole_story_up_to_the_day_of_the_last_event_of_anybody(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = explain(folder, capsys)
    lines = [line.rstrip() for line in told.splitlines()]
    story, now = STORY.splitlines(), NOW.splitlines()
    assert lines[: len(story) - 1] == story[:-1]
    assert lines[len(story) - 1].startswith("  events.ndjson:4 (schema) `amount` ")
    assert lines[-len(now) :] == now


def test_until_goes_on_to_a_day(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = explain(folder, capsys, "--until", "2024-03-01")
    assert "2024-02-14 00:00 UTC  the day begins\n  → tier falls from high to low" in told
    assert "on 2024-03-01" in told


def test_in_order_of_arrival_time_goes_as_far_as_ticks_and_own_events(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "on 2024-02-20" in explain(folder, capsys, "--order", "arrival")


def test_packed_and_columnar_files_tell_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = explain(folder, capsys)
    (folder / "events.ndjson.gz").write_bytes(gzip.compress((folder / "events.ndjson").read_bytes()))
    packed = explain(folder, capsys, name="events.ndjson.gz")
    assert packed.replace(".ndjson.gz", ".ndjson") == plain
    rows = [
        ("e1", "2024-01-10", "4", "Zoë"),
        ("e2", "2024-01-11", "7.50", "Zoë"),
        ("e5", "2024-02-11", "1", "someone else"),
    ]
    table = {
        "event_id": [row[0] for row in rows],
        "type": ["order.completed"] * 3,
        "occurred_at": [f"{row[1]}T12:00:00Z" for row in rows],
        "customer_id": [row[3] for row in rows],
        "order_id": ["o"] * 3,
        "amount": [row[2] for row in rows],
    }
    pq.write_table(pa.table(table), folder / "events.parquet")
    columnar = explain(folder, capsys, name="events.parquet")
    assert columnar.splitlines()[2:10] == plain.splitlines()[2:10]
    assert "on 2024-02-11" in columnar


def test_an_unknown_customer_is_said_to_be_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack, events = str(folder / "pack.yaml"), str(folder / "events.ndjson")
    assert run(["explain", "--rules", pack, "--events", events, "--customer", "zoë"]) == 2
    assert capsys.readouterr().err == (
        "error: there is no event of customer `zoë` in these files\n"
        "hint: ids are compared to the letter: look at capitals, leading zeros and blanks\n"
    )


def test_a_customer_who_was_erased_is_told_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    erased = (
        '{"event_id": "gone", "type": "customer.erased", "occurred_at": "2024-01-20T00:00:00Z", '
        '"customer_id": "Zoë"}\n'
    )
    with (folder / "events.ndjson").open("a", encoding="utf-8") as file:
        file.write("\n" + erased)
    told = explain(folder, capsys)
    assert "everything known of this customer is forgotten" in told
    assert told.endswith("nothing is known of this customer now\n")
