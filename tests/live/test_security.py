"""Encrypted and logged-in connections to Apache Kafka, each kind once, and a password that is wrong."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.topics import Scene
from workers.broker import apache
from workers.broker.answers import free_port
from workers.broker.broker import HOST, Broker
from workers.children import Child
from workers.cli.errors import UserError
from workers.clock import unix_seconds
from workers.kafka.waiting import wait_for_broker
from workers.settings.live import LiveSettings, live_settings
from workers.settings.topics import TopicNames

pytestmark = pytest.mark.kafka

USER, PASSWORD = "tierline", "correct horse"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_LOGIN = "org.apache.kafka.common.security"
_PLAIN = f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
_SCRAM = f"{_LOGIN}.scram.ScramLoginModule required;"
_OAUTH = f'{_LOGIN}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'


class Secured:
    """Apache Kafka with listeners that want TLS, and TLS with a login; `pem` is its certificate."""

    def __init__(self, folder: Path) -> None:
        self.pem, self.key = folder / "certificate.pem", folder / "key.pem"
        self._make_certificate()
        both = folder / "both.pem"
        both.write_text(self.key.read_text() + self.pem.read_text())
        port, self.tls, self.sasl = (free_port(HOST) for _ in range(3))
        listeners = f"TLS://{HOST}:{self.tls},LOGIN://{HOST}:{self.sasl}"
        command = apache.recipe(
            folder,
            HOST,
            port,
            more={
                "listeners": listeners,
                "advertised.listeners": listeners,
                "listener.security.protocol.map": "TLS:SSL,LOGIN:SASL_SSL",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(both),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self.pem),
                "listener.name.tls.ssl.client.auth": "required",
                "listener.name.login.sasl.enabled.mechanisms": ",".join(MECHANISMS),
                "listener.name.login.plain.sasl.jaas.config": _PLAIN,
                "listener.name.login.scram-sha-256.sasl.jaas.config": _SCRAM,
                "listener.name.login.scram-sha-512.sasl.jaas.config": _SCRAM,
                "listener.name.login.oauthbearer.sasl.jaas.config": _OAUTH,
            },
            format_options=[
                f"--add-scram={mechanism}=[name={USER},password={PASSWORD}]"
                for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            ],
        )
        self.broker = Broker("java", f"{HOST}:{port}", Child(command, log=folder / "broker.log"), None)

    def login(self, **more: Any) -> LiveSettings:
        """Settings that log in."""
        usual = {"security_protocol": "SASL_SSL", "tls_ca_file": str(self.pem)}
        return live_settings(brokers=f"{HOST}:{self.sasl}", **{**usual, **more})

    def _make_certificate(self) -> None:
        words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tierline -addext"
        files = ["-keyout", str(self.key), "-out", str(self.pem)]
        command = [*words.split(), f"subjectAltName=IP:{HOST}", *files]
        subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    reason = apache.why_not() or (None if shutil.which("openssl") else "openssl makes the certificates")
    if reason:
        pytest.skip(reason)
    made = Secured(tmp_path_factory.mktemp("secured"))
    with made.broker:
        yield made


async def sends_and_reads(settings: LiveSettings, prefix: str) -> bool:
    """Whether a consumer, a producer and an admin all get through."""
    own = settings.model_copy(
        update={"topics": TopicNames.prefixed(prefix), "group": prefix, "partitions": 1}
    )
    await wait_for_broker(own, lambda _: None, timeout_s=20)
    scene = await Scene.of(own)
    await scene.send(scene.topics.orders, [(b"key", b"value")])
    return [record.value for record in await scene.read(scene.topics.orders)] == [b"value"]


@pytest.mark.parametrize("mechanism", MECHANISMS[:3])
async def test_a_password_logs_in(secured: Secured, mechanism: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    file = str(tmp_path / "password")
    settings = secured.login(sasl_mechanism=mechanism, sasl_username=USER, sasl_password_file=file)
    assert await sends_and_reads(settings, mechanism)


async def test_a_token_logs_in(secured: Secured, tmp_path: Path) -> None:
    now = int(unix_seconds())
    parts = ({"alg": "none"}, {"sub": "worker", "iat": now - 60, "exp": now + 600})
    token = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )
    (tmp_path / "token").write_text(f"{token}.\n")
    settings = secured.login(sasl_mechanism="OAUTHBEARER", oauth_token_file=str(tmp_path / "token"))
    assert await sends_and_reads(settings, "token")


async def test_a_certificate_of_its_own_lets_a_client_in(secured: Secured) -> None:
    settings = live_settings(
        brokers=f"{HOST}:{secured.tls}",
        security_protocol="SSL",
        tls_ca_file=str(secured.pem),
        tls_cert_file=str(secured.pem),
        tls_key_file=str(secured.key),
    )
    assert await sends_and_reads(settings, "certificate")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_a_wrong_password_is_an_error_at_once(secured: Secured, mechanism: str) -> None:
    settings = secured.login(sasl_mechanism=mechanism, sasl_username=USER, sasl_password="wrong")  # noqa: S106
    with pytest.raises(UserError, match=f"refuses the login of `{USER}`"):
        await wait_for_broker(settings, lambda _: None)


async def test_a_broker_that_is_not_trusted_is_an_error_at_once(secured: Secured) -> None:
    settings = secured.login(tls_ca_file=None, sasl_username=USER, sasl_password=PASSWORD)
    with pytest.raises(UserError, match=r"is not trusted: self.signed"):
        await wait_for_broker(settings, lambda _: None)
