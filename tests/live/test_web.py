"""What a worker shows over HTTP, without a broker: a stand-in holds the shards."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import pytest

from rules.calendar import calendar
from rules.engine.engine import Engine
from rules.engine.event import Event
from tests.properties.kernel_host import KernelHost
from tests.small_shop import PACK
from workers.cli.errors import UserError
from workers.kafka.partitioner import partition_of
from workers.listening import listen
from workers.live.app import run_worker
from workers.live.telemetry import Telemetry
from workers.live.web import Site
from workers.settings.live import live_settings

T = TypeVar("T")

IDS = ["C1", "a/b", "50% off?", "é ü 漢", "../x", "#1", "a b+c", "x" * 128, "."]


class StandIn:
    """A data plane that holds two shards of four, and does what it is told."""

    def __init__(self) -> None:
        self.partitions = 4
        self.joined = True
        self.states = dict.fromkeys(range(4), "ready")
        self.failures: dict[int, str] = {}
        self.host = KernelHost(PACK)
        self.host.run(order(customer) for customer in IDS)
        self.lived: list[str] = []
        self.ending = asyncio.Event()
        self.broken: Exception | None = None
        self.stop_s = 0.0

    def shards(self) -> Mapping[int, str]:
        return self.states

    def reasons(self) -> Mapping[int, str]:
        return self.failures

    async def ask(self, shard: int, question: Callable[[Engine], T]) -> T:
        if self.states.get(shard) != "ready":
            raise KeyError(shard)
        return question(self.host.engine)

    async def start(self) -> None:
        self.lived.append("started")

    async def wait(self) -> None:
        await self.ending.wait()
        if self.broken is not None:
            raise self.broken

    async def stop(self) -> None:
        await asyncio.sleep(self.stop_s)
        self.lived.append("stopped")
        self.ending.set()


def order(customer: str) -> Event:
    period = 20_000
    return Event(
        event_id="o",
        type="order.completed",
        customer_id=customer,
        occurred_us=calendar(PACK.timezone).start_us(period),
        period=period,
        amount=12_000,
    )


class Browser:
    """Asks a site."""

    def __init__(self, address: str) -> None:
        self.port = int(address.rsplit(":", 1)[1])

    async def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        # the path goes out as it stands: what else would decide which escapes are kept
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1"))
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        return int(head.split()[1]), body.decode()

    async def json(self, path: str) -> tuple[int, dict[str, Any]]:
        status, body = await self.get(path)
        return status, json.loads(body)


@pytest.fixture
async def plane() -> StandIn:
    return StandIn()


@pytest.fixture
async def site(plane: StandIn) -> AsyncIterator[Site]:
    made = Site(Telemetry(), listen("127.0.0.1", 0))
    made.show(plane)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def browser(site: Site) -> Browser:
    return Browser(site.address)


async def test_the_front_page_lists_the_others(browser: Browser) -> None:
    status, text = await browser.get("/")
    assert status == 200
    for page in ("/healthz", "/readyz", "/metrics", "/customers/ID"):
        assert page in text


async def test_a_worker_that_answers_is_alive(browser: Browser, plane: StandIn) -> None:
    plane.states = {0: "failed"}
    assert await browser.get("/healthz") == (200, "alive\n")


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ({0: "ready", 2: "ready"}, 200),
        ({0: "ready", 2: "restoring"}, 503),
        ({0: "fencing"}, 503),
        ({1: "failed", 0: "ready"}, 503),
    ],
)
async def test_it_is_ready_only_when_all_its_shards_are(
    browser: Browser, plane: StandIn, states: dict[int, str], status: int
) -> None:
    plane.states = states
    found, body = await browser.json("/readyz")
    assert found == status
    assert body["ready"] is (status == 200)
    assert body["shards"] == {str(shard): state for shard, state in states.items()}


async def test_it_says_why_a_shard_failed(browser: Browser, plane: StandIn) -> None:
    plane.states = {0: "ready", 1: "fencing"}
    plane.failures = {1: "offset 5 of `orders/1` is not there"}
    status, body = await browser.json("/readyz")
    assert status == 503
    assert body["reasons"] == {"1": "offset 5 of `orders/1` is not there"}


async def test_it_is_not_ready_before_it_is_settled_which_shards_are_its_own(
    browser: Browser, plane: StandIn
) -> None:
    plane.joined, plane.states = False, {}
    status, body = await browser.json("/readyz")
    assert status == 503
    assert "joining its group" in body["error"]


async def test_a_worker_that_was_given_no_shard_is_ready_to_take_over(
    browser: Browser, plane: StandIn
) -> None:
    plane.states = {}
    status, body = await browser.json("/readyz")
    assert (status, body["ready"]) == (200, True)
    assert "stands by" in body["note"]


async def test_it_answers_before_there_is_anything_to_show() -> None:
    site = Site(Telemetry(), listen("127.0.0.1", 0))
    await site.start()
    try:
        browser = Browser(site.address)
        assert (await browser.get("/healthz"))[0] == 200
        assert (await browser.json("/readyz"))[1]["error"].startswith("the worker is starting")
        assert (await browser.get("/customers/C1"))[0] == 503
    finally:
        await site.stop()


async def test_figures_come_in_the_format_of_prometheus(browser: Browser) -> None:
    status, text = await browser.get("/metrics")
    assert status == 200
    assert "# TYPE tierline_events_applied_total counter" in text


@pytest.mark.parametrize("customer", IDS)
async def test_a_customer_is_found_whatever_the_id_holds(browser: Browser, customer: str) -> None:
    status, body = await browser.json(f"/customers/{quote(customer, safe='')}")
    assert status == 200
    assert body["customer_id"] == customer
    assert body["shard"] == partition_of(customer.encode(), 4)
    assert body["metrics"]["spend_30d"] == "120.00"
    tier = body["dimensions"]["tier"]
    assert tier["category"] == "high"
    assert tier["categories"][1]["conditions"][0]["values"] == {"spend_30d": "120.00"}


async def test_a_slash_in_an_id_need_not_be_escaped_and_a_query_is_not_part_of_it(browser: Browser) -> None:
    assert (await browser.json("/customers/a/b?pretty"))[1]["customer_id"] == "a/b"


async def test_a_customer_of_whom_nothing_is_known_is_not_found(browser: Browser) -> None:
    status, body = await browser.json("/customers/stranger")
    assert status == 404
    assert body["error"].startswith("nothing is known of this customer")


async def test_a_customer_of_another_worker_is_elsewhere_and_it_says_in_which_shard(
    browser: Browser, plane: StandIn
) -> None:
    shard = partition_of(b"C1", 4)
    del plane.states[shard]
    status, body = await browser.json("/customers/C1")
    assert status == 421
    assert f"belongs to shard {shard}" in body["error"]
    assert body["shards_here"] == sorted(plane.states)


async def test_a_customer_of_a_shard_that_is_being_restored_is_to_be_asked_for_again(
    browser: Browser, plane: StandIn
) -> None:
    shard = partition_of(b"C1", 4)
    plane.states[shard] = "restoring"
    status, body = await browser.json("/customers/C1")
    assert status == 503
    assert body["error"] == f"shard {shard} is restoring: try again when it is ready"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/customers/", 400, "1 to 128 characters"),
        (f"/customers/{'x' * 129}", 400, "1 to 128 characters"),
        ("/customers/a%00b", 400, "control character"),
        ("/customers/a%C2%85b", 400, "control character"),
        ("/customers/50%", 400, "`%25`"),
        ("/customers/%zz", 400, "`%25`"),
        ("/customers/%ff", 400, "not UTF-8"),
        ("/customers/%ed%a0%80", 400, "not UTF-8"),
        ("/customers", 404, "no such page"),
        ("/nope", 404, "no such page"),
        ("//healthz", 404, "no such page"),
        ("/healthz/", 404, "no such page"),
    ],
)
async def test_what_makes_no_sense_is_answered_in_a_sentence(
    browser: Browser, path: str, status: int, words: str
) -> None:
    found, body = await browser.json(path)
    assert found == status
    assert words in body["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_can_be_changed_here(browser: Browser, method: str) -> None:
    status, text = await browser.get("/customers/C1", method)
    assert status == 405
    assert "only reads" in text


@pytest.mark.parametrize(
    "line", ["GET", "nonsense", "GET / HTTP/9", "\x00\x01", "GET /customers/\xff HTTP/1.1"]
)
async def test_a_request_that_is_none_gets_an_answer_without_a_trace(
    browser: Browser, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    reader, writer = await asyncio.open_connection("127.0.0.1", browser.port)
    writer.write(f"{line}\r\n\r\n".encode("latin-1"))
    answer = (await reader.read()).decode()
    writer.close()
    assert answer.startswith(("HTTP/1.1 4", "HTTP/1.0 4"))
    assert "Traceback" not in answer
    assert [record for record in caplog.records if record.exc_info] == []
    assert (await browser.get("/healthz"))[0] == 200


async def test_an_error_of_ours_is_a_sentence_outside_and_a_trace_in_the_log(
    browser: Browser, plane: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    plane.partitions = 0
    status, body = await browser.json("/customers/C1")
    assert status == 500
    assert body == {"error": "the worker could not answer: its log says why"}


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=rf"the web port `127.0.0.1:{port}`: address already in use"):
            listen("127.0.0.1", port)
    with pytest.raises(UserError, match=r"`192.0.2.1"):
        listen("192.0.2.1", 0)
    with pytest.raises(UserError, match="is no address of this machine"):
        listen("no.such.host.invalid", 0)


# --- the frame: from start to stop -------------------------------------------------------------------------


async def frame(plane: StandIn, then: Callable[[Browser], Any]) -> int | None:
    """Run a worker around a stand-in; `then` happens once it has started."""
    site = Site(Telemetry(), listen("127.0.0.1", 0))

    async def open_plane() -> StandIn:
        return plane

    async def act() -> None:
        while "started" not in plane.lived:
            await asyncio.sleep(0.01)
        await then(Browser(site.address))

    acting = asyncio.create_task(act())
    try:
        return await asyncio.wait_for(run_worker(live_settings(), site, open_plane), 10)
    finally:
        await acting


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_worker_in_good_order(plane: StandIn, number: int) -> None:
    async def then(browser: Browser) -> None:
        assert (await browser.get("/readyz"))[0] == 200
        os.kill(os.getpid(), number)

    assert await frame(plane, then) == number
    assert plane.lived == ["started", "stopped"]


async def test_what_ends_the_data_plane_ends_the_worker_and_is_raised(plane: StandIn) -> None:
    async def then(_: Browser) -> None:
        plane.broken = UserError("the pack does not fit")
        plane.ending.set()

    with pytest.raises(UserError, match="the pack does not fit"):
        await frame(plane, then)
    assert plane.lived == ["started", "stopped"]


async def test_the_web_server_answers_while_a_broker_is_waited_for_and_a_signal_ends_that(
    plane: StandIn,
) -> None:
    site = Site(Telemetry(), listen("127.0.0.1", 0))

    async def open_plane() -> StandIn:
        browser = Browser(site.address)
        assert (await browser.get("/healthz"))[0] == 200
        assert (await browser.get("/readyz"))[0] == 503
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)
        return plane

    assert await asyncio.wait_for(run_worker(live_settings(), site, open_plane), 10) == signal.SIGTERM
    assert plane.lived == []


async def test_faust_opens_no_connection_of_its_own_and_leaves_no_folder(
    plane: StandIn, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own group, leader topic, producer and consumer are of no use here and could only do harm."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEB_PORT", "1")  # what Faust would otherwise listen to
    connected: list[object] = []
    connect = asyncio.get_running_loop().create_connection

    async def spy(*arguments: Any, **options: Any) -> Any:
        connected.append(arguments)
        return await connect(*arguments, **options)

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", spy)

    async def then(browser: Browser) -> None:
        connected.clear()
        await asyncio.sleep(0.3)
        seen = list(connected)
        assert seen == []
        os.kill(os.getpid(), signal.SIGTERM)

    await frame(plane, then)
    assert list(tmp_path.iterdir()) == []
