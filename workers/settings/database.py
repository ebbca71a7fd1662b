"""Settings of the database that the projector fills and the console reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from workers.settings.loading import CONFIG, load_settings, secret_from_file


class DatabaseSettings(BaseSettings):
    """Where the tables are, and how the projector fills them."""

    model_config = CONFIG

    database: str = Field(
        "sqlite:///tierline.db", description="sqlite:///FILE or postgresql://USER@HOST/NAME", repr=False
    )
    database_password: SecretStr | None = Field(None, description="the password that the database knows")
    database_password_file: Path | None = Field(None, description="a file with the password on one line")
    projector_host: str = Field(
        "127.0.0.1", min_length=1, description="an address of this machine, `0.0.0.0` for all"
    )
    projector_port: int = Field(
        6067, ge=0, le=65_535, description="a port from 0 (any that is free) to 65535"
    )
    projector_batch_records_max: int = Field(
        10_000, ge=1, le=1_000_000, description="a whole number from 1 to 1000000"
    )

    @model_validator(mode="before")
    @classmethod
    def _password_from_file(cls, given: Any) -> Any:
        return secret_from_file(given, "database_password")

    @property
    def password(self) -> str | None:
        """The password, if the settings have one."""
        return self.database_password.get_secret_value() if self.database_password else None


def database_settings(**overrides: Any) -> DatabaseSettings:
    """The settings of this process, as `live_settings` gives those of Kafka."""
    return load_settings(DatabaseSettings, overrides)
