"""Commands that need more than the base: what to install where it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workers.cli.errors import UserError


@contextmanager
def needs(*extras: str) -> Iterator[None]:
    """Turn the absence of a library into what to install; `extras` are those of the distribution."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in {"rules", "schemas", "workers"}:
            raise
        raise UserError(
            f"this command needs the library `{error.name}`, which is not installed",
            f"install it with pip install 'tierline[{','.join(extras)}]', or `make install` in a clone",
        ) from error
