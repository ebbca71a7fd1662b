"""Log lines have one form, whoever writes them, and keep secrets and customers to themselves."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from workers.logs import Format, logger, set_up_logs


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    root.setLevel(level)
    structlog.reset_defaults()


def lines(form: Format, level: str, **constants: object) -> io.StringIO:
    """Set up logs, and what they write."""
    out = io.StringIO()
    set_up_logs(form, level, out=out, constants=constants)
    return out


def read(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_machine_reads_one_object_a_line() -> None:
    out = lines("json", "info", instance="w-0")
    logger("shard").info("shard is ready", shard=3, seconds=1.5)
    logger("shard").warning("shard is lost", shard=3)
    first, second = read(out)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "level": "info",
        "logger": "tierline.shard",
        "event": "shard is ready",
        "shard": 3,
        "seconds": 1.5,
        "instance": "w-0",
    }
    assert second["level"] == "warning"


def test_people_read_a_line_without_colours_where_it_is_no_terminal() -> None:
    out = lines("console", "info")
    logger("shard").info("shard is ready", shard=3)
    assert "shard is ready" in out.getvalue()
    assert "shard=3" in out.getvalue()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("name", ["aiokafka.consumer.group_coordinator", "faust.app", "mode.services", "own"])
def test_the_lines_of_libraries_have_the_same_form(name: str) -> None:
    out = lines("json", "info")
    logging.getLogger(name).warning("heartbeat failed for %s", "group")
    (line,) = read(out)
    assert line["event"] == "heartbeat failed for group"
    assert line["logger"] == name
    assert line["level"] == "warning"


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_lines_below_the_level_are_not_written(level: str, shown: list[str]) -> None:
    out = lines("json", level)
    log = logger("x")
    for method in (log.debug, log.info, log.warning, log.error):
        method("something")
    assert [line["level"] for line in read(out)] == shown


def test_libraries_tell_only_what_is_wrong_unless_asked_for_more() -> None:
    out = lines("json", "info")
    logging.getLogger("aiokafka").info("joined group")
    assert out.getvalue() == ""
    out = lines("json", "debug")
    logging.getLogger("aiokafka").info("joined group")
    logging.getLogger("aiokafka").debug("request with the bytes of records")
    assert [line["event"] for line in read(out)] == ["joined group"]


def test_requests_are_never_logged_for_their_paths_name_customers() -> None:
    out = lines("json", "debug")
    logging.getLogger("aiohttp.access").error("GET /customers/C1")
    assert out.getvalue() == ""


@pytest.mark.parametrize("form", ["console", "json"])
@pytest.mark.parametrize(
    "name", ["sasl_password", "PASSWORD", "oauth_token_file_text", "client_secret", "tls_key_private"]
)
def test_a_secret_is_hidden_at_every_level(form: Format, name: str) -> None:
    out = lines(form, "debug")
    logger("x").debug("settings", **{name: "hunter2"})
    logger("x").error("settings", **{name: "hunter2"})
    assert "hunter2" not in out.getvalue()
    assert out.getvalue().count("(hidden)") == 2


@pytest.mark.parametrize("name", ["customer_id", "event_id", "key", "value", "record", "body", "attributes"])
def test_what_comes_from_a_customer_is_shown_at_debug_only(name: str) -> None:
    out = lines("json", "debug")
    fields: dict[str, Any] = {name: "C1"}
    logger("x").debug("looked", **fields)
    logger("x").info("looked", **fields)
    logger("x").error("looked", **fields)
    assert [line[name] for line in read(out)] == ["C1", "(hidden)", "(hidden)"]


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_does_not_show_the_values_of_variables(form: Format) -> None:
    def fail() -> None:
        password = "hunter" + "2"
        raise RuntimeError(f"a word of {len(password)} letters is no good")

    out = lines(form, "info")
    try:
        fail()
    except RuntimeError:
        logger("x").exception("broken")
        logging.getLogger("faust").exception("broken too")
    assert "in fail" in out.getvalue()
    assert "hunter2" not in out.getvalue()


def test_setting_up_twice_does_not_write_twice() -> None:
    lines("json", "info")
    out = lines("json", "info")
    logger("x").info("once")
    assert len(read(out)) == 1
