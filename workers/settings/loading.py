"""From the environment and options to settings, or to one sentence that names what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from workers.cli.errors import UserError

PREFIX: Final = "TIERLINE_"

#: How all settings are read.
CONFIG: Final = SettingsConfigDict(
    env_prefix=PREFIX,
    env_nested_delimiter="__",
    env_ignore_empty=True,
    extra="ignore",
    frozen=True,
    hide_input_in_errors=True,
)

_HINT = "settings come from options and from the environment: TIERLINE_ and the setting's name in capitals"

S = TypeVar("S", bound=BaseSettings)


def load_settings(model: type[S], overrides: Mapping[str, Any]) -> S:
    """Settings of a kind; an override (a command line option) that is None changes nothing.

    Raises UserError that names the setting and says what to put.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    unknown = given.keys() - model.model_fields.keys()
    if unknown:
        raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
    try:
        return model(**given)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)[0]
        raise UserError(_message(model, details, given), _HINT) from None
    except SettingsError:
        shown = variable_of("topics")
        raise UserError(f"`{shown}` is not JSON: name the topics one by one, `{shown}__ORDERS`") from None


def variable_of(setting: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + setting.upper()


def secret_of(named: str | Path, setting: str) -> str:
    """The secret that a file holds on one line; raises ValueError that names the setting."""
    try:
        text = Path(named).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file `{named}` of `{setting}` cannot be read: {_reason(error)}") from None
    if not text or "\n" in text:
        raise ValueError(f"the file `{named}` of `{setting}` must hold the secret on one line")
    return text


def secret_from_file(given: Any, setting: str) -> Any:
    """What was given, with the secret in place of the file that `SETTING_file` names; raises ValueError."""
    named = given.get(f"{setting}_file")
    if not named:
        return given
    if given.get(setting):
        raise ValueError(f"`{setting}` is given, and `{setting}_file` too: keep one")
    return {**given, setting: secret_of(named, f"{setting}_file"), f"{setting}_file": None}


def _message(model: type[BaseSettings], details: ErrorDetails, given: Mapping[str, Any]) -> str:
    """One sentence about the first thing that is wrong; a secret's value is never part of it."""
    if not details["loc"]:
        return details["msg"].removeprefix("Value error, ")
    setting = str(details["loc"][0])
    option = f"--{setting.replace('_', '-')}"
    variable = PREFIX + "__".join(str(part).upper() for part in details["loc"])
    shown = option if setting in given else variable
    if details["type"] == "value_error":
        return f"`{shown}`: {details['msg'].removeprefix('Value error, ')}"
    field = model.model_fields[setting]
    value = details.get("input")
    if isinstance(value, str | int | float) and "SecretStr" not in str(field.annotation):
        return f"`{shown}` is `{value}`: put {field.description}"
    return f"`{shown}`: put {field.description}"


def _reason(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, OSError):
        return (error.strerror or "it cannot be opened").lower()
    return "it is not text"
