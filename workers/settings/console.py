"""Settings of the console: where it listens, who may come in, and which workers it asks."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from workers.settings.loading import CONFIG, load_settings, secret_from_file


class ConsoleSettings(BaseSettings):
    """How `tierline console` serves its pages and its API."""

    model_config = CONFIG

    console_host: str = Field(
        "127.0.0.1", min_length=1, description="an address of this machine, `0.0.0.0` for all"
    )
    console_port: int = Field(8080, ge=0, le=65_535, description="a port from 0 (any that is free) to 65535")
    console_users_file: Path | None = Field(None, description="a file of lines NAME:ROLE:HASH")
    console_tokens_file: Path | None = Field(
        None, description="a file of lines NAME:ROLE:HASH of tokens for the API"
    )
    console_secret_file: Path | None = Field(
        None, description="a file with a secret of 32 characters or more on one line, which signs sessions"
    )
    console_https: bool = Field(
        False, description="`true` where people come by https: cookies are then sent over https only"
    )
    console_session_hours: float = Field(12, gt=0, le=720, description="hours up to 720")
    console_proxy_header: str | None = Field(
        None, min_length=1, description="the header in which a reverse proxy names who has logged in"
    )
    console_proxy_role: str = Field(
        "viewer", pattern="^(viewer|operator|admin)$", description="`viewer`, `operator` or `admin`"
    )
    console_proxy_addresses: str = Field(
        "127.0.0.1,::1", description="addresses or networks of proxies to trust, with commas between"
    )
    console_oidc_issuer: str | None = Field(
        None, description="the address by which an OpenID Connect provider calls itself, its issuer"
    )
    console_oidc_client_id: str | None = Field(
        None, min_length=1, description="the name under which the provider knows the console"
    )
    console_oidc_client_secret: SecretStr | None = Field(
        None, description="the secret that the provider gave the console"
    )
    console_oidc_client_secret_file: Path | None = Field(
        None, description="a file with that secret on one line"
    )
    console_oidc_scope: str = Field(
        "openid email profile", pattern="(^| )openid( |$)", description="what is asked for, `openid` among it"
    )
    console_oidc_name_claim: str = Field(
        "email",
        min_length=1,
        description="the claim that names somebody, one that people cannot choose themselves",
    )
    console_oidc_role_claim: str = Field(
        "roles", min_length=1, description="the claim with somebody's roles, with dots into objects"
    )
    console_oidc_role_prefix: str = Field(
        "tierline-", description="what stands before viewer, operator and admin in that claim"
    )
    console_oidc_role: str | None = Field(
        None,
        pattern="^(viewer|operator|admin)$",
        description="the role of whoever has none at the provider; if it is not set, they are refused",
    )
    console_workers: str = Field(
        "http://127.0.0.1:6066", description="web addresses of workers, with commas between"
    )
    console_open: bool = Field(
        False, description="`true` lets everybody in who is on this machine, without a password"
    )

    @field_validator("console_proxy_addresses")
    @classmethod
    def _networks(cls, text: str) -> str:
        for each in _listed(text):
            try:
                ip_network(each)
            except ValueError:
                raise ValueError(
                    f"`{each}` is no address or network: write 10.0.0.0/8 or 192.0.2.7"
                ) from None
        return text

    @field_validator("console_workers")
    @classmethod
    def _addresses(cls, text: str) -> str:
        for each in _listed(text):
            parts = urlsplit(each)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
                raise ValueError(f"`{each}` is no web address: write http://worker-0:6066")
        return text

    @field_validator("console_oidc_issuer")
    @classmethod
    def _issuer(cls, text: str | None) -> str | None:
        if text is None:
            return None
        parts = urlsplit(text)
        secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
        if not secure or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"`{text}` is no issuer: write https://login.example.com")
        return text

    @model_validator(mode="before")
    @classmethod
    def _client_secret_from_file(cls, given: Any) -> Any:
        return secret_from_file(given, "console_oidc_client_secret")

    @model_validator(mode="after")
    def _provider_is_whole(self) -> ConsoleSettings:
        if self.console_oidc_issuer and not self.console_oidc_client_id:
            raise ValueError("`console_oidc_issuer` is given, and `console_oidc_client_id` is missing")
        return self

    @model_validator(mode="after")
    def _open_is_local(self) -> ConsoleSettings:
        if self.console_open and not _is_loopback(self.console_host):
            raise ValueError(
                "`console_open` lets everybody in: allowed only where `console_host` is 127.0.0.1"
            )
        return self

    @property
    def workers(self) -> tuple[str, ...]:
        """The web addresses of workers, without a slash at the end."""
        return tuple(each.rstrip("/") for each in _listed(self.console_workers))

    def trusts(self, address: str | None) -> bool:
        """Whether a request from an address may name its user in the proxy's header."""
        try:
            found = ip_address(address or "")
        except ValueError:
            return False
        return any(found in ip_network(each) for each in _listed(self.console_proxy_addresses))


def console_settings(**overrides: Any) -> ConsoleSettings:
    """The settings of this process, as `live_settings` gives those of Kafka."""
    return load_settings(ConsoleSettings, overrides)


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
