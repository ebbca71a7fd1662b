"""Users and tokens from files: who there is, with which role, and whether a password or token is theirs."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore
from typing import Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from workers.cli.errors import UserError

Role = Literal["viewer", "operator", "admin"]
#: Each may do all that those before it may.
ROLES: Final[tuple[Role, ...]] = ("viewer", "operator", "admin")
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_TOKEN_HASH = re.compile(r"[0-9a-f]{64}")
#: Tokens have so many random bytes: nothing that could be guessed, so that a plain hash keeps them.
_TOKEN_BYTES = 32
PASSWORD_MIN, PASSWORD_MAX = 8, 1024
#: Checking a password takes much memory on purpose: so many are checked at once.
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or a program, and what they may do."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether what this role may do is allowed."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Users:
    """Users with hashed passwords (Argon2id)."""

    def __init__(self, entries: Mapping[str, tuple[Role, str]]) -> None:
        self._entries = entries
        self._hasher = PasswordHasher()
        self._turns = Semaphore(_AT_ONCE)
        # checked for a name that nobody has, so that it takes as long as for one that somebody has
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    @classmethod
    def read(cls, path: Path) -> Users:
        """From a file of lines NAME:ROLE:HASH. Raises UserError with the line that is wrong."""
        entries = {}
        for number, name, role, text in _lines(path):
            if not text.startswith("$argon2id$"):
                raise UserError(
                    f"`{path}` line {number}: this is no hash of a password",
                    "`tierline console-user NAME` asks for a password and prints the line",
                )
            entries[name] = role, text
        return cls(entries)

    def check(self, name: str, password: str) -> Person | None:
        """The user, if this is their password."""
        role, known = self._entries.get(name, (None, self._nobody))
        try:
            with self._turns:
                self._hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return None
        return None if role is None else Person(name, role)

    def stamp(self, name: str) -> str:
        """Changes with a user's password, so that sessions of before are none any more."""
        _, known = self._entries.get(name, (None, ""))
        return hashlib.sha256(known.encode()).hexdigest()[:16]

    def find(self, name: str) -> Person | None:
        """A user who logged in before; None once they are no longer in the file."""
        found = self._entries.get(name)
        return None if found is None else Person(name, found[0])


class Tokens:
    """Tokens for the API, of which only hashes are kept."""

    def __init__(self, entries: Mapping[str, Person]) -> None:
        self._entries = entries

    @classmethod
    def read(cls, path: Path) -> Tokens:
        """From a file of lines NAME:ROLE:SHA-256. Raises UserError with the line that is wrong."""
        entries = {}
        for number, name, role, text in _lines(path):
            if not _TOKEN_HASH.fullmatch(text):
                raise UserError(
                    f"`{path}` line {number}: this is no hash of a token",
                    "`tierline console-token NAME` makes a token and prints the line",
                )
            entries[text] = Person(name, role)
        return cls(entries)

    def check(self, token: str) -> Person | None:
        """Whose token it is."""
        told = hashlib.sha256(token.encode()).hexdigest()
        found = None
        for known, person in self._entries.items():
            if hmac.compare_digest(known, told):
                found = person
        return found


def check_password(password: str) -> None:
    """Raises UserError for a password that cannot be taken."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise UserError(f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")


def user_line(name: str, role: Role, password: str) -> str:
    """A line for the file of users."""
    return f"{_checked(name)}:{role}:{PasswordHasher().hash(password)}"


def new_token(name: str, role: Role) -> tuple[str, str]:
    """A token, and the line for the file of tokens."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    return token, f"{_checked(name)}:{role}:{hashlib.sha256(token.encode()).hexdigest()}"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UserError(f"`{name}` is no user name: up to 64 letters, digits, `.`, `_`, `@` or `-`")
    return name


def _lines(path: Path) -> list[tuple[int, str, Role, str]]:
    try:
        text = path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or "it is not text").lower()
        raise UserError(f"the file `{path}` cannot be read: {reason}") from None
    found: list[tuple[int, str, Role, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(":")
        role, _, hashed = rest.partition(":")
        if not _NAME.fullmatch(name):
            raise UserError(f"`{path}` line {number}: a line is NAME:ROLE:HASH")
        known = next((each for each in ROLES if each == role), None)
        if known is None:
            raise UserError(f"`{path}` line {number}: `{role[:20]}` is no role: viewer, operator or admin")
        if any(each[1] == name for each in found):
            raise UserError(f"`{path}` line {number}: `{name}` is there twice")
        found.append((number, name, known, hashed))
    return found
