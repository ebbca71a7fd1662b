"""Waiting for a broker that is not there yet, and telling so."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from workers.cli.errors import UserError
from workers.clock import running_seconds
from workers.kafka.clients import admin
from workers.settings.live import LiveSettings

_AGAIN_S = 0.5
#: So often the user hears that it still waits.
_TELL_S = 10.0
_REQUEST_TIMEOUT_MS = 5_000

#: Waiting does not help where the broker does not want us, or we do not trust it.
_REFUSED = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)


class _Reasons(logging.Handler):
    """Keeps why the latest connection failed, which aiokafka tells its log only."""

    def __init__(self) -> None:
        super().__init__()
        self.latest: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        found = [each for each in record.args or () if isinstance(each, BaseException)]
        self.latest = found[-1] if found else self.latest


async def wait_for_broker(
    settings: LiveSettings, tell: Callable[[str], None], *, timeout_s: float | None = None
) -> None:
    """Return when a broker answers; while none does, `tell` at once and every few seconds why.

    Raises UserError if a broker refuses the login or is not trusted, and after `timeout_s`.
    """
    started = told = None
    while (reason := await _why_no_answer(settings)) is not None:
        now = running_seconds()
        started = now if started is None else started
        if timeout_s is not None and now - started >= timeout_s:
            raise UserError(
                f"no broker answers at `{settings.brokers}`: {reason}",
                "name the brokers with --brokers HOST:PORT or in TIERLINE_BROKERS",
            )
        if told is None or now - told >= _TELL_S:
            tell(f"waiting for the broker at `{settings.brokers}`: {reason}")
            told = now
        await asyncio.sleep(_AGAIN_S)
    if told is not None:
        tell(f"the broker at `{settings.brokers}` answers")


async def _why_no_answer(settings: LiveSettings) -> str | None:
    """Why no broker answers, in few words; None if one does."""
    log = logging.getLogger("aiokafka")
    reasons, propagates = _Reasons(), log.propagate
    log.addHandler(reasons)
    log.propagate = False  # what is told here needs no second line
    client = admin(settings, request_timeout_ms=_REQUEST_TIMEOUT_MS)
    try:
        await client.start()
        await client.describe_cluster()
    except (KafkaError, OSError) as error:
        return _words(settings, reasons.latest or error)
    else:
        return None
    finally:
        await client.close()
        log.removeHandler(reasons)
        log.propagate = propagates


def _words(settings: LiveSettings, error: BaseException) -> str:
    cause = error.__cause__ if isinstance(error, KafkaError) and error.__cause__ else error
    if isinstance(cause, _REFUSED):
        raise UserError(
            f"the broker at `{settings.brokers}` refuses the login of "
            f"`{settings.sasl_username or settings.oauth_token_file}`",
            "check the user name, the password and the mechanism "
            "(TIERLINE_SASL_USERNAME, TIERLINE_SASL_PASSWORD_FILE, TIERLINE_SASL_MECHANISM)",
        ) from None
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise UserError(
            f"the certificate of the broker at `{settings.brokers}` is not trusted: "
            f"{cause.verify_message or 'it cannot be verified'}",
            "name the authority that signed it in TIERLINE_TLS_CA_FILE",
        ) from None
    if isinstance(cause, TimeoutError):
        return "it does not answer in time"
    if isinstance(cause, ConnectionRefusedError) or "Connect call failed" in str(cause):
        return "the connection is refused"
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return text[:1].lower() + text[1:]
