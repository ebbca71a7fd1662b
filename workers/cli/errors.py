"""How a command ends early: by an error that is the user's to mend, or by a signal."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right.

    `message` is one lower-case sentence that says what to do, with the user's own input in backticks; `hint`
    is a second one that helps further. The command prints both on standard error and ends with exit code 2.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Stopped(BaseException):
    """A signal asks the process to end; passes through every `except Exception` and runs every `finally`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
