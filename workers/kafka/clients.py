"""Consumers, producers and admins of Kafka, made from the settings and with their security.

All of them must be made while an event loop runs. No secret of theirs reaches a log line: at its debug level
aiokafka would write out whole requests, with passwords, tokens and customers' data in them.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiokafka.errors
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from workers.cli.errors import UserError
from workers.settings.live import LiveSettings

#: Bytes of one partition in a fetch: many records an answer, which is what costs least per record.
PARTITION_FETCH_BYTES = 4 << 20
#: Bytes in one fetch over all partitions.
FETCH_BYTES = 64 << 20
#: A batch of one partition; the broker's own limit is a little above 1 MB.
BATCH_BYTES = 512 << 10
REQUEST_TIMEOUT_MS = 30_000
METADATA_AGE_MS = 60_000
#: So often a member says that it lives, per time after which it counts as dead.
HEARTBEATS_PER_SESSION = 4


def consumer(settings: LiveSettings, *topics: str, **more: Any) -> AIOKafkaConsumer:
    """A consumer of committed records that never moves by itself.

    It commits nothing, and where it has no position it raises instead of choosing one (`auto_offset_reset`).
    Alone it belongs to no group; with `group_id=` it joins one, with the range assignor, which gives a worker
    the same partitions of every topic, and as a static member if the settings name an instance. `more` are
    options of `AIOKafkaConsumer` and win.
    """
    options: dict[str, Any] = {
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "partition_assignment_strategy": (RangePartitionAssignor,),
        "session_timeout_ms": settings.session_timeout_ms,
        "heartbeat_interval_ms": settings.session_timeout_ms // HEARTBEATS_PER_SESSION,
        "max_partition_fetch_bytes": PARTITION_FETCH_BYTES,
        "fetch_max_bytes": FETCH_BYTES,
    }
    if more.get("group_id") is not None:
        options["group_instance_id"] = settings.instance_id
    return AIOKafkaConsumer(*topics, **{**_connection(settings), **options, **more})


def producer(settings: LiveSettings, **more: Any) -> AIOKafkaProducer:
    """An idempotent producer, a transactional one with `transactional_id=`; `more` options win."""
    options: dict[str, Any] = {"enable_idempotence": True, "acks": "all", "max_batch_size": BATCH_BYTES}
    if more.get("transactional_id") is not None:
        options["transaction_timeout_ms"] = settings.transaction_timeout_ms
    return AIOKafkaProducer(**{**_connection(settings), **options, **more})


def admin(settings: LiveSettings, **more: Any) -> AIOKafkaAdminClient:
    """A client that looks at topics and makes them."""
    return AIOKafkaAdminClient(**{**_connection(settings), **more})


def _connection(settings: LiveSettings) -> dict[str, Any]:
    """What every kind of client is told: where, as whom, and how it is kept secret."""
    keep_requests_out_of_logs()
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": f"tierline-{settings.group}",
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "metadata_max_age_ms": METADATA_AGE_MS,
        "security_protocol": settings.security_protocol,
    }
    if settings.uses_tls:
        options["ssl_context"] = tls_context(settings)
    if settings.uses_sasl:
        options["sasl_mechanism"] = settings.sasl_mechanism
        if settings.sasl_mechanism == "OAUTHBEARER" and settings.oauth_token_file:
            options["sasl_oauth_token_provider"] = TokenFile(settings.oauth_token_file)
        elif settings.sasl_password:
            options["sasl_plain_username"] = settings.sasl_username
            options["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return options


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """A token for OAUTHBEARER out of a file that something else keeps fresh: read again at each login."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def token(self) -> str:
        """The token that the file holds now; a missing or empty file fails this login, not the process."""
        text = self.path.expanduser().read_text(encoding="utf-8").strip()
        if not text:
            raise aiokafka.errors.AuthenticationFailedError(f"the token file `{self.path}` is empty")
        return text


def tls_context(settings: LiveSettings) -> ssl.SSLContext:
    """Certificates to trust and to show. Raises UserError where a file cannot be read or does not fit."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    if settings.tls_ca_file:
        path = settings.tls_ca_file.expanduser()
        with _named("tls_ca_file", path):
            context.load_verify_locations(cafile=path)
    if settings.tls_cert_file:
        password = settings.tls_key_password.get_secret_value() if settings.tls_key_password else ""
        key = settings.tls_key_file.expanduser() if settings.tls_key_file else None
        with _named("tls_cert_file", settings.tls_cert_file):
            # an empty password instead of none: OpenSSL would ask for it on the terminal
            context.load_cert_chain(settings.tls_cert_file.expanduser(), key, password=lambda: password)
    return context


@contextmanager
def _named(setting: str, path: Path) -> Iterator[None]:
    """Turn an error about a certificate into one that names its setting."""
    try:
        yield
    except ssl.SSLError:
        raise UserError(
            f"the file `{path}` of `{setting}` cannot be used: put a PEM file, and beside a certificate "
            "its own key and the key's password",
        ) from None
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        raise UserError(f"the file `{path}` of `{setting}` cannot be read: {reason}") from None


class _NoRequests(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.INFO


def keep_requests_out_of_logs() -> None:
    """Let the lines in which aiokafka writes out requests and answers never appear, whatever the level."""
    log = logging.getLogger("aiokafka.conn")
    if not any(isinstance(each, _NoRequests) for each in log.filters):
        log.addFilter(_NoRequests())
