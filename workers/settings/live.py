"""Settings of everything that talks to Kafka: the environment, and command line options before it.

The field `group` is the variable `TIERLINE_GROUP` and the option `--group`; the name of a topic is
`TIERLINE_TOPICS__ORDERS`, and so on. A secret comes from its variable or, better, from a file that another
variable names (`..._FILE`); it is shown by no `repr`, log line or error.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from workers.settings.loading import CONFIG, PREFIX, load_settings, secret_from_file, variable_of
from workers.settings.topics import TopicNames

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

_BROKER = re.compile(r"^(\[[0-9A-Fa-f:.]+\]|[^\s:,\[\]]+)(:(\d{1,5}))?$")
_PORT_DEFAULT = 9092
_PORT_MAX = 65535


class LiveSettings(BaseSettings):
    """How a process reaches Kafka and how it paces itself; nothing here can change an answer.

    Each description says what to put, and is what an error shows.
    """

    model_config = CONFIG

    brokers: str = Field(
        "127.0.0.1:9092", description="HOST:PORT of one or more brokers, with commas between"
    )
    group: str = Field(
        "tierline",
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="up to 200 letters, digits, `.`, `_` or `-`",
    )
    instance_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="a name that this worker keeps over restarts: up to 200 letters, digits, `.`, `_` or `-`",
    )
    topics: TopicNames = Field(
        default_factory=TopicNames, description="names of letters, digits, `.`, `_` or `-`, each used once"
    )
    partitions: int = Field(4, ge=1, le=10_000, description="a whole number from 1 to 10000")
    replication_factor: int = Field(1, ge=1, le=100, description="a whole number from 1 to 100")

    clock: Literal["wall", "log"] = Field("wall", description="`wall` or `log`")
    tick_delay_s: float = Field(60.0, ge=0, le=86_400, description="seconds from 0 to 86400")
    commit_interval_ms: int = Field(25, ge=1, le=10_000, description="milliseconds from 1 to 10000")
    batch_records_max: int = Field(20_000, ge=1, le=1_000_000, description="a whole number from 1 to 1000000")
    snapshot_interval_s: float = Field(300.0, ge=1, le=86_400, description="seconds from 1 to 86400")
    transaction_timeout_ms: int = Field(
        15_000, ge=1_000, le=900_000, description="milliseconds from 1000 to 900000"
    )
    session_timeout_ms: int = Field(
        10_000, ge=1_000, le=1_800_000, description="milliseconds from 1000 to 1800000"
    )

    web_host: str = Field(
        "127.0.0.1", min_length=1, description="an address of this machine, `0.0.0.0` for all"
    )
    web_port: int = Field(6066, ge=0, le=_PORT_MAX, description="a port from 0 (any that is free) to 65535")

    security_protocol: SecurityProtocol = Field(
        "PLAINTEXT", description="`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`"
    )
    sasl_mechanism: SaslMechanism = Field(
        "PLAIN", description="`PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`"
    )
    sasl_username: str | None = Field(None, description="the name that the broker knows")
    sasl_password: SecretStr | None = Field(None, description="the password that the broker knows")
    sasl_password_file: Path | None = Field(None, description="a file with the password on one line")
    oauth_token_file: Path | None = Field(None, description="a file that always holds a valid token")
    tls_ca_file: Path | None = Field(None, description="a PEM file of the authorities to trust")
    tls_cert_file: Path | None = Field(None, description="a PEM file of this client's certificate")
    tls_key_file: Path | None = Field(None, description="a PEM file of the certificate's key")
    tls_key_password: SecretStr | None = Field(None, description="the password of the key")
    tls_key_password_file: Path | None = Field(None, description="a file with the key's password on one line")

    log_format: Literal["console", "json"] = Field("console", description="`console` or `json`")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="`debug`, `info`, `warning` or `error`"
    )

    @field_validator("brokers")
    @classmethod
    def _hosts_and_ports(cls, brokers: str) -> str:
        hosts = [_host_and_port(each.strip()) for each in brokers.split(",")]
        return ",".join(hosts)

    @field_validator("security_protocol", "sasl_mechanism", mode="before")
    @classmethod
    def _upper(cls, name: object) -> object:
        return name.upper() if isinstance(name, str) else name

    @field_validator("log_level", "log_format", "clock", mode="before")
    @classmethod
    def _lower(cls, name: object) -> object:
        return name.lower() if isinstance(name, str) else name

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, given: Any) -> Any:
        # the files' names go, so that the settings can be passed on as they are
        for secret in ("sasl_password", "tls_key_password"):
            given = secret_from_file(given, secret)
        return given

    @model_validator(mode="after")
    def _security_is_whole(self) -> LiveSettings:
        sasl = self.security_protocol.startswith("SASL_")
        if not sasl and (self.sasl_username or self.sasl_password or self.oauth_token_file):
            raise ValueError(
                f"a login is given, but `security_protocol` is `{self.security_protocol}`: put `SASL_SSL`"
            )
        if sasl and self.sasl_mechanism == "OAUTHBEARER" and not self.oauth_token_file:
            raise ValueError("`oauth_token_file` is missing: `OAUTHBEARER` reads its token from a file")
        if sasl and self.sasl_mechanism != "OAUTHBEARER" and not (self.sasl_username and self.sasl_password):
            raise ValueError(
                f"`sasl_username` or `sasl_password` is missing: `{self.sasl_mechanism}` needs both"
            )
        if not self.uses_tls and (self.tls_ca_file or self.tls_cert_file or self.tls_key_file):
            wanted = "SASL_SSL" if sasl else "SSL"
            raise ValueError(
                f"TLS files are given, but `security_protocol` is `{self.security_protocol}`: put `{wanted}`"
            )
        if self.tls_key_file and not self.tls_cert_file:
            raise ValueError("`tls_key_file` is given without `tls_cert_file`: name the certificate too")
        return self

    @model_validator(mode="after")
    def _times_fit(self) -> LiveSettings:
        if self.transaction_timeout_ms < 2 * self.commit_interval_ms:
            raise ValueError(
                f"`transaction_timeout_ms` ({self.transaction_timeout_ms}) must be at least twice "
                f"`commit_interval_ms` ({self.commit_interval_ms})"
            )
        return self

    @property
    def bootstrap_servers(self) -> list[str]:
        """The brokers one by one, each with its port."""
        return self.brokers.split(",")

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.security_protocol in {"SSL", "SASL_SSL"}

    @property
    def uses_sasl(self) -> bool:
        """Whether the client logs in."""
        return self.security_protocol.startswith("SASL_")

    def to_environment(self) -> dict[str, str]:
        """The variables that give another process these settings: with the secrets, so for its ears only."""
        variables: dict[str, str] = {}
        for name, value in self:
            if isinstance(value, TopicNames):
                for role, topic in value.by_role().items():
                    variables[f"{PREFIX}TOPICS__{role.upper()}"] = topic
            elif value is not None:
                text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
                variables[variable_of(name)] = text
        return variables


def live_settings(**overrides: Any) -> LiveSettings:
    """The settings of this process; an override (a command line option) that is None changes nothing.

    Raises UserError that names the setting and says what to put.
    """
    return load_settings(LiveSettings, overrides)


def _host_and_port(broker: str) -> str:
    match = _BROKER.match(broker)
    if match is None or not 0 < int(match[3] or _PORT_DEFAULT) <= _PORT_MAX:
        raise ValueError(
            f"`{broker}` is no broker: put HOST:PORT of one or more brokers, with commas between"
        )
    return f"{match[1]}:{match[3] or _PORT_DEFAULT}"
