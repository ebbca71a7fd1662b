"""Settings of the live service: from the environment and from options, refused in words that help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workers.cli.errors import UserError
from workers.settings.live import live_settings
from workers.settings.topics import TopicNames

SECRET = "correct horse"  # noqa: S105
LOGIN = {"security_protocol": "SASL_SSL", "sasl_username": "tierline", "sasl_password": SECRET}


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("TIERLINE_"):
            monkeypatch.delenv(name)


def test_the_defaults_are_these() -> None:
    settings = live_settings()
    told = {name: value for name, value in settings if name != "topics"}
    assert told == {
        "brokers": "127.0.0.1:9092",
        "group": "tierline",
        "instance_id": None,
        "partitions": 4,
        "replication_factor": 1,
        "clock": "wall",
        "tick_delay_s": 60.0,
        "commit_interval_ms": 25,
        "batch_records_max": 20_000,
        "snapshot_interval_s": 300.0,
        "transaction_timeout_ms": 15_000,
        "session_timeout_ms": 10_000,
        "web_host": "127.0.0.1",
        "web_port": 6066,
        "security_protocol": "PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_username": None,
        "sasl_password": None,
        "sasl_password_file": None,
        "oauth_token_file": None,
        "tls_ca_file": None,
        "tls_cert_file": None,
        "tls_key_file": None,
        "tls_key_password": None,
        "tls_key_password_file": None,
        "log_format": "console",
        "log_level": "info",
    }
    assert settings.topics.inputs == ("customers", "orders", "payments", "feedback")


def test_an_option_wins_over_the_environment_and_none_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_GROUP", "from-environment")
    assert live_settings(group=None).group == "from-environment"
    assert live_settings(group="from-option").group == "from-option"


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_INSTANCE_ID", "")
    assert live_settings().instance_id is None


def test_topics_are_named_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_TOPICS__ORDERS", "shop.orders")
    assert live_settings().topics == TopicNames(orders="shop.orders")


def test_brokers_are_a_list_and_have_ports() -> None:
    settings = live_settings(brokers="a.example, b.example:9093,[::1]:9094")
    assert settings.bootstrap_servers == ["a.example:9092", "b.example:9093", "[::1]:9094"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "BROKERS",
            "one two",
            (
                "`TIERLINE_BROKERS`: `one two` is no broker: put HOST:PORT of one or more brokers, "
                "with commas between"
            ),
        ),
        (
            "BROKERS",
            "a:99999",
            (
                "`TIERLINE_BROKERS`: `a:99999` is no broker: put HOST:PORT of one or more brokers, "
                "with commas between"
            ),
        ),
        ("PARTITIONS", "many", "`TIERLINE_PARTITIONS` is `many`: put a whole number from 1 to 10000"),
        ("TICK_DELAY_S", "nan", "`TIERLINE_TICK_DELAY_S` is `nan`: put seconds from 0 to 86400"),
        ("CLOCK", "sun", "`TIERLINE_CLOCK` is `sun`: put `wall` or `log`"),
        (
            "TOPICS__ORDERS",
            "the orders",
            (
                "`TIERLINE_TOPICS__ORDERS` is `the orders`: put names of letters, digits, `.`, `_` or `-`, "
                "each used once"
            ),
        ),
        (
            "TOPICS__ORDERS",
            "payments",
            "`TIERLINE_TOPICS`: `payments` is the topic of both orders and payments: use one for each",
        ),
        (
            "TOPICS",
            "orders",
            "`TIERLINE_TOPICS` is not JSON: name the topics one by one, `TIERLINE_TOPICS__ORDERS`",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_what_to_put(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TIERLINE_{variable}", value)
    with pytest.raises(UserError) as caught:
        live_settings()
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"web_port": 99_999}, "`--web-port` is `99999`: put a port from 0 (any that is free) to 65535"),
        (
            {"sasl_username": "me", "sasl_password": SECRET},
            "a login is given, but `security_protocol` is `PLAINTEXT`: put `SASL_SSL`",
        ),
        (
            {"security_protocol": "sasl_ssl", "sasl_mechanism": "scram-sha-256"},
            "`sasl_username` or `sasl_password` is missing: `SCRAM-SHA-256` needs both",
        ),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"},
            "`oauth_token_file` is missing: `OAUTHBEARER` reads its token from a file",
        ),
        (
            {"tls_ca_file": "ca.pem"},
            "TLS files are given, but `security_protocol` is `PLAINTEXT`: put `SSL`",
        ),
        (
            {"security_protocol": "SSL", "tls_key_file": "key.pem"},
            "`tls_key_file` is given without `tls_cert_file`: name the certificate too",
        ),
        (
            {"transaction_timeout_ms": 1000, "commit_interval_ms": 900},
            "`transaction_timeout_ms` (1000) must be at least twice `commit_interval_ms` (900)",
        ),
        (
            {**LOGIN, "sasl_password_file": "other"},
            "`sasl_password` is given, and `sasl_password_file` too: keep one",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        live_settings(**options)
    assert caught.value.message == message


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\n")
    settings = live_settings(
        security_protocol="SASL_SSL", sasl_username="tierline", sasl_password_file=str(path)
    )
    assert settings.sasl_password is not None
    assert settings.sasl_password.get_secret_value() == SECRET


@pytest.mark.parametrize("content", [None, "", "two\nlines\n"])
def test_a_file_without_a_secret_is_named(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"the file `.*password` of `sasl_password_file`"):
        live_settings(security_protocol="SASL_SSL", sasl_username="tierline", sasl_password_file=str(path))


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = live_settings(**LOGIN)
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()
    for wrong in ({"web_port": 99_999}, {"sasl_username": None}, {"security_protocol": "PLAINTEXT"}):
        monkeypatch.setenv("TIERLINE_SASL_PASSWORD", SECRET)
        with pytest.raises(UserError) as caught:
            live_settings(**{**LOGIN, "sasl_password": None, **wrong})
        assert SECRET not in f"{caught.value.message}{caught.value.hint}{caught.value!r}"


def test_another_process_gets_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = live_settings(**LOGIN, topics=TopicNames.prefixed("shop."), tick_delay_s=0.5, web_port=0)
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    assert live_settings() == settings
