"""`tierline demo`: a newcomer sees the whole service at work, and nothing stays behind."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from rules.calendar import calendar, date_from_period, format_instant
from tests.live.test_watch import a_change
from workers.broker.broker import why_not
from workers.cli.errors import UserError
from workers.demo.children import Children, only_demo_in
from workers.demo.display import Progress, Screen, plain_change, plain_line
from workers.demo.events import demo_events
from workers.demo.figures import Published
from workers.demo.run import TICK_DELAY_S, settings_of
from workers.demo.worker_figures import read_figures
from workers.packs import open_pack
from workers.replay.run import replay

CUSTOMERS = "40"
PATIENCE_S = 240.0


# --- what it shows ----------------------------------------------------------------------------------------


def placed(**categories: str) -> bytes:
    return orjson.dumps({"categories": {name: {"category": each} for name, each in categories.items()}})


def test_customers_are_counted_where_they_are_now() -> None:
    seen = Published()
    seen.take_categories(b"C1", placed(value_tier="gold", need="balanced"))
    seen.take_categories(b"C2", placed(value_tier="gold"))
    seen.take_categories(b"C1", placed(value_tier="silver", need="balanced"))
    assert seen.customers == 2
    assert {name: dict(+now) for name, now in seen.now.items()} == {
        "value_tier": {"gold": 1, "silver": 1},
        "need": {"balanced": 1},
    }


def test_an_erased_customer_is_nowhere() -> None:
    seen = Published()
    seen.take_categories(b"C1", placed(value_tier="gold"))
    seen.take_categories(b"C1", None)
    assert (seen.customers, +seen.now["value_tier"]) == (0, {})


def test_moves_are_counted_and_the_liveliest_customer_is_known() -> None:
    seen = Published()
    for body in (
        a_change(**{"from": None}, direction="initial"),
        a_change(sequence=2),
        a_change(customer_id="C2", sequence=1),
        a_change(sequence=3),
    ):
        seen.take_change(orjson.dumps(body))
    assert (seen.changes, seen.most_moved()) == (4, ("C1", 2))
    assert seen.moves == {("value_tier", "silver", "gold"): 3}
    assert seen.numbers.whole


def test_the_changes_that_are_shown_are_of_different_dimensions_if_possible() -> None:
    seen = Published()
    for dimension in ("value_tier", "need", "value_tier"):
        seen.take_change(orjson.dumps(a_change(dimension=dimension)))
        seen.show_one_more()
    seen.take_change(orjson.dumps(a_change(dimension="need", sequence=2)))
    seen.take_change(orjson.dumps(a_change(dimension="value_tier", sequence=3)))
    seen.show_one_more()
    assert [each["dimension"] for each in seen.latest] == ["value_tier", "need", "value_tier", "need"]


def test_a_workers_figures_are_summed_over_its_shards() -> None:
    found = read_figures(
        """
# TYPE tierline_events_applied_total counter
tierline_events_applied_total{topic="orders"} 40.0
tierline_events_applied_total{topic="payments"} 2.0
# TYPE tierline_events_rejected_total counter
tierline_events_rejected_total{reason="schema"} 3.0
# TYPE tierline_lag_records gauge
tierline_lag_records{shard="0",topic="orders"} 5.0
tierline_lag_records{shard="1",topic="orders"} 6.0
# TYPE tierline_watermark_timestamp_seconds gauge
tierline_watermark_timestamp_seconds{shard="0"} 2000.0
tierline_watermark_timestamp_seconds{shard="1"} 1000.0
# TYPE tierline_shard_state gauge
tierline_shard_state{shard="0",state="ready"} 1.0
tierline_shard_state{shard="1",state="ready"} 0.0
tierline_shard_state{shard="1",state="restoring"} 1.0
"""
    )
    assert (found.applied, found.taken, found.lag, found.watermark_s) == (42, 45, 11, 1000.0)
    assert found.states == {"ready": 1, "restoring": 1}


def some_progress() -> Progress:
    progress = Progress(total=10, first_ms=1, last_ms=1_500_000_000_000, latest_ms=1_490_000_000_000)
    for dimension in open_pack("shop").dimensions:
        first, second = (each.id for each in dimension.categories[:2])
        for number, category in enumerate((first, second)):
            key = f"C{number}".encode()
            progress.published.take_categories(key, placed(**{dimension.id: category}))
    for number in range(1, 20):
        progress.published.take_change(orjson.dumps(a_change(sequence=number)))
        progress.published.show_one_more()
    return progress


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 40), (200, 60), (60, 15)])
def test_the_screen_fits_the_terminal(width: int, height: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    drawn = console.render_lines(Screen(console, open_pack("shop"), "Kafka and worker").draw(some_progress()))
    text = "\n".join("".join(segment.text for segment in each) for each in drawn)
    assert len(drawn) <= max(height, 18)
    assert "C1  ▲ value_tier  silver → gold" in text
    assert "`spend_365d >= 500` holds (spend_365d 512.00)" in text


def test_a_plain_line_says_everything_that_counts() -> None:
    progress = some_progress()
    assert plain_line(progress).startswith("2017-03-20  events 0 (0/s)  changes 19 (0/s)  customers 2  lag 0")
    assert plain_change(progress) is not None


# --- its events and its processes -------------------------------------------------------------------------


def test_events_are_made_once_and_said_to_be_made_up(tmp_path: Path) -> None:
    said: list[str] = []
    first = demo_events(tmp_path, 10, said.append)
    again = demo_events(tmp_path, 10, said.append)
    assert first == again
    assert said == [
        "making up a year of 10 customers",
        "the events are those that an earlier demo made ready",
    ]
    assert first.origin == f"all {first.total:,} events are made up"
    begin, end = first.span_ms()
    assert 1_735_689_600_000 <= begin < end < 1_767_225_600_000
    demo_events(tmp_path, 11, said.append)
    assert said[-1] == "making up a year of 11 customers"


def test_a_second_demo_is_kept_out_of_the_folder(tmp_path: Path) -> None:
    with (
        only_demo_in(tmp_path),
        pytest.raises(UserError, match="another demo runs in"),
        only_demo_in(tmp_path),
    ):
        pass
    with only_demo_in(tmp_path):
        pass


def check_until_it_raises(children: Children) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        children.check()
        time.sleep(0.05)


def test_a_worker_that_dies_is_named_with_its_last_words(tmp_path: Path) -> None:
    with Children(tmp_path, "127.0.0.1:1") as children:
        children.start_broker()
        children.start_worker("nonsense", settings_of("127.0.0.1:1", given=True))
        with pytest.raises(UserError, match="the worker has ended with exit code 2") as raised:
            check_until_it_raises(children)
    assert "there is no pack `nonsense`" in raised.value.message
    assert str(tmp_path / "logs" / "worker.log") in (raised.value.hint or "")


def test_on_a_broker_of_others_the_demo_uses_names_of_its_own() -> None:
    assert settings_of("127.0.0.1:1", given=False).topics.orders == "orders"
    own = settings_of("127.0.0.1:1", given=True)
    assert re.fullmatch(r"tierline-demo-\d+\.orders", own.topics.orders)
    assert own.group in own.topics.orders


# --- all of it --------------------------------------------------------------------------------------------


@pytest.fixture
def embedded() -> None:
    reason = why_not("embedded")
    if reason:
        pytest.skip(reason)


class Run:
    """A demo as a process of its own."""

    def __init__(self, out: Path, *options: str) -> None:
        command = [sys.executable, "-m", "workers.cli.main", "demo", "--out", str(out)]
        self.process = subprocess.Popen(
            [*command, "--customers", CUSTOMERS, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        )
        self.said: list[str] = []

    def until(self, pattern: str) -> re.Match[str]:
        """Read on to a line with a pattern."""
        for line in self.process.stdout or ():
            self.said.append(line.rstrip("\n"))
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError("\n".join(self.said))

    def end(self) -> int:
        """Read the rest; the exit code."""
        self.said += (self.process.stdout or io.StringIO()).read().splitlines()
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    runs: list[Run] = []

    def start(*options: str) -> Run:
        runs.append(Run(tmp_path, *options))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGTERM)
            run.end()


def answers(port: str) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", int(port))) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("embedded")
def test_a_demo_runs_to_its_end_and_says_what_came_of_it(started: Any, tmp_path: Path) -> None:
    run = started("--pace", "max", "--no-stay")
    found = run.until(
        r"^All ([\d,]+) events are through after \d+ s: ([\d,]+) changes of 40 customers; (.*)$"
    )
    assert found[3] == "no number is missing, none came twice"
    assert run.end() == 0
    assert f"all {found[1]} events are made up" in run.said
    assert any("tierline watch --brokers" in line for line in run.said)
    assert run.said[-1] == f"all of it has ended; events and logs are in {tmp_path}"
    logs = sorted(each.name for each in (tmp_path / "logs").iterdir())
    assert logs == ["broker.log", "console.log", "projector.log", "worker.log"]
    assert not (tmp_path / "broker").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("embedded")
def test_a_demo_publishes_what_replay_gives(started: Any, tmp_path: Path) -> None:
    """All but the moves of the last day, which the log's clock has not ended yet."""
    run = started("--pace", "max", "--stay")
    brokers = run.until(r"tierline watch --brokers (\S+)$")[1]
    command = [sys.executable, "-m", "workers.cli.main", "watch", "--brokers", brokers]
    watch = [*command, "--from-beginning", "--no-follow", "--json"]
    published = set(subprocess.run(watch, capture_output=True, text=True, check=True).stdout.splitlines())
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0
    pack = open_pack("shop")
    last_ms = demo_events(tmp_path, int(CUSTOMERS), lambda _: None).span_ms()[1]
    days = calendar(pack.timezone)
    reached = days.period_of(int(last_ms * 1000 - TICK_DELAY_S * 1_000_000))
    replay(pack, [tmp_path / "made-up"], tmp_path / "replay", until=days.period_of(last_ms * 1000))
    replayed = set((tmp_path / "replay" / "changes.ndjson").read_text(encoding="utf-8").splitlines())
    assert published <= replayed
    first_open = format_instant(days.start_us(reached + 1))
    missing = [orjson.loads(each) for each in replayed - published]
    assert [each for each in missing if each["effective_at"] < first_open] == [], date_from_period(reached)


@pytest.mark.slow
@pytest.mark.usefixtures("embedded")
def test_ctrl_c_in_the_middle_ends_all_of_it(started: Any) -> None:
    run = started("--pace", "2d/s")
    run.until(r"changes [1-9]")
    log = Path(run.process.args[run.process.args.index("--out") + 1]) / "logs" / "worker.log"
    ports = re.findall(r"127\.0\.0\.1:(\d+)", log.read_text(encoding="utf-8"))[:2]
    assert [answers(port) for port in ports] == [True, True]
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 130
    assert run.said[-1] == "stopped"
    assert [answers(port) for port in ports] == [False, False]
