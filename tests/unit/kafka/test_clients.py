"""Kafka clients get their security from the settings, and tell no secret."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import AuthenticationFailedError, KafkaError
from aiokafka.protocol.admin import SaslAuthenticateRequest

from workers.cli.errors import UserError
from workers.kafka.clients import TokenFile, admin, consumer, producer, tls_context
from workers.kafka.waiting import wait_for_broker
from workers.settings.live import LiveSettings, live_settings

SECRET = "correct horse"  # noqa: S105
TOKEN = "a token"  # noqa: S105


def settings(**options: Any) -> LiveSettings:
    return live_settings(brokers="a.example:9093,b.example:9094", **options)


async def test_a_consumer_reads_what_is_committed_and_moves_nowhere_by_itself() -> None:
    client = consumer(settings(), "orders")
    assert client._isolation_level == "read_committed"
    assert client._enable_auto_commit is False
    assert client._auto_offset_reset == "none"
    assert client._group_id is None
    await client.stop()


async def test_a_member_of_a_group_is_static_if_it_has_a_name_and_takes_ranges() -> None:
    client = consumer(settings(instance_id="worker-1", session_timeout_ms=12_000), group_id="tierline")
    assert client._group_instance_id == "worker-1"
    assert client._session_timeout_ms == 12_000
    assert client._heartbeat_interval_ms == 3_000
    assert [each.name for each in client._partition_assignment_strategy] == ["range"]
    await client.stop()


async def test_a_transaction_has_the_time_that_settings_give_it() -> None:
    client = producer(settings(transaction_timeout_ms=12_345), transactional_id="tierline-0")
    assert client._txn_manager.transaction_timeout_ms == 12_345
    await client.stop()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_login_with_a_password_reaches_every_kind_of_client(mechanism: str) -> None:
    wanted = settings(
        security_protocol="SASL_SSL",
        sasl_mechanism=mechanism,
        sasl_username="tierline",
        sasl_password=SECRET,
    )
    made = [consumer(wanted), producer(wanted), admin(wanted)]
    for client in (made[0]._client, made[1].client, made[2]._client):
        assert client._security_protocol == "SASL_SSL"
        assert client._sasl_mechanism == mechanism
        assert (client._sasl_plain_username, client._sasl_plain_password) == ("tierline", SECRET)
        assert client._ssl_context.check_hostname
        assert client.hosts[0][:2] in {("a.example", 9093), ("b.example", 9094)}
    await made[0].stop()
    await made[1].stop()
    await made[2].close()


async def test_a_token_is_read_again_at_each_login(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    client = admin(
        settings(security_protocol="SASL_SSL", sasl_mechanism="OAUTHBEARER", oauth_token_file=str(path))
    )
    provider = client._client._sasl_oauth_token_provider
    assert await provider.token() == TOKEN
    path.write_text("a fresh one")
    assert await provider.token() == "a fresh one"
    await client.close()


async def test_an_empty_token_file_fails_the_login(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    with pytest.raises(AuthenticationFailedError, match="is empty"):
        await TokenFile(tmp_path / "token").token()


@pytest.mark.parametrize("setting", ["tls_ca_file", "tls_cert_file"])
def test_a_certificate_that_is_none_is_named_with_its_setting(setting: str, tmp_path: Path) -> None:
    path = tmp_path / "some.pem"
    with pytest.raises(UserError, match=rf"`{path}` of `{setting}` cannot be read: no such file"):
        tls_context(settings(security_protocol="SSL", **{setting: str(path)}))
    path.write_text("no certificate")
    with pytest.raises(UserError, match=rf"`{path}` of `{setting}` cannot be used: put a PEM file"):
        tls_context(settings(security_protocol="SSL", **{setting: str(path)}))


def test_certificates_are_checked() -> None:
    context = tls_context(settings(security_protocol="SSL"))
    assert context.verify_mode is ssl.CERT_REQUIRED


async def test_no_secret_is_logged_at_any_level(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka would write all that it sends to its debug log."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(logging.getLogger("aiokafka"), "propagate", True)
    passwords: list[bytes] = []
    async with _broker(passwords) as wanted:
        client = admin(wanted)
        with pytest.raises(KafkaError, match="bootstrap"):
            await client.start()
        await client.close()
    assert passwords == [f"tierline\0tierline\0{SECRET}".encode()]
    assert caplog.records
    assert SECRET not in caplog.text


async def test_a_refused_login_is_not_waited_for() -> None:
    async with _broker([]) as wanted:
        with pytest.raises(UserError, match="refuses the login of `tierline`"):
            await wait_for_broker(wanted, lambda _: None)


@asynccontextmanager
async def _broker(passwords: list[bytes]) -> AsyncIterator[LiveSettings]:
    async with await asyncio.start_server(_Broker(passwords).serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield live_settings(
            brokers=f"127.0.0.1:{port}",
            security_protocol="SASL_PLAINTEXT",
            sasl_username="tierline",
            sasl_password=SECRET,
        )


class _Broker:
    """Answers just as much as brings a client to send its password, and then refuses it."""

    def __init__(self, passwords: list[bytes]) -> None:
        self._passwords = passwords

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        versions = b"".join(key.to_bytes(2, "big") + b"\0\0\0\1" for key in (3, 17, 18, 36))
        answers = {
            18: b"\0\0" + (4).to_bytes(4, "big") + versions,
            17: b"\0\0" + (1).to_bytes(4, "big") + b"\0\5PLAIN",
            36: b"\0\x3a\xff\xff" + bytes(12),
        }
        while size := await _exactly(reader, 4):
            request = await _exactly(reader, int.from_bytes(size, "big"))
            key, correlation = int.from_bytes(request[:2], "big"), request[4:8]
            if key == SaslAuthenticateRequest.API_KEY:
                self._passwords.append(request[-len(f"tierline\0tierline\0{SECRET}") :])
            answer = correlation + answers[key]
            writer.write(len(answer).to_bytes(4, "big") + answer)
        writer.close()


async def _exactly(reader: asyncio.StreamReader, size: int) -> bytes:
    try:
        return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return b""
