"""Settings of everything that talks to Kafka: the environment, and command line options before it.

The field `group` is the variable `TIERLINE_GROUP` and the option `--group`; the name of a topic is
`TIERLINE_TOPICS__ORDERS`, and so on. A secret comes from its variable or, better, from a file that another
variable names (`..._FILE`); it is shown by no `repr`, log line or error.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from workers.cli.errors import UserError
from workers.settings.topics import TopicNames

PREFIX = "TIERLINE_"

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

_BROKER = re.compile(r"^(\[[0-9A-Fa-f:.]+\]|[^\s:,\[\]]+)(:(\d{1,5}))?$")
_PORT_DEFAULT = 9092
_PORT_MAX = 65535


class LiveSettings(BaseSettings):
    """How a process reaches Kafka and how it paces itself; nothing here can change an answer.

    Each description says what to put, and is what an error shows.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

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
        for secret in ("sasl_password", "tls_key_password"):
            named = given.get(f"{secret}_file")
            if not named:
                continue
            if given.get(secret):
                raise ValueError(f"`{secret}` is given, and `{secret}_file` too: keep one")
            try:
                text = Path(named).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(
                    f"the file `{named}` of `{secret}_file` cannot be read: {_reason(error)}"
                ) from None
            if not text or "\n" in text:
                raise ValueError(f"the file `{named}` of `{secret}_file` must hold the secret on one line")
            # the file's name goes, so that the settings can be passed on as they are
            given = {**given, secret: text, f"{secret}_file": None}
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
    given = {name: value for name, value in overrides.items() if value is not None}
    unknown = given.keys() - LiveSettings.model_fields.keys()
    if unknown:
        raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
    try:
        return LiveSettings(**given)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)[0]
        raise UserError(_message(details, given), _HINT) from None
    except SettingsError:
        shown = variable_of("topics")
        raise UserError(f"`{shown}` is not JSON: name the topics one by one, `{shown}__ORDERS`") from None


def variable_of(setting: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + setting.upper()


_HINT = "settings come from options and from the environment: TIERLINE_ and the setting's name in capitals"


def _message(details: ErrorDetails, given: dict[str, Any]) -> str:
    """One sentence about the first thing that is wrong; a secret's value is never part of it."""
    if not details["loc"]:
        return details["msg"].removeprefix("Value error, ")
    setting = str(details["loc"][0])
    option = f"--{setting.replace('_', '-')}"
    variable = PREFIX + "__".join(str(part).upper() for part in details["loc"])
    shown = option if setting in given else variable
    if details["type"] == "value_error":
        return f"`{shown}`: {details['msg'].removeprefix('Value error, ')}"
    field = LiveSettings.model_fields[setting]
    value = details.get("input")
    if isinstance(value, str | int | float) and "SecretStr" not in str(field.annotation):
        return f"`{shown}` is `{value}`: put {field.description}"
    return f"`{shown}`: put {field.description}"


def _host_and_port(broker: str) -> str:
    match = _BROKER.match(broker)
    if match is None or not 0 < int(match[3] or _PORT_DEFAULT) <= _PORT_MAX:
        raise ValueError(
            f"`{broker}` is no broker: put HOST:PORT of one or more brokers, with commas between"
        )
    return f"{match[1]}:{match[3] or _PORT_DEFAULT}"


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (
        (error.strerror or "it cannot be opened").lower() if isinstance(error, OSError) else "it is not text"
    )
